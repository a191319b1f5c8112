"""Baselines of retrieval: chance, and words alone."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marey.errors import InvalidInputError
from marey.metrics import RECALL_DEPTHS, RetrievalScores
from marey.motion import Motion
from marey.text import caption

_WORD = re.compile(r"[a-z]+")
_ROUNDING = 1e-9


def chance_scores(
    items: int,
    hits: Int[Tensor, " queries"] | None = None,
    *,
    depths: Sequence[int] = RECALL_DEPTHS,
) -> RetrievalScores:
    """Return the expected scores of a random order of so many items, in closed form.

    ``hits`` is how many items are true for each query, one by default. With h true ones among n,
    none is among the first k with probability Π (n - h - i) / (n - i) over i < k. MedR is the
    median of the ranks of all queries together. Raises InvalidInputError for hits outside 1 to n.
    """
    hits = torch.ones(1, dtype=torch.int64) if hits is None else hits
    if not len(hits) or not bool(((hits >= 1) & (hits <= items)).all()):
        raise InvalidInputError(f"expected 1 to {items} true items a query, got {hits.tolist()}.")
    tried = torch.arange(items, dtype=torch.float64)
    left = (items - hits[:, None].double() - tried).clamp_min(0) / (items - tried)
    found = 1 - left.cumprod(dim=1).mean(dim=0)  # at k - 1: a true item among the first k
    lower = int((found >= 0.5 - _ROUNDING).nonzero()[0])
    upper = int((found > 0.5 + _ROUNDING).nonzero()[0])
    return RetrievalScores(
        recall={k: 100 * float(found[min(k, items) - 1]) for k in depths},
        median_rank=1 + (lower + upper) / 2,
        queries=len(hits),
    )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class BagOfWords:
    """Texts as counts of words, rare words weighing more (TF-IDF), order and meaning aside.

    As a baseline it must see motions, so a motion stands for its geometric caption (see
    `motion_texts`); the weights are fitted on training texts and captions of training motions. No
    text of the gallery is read: what it finds it finds by words that people and geometry share.
    """

    column: Mapping[str, int]
    """Column of each word that the training texts hold."""
    weights: Float[Tensor, " words"]
    """log((1 + texts) / (1 + texts with the word)) + 1 [Pedregosa2011]."""

    @classmethod
    def fit(cls, texts: Iterable[str]) -> "BagOfWords":
        """Weigh the words of training texts. Raises InvalidInputError where there are none."""
        bags = [set(_words(text)) for text in texts]
        counts = Counter(word for bag in bags for word in bag)
        if not counts:
            raise InvalidInputError("Expected training texts with words, got none.")
        words = sorted(counts)
        return cls(
            column={word: at for at, word in enumerate(words)},
            weights=torch.tensor([math.log((1 + len(bags)) / (1 + counts[w])) + 1 for w in words]),
        )

    def vectors(self, texts: Sequence[str]) -> Float[Tensor, "texts words"]:
        """Return vectors of unit length; zero for a text without a known word."""
        counts = torch.zeros(len(texts), len(self.weights))
        for row, text in enumerate(texts):
            for word, count in Counter(_words(text)).items():
                if word in self.column:
                    counts[row, self.column[word]] = count
        return F.normalize(counts * self.weights, dim=1)

    def similarity(self, texts: Sequence[str], others: Sequence[str]) -> Float[Tensor, "t o"]:
        """Return the cosine of each text with each of the others."""
        return self.vectors(texts) @ self.vectors(others).T


def motion_texts(motions: Iterable[Motion]) -> list[str]:
    """Return the whole-body sentence of each motion's geometric caption.

    With the texts of parts and pairs, words alone find less (compared on val).
    """
    return [caption(motion).body for motion in motions]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
