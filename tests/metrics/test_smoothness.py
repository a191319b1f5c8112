"""Jerk and path length against formulas."""

import pytest
import torch

from marey.metrics import jerk, path_length


@pytest.mark.parametrize("fps", [20.0, 30.0])
def test_jerk_of_a_cubic_is_its_third_derivative(fps: float) -> None:
    t = torch.arange(12, dtype=torch.float64) / fps
    positions = torch.zeros(12, 2, 3, dtype=torch.float64)
    positions[:, 0] = t[:, None] ** 3 * torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64)
    result = jerk(positions, fps)
    assert result.mean == pytest.approx(6 * 5 / 2)
    assert result.maximum == pytest.approx(6 * 5)
    assert result.count == 2 * 9


def test_jerk_needs_four_frames() -> None:
    assert jerk(torch.zeros(3, 2, 3), 20.0).count == 0
    assert jerk(torch.zeros(1, 2, 3), 20.0).count == 0
    assert jerk(torch.zeros(4, 2, 3), 20.0).count == 2


def test_path_length_adds_the_steps() -> None:
    path = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    assert path_length(path) == pytest.approx(6.0)
    assert path_length(path[:1]) == 0
