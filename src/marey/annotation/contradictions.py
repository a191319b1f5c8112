"""Contradictions: what texts claim that a motion does not do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from marey.annotation.annotation import Annotation
from marey.predicates import Claim, Event, claims_about


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A claim of a text that no event makes true."""

    slot: str
    """The slot of the text; ``global`` for any of the sentences about the whole body."""
    text: str
    words: str
    """The words that claim it."""


def contradictions(annotation: Annotation, events: Sequence[Event]) -> list[Contradiction]:
    """Return what an annotation claims and the events of its motion do not bear out.

    What a text says beyond the movements that `predicates.claims` understands is left to people;
    texts with a negation are, too. Half of the extent that makes a claim true ("turns", say) is
    enough not to contradict it.
    """
    texts = [("global", text) for text in annotation.body]
    texts += [*annotation.parts.items(), *annotation.interactions.items()]
    return [
        Contradiction(slot=slot, text=text, words=claim.words)
        for slot, text in texts
        for claim in _claims_of(text, slot)
        if not claim.holds(events)
    ]


def _claims_of(text: str, slot: str) -> list[Claim]:
    return [
        replace(claim, least=claim.least / 2)
        for claim in claims_about(text, slot)
        if not _is_vague(claim)
    ]


def _is_vague(claim: Claim) -> bool:
    """Whether it says no more than that something "moves" or "goes", maybe no more than a limb."""
    return "moves" in claim.actions and not claim.direction


def without_contradictions(
    annotation: Annotation, found: Sequence[Contradiction], measured: Annotation
) -> Annotation:
    """Return an annotation with the texts that contradict the motion replaced by measured ones."""
    wrong = {each.slot: each.text for each in found}
    bad = {each.text for each in found if each.slot == "global"}
    body = tuple(text for text in annotation.body if text not in bad) or measured.body
    return replace(
        annotation,
        body=body,
        parts={s: measured.parts[s] if s in wrong else t for s, t in annotation.parts.items()},
        interactions={
            s: measured.interactions[s] if s in wrong else t
            for s, t in annotation.interactions.items()
        },
        dropped={**annotation.dropped, **wrong},
    )
