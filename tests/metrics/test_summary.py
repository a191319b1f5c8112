"""Summaries: values, selection, pooling, nothing to see."""

import pytest
import torch

from marey.metrics import Summary

EMPTY = Summary(mean=0.0, maximum=0.0, count=0)


def test_mean_maximum_and_count_of_what_is_chosen() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 10.0]])
    assert Summary.of(values) == Summary(mean=4.0, maximum=10.0, count=4)
    chosen = Summary.of(values, values < 3)
    assert chosen == Summary(mean=1.5, maximum=2.0, count=2)


def test_nothing_chosen_is_zero_with_count_zero() -> None:
    assert Summary.of(torch.zeros(0)) == EMPTY
    assert Summary.of(torch.ones(3), torch.zeros(3, dtype=torch.bool)) == EMPTY
    assert Summary.pool([]) == EMPTY
    assert Summary.pool([EMPTY]) == EMPTY


def test_pooling_parts_is_summarising_the_whole(generator: torch.Generator) -> None:
    values = -torch.rand(50, generator=generator, dtype=torch.float64)
    parts = [Summary.of(part) for part in values.split([0, 7, 13, 30])]
    pooled, whole = Summary.pool(parts), Summary.of(values)
    assert pooled.mean == pytest.approx(whole.mean)
    assert (pooled.maximum, pooled.count) == (whole.maximum, whole.count)
