"""Retargeting of real clips: a robot of hinges, SOMA and the CMU rig, to body22 and back."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from marey import skeleton as kinematics
from marey.io.bvh import read_bvh
from marey.motion import Motion, retarget
from marey.skeleton import BODY22, G1_34, SOMA30, Skeleton

CLIPS = ["01_single_text_prompt", "03_full_body_keyframes", "04_ee_constraint", "06_root_waypoints"]
CMU = ["02_01", "02_03", "05_03", "06_04", "07_01", "08_01", "08_05", "09_01", "09_03"]
# From where to where on body22, on the robot and on SOMA. The robot's limbs begin at roll hinges.
BONES = {
    "thigh": ("hip", "knee", "hip_roll", "knee", "Leg", "Shin"),
    "shin": ("knee", "ankle", "knee", "ankle_roll", "Shin", "Foot"),
    "upper arm": ("shoulder", "elbow", "shoulder_roll", "elbow", "Arm", "ForeArm"),
    "forearm": ("elbow", "wrist", "elbow", "wrist_yaw", "ForeArm", "Hand"),
}


def captured(shared_data: Path, clip: str) -> Motion:
    """A CMU clip on body22, whose build is that of the file's rig."""
    return retarget(read_bvh(shared_data / "bvh_cmu" / f"{clip}.bvh"), BODY22).motion.resample(24.0)


def bundled(shared_data: Path, skeleton: Skeleton, clip: str) -> Motion:
    folder = {"g1_34": "kimodo-g1-rp", "soma30": "kimodo-soma-rp"}[skeleton.name]
    with np.load(shared_data / "kimodo_examples" / folder / clip / "motion.npz") as arrays:
        positions = torch.from_numpy(arrays["posed_joints"])
        turned = torch.from_numpy(arrays["global_rot_mats"])
    return Motion(
        root_positions=positions[:, 0],
        local_rotations=kinematics.local_rotations(turned, skeleton),
        fps=30.0,
        skeleton=skeleton,
    )


def at_rest(skeleton: Skeleton) -> Motion:
    return Motion(
        root_positions=torch.tensor([[0.0, 1.0, 0.0]]),
        local_rotations=torch.eye(3).repeat(1, skeleton.num_joints, 1, 1),
        fps=20.0,
        skeleton=skeleton,
    )


def bones(motion: Motion, bone: str) -> Tensor:
    """Directions of a bone on both sides, [2 frames, 3]."""
    first = {"body22": 0, "g1_34": 2, "soma30": 4}[motion.skeleton.name]
    start, end = BONES[bone][first : first + 2]
    names = {
        0: ("left_{}", "right_{}"),
        2: ("left_{}_skel", "right_{}_skel"),
        4: ("Left{}", "Right{}"),
    }[first]
    index, places = motion.skeleton.index, motion.joint_positions
    rows = [places[:, index(n.format(end))] - places[:, index(n.format(start))] for n in names]
    return torch.nn.functional.normalize(torch.cat(rows), dim=-1)


def degrees_between(one: Tensor, other: Tensor) -> Tensor:
    return torch.rad2deg(2 * ((one - other).norm(dim=-1) / 2).clamp(max=1).asin())


def lowest_sole(motion: Motion, toes: Tensor) -> Tensor:
    """Height of the lowest point of both soles, from below the heel to the toe joint.

    ``toes`` are the vectors from left and right heel to the toe in rest pose.
    """
    heels = [motion.skeleton.role("left_heel"), motion.skeleton.role("right_heel")]
    points = torch.stack((toes, toes * torch.tensor([0.0, 1.0, 0.0])), dim=1)
    turned = motion.global_rotations[:, heels, None] @ points[..., None]
    heights = motion.joint_positions[:, heels, None, 1] + turned[..., 1, 0]
    return heights.flatten(1).amin(1)


def toes_of(skeleton: Skeleton) -> Tensor:
    left_heel, left_toe, right_heel, right_toe = skeleton.foot_indices
    if left_heel != left_toe:
        return skeleton.rest_offsets[[left_toe, right_toe]]
    tips = dict(skeleton.end_sites)
    return torch.tensor([tips[left_heel], tips[right_heel]])


def assert_soles_stay(source: Motion, result: Motion, scale: float, atol: float) -> None:
    before = scale * lowest_sole(source, toes_of(source.skeleton))
    after = lowest_sole(result, toes_of(result.skeleton))
    torch.testing.assert_close(after, before, atol=atol, rtol=0)


def assert_faces_alike(source: Motion, result: Motion, atol: float) -> None:
    apart = (result.heading - source.heading + math.pi) % (2 * math.pi) - math.pi
    assert float(apart.abs().max()) < atol


@pytest.mark.parametrize("clip", CLIPS)
def test_a_body_stands_as_the_robot_does(clip: str, shared_data: Path) -> None:
    robot = bundled(shared_data, G1_34, clip)
    done = retarget(robot, BODY22)
    errors = {bone: degrees_between(bones(done.motion, bone), bones(robot, bone)) for bone in BONES}
    for bone, error in errors.items():  # a chain of hinges is no ball joint, hence not exact
        assert float(error.mean()) < 3, bone
        assert float(error.max()) < 8, bone
    assert float(torch.cat(list(errors.values())).mean()) < 1.5
    assert_soles_stay(robot, done.motion, done.report.scale, atol=0.02)
    assert_faces_alike(robot, done.motion, atol=1e-3)
    kept = ("spine2", "spine3", "neck", "left_collar", "right_collar", "head")
    assert done.report.unmapped == kept
    assert done.report.unused == ("left_hand_roll_skel", "right_hand_roll_skel")


@pytest.mark.parametrize("clip", CLIPS)
def test_a_body_stands_as_soma_does(clip: str, shared_data: Path) -> None:
    soma = bundled(shared_data, SOMA30, clip)
    done = retarget(soma, BODY22)
    for bone in BONES:
        assert float(degrees_between(bones(done.motion, bone), bones(soma, bone)).max()) < 0.1
    assert_soles_stay(soma, done.motion, done.report.scale, atol=0.02)
    assert_faces_alike(soma, done.motion, atol=0.005)  # SOMA's hips are not level in rest pose


@pytest.mark.parametrize("clip", CMU)
def test_a_body_stands_as_on_the_published_rig(clip: str, shared_data: Path) -> None:
    rig = read_bvh(shared_data / "bvh_cmu" / f"{clip}.bvh")
    done = retarget(rig, BODY22)
    index, theirs = rig.skeleton.index, done.report.joint_map
    for bone in BONES:
        names = [[f"{side}_{end}" for end in BONES[bone][:2]] for side in ("left", "right")]
        ends = [[rig.joint_positions[:, index(theirs[end])] for end in pair] for pair in names]
        rows = [last - first for first, last in ends]
        expected = torch.nn.functional.normalize(torch.cat(rows), dim=-1)
        assert float(degrees_between(bones(done.motion, bone), expected).max()) < 0.1
    assert done.report.scale == pytest.approx(1, abs=1e-4)
    assert_soles_stay(rig, done.motion, 1.0, atol=1e-3)
    assert_faces_alike(rig, done.motion, atol=1e-4)


@pytest.mark.parametrize("skeleton", [G1_34, SOMA30], ids=lambda s: s.name)
@pytest.mark.parametrize("clip", CLIPS)
def test_there_and_back_returns_the_rotations(
    clip: str, skeleton: Skeleton, shared_data: Path
) -> None:
    motion = bundled(shared_data, skeleton, clip)
    there = retarget(motion, BODY22)
    back = retarget(there.motion, skeleton)
    followed = skeleton.indices(tuple(there.report.joint_map.values()))
    torch.testing.assert_close(
        back.motion.global_rotations[:, followed],
        motion.global_rotations[:, followed],
        atol=2e-4,
        rtol=0,
    )
    assert there.report.scale * back.report.scale == pytest.approx(1)


@pytest.mark.parametrize("skeleton", [G1_34, SOMA30], ids=lambda s: s.name)
def test_a_body_on_another_and_back_is_itself(skeleton: Skeleton, shared_data: Path) -> None:
    motion = captured(shared_data, "05_03")
    there = retarget(motion, skeleton)
    for bone in BONES:
        error = degrees_between(bones(there.motion, bone), bones(motion, bone))
        assert float(error.max()) < 0.1, bone
    assert_soles_stay(motion, there.motion, there.report.scale, atol=0.02)
    back = retarget(there.motion, BODY22).motion
    torch.testing.assert_close(
        back.joint_positions[:, 0], motion.joint_positions[:, 0], atol=1e-4, rtol=0
    )
    limb = BODY22.indices(("left_hip", "right_knee", "left_ankle", "right_elbow", "left_wrist"))
    torch.testing.assert_close(
        back.global_rotations[:, limb], motion.global_rotations[:, limb], atol=2e-4, rtol=0
    )


@pytest.mark.parametrize("skeleton", [G1_34, SOMA30], ids=lambda s: s.name)
@pytest.mark.parametrize("there", [True, False])
def test_rest_poses_keep_the_directions_of_their_limbs(there: bool, skeleton: Skeleton) -> None:
    one, other = (BODY22, skeleton) if there else (skeleton, BODY22)
    source = at_rest(one)
    done = retarget(source, other).motion
    for bone in BONES:
        assert float(degrees_between(bones(done, bone), bones(source, bone)).max()) < 0.05
    feet = [done.skeleton.role(role) for role in ("left_heel", "left_toe")]
    heel, toe = done.joint_positions[0, feet]
    assert float((toe - heel)[2]) > 0.1
    torch.testing.assert_close(done.heading, torch.zeros(1), atol=0.01, rtol=0)


@pytest.mark.parametrize("clip", ["02_01", "08_01"])
def test_the_hips_do_not_jolt_when_the_weight_changes_feet(clip: str, shared_data: Path) -> None:
    walk = captured(shared_data, clip)
    done = retarget(walk, SOMA30)

    def jolt(motion: Motion) -> float:
        hips = [motion.skeleton.role("left_hip"), motion.skeleton.role("right_hip")]
        height = motion.joint_positions[:, hips, 1].mean(1)
        return float(height.diff(n=2).abs().max() * motion.fps**2)

    assert jolt(done.motion) < 1.5 * done.report.scale * jolt(walk)
