"""How much alike two sentences are as descriptions of motion, with left never taken for right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marey.text.encoder import TextEncoder
from marey.text.minilm import MiniLMEncoder
from marey.text.mirror import mirror_text
from marey.text.particulars import Particulars

FALSE_NEGATIVE_THRESHOLD = 0.65
"""From here on two texts are no negatives of each other in a contrastive loss: 1.6 % of pairs as
training draws them from CMU (benchmarks/text_similarity.py, 2,000 texts, seed 1; with 1,000 and
seed 0 it is 2.1 %). TMR takes 0.6 of MPNet's cosine."""

PROTOCOL_THRESHOLD = 0.70
"""From here on a motion is a right answer to another motion's text: 1.1 % of the same pairs (1.5 %
with seed 0); of pairs of written captions alone 0.1 %. TMR takes 0.9."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparableTexts:
    """Texts made ready for comparison; made once, compared with any others of the same encoder."""

    vectors: Float[Tensor, "texts width"]
    """Of unit length; the same for a text and its mirror image."""
    codes: Int[Tensor, " texts"]
    """`Particulars.code` of each text."""

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Int[Tensor, " some"]) -> "ComparableTexts":
        """Return those of some rows, for a batch."""
        return ComparableTexts(vectors=self.vectors[rows], codes=self.codes[rows])

    def to(self, device: torch.device | str) -> "ComparableTexts":
        """Return them on another device."""
        return ComparableTexts(vectors=self.vectors.to(device), codes=self.codes.to(device))

    def similarity(self, others: "ComparableTexts") -> Float[Tensor, "texts others"]:
        """Return the cosine of every pair, 0 where the particulars of the two differ."""
        same = self.codes[:, None] == others.codes[None, :]
        return torch.where(same, self.vectors @ others.vectors.T, 0.0).clamp(0.0, 1.0)


@final
class TextSimilarity:
    """Similarity of sentences in [0, 1]: the cosine of sentence vectors where they agree on sides,
    ways, speeds and counts (see `Particulars`), and 0 where they do not.

    A sentence that says none of a kind does not agree with one that does: "waves" is not "waves
    with the left hand", for which a motion of the right hand would be wrong. What is the same
    motion in other words ("a man", "someone"; "raises", "lifts up") keeps its cosine.

    The vector of a sentence is the mean of those of the sentence and its mirror image, so that
    mirrored sentences are exactly as similar as the sentences are, and left and right are decided
    by words alone.
    """

    def __init__(self, encoder: TextEncoder | None = None) -> None:
        self._encoder = encoder or MiniLMEncoder()

    def prepare(self, texts: Sequence[str]) -> ComparableTexts:
        """Encode texts once for comparison, each distinct one and its mirror image once."""
        # Mirrored twice, every spelling of "counterclockwise" is the same.
        pairs = [(once := mirror_text(text), mirror_text(once)) for text in texts]
        distinct = list(dict.fromkeys(side for pair in pairs for side in pair))
        states = self._encoder.encode(distinct)
        vector_of = {text: each.vector for text, each in zip(distinct, states, strict=True)}
        summed = [vector_of[one] + vector_of[other] for one, other in pairs]
        codes = [Particulars.of(text).code for text in texts]
        return ComparableTexts(
            vectors=F.normalize(torch.stack(summed), dim=-1)
            if summed
            else torch.zeros(0, self._encoder.width),
            codes=torch.tensor(codes, dtype=torch.int64),
        )

    def __call__(
        self, texts: Sequence[str], others: Sequence[str] | None = None
    ) -> Float[Tensor, "texts others"]:
        """Return the similarity of each text to each of the others; to each other by default."""
        own = self.prepare(texts)
        return own.similarity(own if others is None else self.prepare(others))


def farthest_first(vectors: Float[Tensor, "texts width"], size: int, *, first: int) -> list[int]:
    """Return rows, each the one whose nearest row so far is farthest by cosine; in that order.

    Vectors are of unit length. Where there are fewer than ``size``, all are returned.
    """
    chosen = [first][:size]
    nearest = torch.full((len(vectors),), -torch.inf)
    while len(chosen) < min(size, len(vectors)):
        nearest = torch.maximum(nearest, vectors @ vectors[chosen[-1]])
        nearest[chosen[-1]] = torch.inf
        chosen.append(int(nearest.argmin()))
    return chosen
