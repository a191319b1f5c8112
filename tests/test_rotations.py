"""Laws of the rotation module, near the identity, near π and in between."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from marey import rotations as R
from marey.errors import InvalidInputError

ORDERS = ["".join(o) for o in product("XYZ", repeat=3) if o[0] != o[1] != o[2]]


def vectors(*angles: float, count: int = 200) -> torch.Tensor:
    axes = torch.randn(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    axes = torch.nn.functional.normalize(axes, dim=-1)
    return torch.cat([axes * a for a in angles])


EDGES = vectors(0.0, 1e-9, 1e-5, 0.3, 2.0, math.pi - 1e-3, math.pi - 1e-8)


def test_exponential_matches_scipy_at_every_angle() -> None:
    expected = Rotation.from_rotvec(EDGES.numpy()).as_matrix()
    np.testing.assert_allclose(R.rotation_vector_to_matrix(EDGES), expected, atol=1e-12)


def test_logarithm_inverts_the_exponential_up_to_pi() -> None:
    back = R.matrix_to_rotation_vector(R.rotation_vector_to_matrix(EDGES))
    torch.testing.assert_close(back, EDGES, atol=1e-7, rtol=0)


def test_gradients_are_finite_at_the_identity() -> None:
    vector = torch.zeros(3, requires_grad=True)
    R.matrix_to_rotation_vector(R.rotation_vector_to_matrix(vector)).sum().backward()
    assert vector.grad is not None
    assert vector.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_conversions_round_trip_for_any_batch_shape(shape: tuple[int, ...]) -> None:
    matrix = R.rotation_vector_to_matrix(torch.randn(*shape, 3, dtype=torch.float64))
    for there, back in (
        (R.matrix_to_quaternion, R.quaternion_to_matrix),
        (R.matrix_to_rotation_6d, R.rotation_6d_to_matrix),
        (R.matrix_to_rotation_vector, R.rotation_vector_to_matrix),
    ):
        torch.testing.assert_close(back(there(matrix)), matrix, atol=1e-12, rtol=0)


@pytest.mark.parametrize("order", ORDERS)
def test_euler_angles_match_scipy_in_every_order(order: str) -> None:
    matrix = R.rotation_vector_to_matrix(vectors(0.0, 0.4, 2.5))
    angles = R.matrix_to_euler(matrix, order)
    torch.testing.assert_close(R.euler_to_matrix(angles, order), matrix, atol=1e-9, rtol=0)
    expected = Rotation.from_euler(order, angles.numpy()).as_matrix()
    np.testing.assert_allclose(expected, matrix, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_gimbal_lock_still_gives_the_same_rotation(order: str) -> None:
    middles = (0.0, math.pi) if order[0] == order[2] else (math.pi / 2, -math.pi / 2)
    for middle in middles:
        matrix = R.euler_to_matrix(torch.tensor([0.7, middle, -1.1], dtype=torch.float64), order)
        back = R.euler_to_matrix(R.matrix_to_euler(matrix, order), order)
        torch.testing.assert_close(back, matrix, atol=1e-7, rtol=0)


def test_euler_rejects_an_order_that_is_none() -> None:
    with pytest.raises(InvalidInputError, match="XXY"):
        R.matrix_to_euler(torch.eye(3), "XXY")
    with pytest.raises(InvalidInputError, match="3 letters"):
        R.euler_to_matrix(torch.zeros(3), "XY")


def test_slerp_moves_at_constant_speed_along_the_shortest_arc() -> None:
    start = R.rotation_vector_to_matrix(vectors(0.5, count=20))
    end = R.rotation_vector_to_matrix(vectors(2.9, count=20).flip(0))
    total = R.geodesic_distance(start, end)
    for weight in (0.0, 0.25, 1.0):
        between = R.slerp(start, end, torch.tensor(weight, dtype=torch.float64))
        torch.testing.assert_close(R.geodesic_distance(start, between), weight * total)


def test_geodesic_distance_is_exact_near_zero_and_pi() -> None:
    for angle in (0.0, 1e-7, 1.0, math.pi - 1e-7, math.pi):
        vector = vectors(angle, count=20)
        distance = R.geodesic_distance(torch.eye(3).double(), R.rotation_vector_to_matrix(vector))
        torch.testing.assert_close(distance, torch.full_like(distance, angle), atol=1e-9, rtol=0)


def test_twist_is_the_angle_about_the_axis_whatever_the_swing() -> None:
    axis = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    swing = R.rotation_vector_to_matrix(torch.tensor([0.3, 0.0, -0.2], dtype=torch.float64))
    for angle in (-3.0, -0.1, 0.0, 2.0, 3.1):
        turn = R.yaw_matrix(torch.tensor(angle, dtype=torch.float64))
        assert abs(float(R.twist_angle(swing @ turn, axis)) - angle) < 1e-12


def test_yaw_turns_forward_towards_the_left() -> None:
    forward = R.yaw_matrix(torch.tensor(math.pi / 2)) @ torch.tensor([0.0, 0.0, 1.0])
    torch.testing.assert_close(forward, torch.tensor([1.0, 0.0, 0.0]), atol=1e-6, rtol=0)


def test_unwrapped_angles_have_no_jumps_and_keep_their_direction() -> None:
    angle = torch.linspace(0, 30, 400, dtype=torch.float64)
    torch.testing.assert_close(R.unwrap_angle(R.wrap_angle(angle)), angle)


def test_continuous_quaternions_stay_on_their_side(generator: torch.Generator) -> None:
    angle = torch.linspace(0, 4 * math.pi, 50, dtype=torch.float64)
    smooth = torch.stack((torch.cos(angle / 2), torch.sin(angle / 2), 0 * angle, 0 * angle), dim=-1)
    signs = torch.randint(0, 2, (50, 1), generator=generator) * 2 - 1
    signs[0] = 1
    torch.testing.assert_close(R.continuous_quaternions(signs * smooth), smooth)
    assert len(R.continuous_quaternions(smooth[:1])) == 1


def test_the_shortest_arc_points_one_vector_along_the_other(generator: torch.Generator) -> None:
    start, end = torch.randn(2, 200, 3, generator=generator, dtype=torch.float64)
    end[:4] = torch.stack((-start[0], -2 * start[1] + 1e-9, 3 * start[2], start[3] * 0))
    arc = R.shortest_arc(start, end)
    moved = torch.nn.functional.normalize((arc @ start[..., None])[..., 0], dim=-1)
    goal = torch.nn.functional.normalize(end, dim=-1)
    goal[3] = torch.nn.functional.normalize(start[3], dim=-1)
    torch.testing.assert_close(moved, goal, atol=1e-8, rtol=0)
    eye = torch.eye(3, dtype=torch.float64).expand_as(arc)
    torch.testing.assert_close(arc @ arc.transpose(-1, -2), eye, atol=1e-12, rtol=0)
    angle = R.geodesic_distance(arc, eye)
    between = torch.nn.functional.normalize(start, dim=-1) * goal
    torch.testing.assert_close(angle[4:], between.sum(-1).acos()[4:], atol=1e-7, rtol=0)
