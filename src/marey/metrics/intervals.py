"""Confidence intervals: of shares, over clips by bootstrap, over repeats with other seeds."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import torch
from jaxtyping import Float
from scipy import special
from torch import Tensor

from marey.errors import InvalidInputError

_ROWS_AT_ONCE = 100  # draws in one product


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured value and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def wilson_interval(held: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a share [Wilson1927]; (0, 1) where nothing was tried.

    Raises InvalidInputError unless 0 ≤ held ≤ total.
    """
    if not 0 <= held <= total:
        raise InvalidInputError(f"A share needs 0 <= held <= total, got {held} of {total}.")
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = held / total, z * z / total
    centre = share + spread / 2
    half = (spread * share * (1 - share) + spread * spread / 4) ** 0.5
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return (0.0 if held == 0 else low), (1.0 if held == total else high)


def bootstrap(
    statistic: Callable[[Tensor], float],
    samples: int,
    *,
    generator: torch.Generator,
    draws: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a statistic of samples with its percentile bootstrap interval [Efron1979].

    ``statistic`` gets indices of samples; the value is that of all samples once, the bounds are
    quantiles over ``draws`` of as many samples with replacement. Indexing two measures with the
    same indices gives the interval of a paired difference. Raises InvalidInputError if there is
    nothing to draw from.
    """
    return bootstrap_rows(
        lambda rows: torch.tensor([statistic(row) for row in rows], dtype=torch.float64),
        samples,
        generator=generator,
        draws=draws,
        confidence=confidence,
    )


def bootstrap_rows(
    statistic: Callable[[Tensor], Tensor],
    samples: int,
    *,
    generator: torch.Generator,
    draws: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate as `bootstrap` does, by a statistic of many draws at once.

    ``statistic`` gets indices, (draws, samples), and returns a value for each draw.
    """
    if samples < 1 or draws < 1:
        raise InvalidInputError(
            f"A bootstrap needs at least one sample and one draw, got {samples} and {draws}."
        )
    indices = torch.randint(samples, (draws, samples), generator=generator)
    drawn = torch.cat([statistic(rows) for rows in indices.split(_ROWS_AT_ONCE)])
    value = float(statistic(torch.arange(samples)[None])[0])
    return percentile_interval(value, drawn, confidence=confidence)


def bootstrap_mean(
    values: Float[Tensor, " samples"],
    *,
    generator: torch.Generator,
    draws: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate the mean of one value per clip with its percentile bootstrap interval.

    Give differences of two methods on the same clips for a paired interval. Raises
    InvalidInputError if there are no values.
    """
    exact = values.double()
    return bootstrap_rows(
        lambda rows: exact[rows].mean(1),
        len(values),
        generator=generator,
        draws=draws,
        confidence=confidence,
    )


def percentile_interval(
    value: float, drawn: Float[Tensor, " draws"], *, confidence: float = 0.95
) -> Estimate:
    """Bound a value by the quantiles of its resampled twins that leave out equal tails."""
    tail = (1 - confidence) / 2
    low, high = drawn.double().quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64))
    return Estimate(value=value, low=float(low), high=float(high))


def repeats_interval(values: Float[Tensor, " repeats"], *, confidence: float = 0.95) -> Estimate:
    """Return the mean over repeats ± t · std / √repeats, t by Student for the few repeats.

    The field takes 1.96 for t at any number of repeats [Guo2022], which is too narrow for few
    seeds (t is 4.30 for three). Raises InvalidInputError for fewer than two repeats.
    """
    if len(values) < 2:
        raise InvalidInputError(f"An interval over repeats needs two or more, got {len(values)}.")
    exact = values.double()
    mean, count = float(exact.mean()), len(values)
    t = float(special.stdtrit(count - 1, (1 + confidence) / 2))
    half = t * float(exact.std()) / math.sqrt(count)
    return Estimate(value=mean, low=mean - half, high=mean + half)
