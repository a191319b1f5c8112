"""Laws of forward kinematics and of the heading."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.skeleton import (
    BODY22,
    Roles,
    Skeleton,
    global_rotations,
    heading_angle,
    joint_positions,
    local_rotations,
)


def random_rotations(*shape: int, generator: torch.Generator) -> Tensor:
    vectors = torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
    return rotations.rotation_vector_to_matrix(vectors * 1.5)


def naive_positions(root: Tensor, local: Tensor, skeleton: Skeleton) -> np.ndarray:
    """World positions of one pose by homogeneous matrices, joint by joint."""
    frames: list[np.ndarray] = []
    for joint, parent in enumerate(skeleton.parents):
        own = np.eye(4)
        own[:3, :3] = local[joint]
        own[:3, 3] = root if parent < 0 else skeleton.rest_offsets[joint]
        frames.append(own if parent < 0 else frames[parent] @ own)
    return np.stack([frame[:3, 3] for frame in frames])


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_positions_are_those_of_the_recursion(
    shape: tuple[int, ...], generator: torch.Generator
) -> None:
    local = random_rotations(*shape, 22, generator=generator)
    root = torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
    found = joint_positions(root, global_rotations(local, BODY22), BODY22).reshape(-1, 22, 3)
    for one, place, pose in zip(
        found, root.reshape(-1, 3), local.reshape(-1, 22, 3, 3), strict=True
    ):
        np.testing.assert_allclose(one, naive_positions(place, pose, BODY22), atol=1e-12)


def test_rest_pose_is_the_sum_of_offsets_and_ignores_the_roots_own(
    generator: torch.Generator,
) -> None:
    arm = Skeleton(
        name="arm",
        joint_names=("shoulder", "elbow", "wrist"),
        parents=(-1, 0, 1),
        rest_offsets=torch.tensor([[5.0, 5.0, 5.0], [0.3, 0.0, 0.0], [0.25, 0.0, 0.0]]),
    )
    found = joint_positions(torch.zeros(3), torch.eye(3).expand(3, 3, 3), arm)
    torch.testing.assert_close(found[:, 0], torch.tensor([0.0, 0.3, 0.55]))


def test_turning_the_world_turns_the_body(generator: torch.Generator) -> None:
    local = random_rotations(5, 22, generator=generator)
    root = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    turn = random_rotations(generator=generator)
    turned = local.clone()
    turned[:, 0] = turn @ local[:, 0]
    before = joint_positions(root, global_rotations(local, BODY22), BODY22)
    after = joint_positions(root @ turn.T, global_rotations(turned, BODY22), BODY22)
    torch.testing.assert_close(after, before @ turn.T, atol=1e-12, rtol=0)


def test_local_and_global_rotations_are_inverse(generator: torch.Generator) -> None:
    local = random_rotations(2, 3, 22, generator=generator)
    back = local_rotations(global_rotations(local, BODY22), BODY22)
    torch.testing.assert_close(back, local, atol=1e-12, rtol=0)


def test_gradients_flow_to_root_and_rotations(generator: torch.Generator) -> None:
    local = random_rotations(22, generator=generator).requires_grad_()
    root = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    joint_positions(root, global_rotations(local, BODY22), BODY22).square().sum().backward()
    assert root.grad is not None
    assert local.grad is not None
    assert local.grad.isfinite().all()


@pytest.mark.parametrize(
    ("forward", "heading"),
    [
        ((0, 0, 1), 0),
        ((1, 0, 0), math.pi / 2),
        ((-1, 0, 0), -math.pi / 2),
        ((1, 0, 1), math.pi / 4),
        ((0, 0, -1), math.pi),
    ],
)
def test_heading_is_zero_along_z_and_grows_to_the_left(
    forward: tuple[int, int, int], heading: float
) -> None:
    turn = rotations.yaw_matrix(torch.tensor(heading, dtype=torch.float64))
    ahead = torch.tensor(forward, dtype=torch.float64)
    ahead = ahead / ahead.norm()
    torch.testing.assert_close(turn[:, 2], ahead)  # the turn that the case describes
    rest = joint_positions(
        torch.zeros(3, dtype=torch.float64),
        torch.eye(3, dtype=torch.float64).expand(22, 3, 3),
        BODY22,
    )
    found = heading_angle(rest @ turn.T, BODY22)
    assert float(rotations.wrap_angle(found - heading)) == pytest.approx(0, abs=1e-9)


def test_heading_ignores_leaning(generator: torch.Generator) -> None:
    lean = rotations.axis_rotation("X", torch.linspace(-1.2, 1.2, 7, dtype=torch.float64))
    local = torch.eye(3, dtype=torch.float64).repeat(7, 22, 1, 1)
    local[:, 0] = rotations.yaw_matrix(torch.tensor(0.7, dtype=torch.float64)) @ lean
    places = joint_positions(
        torch.zeros(7, 3, dtype=torch.float64), global_rotations(local, BODY22), BODY22
    )
    torch.testing.assert_close(
        heading_angle(places, BODY22), torch.full((7,), 0.7, dtype=torch.float64)
    )


def test_heading_needs_hips() -> None:
    point = Skeleton(
        name="point", joint_names=("it",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    assert point.roles == Roles()
    with pytest.raises(InvalidInputError, match="right_hip"):
        heading_angle(torch.zeros(1, 3), point)
