"""Trajectory, location, average and percentile errors of three clips, by hand."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.metrics import (
    TRAJECTORY_THRESHOLDS,
    average_errors,
    location_failures,
    percentile_error,
    trajectory_failures,
)

ERRORS = [
    torch.tensor([0.04, 0.06]),
    torch.tensor([0.3]),
    torch.tensor([[0.6, 0.1], [0.2, 0.0]]),  # two joints in two frames
]


def test_a_trajectory_fails_with_its_worst_point_a_location_by_itself() -> None:
    assert trajectory_failures(ERRORS, 0.05).tolist() == [1, 1, 1]
    assert location_failures(ERRORS, 0.05).tolist() == [0.5, 1, 0.75]
    assert trajectory_failures(ERRORS, 0.5).tolist() == [0, 0, 1]
    assert location_failures(ERRORS, 0.5).tolist() == [0, 0, 0.25]


def test_a_point_at_the_threshold_has_not_failed() -> None:
    assert trajectory_failures([torch.tensor([0.2])], 0.2).tolist() == [0]
    assert location_failures(ERRORS, 0.2).tolist() == [0, 1, 0.25]


def test_average_weighs_clips_alike_and_failures_fall_with_the_threshold() -> None:
    torch.testing.assert_close(average_errors(ERRORS), torch.tensor([0.05, 0.3, 0.225]).double())
    shares = [float(location_failures(ERRORS, t).mean()) for t in TRAJECTORY_THRESHOLDS]
    assert shares == sorted(shares, reverse=True)


def test_percentile_is_over_all_points_alike() -> None:
    # 0, 0.04, 0.06, 0.1, 0.2, 0.3, 0.6: 95 % lies at 5.7 steps of 6.
    assert percentile_error(ERRORS) == pytest.approx(0.3 + 0.7 * 0.3)
    assert percentile_error(ERRORS, 50.0) == pytest.approx(0.1)
    assert percentile_error(ERRORS, 100.0) == pytest.approx(0.6)
    assert percentile_error([torch.tensor([0.4])]) == pytest.approx(0.4)


def test_clips_without_points_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="clip 1 has none"):
        average_errors([torch.ones(2), torch.ones(0)])
    with pytest.raises(InvalidInputError, match="no clip"):
        percentile_error([])
