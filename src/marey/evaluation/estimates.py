"""Estimates: one value and its interval of what was measured on the clips of one repeat or more."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from marey.metrics import Estimate, bootstrap, repeats_interval

Part = TypeVar("Part")
Statistic = Callable[[torch.Tensor], float]
"""Of some clips, by their numbers."""


def over_repeats(
    parts: Sequence[Sequence[Part]], pool: Callable[[Sequence[Part]], float]
) -> Estimate:
    """Estimate a statistic of the parts of each repeat.

    The interval is over repeats, or a bootstrap over the parts of a single one.
    """
    if len(parts) > 1:
        return repeats_interval(torch.tensor([pool(each) for each in parts]))
    (only,) = parts
    return bootstrap(
        lambda rows: pool([only[row] for row in rows.tolist()]),
        len(only),
        generator=torch.Generator().manual_seed(0),
    )


def of_sets(statistics: Sequence[Statistic], clips: int, *, draws: int = 100) -> Estimate:
    """Estimate a statistic that is none of single clips, such as a distance of distributions.

    One for each repeat; the interval is over repeats. That of a single repeat is a bootstrap over
    clips, moved so that the value is in its middle: clips drawn twice make sets look less spread
    than they are.
    """
    every = torch.arange(clips)
    if len(statistics) > 1:
        return repeats_interval(torch.tensor([each(every) for each in statistics]))
    (statistic,) = statistics
    drawn = bootstrap(statistic, clips, generator=torch.Generator().manual_seed(0), draws=draws)
    shift = drawn.value - (drawn.low + drawn.high) / 2
    return Estimate(value=drawn.value, low=drawn.low + shift, high=drawn.high + shift)


def mean_of(estimates: Sequence[Estimate], *, factor: float = 1.0) -> Estimate:
    """Return the mean of what several models say of the same clips, times a factor."""
    values = torch.tensor([[e.value, e.low, e.high] for e in estimates], dtype=torch.float64)
    value, low, high = (factor * values.mean(0)).tolist()
    return Estimate(value=value, low=low, high=high)
