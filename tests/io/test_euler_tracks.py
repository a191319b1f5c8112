"""Euler angles over time: the same rotations, and no jumps."""

from itertools import permutations

import pytest
import torch

from marey import rotations
from marey.io.euler_tracks import euler_tracks

ORDERS = ["".join(order) for order in permutations("XYZ")]


@pytest.mark.parametrize("order", ORDERS)
def test_angles_are_the_rotations_and_run_on(order: str, generator: torch.Generator) -> None:
    """Joints that turn several times around: no angle moves further than the rotation does."""
    speed = torch.randn(1, 5, 3, generator=generator)
    turn = torch.linspace(0, 12, 2000)[:, None, None] * speed
    matrices = rotations.rotation_vector_to_matrix(turn)
    angles = euler_tracks(matrices, order)
    torch.testing.assert_close(
        rotations.euler_to_matrix(angles, order), matrices.double(), atol=1e-6, rtol=0
    )
    first, second = angles[1:], angles[:-1]
    assert float((first - second).abs().max()) < torch.pi / 2


def test_a_half_turn_more_is_counted_on() -> None:
    """Three rounds about one axis come out as three rounds."""
    angle = torch.linspace(0, 6 * torch.pi, 200)
    tracks = euler_tracks(rotations.axis_rotation("Y", angle)[:, None], "YXZ")
    torch.testing.assert_close(tracks[:, 0, 0], angle.double(), atol=1e-4, rtol=0)
