"""Intervals against published values, formulas, and their own promise to cover the truth."""

import math

import pytest
import torch

from marey.errors import InvalidInputError
from marey.metrics import (
    Estimate,
    bootstrap,
    bootstrap_mean,
    percentile_interval,
    repeats_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("held", "total", "low", "high"),
    # Newcombe 1998, table I, method 3, and the closed forms at the ends.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_wilson_interval_against_published_values(
    held: int, total: int, low: float, high: float
) -> None:
    assert wilson_interval(held, total) == pytest.approx((low, high), abs=1e-4)
    mirrored = wilson_interval(total - held, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-4)


def test_wilson_interval_refuses_nonsense() -> None:
    with pytest.raises(InvalidInputError, match="3 of 2"):
        wilson_interval(3, 2)


def test_percentiles_leave_out_equal_tails() -> None:
    drawn = torch.arange(1001.0)
    found = percentile_interval(3.0, drawn)
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 25.0, 975.0))
    assert percentile_interval(3.0, drawn, confidence=0.5).high == pytest.approx(750.0)


def test_bootstrap_of_a_mean_is_its_mean_and_normal_interval(generator: torch.Generator) -> None:
    values = torch.randn(400, generator=generator)
    result = bootstrap_mean(values, generator=generator, draws=4000)
    half = 1.96 * float(values.std()) / 20
    assert result.value == pytest.approx(float(values.mean()), abs=1e-6)
    assert result.low == pytest.approx(result.value - half, abs=0.02)
    assert result.high == pytest.approx(result.value + half, abs=0.02)


def test_bootstrap_interval_covers_the_true_mean_as_often_as_it_says(
    generator: torch.Generator,
) -> None:
    covered = 0
    for _ in range(200):
        values = torch.rand(50, generator=generator)
        found = bootstrap_mean(values, generator=generator, draws=200)
        covered += found.low <= 0.5 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_any_statistic_is_drawn_with_the_indices_of_its_samples(
    generator: torch.Generator,
) -> None:
    first = torch.arange(50.0)
    second = first + 2  # paired: the difference of the medians is always 2
    result = bootstrap(
        lambda rows: float(second[rows].median() - first[rows].median()), 50, generator=generator
    )
    assert result == Estimate(value=2.0, low=2.0, high=2.0)
    unpaired = bootstrap(lambda rows: float(first[rows].median()), 50, generator=generator)
    assert unpaired.low < unpaired.value < unpaired.high


def test_the_same_seed_gives_the_same_interval() -> None:
    values = torch.arange(9.0)
    draw = [bootstrap_mean(values, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert draw[0] == draw[1] != draw[2]


def test_repeats_take_the_quantile_of_student() -> None:
    three = repeats_interval(torch.tensor([1.0, 2.0, 3.0]))
    half = 4.302653 / math.sqrt(3)  # t(2 degrees of freedom, 97.5 %) and a deviation of 1
    assert three.value == 2.0
    assert (three.low, three.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)
    twenty = torch.cat((torch.ones(10), -torch.ones(10)))
    expected = 2.093024 * math.sqrt(20 / 19) / math.sqrt(20)
    assert repeats_interval(twenty).high == pytest.approx(expected, abs=1e-5)


def test_nothing_has_no_interval(generator: torch.Generator) -> None:
    with pytest.raises(InvalidInputError, match="at least one sample"):
        bootstrap_mean(torch.zeros(0), generator=generator)
    with pytest.raises(InvalidInputError, match="two or more"):
        repeats_interval(torch.ones(1))
