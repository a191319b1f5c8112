"""Nearest: part texts of the training motions whose captions are most like the sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from marey.reasoning.bank import CaptionBank, bundled_bank
from marey.reasoning.clauses import Phase, phases
from marey.reasoning.reasoner import Seconds, filled
from marey.reasoning.sides import adjusted
from marey.reasoning.templates import in_sequence, phase_texts
from marey.reasoning.vote import told_over, voted
from marey.text import MiniLMEncoder, TextEncoder, TextScript, mirror_text, mirrored_texts
from marey.text.encoder import require_same_encoder

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
        fix = "Build a bank with this encoder: marey reason build."
        require_same_encoder(self._encoder, self._bank.encoder, of="the bank", fix=fix)

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
                        texts=mirrored_texts(texts) if mirror else texts,
                    )
                )
        return tuple(found)


def _phase_texts(phase: Phase, near: Sequence[Neighbour]) -> dict[str, str]:
    """Return what neighbours agree on, under what the phase says outright."""
    if not near:
        return phase_texts(phase)
    return told_over(phase, voted([(each.likeness, each.texts) for each in near]))
