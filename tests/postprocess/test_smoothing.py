"""Temporal smoothing of rotations."""

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.metrics import jerk
from marey.motion import Motion
from marey.postprocess import smooth_rotations
from marey.skeleton import BODY22


def swinging(noise: float, generator: torch.Generator) -> Motion:
    """Every joint swings once in two seconds, with ``noise`` radians of trembling."""
    phase = torch.arange(40) / 20 * torch.pi
    vectors = torch.zeros(40, BODY22.num_joints, 3)
    vectors[..., 0] = 0.4 * phase.sin()[:, None]
    vectors += noise * torch.randn(vectors.shape, generator=generator)
    return Motion(
        root_positions=torch.zeros(40, 3),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=20.0,
        skeleton=BODY22,
    )


def test_trembling_goes_and_the_swing_stays(generator: torch.Generator) -> None:
    clean, noisy = swinging(0.0, generator), swinging(0.02, generator)
    smooth = smooth_rotations(noisy, 0.05)
    assert jerk(smooth.joint_positions, 20.0).mean < 0.3 * jerk(noisy.joint_positions, 20.0).mean
    off = (smooth.joint_positions - clean.joint_positions).norm(dim=-1)
    before = (noisy.joint_positions - clean.joint_positions).norm(dim=-1)
    assert off.mean() < before.mean()


def test_a_still_pose_and_the_root_stay(generator: torch.Generator) -> None:
    still = swinging(0.1, generator).crop(3, 4)
    held = Motion(
        root_positions=torch.randn(10, 3, generator=generator),
        local_rotations=still.local_rotations.repeat(10, 1, 1, 1),
        fps=20.0,
        skeleton=BODY22,
    )
    smooth = smooth_rotations(held, 0.1)
    torch.testing.assert_close(smooth.local_rotations, held.local_rotations)
    assert torch.equal(smooth.root_positions, held.root_positions)


def test_rotations_stay_rotations(generator: torch.Generator) -> None:
    local = smooth_rotations(swinging(0.3, generator), 0.1).local_rotations
    torch.testing.assert_close(local @ local.mT, torch.eye(3).expand_as(local), atol=1e-5, rtol=0)


def test_smoothing_commutes_with_a_turn_of_the_body(generator: torch.Generator) -> None:
    motion = swinging(0.1, generator)
    one = smooth_rotations(motion.rotate(0.7), 0.05)
    other = smooth_rotations(motion, 0.05).rotate(0.7)
    torch.testing.assert_close(one.local_rotations, other.local_rotations, atol=1e-5, rtol=0)


def test_no_time_is_no_change_and_a_negative_one_an_error(generator: torch.Generator) -> None:
    motion = swinging(0.1, generator)
    assert smooth_rotations(motion, 0.0) is motion
    with pytest.raises(InvalidInputError, match="at least 0"):
        smooth_rotations(motion, -0.1)
