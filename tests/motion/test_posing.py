"""Rotations from positions: exact joints, the twist that can be known, no jumps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.motion.posing import motion_of_positions, skeleton_of_positions
from marey.skeleton import BODY22, HUMANML3D22, KIT21, Skeleton


def bending(*, elbow: float = 60.0, knee: float = 50.0, twist: float = 0.0) -> Motion:
    """Arms and legs that bend about their own axes, trunk leaning, all turning round."""
    frames = 40
    time = torch.linspace(0, 1, frames)
    vectors = torch.zeros(frames, 22, 3)
    vectors[:, 0, 1] = 5 * time
    vectors[:, BODY22.index("spine1"), 0] = 0.4 * (6 * time).sin()
    for side, sign in (("left", -1), ("right", 1)):
        axis = torch.tensor([0.0, 0.879, -0.477]) * sign
        vectors[:, BODY22.index(f"{side}_elbow")] = axis * np.radians(elbow)
        vectors[:, BODY22.index(f"{side}_knee"), 0] = np.radians(knee)
        vectors[:, BODY22.index(f"{side}_hip"), 1] = twist * sign
        vectors[:, BODY22.index(f"{side}_shoulder"), 0] = twist
        vectors[:, BODY22.index(f"{side}_hip"), 0] = -0.6 * (5 * time).sin()
    return Motion(
        root_positions=torch.stack((time, 0.9 + 0 * time, -time), dim=-1),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=20.0,
        skeleton=BODY22,
    )


@pytest.mark.parametrize("twist", [0.0, 0.5, -0.4])
def test_bent_limbs_tell_their_twist(twist: float) -> None:
    motion = bending(twist=twist)
    found = motion_of_positions(motion.joint_positions, fps=20.0, skeleton=BODY22)
    assert float((found.joint_positions - motion.joint_positions).norm(dim=-1).max()) < 1e-5
    turned = rotations.geodesic_distance(found.global_rotations, motion.global_rotations)
    limbs = [
        BODY22.index(f"{s}_{j}") for s in ("left", "right") for j in ("hip", "knee", "shoulder")
    ]
    assert float(turned[:, [0, *limbs]].max()) < np.radians(6)


def test_straight_legs_turn_as_their_feet_do() -> None:
    motion = bending(elbow=60.0, knee=0.0, twist=0.3)
    found = motion_of_positions(motion.joint_positions, fps=20.0, skeleton=BODY22)
    turned = rotations.geodesic_distance(found.global_rotations, motion.global_rotations)
    assert float(turned[:, BODY22.index("left_knee")].max()) < np.radians(12)


def test_turning_the_body_turns_the_pose(generator: torch.Generator) -> None:
    motion = bending(twist=0.2)
    found = motion_of_positions(motion.rotate(1.1).joint_positions, fps=20.0, skeleton=BODY22)
    plain = motion_of_positions(motion.joint_positions, fps=20.0, skeleton=BODY22).rotate(1.1)
    assert (
        float(rotations.geodesic_distance(found.local_rotations, plain.local_rotations).max())
        < 1e-3
    )


def test_the_mirror_image_has_the_mirrored_pose() -> None:
    motion = bending(twist=0.2)
    found = motion_of_positions(motion.mirror().joint_positions, fps=20.0, skeleton=BODY22)
    plain = motion_of_positions(motion.joint_positions, fps=20.0, skeleton=BODY22).mirror()
    assert (
        float(rotations.geodesic_distance(found.local_rotations, plain.local_rotations).max())
        < 1e-3
    )


def test_proportions_come_back_along_the_rest_directions() -> None:
    motion = bending()
    skeleton = skeleton_of_positions(1.3 * motion.joint_positions, HUMANML3D22)
    torch.testing.assert_close(
        skeleton.rest_offsets[1:].norm(dim=1), 1.3 * BODY22.rest_offsets[1:].norm(dim=1)
    )
    own, other = skeleton.rest_offsets[4:9], HUMANML3D22.rest_offsets[4:9]
    assert float(torch.cosine_similarity(own, other, dim=-1).min()) > 0.9999


def other_build() -> Skeleton:
    """A body whose pelvis lies above its hips and whose spine is bent in rest pose."""
    offsets = BODY22.rest_offsets.clone()
    for name, offset in {
        "left_hip": (0.06, -0.09, -0.01),
        "right_hip": (-0.06, -0.09, -0.01),
        "spine1": (0.0, 0.11, -0.03),
        "spine3": (0.0, 0.05, 0.03),
        "neck": (0.0, 0.21, -0.03),
        "left_collar": (0.08, 0.09, -0.02),
        "right_collar": (-0.08, 0.09, -0.02),
    }.items():
        offsets[BODY22.index(name)] = torch.tensor(offset)
    return replace(BODY22, rest_offsets=offsets)


def test_a_body_of_another_build_stands_upright_all_the_same() -> None:
    build = other_build()
    motion = replace(bending(), skeleton=build)
    positions = motion.joint_positions
    errors = []
    for like in (BODY22, build):
        skeleton = skeleton_of_positions(positions, like)
        found = motion_of_positions(positions, fps=20.0, skeleton=skeleton)
        assert float((found.joint_positions - positions).norm(dim=-1).max()) < 1e-4
        turned = rotations.geodesic_distance(found.global_rotations, motion.global_rotations)
        errors.append(float(turned[:, [0, BODY22.index("spine3")]].rad2deg().max()))
    assert errors[0] < 15  # the bend of its spine counts as movement
    assert errors[1] < 0.1  # its own rest pose tells it


@pytest.mark.parametrize("clip", ["walk", "jump", "dance", "turn"])
@pytest.mark.parametrize("kind", ["positions", "recovered"])
def test_joints_of_the_reference_are_met(shared_data: Path, clip: str, kind: str) -> None:
    with np.load(shared_data / "humanml3d_fixture" / "fixture.npz") as arrays:
        positions = torch.from_numpy(arrays[f"{clip}_{kind}"])
    skeleton = skeleton_of_positions(positions, HUMANML3D22)
    found = motion_of_positions(positions, fps=20.0, skeleton=skeleton)
    assert float((found.joint_positions - positions).norm(dim=-1).max()) < 1e-4
    step = rotations.geodesic_distance(found.local_rotations[1:], found.local_rotations[:-1])
    assert float(step.max()) < np.radians(30)


def test_real_rotations_are_found_again_but_for_twists(shared_data: Path) -> None:
    motion = CmuPack.open(shared_data / "cmu").motion("07_01").resample(20.0)
    found = motion_of_positions(motion.joint_positions, fps=20.0, skeleton=BODY22)
    turned = rotations.geodesic_distance(found.global_rotations, motion.global_rotations)
    median = dict(zip(BODY22.joint_names, turned.rad2deg().median(0).values.tolist(), strict=True))
    assert max(median[name] for name in ("pelvis", "spine3", "left_collar", "right_collar")) < 0.1
    limbs = [f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle")]
    assert max(median[name] for name in limbs) < 10
    assert max(median[f"{side}_shoulder"] for side in ("left", "right")) < 15


def test_another_number_of_joints_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="21 joints of 'kit21', got 22"):
        motion_of_positions(torch.zeros(3, 22, 3), fps=12.5, skeleton=KIT21)
    with pytest.raises(InvalidInputError, match="bones with a length"):
        skeleton_of_positions(torch.zeros(3, 22, 3), BODY22)
