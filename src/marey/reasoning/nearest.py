"""Nearest: part texts of the training motions whose captions are most like the sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import final

import torch
from torch import Tensor

from marey.errors import InvalidInputError
from marey.reasoning.bank import CaptionBank, bundled_bank
from marey.reasoning.clauses import Phase, phases
from marey.reasoning.part_claims import part_claims
from marey.reasoning.reasoner import Seconds, filled
from marey.reasoning.sides import adjusted
from marey.reasoning.templates import habit, in_sequence, outright, phase_texts
from marey.skeleton.parts import MIRRORED_PART, PARTS, mirrored_slot
from marey.text import MiniLMEncoder, TextEncoder, TextScript, mirror_text
from marey.text.event_wording import IDLE

NEIGHBOURS = 24
"""How many captions are asked. Chosen on val."""
NEAR = 0.5
"""Least cosine of a neighbour's sentence vector with the sentence's. Chosen on val."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A caption of the bank that is like a sentence, and its part texts, sides adjusted."""

    caption: str
    likeness: float
    """Cosine of the sentence vectors."""
    texts: Mapping[str, str]


@final
class NearestReasoner:
    """Part texts on which the nearest training captions agree most.

    What the sentence says outright of a part stands as it says it. Each of several things that
    happen one after the other is looked up by itself, and the texts are joined in that order.
    Captions that name other sides or ways are mirrored where that makes them fit, and else left
    out. Where none is near enough, the texts are those of `TemplateReasoner`.
    """

    name = "nearest"

    def __init__(self, bank: CaptionBank | None = None, encoder: TextEncoder | None = None) -> None:
        """Take a bank (default: the bundled one) and the encoder that its vectors come from.

        Raises InvalidInputError for another encoder or version than the bank's.
        """
        self._bank = bank or bundled_bank()
        self._encoder = encoder or MiniLMEncoder()
        if self._bank.encoder != (found := f"{self._encoder.name} {self._encoder.version}"):
            raise InvalidInputError(
                f"expected the encoder of the bank, {self._bank.encoder}, got {found}. Build a "
                "bank with this one: marey reason build."
            )

    def reason(self, script: TextScript, seconds: Seconds | None = None) -> TextScript:
        """See `Reasoner`; the bank's texts do not depend on the length of the clip."""
        del seconds
        return filled(script, self._texts)

    def neighbours(self, sentence: str) -> tuple[tuple[Neighbour, ...], ...]:
        """Return the captions that are asked for each of the things a sentence says in turn."""
        found = phases(sentence)
        vectors = [each.vector for each in self._encoder.encode([each.text for each in found])]
        return tuple(self._near(each, v) for each, v in zip(found, vectors, strict=True))

    def _texts(self, sentence: str) -> dict[str, str]:
        near = self.neighbours(sentence)
        return in_sequence(
            [_phase_texts(each, them) for each, them in zip(phases(sentence), near, strict=True)]
        )

    def _near(self, phase: Phase, vector: Tensor) -> tuple[Neighbour, ...]:
        likeness = self._bank.vectors @ vector
        found: list[Neighbour] = []
        for row in torch.argsort(likeness, descending=True, stable=True).tolist():
            if likeness[row] < NEAR or len(found) == NEIGHBOURS:
                break
            caption = self._bank.captions[row]
            mirror = adjusted(phase.text, caption)
            if mirror is not None:
                texts = self._bank.of_window(int(self._bank.window[row]))
                found.append(
                    Neighbour(
                        caption=mirror_text(caption) if mirror else caption,
                        likeness=float(likeness[row]),
                        texts=_mirrored(texts) if mirror else texts,
                    )
                )
        return tuple(found)


def _mirrored(texts: Mapping[str, str]) -> dict[str, str]:
    return {mirrored_slot(slot): mirror_text(text) for slot, text in texts.items()}


def _phase_texts(phase: Phase, near: Sequence[Neighbour]) -> dict[str, str]:
    """Return what neighbours agree on, under what the phase says outright."""
    if not near:
        return phase_texts(phase)
    slots = near[0].texts.keys()
    agreed = {slot: _most_agreed(slot, near) for slot in slots}
    told = outright(phase) or {}
    agreed |= {part: habit(phase, part) for part in _copies(told, agreed)}
    spoken = {part for slot, text in told.items() if text != IDLE for part in slot.split("+")}
    # A relation of parts that the sentence speaks of must not gainsay it.
    kept = {s: t for s, t in agreed.items() if s in PARTS or not spoken & set(s.split("+"))}
    return kept | told


def _copies(told: Mapping[str, str], agreed: Mapping[str, str]) -> list[str]:
    """Return limbs not spoken of that would do what the sentence says of the other side alone."""
    found: list[str] = []
    for part, text in told.items():
        other = MIRRORED_PART.get(part, part)
        if other not in told and other in agreed:
            actions = {claim.actions for claim in part_claims(text, part)}
            if actions & {claim.actions for claim in part_claims(agreed[other], other)}:
                found.append(other)
    return found


def _most_agreed(slot: str, near: Sequence[Neighbour]) -> str:
    """Return the text whose claims the neighbours share most; the nearer ones count more."""
    texts = [each.texts.get(slot, IDLE) for each in near]
    weights = [each.likeness for each in near]

    def agreement(text: str) -> float:
        shared = (w * _alike(text, other, slot) for w, other in zip(weights, texts, strict=True))
        return sum(shared)

    return max(texts, key=agreement)


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
