"""Intervals over repeats, or over the clips of a single one."""

from statistics import fmean

import pytest
import torch

from marey.evaluation.estimates import mean_of, of_sets, over_repeats
from marey.metrics import Estimate


def test_several_repeats_are_an_interval_by_student() -> None:
    found = over_repeats([[30.0, 30.0], [40.0], [50.0, 49.0, 51.0]], fmean)

    assert found.value == pytest.approx(40.0)
    assert (found.low, found.high) == pytest.approx((40 - 24.84, 40 + 24.84), abs=0.01)


def test_one_repeat_is_an_interval_over_its_parts() -> None:
    found = over_repeats([[1.0, 2.0, 3.0, 4.0] * 10], fmean)

    assert found.value == pytest.approx(2.5)
    assert 2.0 < found.low < 2.5 < found.high < 3.0
    assert over_repeats([[7.0] * 5], fmean) == Estimate(value=7.0, low=7.0, high=7.0)


def test_a_statistic_of_sets_lies_within_its_interval() -> None:
    values = torch.linspace(0, 1, 40)

    def distinct(rows: torch.Tensor) -> float:  # like a distance: clips drawn twice change it
        return float(len(values[rows].unique()))

    one = of_sets([distinct], 40)
    assert one.value == 40
    assert one.low < 40 < one.high
    three = of_sets([distinct, distinct, distinct], 40)
    assert (three.low, three.value, three.high) == (40, 40, 40)


def test_models_are_averaged() -> None:
    both = [Estimate(value=1.0, low=0.0, high=2.0), Estimate(value=3.0, low=2.0, high=6.0)]

    assert mean_of(both, factor=10.0) == Estimate(value=20.0, low=10.0, high=40.0)
