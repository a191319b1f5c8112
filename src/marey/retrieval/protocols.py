"""Protocols: how well texts find motions and motions find texts, as TMR counts it.

After [Petrovich2023, §4.1]: 'all' ranks the whole gallery; 'threshold' takes every item whose text
is as good as the query's for a true one; 'dissimilar' ranks a subset of texts far from each other;
'batches' ranks within random batches of 32. Rows are texts, columns motions, item i of either
belongs to item i of the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.errors import InvalidInputError
from marey.metrics import (
    Estimate,
    RetrievalScores,
    batch_indices,
    batch_ranks,
    bootstrap_mean,
    bootstrap_rows,
    r_precision,
    true_ranks,
)
from marey.text import PROTOCOL_THRESHOLD, ComparableTexts
from marey.text.similarity import farthest_first

Protocol = Literal["all", "threshold", "dissimilar", "batches"]
Direction = Literal["text to motion", "motion to text"]

DISSIMILAR_SIZE = 100
"""Items of the dissimilar subset, where they are at most half of all [Petrovich2023]."""
SHUFFLES = 20
"""How often the gallery is cut into batches; TMR does so once, and its figures vary by the cut."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ProtocolRanks:
    """Ranks of the true items under one protocol, in one direction."""

    protocol: Protocol
    direction: Direction
    ranks: Float[Tensor, "groups queries"]
    """From 0, ties averaged; a group is a gallery: one batch, or all there is, of one seed."""
    samples: Int[Tensor, "groups queries"]
    """Which item asked."""

    @property
    def gallery(self) -> int:
        """How many items each query ranks."""
        return self.ranks.shape[1]

    @property
    def scores(self) -> RetrievalScores:
        """R@k over all queries, and MedR, the mean of the groups' medians."""
        return r_precision(self.ranks)


def over_seeds(found: Sequence[tuple[ProtocolRanks, ...]]) -> tuple[ProtocolRanks, ...]:
    """Put together the ranks of several seeds of a model, whose scores are then their mean.

    Raises InvalidInputError unless all ranked the same.
    """
    joined = []
    for seeds in zip(*found, strict=True):
        for other in seeds[1:]:
            _check_pair(seeds[0], other)
        ranks, samples = (torch.cat([getattr(s, n) for s in seeds]) for n in ("ranks", "samples"))
        joined.append(replace(seeds[0], ranks=ranks, samples=samples))
    return tuple(joined)


def protocol_ranks(
    similarity: Float[Tensor, "samples samples"],
    texts: ComparableTexts,
    *,
    seed: int = 0,
    threshold: float = PROTOCOL_THRESHOLD,
) -> tuple[ProtocolRanks, ...]:
    """Rank by all four protocols in both directions.

    ``similarity`` is of texts (rows) to motions. The same seed and texts make the same subset and
    batches whatever the model, so that models can be compared query by query. Raises
    InvalidInputError for fewer samples than a batch, or as many texts as there are no motions.
    """
    count = similarity.shape[0]
    if len(texts) != count:
        raise InvalidInputError(f"expected {count} texts, one a motion, got {len(texts)}.")
    subset = dissimilar_subset(texts, size=min(DISSIMILAR_SIZE, count // 2), seed=seed)
    batches = batch_indices(count, generator=torch.Generator().manual_seed(seed), shuffles=SHUFFLES)
    hits = (texts.similarity(texts) >= threshold) | torch.eye(count, dtype=torch.bool)
    whole = torch.arange(count)[None]
    directions: Mapping[Direction, Tensor] = {
        "text to motion": similarity,
        "motion to text": similarity.T,
    }
    found: list[ProtocolRanks] = []
    for direction, matrix in directions.items():
        grid = (subset[:, None], subset[None, :])
        rows: Mapping[Protocol, tuple[Tensor, Tensor]] = {
            "all": (true_ranks(matrix)[None], whole),
            "threshold": (true_ranks(matrix, hits)[None], whole),
            "dissimilar": (true_ranks(matrix[grid])[None], subset[None]),
            "batches": (batch_ranks(matrix, batches), batches),
        }
        found += [
            ProtocolRanks(protocol=name, direction=direction, ranks=ranks, samples=samples)
            for name, (ranks, samples) in rows.items()
        ]
    return tuple(found)


def dissimilar_subset(texts: ComparableTexts, *, size: int, seed: int) -> Int[Tensor, " size"]:
    """Choose texts that mean different things, greedily: farthest first, in increasing order.

    The first is drawn by the seed; each next is the one whose nearest chosen text is farthest by
    cosine, particulars aside (of "left" and "right" at most one is chosen early). TMR's own list
    was published without its rule. Raises InvalidInputError for a size of none or more than all.
    """
    if not 1 <= size <= len(texts):
        raise InvalidInputError(f"expected a subset of 1 to {len(texts)} texts, got {size}.")
    generator = torch.Generator().manual_seed(seed)
    first = int(torch.randint(len(texts), (), generator=generator))
    return torch.tensor(sorted(farthest_first(texts.vectors, size, first=first)))


def recall_estimate(found: ProtocolRanks, k: int, *, seed: int = 0) -> Estimate:
    """Return R@k, per cent, with a 95 % interval: queries are drawn again [Efron1979]."""
    each = _recall_of_queries(found, k)
    return bootstrap_mean(each, generator=torch.Generator().manual_seed(seed))


def median_rank_estimate(found: ProtocolRanks, *, seed: int = 0) -> Estimate:
    """Return MedR with a 95 % interval: queries of a gallery, or batches, are drawn again."""
    batches = found.protocol == "batches"
    return bootstrap_rows(
        lambda rows: _medians(
            found.ranks[rows] if batches else found.ranks[:, rows].transpose(0, 1)
        ),
        len(found.ranks) if batches else found.gallery,
        generator=torch.Generator().manual_seed(seed),
    )


def recall_difference(
    first: ProtocolRanks, second: ProtocolRanks, k: int, *, seed: int = 0
) -> Estimate:
    """Return R@k of the first model less that of the second, per cent, with a 95 % interval.

    Paired: queries are drawn again together [Efron1979]; a query counts by its mean over the
    batches that it was in, and over seeds. Raises InvalidInputError unless both ranked the same.
    """
    _check_pair(first, second)
    gain = _recall_of_queries(first, k) - _recall_of_queries(second, k)
    return bootstrap_mean(gain, generator=torch.Generator().manual_seed(seed))


def _recall_of_queries(found: ProtocolRanks, k: int) -> Float[Tensor, " queries"]:
    """R@k of each query, per cent: its mean over the batches and seeds that it is in."""
    queries, row = found.samples.flatten().unique(return_inverse=True)
    held = 100.0 * (found.ranks < k).double().flatten()
    totals = torch.zeros(len(queries), dtype=held.dtype).index_add(0, row, held)
    return totals / torch.bincount(row, minlength=len(queries))


def median_rank_difference(
    first: ProtocolRanks, second: ProtocolRanks, *, seed: int = 0
) -> Estimate:
    """Return MedR of the first model less that of the second, with a paired 95 % interval.

    Raises InvalidInputError unless both ranked the same, and for batches, whose medians are of
    other queries each.
    """
    _check_pair(first, second)
    if first.protocol == "batches":
        raise InvalidInputError(
            "MedR is compared within one gallery; for batches compare R@k with recall_difference."
        )
    return bootstrap_rows(
        lambda rows: (
            _medians(first.ranks[:, rows].transpose(0, 1))
            - _medians(second.ranks[:, rows].transpose(0, 1))
        ),
        first.gallery,
        generator=torch.Generator().manual_seed(seed),
    )


def _medians(ranks: Tensor) -> Tensor:
    """MedR of (draws, groups, queries): the mean of the groups' medians, for each draw."""
    return ranks.double().quantile(0.5, dim=2).mean(1) + 1


def _check_pair(first: ProtocolRanks, second: ProtocolRanks) -> None:
    for each in ("protocol", "direction"):
        if getattr(first, each) != getattr(second, each):
            raise InvalidInputError(
                f"expected ranks of the same {each}, got {getattr(first, each)!r} and "
                f"{getattr(second, each)!r}."
            )
    shared = min(len(first.samples), len(second.samples))  # one may have more seeds
    if not torch.equal(first.samples[:shared], second.samples[:shared]):
        raise InvalidInputError(
            "expected ranks of the same queries; rank both models with the same texts and seed."
        )


def retrieval_table(rows: Sequence[tuple[str, ProtocolRanks]]) -> str:
    """Return a Markdown table: the name of a model and its ranks, a line each."""
    first = rows[0][1].scores.recall if rows else {}
    head = ["model", "protocol", "direction", "gallery", *(f"R@{k}" for k in first), "MedR"]
    lines = [f"| {' | '.join(head)} |", f"|---|---|---|{'--:|' * (len(head) - 3)}"]
    return "\n".join([*lines, *(_line(name, ranks) for name, ranks in rows)])


def _line(name: str, ranks: ProtocolRanks) -> str:
    scores = ranks.scores
    values = [f"{scores.recall[k]:.2f}" for k in scores.recall]
    cells = [name, ranks.protocol, ranks.direction, str(ranks.gallery), *values]
    return f"| {' | '.join(cells)} | {scores.median_rank:.1f} |"
