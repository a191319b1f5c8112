"""Errors of constraints against angles and distances that are known."""

import math

import pytest
import torch

from marey import rotations
from marey.metrics import Summary, heading_errors, position_errors, rotation_errors


def test_position_errors_are_distances_in_two_and_three_axes() -> None:
    ground = position_errors(torch.tensor([[3.0, 4.0], [1.0, 1.0]]), torch.tensor([[0.0, 0.0]] * 2))
    torch.testing.assert_close(ground, torch.tensor([5.0, math.sqrt(2)]))
    joint = position_errors(torch.zeros(1, 2, 3), torch.full((1, 2, 3), 2.0))
    torch.testing.assert_close(joint, torch.full((1, 2), math.sqrt(12)))


@pytest.mark.parametrize("degrees", [0.0, 1e-3, 30.0, 179.0, 180.0])
def test_rotation_errors_are_degrees(degrees: float) -> None:
    turned = rotations.axis_rotation("X", torch.tensor([math.radians(degrees)]).double())
    error = rotation_errors(turned, torch.eye(3, dtype=torch.float64)[None])
    assert float(error) == pytest.approx(degrees, abs=1e-5)


def test_heading_errors_take_the_short_way_round() -> None:
    actual = torch.tensor([math.pi - 0.1, 0.0, 4 * math.pi])
    target = torch.tensor([-math.pi + 0.1, math.pi / 2, 0.0])
    expected = torch.tensor([math.degrees(0.2), 90.0, 0.0])
    torch.testing.assert_close(heading_errors(actual, target), expected, atol=1e-4, rtol=1e-5)


def test_no_constraints_give_no_errors() -> None:
    none = position_errors(torch.zeros(0, 3), torch.zeros(0, 3))
    assert Summary.of(none).count == 0
    assert rotation_errors(torch.zeros(0, 3, 3), torch.zeros(0, 3, 3)).shape == (0,)
