"""What an evaluator says of sets of motions: do they fit their texts, and are they like real ones?

Embeddings are those of all models of an evaluator, of unit length; each measure is the mean over
models, ranks are by their mean similarity. Sets are given once for each repeat.
"""

from collections.abc import Sequence
from functools import partial
from statistics import fmean

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.evaluation.estimates import mean_of, of_sets, over_repeats
from marey.evaluation.evaluator import mean_over_models, similarity
from marey.evaluation.report import Measure
from marey.metrics import (
    PRECISION_BATCH,
    Estimate,
    batch_indices,
    batch_ranks,
    bootstrap_mean,
    diversity,
    frechet_distance,
    kernel_distance,
    matching_distance,
    multimodality,
    repeats_interval,
    split_half,
    true_ranks,
)

PRECISION_DEPTHS, RECALL_DEPTHS = (1, 2, 3), (1, 3, 10)
LEAST, LEAST_KERNEL = 4, 10
"""Motions that a set needs to be like another one, and for KID."""
_PRECISION = {k: f"R-precision top {k}, batches of {PRECISION_BATCH}" for k in PRECISION_DEPTHS}
_RECALL = {k: f"R@{k}, all" for k in RECALL_DEPTHS}
_FIT, _FID, _KID, _DIVERSITY, _VARIETY = (
    "MM-Dist",
    "FID × 100",
    "KID × 100",
    "Diversity",
    "MultiModality",
)
EMBEDDING_MEASURES: tuple[Measure, ...] = (
    *(Measure(name=name, unit="%", better="higher") for name in _PRECISION.values()),
    *(Measure(name=name, unit="%", better="higher") for name in _RECALL.values()),
    Measure(name=_FIT, better="lower"),
    Measure(name=_KID, better="lower"),
    Measure(name=_FID, better="lower"),
    Measure(name=_DIVERSITY),
    Measure(name=_VARIETY),
)

Embedded = Float[Tensor, "models motions latent"]


def fit_to_texts(
    texts: Float[Tensor, "models motions latent"],
    repeats: Sequence[Tensor],
    hits: Bool[Tensor, "motions motions"],
) -> dict[str, Estimate]:
    """Rank the motions of each repeat by each text, and tell how far they are from their own.

    ``hits`` are the motions that do what a text says: its own, and those of texts that say the
    same. Batches need 32 motions; of fewer there is no R-precision.
    """
    matrices = [similarity(texts, motions) for motions in repeats]
    found = {
        name: over_repeats(
            [(100.0 * (true_ranks(each, hits) < k)).tolist() for each in matrices], fmean
        )
        for k, name in _RECALL.items()
    }
    apart = [
        torch.stack([matching_distance(m, t) for m, t in zip(motions, texts, strict=True)]).mean(0)
        for motions in repeats
    ]
    found[_FIT] = over_repeats([each.tolist() for each in apart], fmean)
    return _precision(matrices, hits) | found


def likeness(repeats: Sequence[Tensor], real: Embedded) -> dict[str, Estimate]:
    """Tell how far the motions of each repeat are from real ones as a whole, and how varied.

    What there are too few motions for is left out.
    """
    count = real.shape[1]
    if count < LEAST:
        return {}
    found = {
        _FID: of_sets([partial(_fid, each, real) for each in repeats], count),
        _DIVERSITY: of_sets([partial(_diversity, each) for each in repeats], count),
    }
    if count < LEAST_KERNEL:
        return found
    if len(repeats) > 1:
        values = [_kid(each, real, draws=1).value for each in repeats]
        return {_KID: repeats_interval(torch.tensor(values)), **found}
    return {_KID: _kid(repeats[0], real, draws=1000), **found}


def floor(real: Embedded) -> dict[str, Estimate]:
    """Tell how far halves of the real motions are from each other, and how varied they all are.

    What there are too few motions for is left out.
    """
    if real.shape[1] < LEAST:
        return {}
    found = {_DIVERSITY: of_sets([partial(_diversity, real)], real.shape[1])}
    generator = torch.Generator().manual_seed(0)
    halves = [
        split_half(each, partial(frechet_distance, shrink=True), generator=generator)
        for each in real
    ]
    found[_FID] = mean_of(halves, factor=100.0)
    if real.shape[1] >= 2 * LEAST_KERNEL:
        apart = [split_half(each, _kernel, generator=generator) for each in real]
        found[_KID] = mean_of(apart)
    return found


def variety(draws: Sequence[Tensor]) -> dict[str, Estimate]:
    """Tell how different the motions of one text are, given several draws of the same texts."""
    if len(draws) < 2:
        return {}
    by_text = torch.stack(list(draws), dim=2)  # models, texts, draws, latent
    each = [multimodality(m, generator=torch.Generator().manual_seed(0)) for m in by_text]
    values = torch.stack(each).mean(0)
    return {_VARIETY: bootstrap_mean(values, generator=torch.Generator().manual_seed(0))}


def _precision(matrices: Sequence[Tensor], hits: Tensor) -> dict[str, Estimate]:
    count = len(hits)
    if count < PRECISION_BATCH:
        return {}
    batches = batch_indices(count, generator=torch.Generator().manual_seed(0))
    ranks = [batch_ranks(each, batches, hits) for each in matrices]
    return {name: _share(ranks, batches, count, k) for k, name in _PRECISION.items()}


def _share(ranks: Sequence[Tensor], batches: Tensor, count: int, k: int) -> Estimate:
    """Share of ranks below k; each motion counts as often as it was in a batch."""
    rows = batches.flatten()
    asked = torch.bincount(rows, minlength=count).tolist()
    found = [
        torch.zeros(count, dtype=torch.int64).index_add(0, rows, (each < k).flatten().long())
        for each in ranks
    ]
    return over_repeats([list(zip(each.tolist(), asked, strict=True)) for each in found], _percent)


def _percent(clips: Sequence[tuple[int, int]]) -> float:
    return 100 * sum(found for found, _ in clips) / max(1, sum(asked for _, asked in clips))


def _fid(motions: Tensor, real: Tensor, rows: Tensor) -> float:
    distance = partial(frechet_distance, shrink=True)
    return 100 * mean_over_models(distance, motions[:, rows], real)


def _diversity(motions: Tensor, rows: Tensor) -> float:
    generator = torch.Generator().manual_seed(0)
    return fmean(diversity(each[rows], generator=generator) for each in motions)


def _kid(motions: Tensor, real: Tensor, *, draws: int) -> Estimate:
    """Mean over models, with the mean of their intervals, which are over the same draws."""
    found = [
        kernel_distance(a, b, generator=torch.Generator().manual_seed(0), unit=True, draws=draws)
        for a, b in zip(motions, real, strict=True)
    ]
    return mean_of(found, factor=100.0)


def _kernel(first: Tensor, second: Tensor) -> float:
    return _kid(first[None], second[None], draws=1).value
