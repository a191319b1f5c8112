"""Claims of part texts: what a phrase about one part or one pair says happens there."""

import re
from dataclasses import replace
from functools import cache

from marey.predicates import Claim, Event, claims_about
from marey.predicates.event import possible_events
from marey.skeleton.parts import GLOBAL_SLOT
from marey.text import event_phrase


def part_claims(text: str, slot: str) -> tuple[Claim, ...]:
    """Return what the text of a part or a pair claims of it.

    The phrases of captions are understood exactly; in other words, what `predicates.claims` finds
    there about the part. Idleness, poses and texts with a negation claim nothing.
    """
    phrases, pattern = _phrases(slot)
    known = tuple(replace(phrases[found[0]], words=found[0]) for found in pattern.finditer(text))
    if known:
        return known
    return claims_about(text, slot)


@cache
def _phrases(slot: str) -> tuple[dict[str, Claim], re.Pattern[str]]:
    """Claims by the caption's phrase for a slot, and a pattern of all phrases, longest first."""
    found: dict[str, Claim] = {}
    for event in _told_of(slot):
        words = event_phrase(event)
        claim = Claim(
            words=words,
            actions=(event.action,),
            slots=(slot,),
            direction=event.direction,
            targets=(event.target,) if event.target else (),
        )
        # A phrase that several directions share leaves the direction open.
        found[words] = replace(claim, direction="") if words in found else claim
    ordered = sorted(found, key=lambda words: (-len(words), words))
    own_words = "|".join(map(re.escape, ordered)) or r"(?!)"
    # "raises the left hand" is no phrase of a part about itself.
    not_an_object = r"(?! (?:the|his|her|their|both|left|right|an?)\b)"
    return found, re.compile(rf"\b(?:{own_words})\b{not_an_object}")


def _told_of(slot: str) -> list[Event]:
    """Every event that captions may tell of a part or pair, without its extent."""
    if slot == GLOBAL_SLOT:
        return []
    return [event for event in possible_events((slot,)) if event.action != "stays"]
