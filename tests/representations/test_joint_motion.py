"""Joint motions: what their channels mean, and that nothing but joint positions counts."""

import math

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.representations import JointMotion
from marey.skeleton import BODY22, SOMA30

VIEW = JointMotion()


def gliding(heading: float = 0.0, *, turn: float = 0.0, fps: float = 20.0) -> Motion:
    """A rigid body that glides forward at 1 m/s of its first heading, and turns in place."""
    frames = round(2 * fps)
    time = torch.arange(frames) / fps
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    local[:, 0] = rotations.yaw_matrix(heading + turn * time)
    way = rotations.yaw_matrix(torch.tensor(heading)) @ torch.tensor([0.0, 0.0, 1.0])
    return Motion(
        root_positions=time[:, None] * way + torch.tensor([0.0, 0.9, 0.0]),
        local_rotations=local,
        fps=fps,
        skeleton=BODY22,
    )


def block(features: torch.Tensor, name: str) -> torch.Tensor:
    return features[..., VIEW.layout.slice(name)]


def test_place_and_heading_do_not_count() -> None:
    motion = gliding(turn=0.8)
    moved = motion.rotate(2.1).translate(torch.tensor([3.0, 0.0, -5.0]))
    torch.testing.assert_close(VIEW.encode(moved), VIEW.encode(motion), atol=2e-4, rtol=0)


def test_channels_are_what_they_are_called() -> None:
    features = VIEW.encode(gliding(0.4))
    expected = torch.tensor([0.0, 1.0]).expand(40, 2)
    torch.testing.assert_close(block(features, "ground_velocity"), expected, atol=1e-4, rtol=0)
    assert block(features, "heading_rate").abs().max() < 1e-4
    velocities = block(features, "joint_velocities").unflatten(1, (-1, 3))
    torch.testing.assert_close(
        velocities, torch.tensor([0.0, 0.0, 1.0]).expand(40, 22, 3), atol=1e-4, rtol=0
    )
    heights = block(features, "joint_positions").unflatten(1, (-1, 3))[..., 1]
    torch.testing.assert_close(heights, gliding(0.4).joint_positions[..., 1])
    turning = VIEW.encode(gliding(turn=math.pi / 4))
    torch.testing.assert_close(
        block(turning, "heading_rate"), torch.full((40, 1), math.pi / 4), atol=1e-3, rtol=0
    )


def test_motions_of_other_rates_are_resampled() -> None:
    fast = VIEW.encode(gliding(fps=60.0))
    assert abs(len(fast) - 40) <= 1
    torch.testing.assert_close(fast[:38], VIEW.encode(gliding())[:38], atol=1e-3, rtol=0)


def test_the_mirrored_motion_has_mirrored_channels() -> None:
    motion = gliding(0.3, turn=0.5)
    plain, mirrored = VIEW.encode(motion), VIEW.encode(motion.mirror())
    torch.testing.assert_close(
        block(mirrored, "heading_rate"), -block(plain, "heading_rate"), atol=1e-4, rtol=0
    )
    flip = torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(
        block(mirrored, "ground_velocity"),
        block(plain, "ground_velocity") * flip,
        atol=1e-4,
        rtol=0,
    )


def test_what_has_no_velocity_or_another_body_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="2 frames"):
        VIEW.encode(gliding().crop(0, 1))
    with pytest.raises(InvalidInputError, match="retarget"):
        JointMotion(skeleton=SOMA30).encode(gliding())
