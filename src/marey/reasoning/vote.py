"""Votes: of several texts for each slot, the one that most of them agree with."""

from collections.abc import Mapping, Sequence
from functools import cache

from marey.reasoning.clauses import Phase
from marey.reasoning.part_claims import part_claims
from marey.reasoning.templates import habit, outright
from marey.skeleton.parts import MIRRORED_PART, PARTS
from marey.text.event_wording import IDLE


def voted(ballots: Sequence[tuple[float, Mapping[str, str]]]) -> dict[str, str]:
    """Return by slot the text whose claims the others share most, each counting by its weight."""
    return {slot: _most_agreed(slot, ballots) for slot in ballots[0][1]}


def told_over(phase: Phase, texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts of a guess, with what a phase says outright of a part or pair in their place."""
    told = outright(phase) or {}
    guessed = {**texts} | {part: habit(phase, part) for part in _copies(told, texts)}
    spoken = {part for slot, text in told.items() if text != IDLE for part in slot.split("+")}
    # A relation of parts that the sentence speaks of must not gainsay it.
    kept = {s: t for s, t in guessed.items() if s in PARTS or not spoken & set(s.split("+"))}
    return kept | told


def _copies(told: Mapping[str, str], guessed: Mapping[str, str]) -> list[str]:
    """Return limbs not spoken of that would do what the sentence says of the other side alone."""
    found: list[str] = []
    for part, text in told.items():
        other = MIRRORED_PART.get(part, part)
        if other not in told and other in guessed:
            actions = {claim.actions for claim in part_claims(text, part)}
            if actions & {claim.actions for claim in part_claims(guessed[other], other)}:
                found.append(other)
    return found


def _most_agreed(slot: str, ballots: Sequence[tuple[float, Mapping[str, str]]]) -> str:
    weighted = [(weight, texts.get(slot, IDLE)) for weight, texts in ballots]

    def agreement(text: str) -> float:
        return sum(weight * _alike(text, other, slot) for weight, other in weighted)

    return max((text for _, text in weighted), key=agreement)


@cache
def _alike(text: str, other: str, slot: str) -> float:
    """Share of what two texts claim together that both claim; 1 for the same text."""
    if text == other:
        return 1.0
    first, second = _claimed(text, slot), _claimed(other, slot)
    return len(first & second) / len(first | second) if first or second else 0.0


@cache
def _claimed(text: str, slot: str) -> frozenset[tuple[object, ...]]:
    return frozenset((c.actions, c.direction, c.targets) for c in part_claims(text, slot))
