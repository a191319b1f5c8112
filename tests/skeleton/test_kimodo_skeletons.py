"""Kimodo's skeletons against the clips that come with it, and against each other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from marey import rotations
from marey.motion import Motion
from marey.skeleton import (
    G1_34,
    MIRRORED_PART,
    PARTS,
    SOMA30,
    SOMA77,
    Skeleton,
    global_rotations,
    heading_angle,
    joint_positions,
    local_rotations,
)

ALL = [SOMA30, SOMA77, G1_34]
BUNDLED = {"kimodo-soma-rp": SOMA30, "kimodo-g1-rp": G1_34}
CLIPS = ["01_single_text_prompt", "03_full_body_keyframes", "04_ee_constraint", "06_root_waypoints"]


def rest_positions(skeleton: Skeleton) -> Tensor:
    identity = torch.eye(3).expand(skeleton.num_joints, 3, 3)
    return joint_positions(torch.zeros(3), identity, skeleton)


def named(skeleton: Skeleton) -> str:
    return skeleton.name


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("folder", BUNDLED)
def test_forward_kinematics_gives_the_joint_positions_of_the_clips(
    folder: str, clip: str, shared_data: Path
) -> None:
    skeleton = BUNDLED[folder]
    with np.load(shared_data / "kimodo_examples" / folder / clip / "motion.npz") as arrays:
        positions = torch.from_numpy(arrays["posed_joints"])
        turned = torch.from_numpy(arrays["global_rot_mats"])
    found = joint_positions(positions[:, 0], turned, skeleton)
    assert float((found - positions).abs().max()) < 1e-5
    assert abs(float(heading_angle(positions[0], skeleton))) < 0.05


def test_joint_counts() -> None:
    assert [skeleton.num_joints for skeleton in ALL] == [30, 77, 34]
    assert [named(skeleton) for skeleton in ALL] == ["soma30", "soma77", "g1_34"]


@pytest.mark.parametrize("skeleton", ALL, ids=named)
def test_rest_pose_stands_upright_facing_forward(skeleton: Skeleton) -> None:
    rest = rest_positions(skeleton)
    assert abs(float(heading_angle(rest, skeleton))) < 0.01
    left_heel, left_toe, right_heel, right_toe = rest[skeleton.foot_indices]
    assert left_heel[0] > 0 > right_heel[0]
    assert min(left_toe[2] - left_heel[2], right_toe[2] - right_heel[2]) > 0.1
    assert rest[skeleton.role("left_hand"), 0] > 0 > rest[skeleton.role("right_hand"), 0]
    assert rest[:, 1].min() == pytest.approx(float(left_toe[1]), abs=0.02)


@pytest.mark.parametrize("skeleton", ALL, ids=named)
def test_mirror_exchanges_the_sides_of_a_nearly_symmetric_body(skeleton: Skeleton) -> None:
    mirror = list(skeleton.mirror)
    names = [skeleton.joint_names[joint] for joint in mirror]
    swapped = {"Left": "Right", "Right": "Left", "left": "right", "right": "left"}
    for name, twin in zip(skeleton.joint_names, names, strict=True):
        side = next((word for word in swapped if name.startswith(word)), "")
        assert twin == swapped.get(side, "") + name.removeprefix(side)
    assert [mirror[twin] for twin in mirror] == list(range(skeleton.num_joints))
    parents = [skeleton.parents[twin] for twin in mirror[1:]]
    assert parents == [mirror[parent] for parent in skeleton.parents[1:]]
    flipped = rest_positions(skeleton)[mirror] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(flipped, rest_positions(skeleton), atol=0.007, rtol=0)
    roles = vars(skeleton.roles)
    for role, joint in roles.items():
        if role.startswith("left_"):
            twin = skeleton.mirror[skeleton.index(joint)]
            assert skeleton.joint_names[twin] == roles[role.replace("left_", "right_")]


@pytest.mark.parametrize("skeleton", ALL, ids=named)
def test_every_joint_has_a_part_and_its_twin_the_mirrored_one(skeleton: Skeleton) -> None:
    joints = [joint for part in PARTS for joint in skeleton.part_indices(part)]
    assert sorted(joints) == list(range(skeleton.num_joints))
    twins = [skeleton.parts[joint] for joint in skeleton.mirror]
    assert twins == [MIRRORED_PART[part] for part in skeleton.parts]
    for joint, parent in enumerate(skeleton.parents[1:], start=1):  # a part is left for no other
        assert skeleton.parts[parent] in ("torso", skeleton.parts[joint])
    ends = {"left_hand": "left_arm", "left_hip": "left_leg", "right_toe": "right_leg"}
    for role, part in ends.items():
        assert skeleton.parts[skeleton.role(role)] == part


def test_only_the_robot_has_no_head() -> None:
    assert all(vars(SOMA30.roles).values())
    assert SOMA30.roles == SOMA77.roles
    assert [role for role, joint in vars(G1_34.roles).items() if not joint] == ["head"]
    assert G1_34.part_indices("head") == []


def test_soma30_is_soma77_with_its_hands_flat(generator: torch.Generator) -> None:
    shared = SOMA77.indices(SOMA30.joint_names)  # raises if one is missing
    vectors = torch.randn(5, 30, 3, generator=generator, dtype=torch.float64)
    local = rotations.rotation_vector_to_matrix(vectors)
    spread = torch.eye(3, dtype=torch.float64).repeat(5, 77, 1, 1)
    spread[:, shared] = local
    root = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    few, many = global_rotations(local, SOMA30), global_rotations(spread, SOMA77)
    torch.testing.assert_close(many[:, shared], few)
    positions = joint_positions(root, many, SOMA77)[:, shared]
    torch.testing.assert_close(positions, joint_positions(root, few, SOMA30), atol=1e-5, rtol=0)


def test_soma30_ends_its_feet_where_soma77_has_toe_tips() -> None:
    for joint, tip in SOMA30.end_sites:
        name = SOMA30.joint_names[joint].replace("Base", "End")
        assert tip == pytest.approx(SOMA77.rest_offsets[SOMA77.index(name)].tolist())
    assert len(SOMA30.end_sites) == 2


@pytest.mark.parametrize("skeleton", ALL, ids=named)
def test_mirroring_a_motion_twice_restores_it(
    skeleton: Skeleton, generator: torch.Generator
) -> None:
    vectors = torch.randn(4, skeleton.num_joints, 3, generator=generator)
    motion = Motion(
        root_positions=torch.randn(4, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=30.0,
        skeleton=skeleton,
    )
    twice = motion.mirror().mirror()
    assert torch.equal(twice.root_positions, motion.root_positions)
    assert torch.equal(twice.local_rotations, motion.local_rotations)
    restored = local_rotations(motion.global_rotations, skeleton)
    torch.testing.assert_close(restored, motion.local_rotations, atol=1e-5, rtol=0)
