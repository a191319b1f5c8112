"""Ranks of true items among candidates, and the measures of retrieval made of them.

Ranks start at 0 and are fractions where candidates tie. A matrix of distances is ranked as its
negative. For the other direction give the transposed matrix (and transposed hits).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marey.errors import InvalidInputError

RECALL_DEPTHS = (1, 2, 3, 5, 10)
"""The k of R@k in retrieval tables [Petrovich2023, tab. 1]."""

PRECISION_BATCH = 32
"""Candidates per query of R-precision [Guo2022]."""


@dataclass(frozen=True, kw_only=True)
class RetrievalScores:
    """How high the true items rank."""

    recall: Mapping[int, float]
    """R@k in per cent for each depth k."""
    median_rank: float
    """MedR: 1 where most queries find their item first."""
    queries: int
    """Number of ranks behind the scores; one query counts once per shuffle."""


def true_ranks(
    similarity: Float[Tensor, "queries items"],
    hits: Bool[Tensor, "queries items"] | None = None,
) -> Float[Tensor, " queries"]:
    """Rank of the best true item of each query: how many false items come before it, from 0.

    Without ``hits`` the true item of query i is item i. Equal similarities are averaged: the rank
    is the mean over all orders of the tied items, (false items strictly more similar) +
    (false items as similar) / (true items as similar + 1). With one true item that is better +
    others equal / 2, the middle of the tie [Petrovich2023]. With several, TMR takes the middle of
    a tie that includes the true ones, so that two equal true items at the top would rank 0.5;
    here they rank 0. Ties are exact equalities, so that a gallery with copies of an item should
    hold copies of its embedding. Raises InvalidInputError if a similarity is not a finite
    number, a query has no true item, or, without ``hits``, the matrix is not square.
    """
    true = _hits(similarity, hits)
    best = similarity.masked_fill(~true, -torch.inf).amax(1, keepdim=True)
    tied = similarity == best
    better = (similarity > best).sum(1).double()
    return better + (tied & ~true).sum(1).double() / ((tied & true).sum(1) + 1)


def recall_at(ranks: Float[Tensor, "*shape"], k: int) -> float:
    """R@k: share of ranks (from 0) below k, per cent.

    An averaged rank counts as it is: two items tied at the top have rank 0.5 and count for R@1.
    """
    return 100 * float((ranks < k).double().mean())


def median_rank(ranks: Float[Tensor, " queries"]) -> float:
    """MedR: median of ranks from 1; the mean of the middle two where their number is even."""
    return float(ranks.double().quantile(0.5)) + 1


def retrieval_scores(
    ranks: Float[Tensor, " queries"], depths: Sequence[int] = RECALL_DEPTHS
) -> RetrievalScores:
    """R@k and MedR of ranks in one gallery. Raises InvalidInputError if there are none."""
    if not len(ranks):
        raise InvalidInputError("Retrieval scores need at least one rank, got none.")
    return RetrievalScores(
        recall={k: recall_at(ranks, k) for k in depths},
        median_rank=median_rank(ranks),
        queries=len(ranks),
    )


def batch_indices(
    samples: int, *, generator: torch.Generator, batch: int = PRECISION_BATCH, shuffles: int = 20
) -> Int[Tensor, "batches batch"]:
    """Shuffle samples, cut them into disjoint batches and drop the rest; ``shuffles`` times.

    Raises InvalidInputError if the samples do not fill one batch.
    """
    count = samples // batch
    if count < 1 or shuffles < 1:
        raise InvalidInputError(
            f"R-precision needs {batch} or more samples and a shuffle, got {samples} samples "
            f"and {shuffles} shuffles; rank small sets as a whole."
        )
    orders = [torch.randperm(samples, generator=generator) for _ in range(shuffles)]
    return torch.cat([order[: count * batch].view(count, batch) for order in orders])


def batch_ranks(
    similarity: Float[Tensor, "samples samples"],
    batches: Int[Tensor, "batches batch"],
    hits: Bool[Tensor, "samples samples"] | None = None,
) -> Float[Tensor, "batches batch"]:
    """Rank of each batch's queries among the items of the same batch; see ``true_ranks``.

    A true item of another batch is not there to be found; InvalidInputError is raised for a query
    all of whose true items are in other batches.
    """
    true = _hits(similarity, hits)
    grids = [(batch[:, None], batch[None, :]) for batch in batches]
    return torch.stack([true_ranks(similarity[grid], true[grid]) for grid in grids])


def r_precision(
    ranks: Float[Tensor, "batches batch"], depths: Sequence[int] = RECALL_DEPTHS
) -> RetrievalScores:
    """R@k over the queries of all batches, and the mean over batches of their MedR.

    R-precision top k [Guo2022]; MedR as TMR's protocol of small batches [Petrovich2023].
    """
    return RetrievalScores(
        recall={k: recall_at(ranks, k) for k in depths},
        median_rank=float(ranks.double().quantile(0.5, dim=1).mean()) + 1,
        queries=ranks.numel(),
    )


def _hits(similarity: Tensor, hits: Tensor | None) -> Tensor:
    """Check a matrix and its true items; the diagonal where none are named."""
    queries, items = similarity.shape
    if not bool(similarity.isfinite().all()):
        raise InvalidInputError("Similarities must be finite numbers; got NaN or infinity.")
    if hits is None:
        if queries != items:
            raise InvalidInputError(
                f"Without hits, query i's true item is item i and the matrix must be square; got "
                f"{queries} queries and {items} items. Name the true items in `hits`."
            )
        return torch.eye(queries, dtype=torch.bool, device=similarity.device)
    lost = (~hits.any(1)).nonzero().flatten().tolist()
    if lost:
        raise InvalidInputError(f"Every query needs a true item; query {lost[0]} has none.")
    return hits
