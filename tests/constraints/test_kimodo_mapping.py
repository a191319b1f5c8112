"""Kimodo's constraints on a model's skeleton: retargeted poses, kept places, times on frames."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from marey import rotations
from marey.constraints.clip import Clip
from marey.constraints.compile import compile_goals, facts_from_goals
from marey.constraints.contact import FootContact
from marey.constraints.joint import JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.kimodo import KimodoConstraints, kimodo_constraints_from_json
from marey.constraints.kimodo_mapping import to_model
from marey.constraints.root import PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import Interval
from marey.errors import InvalidInputError
from marey.motion import Motion, retarget
from marey.representations import SmoothRoot
from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77, heading_angle

GROUND = torch.tensor([1.0, 0.0, 1.0])


def bundled(shared_data: Path, clip: str, body: str = "soma") -> KimodoConstraints:
    path = shared_data / "kimodo_examples" / f"kimodo-{body}-rp" / clip / "constraints.json"
    return kimodo_constraints_from_json(json.loads(path.read_text(encoding="utf-8")))


def poses(*frames: int, seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    vectors = 0.2 * torch.randn(len(frames), 30, 3, generator=generator)
    root = torch.tensor([[0.1 * frame, 0.95, 0.05 * frame] for frame in frames])
    return {
        "frame_indices": list(frames),
        "local_joints_rot": vectors.tolist(),
        "root_positions": root.tolist(),
    }


def motion_of(entry: dict[str, Any]) -> Motion:
    return Motion(
        root_positions=torch.tensor(entry["root_positions"]),
        local_rotations=rotations.rotation_vector_to_matrix(
            torch.tensor(entry["local_joints_rot"])
        ),
        fps=30.0,
        skeleton=SOMA30,
    )


def of_type(constraints: tuple[Any, ...], kind: type) -> list[Any]:
    return [each for each in constraints if type(each) is kind]


@pytest.mark.parametrize("scale_path", [False, True])
def test_a_keyframe_is_the_retargeted_pose_above_its_place_on_the_ground(
    scale_path: bool,
) -> None:
    entry = poses(3, 40)
    read = kimodo_constraints_from_json([{"type": "fullbody", **entry}])
    made = to_model(read, BODY22, fps=20, scale_path=scale_path)
    (keyframe,) = made.constraints
    assert isinstance(keyframe, FullBodyKeyframe)
    source = motion_of(entry)
    result = retarget(source, BODY22)
    factor = result.report.scale if scale_path else 1.0
    assert (made.report.scale, made.report.path_scale) == (result.report.scale, factor)
    assert 0.9 < made.report.scale < 1
    place = factor * source.root_positions * GROUND
    shift = place - result.motion.root_positions * GROUND
    expected = result.motion.joint_positions + shift[:, None]
    assert keyframe.joint_names == BODY22.joint_names
    torch.testing.assert_close(keyframe.positions, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(keyframe.positions[:, 0] * GROUND, place, atol=1e-5, rtol=0)
    torch.testing.assert_close(keyframe.root_path, place[:, [0, 2]], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        keyframe.rotations, result.motion.global_rotations, atol=1e-5, rtol=0
    )
    assert keyframe.times.seconds == (0.1, 40 / 30)


def test_hands_and_feet_are_where_the_retargeted_pose_has_them() -> None:
    entry = poses(12)
    whole = kimodo_constraints_from_json([{"type": "fullbody", **entry}])
    (keyframe,) = to_model(whole, BODY22, fps=20).constraints
    assert isinstance(keyframe, FullBodyKeyframe)
    names = ["LeftHand", "RightFoot", "Hips"]
    read = kimodo_constraints_from_json([{"type": "end-effector", "joint_names": names, **entry}])
    made = to_model(read, BODY22, fps=20)
    targets = of_type(made.constraints, JointTarget)
    assert [target.joint for target in targets] == [
        "left_wrist",
        "right_ankle",
        "right_foot",
        "pelvis",
    ]
    assert keyframe.rotations is not None
    for target in targets:
        joint = BODY22.index(target.joint)
        torch.testing.assert_close(target.positions, keyframe.positions[:, joint])
        if target.joint != "right_foot":
            turned = keyframe.rotations[:, joint]
            torch.testing.assert_close(target.rotations, turned, atol=1e-5, rtol=0)
    (height,) = of_type(made.constraints, PelvisHeight)
    torch.testing.assert_close(height.heights, keyframe.positions[:, 0, 1])
    (heading,) = of_type(made.constraints, RootHeading)
    torch.testing.assert_close(heading.angles, motion_of(entry).heading)
    assert made.report.joint_map["RightToeBase"] == "right_foot"
    assert made.report.dropped == {"LeftHandMiddleEnd": "no joint of 'body22' follows it"}


def test_a_target_moved_by_the_user_moves_in_proportion() -> None:
    read = kimodo_constraints_from_json([{"type": "right-hand", **poses(5)}])
    before = to_model(read, BODY22, fps=30)
    target, *others = read.constraints
    assert isinstance(target, JointTarget)
    assert target.positions is not None
    moved = replace(target, positions=target.positions + torch.tensor([0.0, 0.1, 0.0]))
    after = to_model(replace(read, constraints=(moved, *others)), BODY22, fps=30)
    one, other = (of_type(made.constraints, JointTarget)[0] for made in (before, after))
    step = torch.tensor([[0.0, 0.1 * before.report.scale, 0.0]])
    torch.testing.assert_close(other.positions - one.positions, step, atol=1e-6, rtol=0)


def test_sinking_into_the_ground_is_reported() -> None:
    vectors = torch.zeros(1, 30, 3)
    vectors[0, SOMA30.index("LeftArm"), 2] = -math.pi / 2  # the arm hangs
    standing = {"local_joints_rot": vectors.tolist(), "root_positions": [[0.0, 1.0, 0.0]]}
    read = kimodo_constraints_from_json([{"type": "fullbody", "frame_indices": [5], **standing}])
    offsets = BODY22.rest_offsets.clone()
    offsets[BODY22.indices(("left_elbow", "left_wrist"))] *= 4
    long_arm = replace(BODY22, rest_offsets=offsets)
    plain, sunk = (to_model(read, body, fps=20).report.sunk for body in (BODY22, long_arm))
    assert plain < 0.02
    assert 0.5 < sunk < 1


@pytest.mark.parametrize("scale_path", [False, True])
def test_paths_scale_only_on_request(scale_path: bool) -> None:
    path = {"type": "root2d", "frame_indices": [0, 90], "smooth_root_2d": [[0, 0], [1, 2]]}
    heading = {**path, "global_root_heading": [[1, 0], [0, 1]]}
    read = kimodo_constraints_from_json([heading, {"type": "fullbody", **poses(40)}])
    speedy = RootPath(points=torch.tensor([[0.0, 0.0], [0.0, 1.0]]), speed=1.0)
    read = replace(read, constraints=(*read.constraints, speedy))
    made = to_model(read, BODY22, fps=20, scale_path=scale_path)
    factor = made.report.path_scale
    (waypoints,) = of_type(made.constraints, RootWaypoint)
    assert waypoints.points[1].tolist() == pytest.approx([factor, 2 * factor])
    (angles,) = of_type(made.constraints, RootHeading)
    torch.testing.assert_close(angles.angles, torch.tensor([0.0, math.pi / 2]))
    (curve,) = of_type(made.constraints, RootPath)
    assert curve.points[1, 1] / curve.speed == pytest.approx(1.0)
    assert (factor == 1) is not scale_path


def test_a_file_without_poses_fits_every_skeleton() -> None:
    path = {"type": "root2d", "frame_indices": [0, 90], "smooth_root_2d": [[0, 0], [1, 2]]}
    read = kimodo_constraints_from_json([path])
    made = to_model(read, BODY22, fps=20, scale_path=True)
    (waypoints,) = of_type(made.constraints, RootWaypoint)
    assert waypoints.points.tolist() == [[0, 0], [1, 2]]
    assert (made.report.scale, made.report.path_scale) == (1, 1)
    assert made.report.joint_map == made.report.dropped == {}


def test_on_its_own_skeleton_nothing_moves() -> None:
    read = kimodo_constraints_from_json([{"type": "left-hand", **poses(5, 60)}])
    made = to_model(read, SOMA30, fps=30)
    for one, other in zip(made.constraints, read.constraints, strict=True):
        for name, value in vars(other).items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(vars(one)[name], value)
    assert made.report.joint_map == {
        "LeftHand": "LeftHand",
        "LeftHandMiddleEnd": "LeftHandMiddleEnd",
    }
    on77 = to_model(read, SOMA77, fps=30)
    assert on77.report.scale == pytest.approx(1)
    assert on77.report.sunk < 1e-5
    one, other = (of_type(m.constraints, JointTarget)[1] for m in (made, on77))
    torch.testing.assert_close(one.positions, other.positions, atol=1e-5, rtol=0)


def test_a_dense_stretch_is_interpolated_and_crowded_keyframes_are_counted() -> None:
    path = {
        "type": "root2d",
        "frame_indices": list(range(31)),
        "smooth_root_2d": [[0, frame / 30] for frame in range(31)],
    }
    crowded = {"type": "root2d", "frame_indices": [0, 2], "smooth_root_2d": [[0, 0], [1, 1]]}
    read = kimodo_constraints_from_json([path, crowded])
    made = to_model(read, BODY22, fps=5)
    (dense, sparse) = of_type(made.constraints, RootWaypoint)
    torch.testing.assert_close(dense.points[:, 1], torch.arange(6) / 5)
    assert sparse.points.tolist() == [[0, 0]]
    assert made.report.merged == 1


@pytest.mark.parametrize("body", ["soma", "g1"])
@pytest.mark.parametrize(
    "clip", ["03_full_body_keyframes", "04_ee_constraint", "06_root_waypoints"]
)
def test_a_body22_model_at_20_fps_can_see_the_bundled_files(
    clip: str, body: str, shared_data: Path
) -> None:
    made = to_model(bundled(shared_data, clip, body), BODY22, fps=20)
    assert 0 <= made.report.sunk < 0.01
    target = Clip(skeleton=BODY22, fps=20, frames=161)
    facts = facts_from_goals(compile_goals(made.constraints, target), target)
    seen = SmoothRoot(skeleton=BODY22, fps=20.0).observe(facts)
    assert bool(seen.mask.any())
    pinned = facts.joint_position_mask
    if pinned.all(1).any():
        whole = facts.joint_positions[pinned.all(1)]
        torch.testing.assert_close(
            heading_angle(whole, BODY22), facts.heading[pinned.all(1)], atol=1e-3, rtol=0
        )
    feet = facts.joint_positions[:, BODY22.foot_indices][pinned[:, BODY22.foot_indices]]
    # The robot's own clip, as Kimodo left it, has a toe 3 cm in the ground.
    assert not len(feet) or (-0.02 if body == "soma" else -0.04) < float(feet[:, 1].min()) < 0.06


def test_the_foot_that_a_robot_stands_on_is_pinned_to_the_ground(shared_data: Path) -> None:
    read = bundled(shared_data, "03_full_body_keyframes", "g1")
    made = to_model(read, BODY22, fps=30)
    assert made.report.scale == pytest.approx(1.25, abs=0.01)
    (before,) = of_type(read.constraints, FullBodyKeyframe)
    (after,) = of_type(made.constraints, FullBodyKeyframe)
    feet = [before.joint_names.index(G1_34.joint_names[j]) for j in G1_34.foot_indices]
    lowest = made.report.scale * before.positions[:, feet, 1].amin(1)
    feet = [after.joint_names.index(BODY22.joint_names[j]) for j in BODY22.foot_indices]
    torch.testing.assert_close(after.positions[:, feet, 1].amin(1), lowest, atol=0.02, rtol=0)


def test_what_cannot_be_mapped_says_which_constraint() -> None:
    read = kimodo_constraints_from_json([{"type": "left-foot", **poses(5)}])
    contact = FootContact(foot="left_heel", interval=Interval(end=3))
    with pytest.raises(InvalidInputError, match=r"^constraints\[4\] \(FootContact\): .*Kimodo"):
        to_model(replace(read, constraints=(*read.constraints, contact)), BODY22, fps=20)
    with pytest.raises(
        InvalidInputError,
        match=r"^constraints\[0\] \(JointTarget '\[0\] left-foot'\): expected a pose in frame 5",
    ):
        to_model(replace(read, poses=()), BODY22, fps=20)
    with pytest.raises(InvalidInputError, match="fps: expected a positive number"):
        to_model(read, BODY22, fps=0)
