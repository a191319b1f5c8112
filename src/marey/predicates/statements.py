"""Statements: simple sentences about a motion, and whether its events make them true."""

import re
from dataclasses import replace

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.predicates.claim import Claim
from marey.predicates.claim_rules import RULES
from marey.predicates.find_events import find_events
from marey.skeleton.parts import GLOBAL_SLOT

_NEGATION = re.compile(r"\b(?:not|cannot|never|without|no|nothing)\b|n['\u2019]t\b")
_LITTLE = r"(?:slightly|a (?:little|bit))\b(?! (?:bent|apart|open|faster|slower|way|while|\w+ed)\b)"
_LITTLE_INSIDE, _LITTLE_AFTER = re.compile(rf"\b{_LITTLE}"), re.compile(rf" {_LITTLE}")
_UNSURE_BEFORE = re.compile(
    r"\b(?:barely|hardly|scarcely|almost|nearly|slightly|slight|like|as if|as though|instead of"
    r"|(?:about|ready|tries|trying|attempts|attempting|pretends|pretending) to) $"
)


def holds(sentence: str, motion: Motion) -> bool:
    """Say whether everything that a simple sentence claims happens in a motion, in any order.

    Raises InvalidInputError if nothing in the sentence is understood, for a negation, and for a
    skeleton without roles.
    """
    said = claims(sentence)
    if not said:
        raise InvalidInputError(
            f"expected a sentence that names a movement, got {sentence!r}. Understood are, for "
            "example: 'walks forward', 'turns left', 'raises the right hand above the head', "
            "'kicks with the left leg', 'touches the head with the left hand', 'sits down'."
        )
    events = find_events(motion)
    return all(claim.holds(events) for claim in said)


def claims_about(text: str, slot: str) -> tuple[Claim, ...]:
    """Return what the text of a slot claims of it; nothing for a text with a negation.

    A text about a part means that part where it names no side, and says nothing of others.
    """
    try:
        said = claims(text)
    except InvalidInputError:
        return ()
    if slot == GLOBAL_SLOT or "+" in slot:
        return said
    return tuple(replace(c, slots=(slot,), both=False) for c in said if slot in c.slots)


def claims(sentence: str) -> tuple[Claim, ...]:
    """Return what a sentence claims, in its order; words that are not understood claim nothing.

    Neither does what is said to happen slightly, barely or "as if": events start at a clear extent,
    so that their absence says nothing of it.

    Raises InvalidInputError for a negation: what does not happen cannot be seen in an event.
    """
    text = " ".join(sentence.lower().replace("-", " ").split())
    if _NEGATION.search(text):
        raise InvalidInputError(f"expected a sentence without a negation, got {sentence!r}.")
    found: list[tuple[int, Claim]] = []
    taken: list[tuple[int, int]] = []
    for rule in RULES:
        for match in rule.pattern.finditer(text):
            start, end = match.span()
            if any(start < after and first < end for first, after in taken):
                continue
            taken.append((start, end))
            if not _is_unsure(text, start, end):
                found += [(start, claim) for claim in rule.claims(match)]
    return tuple(claim for _, claim in sorted(found, key=lambda pair: pair[0]))


def _is_unsure(text: str, start: int, end: int) -> bool:
    """Whether words before, in or after a span say that it hardly happens, or not at all."""
    return bool(
        _UNSURE_BEFORE.search(text, 0, start)
        or _LITTLE_INSIDE.search(text, start, end)
        or _LITTLE_AFTER.match(text, end)
    )
