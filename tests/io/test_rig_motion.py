"""From world transforms of any rig to a motion with rest axes of the world."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from marey.errors import FileFormatError
from marey.io.rig_motion import RigTransforms, check_frames, rig_motion, unique_names
from marey.motion import Motion


def rig(
    names: tuple[str, ...], generator: torch.Generator, *, scale: float = 1.0
) -> tuple[RigTransforms, np.ndarray, np.ndarray]:
    """A chain with random rest axes in random poses; also its steps and turns in world axes."""
    count, frames = len(names), 4
    numbers = torch.randn(200, generator=generator, dtype=torch.float64).numpy()
    steps = numbers[: 3 * count].reshape(count, 3)
    axes = Rotation.from_rotvec(numbers[50 : 50 + 3 * count].reshape(count, 3)).as_matrix()
    turns = Rotation.from_rotvec(numbers[: 3 * count * frames].reshape(-1, 3)).as_matrix()
    turns = turns.reshape(frames, count, 3, 3)
    worlds = np.zeros((frames + 1, count, 4, 4))
    worlds[..., 3, 3] = 1
    for frame in range(frames + 1):
        turn, place = np.eye(3), np.zeros(3)
        for joint in range(count):
            place = place + turn @ steps[joint]
            turn = turn @ turns[frame - 1, joint] if frame else turn
            worlds[frame, joint, :3, :3] = scale * turn @ axes[joint]
            worlds[frame, joint, :3, 3] = place
    parents = tuple(range(-1, count - 1))
    made = RigTransforms(names=names, parents=parents, rest=worlds[0], frames=worlds[1:], fps=30.0)
    return made, steps, turns


def read(made: RigTransforms) -> Motion:
    return rig_motion(Path("rig.fbx"), made, drop_translations=False, metadata={})


@pytest.mark.parametrize("scale", [1.0, 0.01, 100.0])
def test_rest_axes_and_scales_fall_out(scale: float, generator: torch.Generator) -> None:
    made, steps, turns = rig(("a", "b", "c"), generator, scale=scale)
    found = read(made)
    np.testing.assert_allclose(found.skeleton.rest_offsets[1:], steps[1:], atol=1e-6)
    np.testing.assert_allclose(found.local_rotations, turns, atol=1e-6)
    np.testing.assert_allclose(found.joint_positions, made.frames[..., :3, 3], atol=1e-5)


def test_tips_are_leaves_named_after_their_parents(generator: torch.Generator) -> None:
    """Also a tip that has a tip; but no joint that carries one with a name of its own."""
    made, steps, _ = rig(("a", "b", "b_end", "b_end_end"), generator)
    found = read(made)
    assert found.skeleton.joint_names == ("a", "b")
    ((joint, tip),) = found.skeleton.end_sites
    assert joint == 1
    np.testing.assert_allclose(tip, steps[2], atol=1e-6)
    made, _, _ = rig(("a", "a_end", "toe"), generator)
    assert read(made).skeleton.joint_names == ("a", "a_end", "toe")


def test_mirrored_joints_are_refused(generator: torch.Generator) -> None:
    made, _, _ = rig(("a", "b"), generator)
    made.frames[2, 1, :3, 0] *= -1
    with pytest.raises(FileFormatError, match=r"'b', frame 2.*mirrored"):
        read(made)


def test_names_are_made_different() -> None:
    assert unique_names(["a", "", "a", "\0", "a_2", "a"]) == (
        *("a", "joint", "a_2", "joint_2", "a_2_2", "a_3"),
    )


@pytest.mark.parametrize(
    ("frames", "joints", "keys"), [(1, 2001, 1), (10_001, 20, 100), (30_000, 70, 30_000)]
)
def test_more_than_a_file_may_make_is_refused(frames: int, joints: int, keys: int) -> None:
    with pytest.raises(FileFormatError):
        check_frames(Path("x"), frames, joints, keys)
    check_frames(Path("x"), frames // 2, min(joints, 2000), keys)
