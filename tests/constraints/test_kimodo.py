"""Kimodo's constraint files: what they mean, what is refused, and writing them back."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marey import rotations
from marey.constraints.contact import FootContact
from marey.constraints.joint import JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.kimodo import KimodoConstraints, kimodo_constraints_from_json
from marey.constraints.kimodo_writer import kimodo_constraints_to_json
from marey.constraints.root import PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import Interval, Times
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77, Skeleton

G1, SOMA = "kimodo-g1-rp", "kimodo-soma-rp"
BUNDLED: dict[tuple[str, str], list[tuple[str, list[int]]]] = {
    (G1, "03_full_body_keyframes"): [("fullbody", [59, 106, 148])],
    (G1, "04_ee_constraint"): [
        ("right-hand", [129, 93, 0]),
        ("left-foot", [93, 0]),
        ("right-foot", [0]),
        ("left-hand", [0]),
    ],
    (G1, "06_root_waypoints"): [("root2d", [0, 87, 169, 240])],
    (SOMA, "03_full_body_keyframes"): [("fullbody", [79, 134])],
    (SOMA, "04_ee_constraint"): [
        ("right-foot", [28, 94]),
        ("left-foot", [28, 94]),
        ("left-hand", [28, 94]),
        ("right-hand", [28, 94]),
    ],
    (SOMA, "06_root_waypoints"): [("root2d", [0, 90, 180])],
}
SKELETONS = {G1: G1_34, SOMA: SOMA30}
LIMBS: dict[str, dict[str, list[str]]] = {
    SOMA: {
        "left-hand": ["LeftHand", "LeftHandMiddleEnd"],
        "right-hand": ["RightHand", "RightHandMiddleEnd"],
        "left-foot": ["LeftFoot", "LeftToeBase"],
        "right-foot": ["RightFoot", "RightToeBase"],
    },
    G1: {
        "left-hand": ["left_wrist_yaw_skel", "left_hand_roll_skel"],
        "right-hand": ["right_wrist_yaw_skel", "right_hand_roll_skel"],
        "left-foot": ["left_ankle_roll_skel", "left_toe_base"],
        "right-foot": ["right_ankle_roll_skel", "right_toe_base"],
    },
}
every_file = pytest.mark.parametrize("place", BUNDLED, ids="/".join)


def content_of(shared_data: Path, place: tuple[str, str]) -> list[dict[str, Any]]:
    path = shared_data / "kimodo_examples" / place[0] / place[1] / "constraints.json"
    return json.loads(path.read_text(encoding="utf-8"))


def clip_of(
    shared_data: Path, place: tuple[str, str], frames: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Joint positions and global rotations of some frames of a bundled clip."""
    with np.load(shared_data / "kimodo_examples" / place[0] / place[1] / "motion.npz") as arrays:
        positions, turned = arrays["posed_joints"], arrays["global_rot_mats"]
    return torch.from_numpy(positions[frames]), torch.from_numpy(turned[frames])


def posed(kind: str, frames: list[int], skeleton: Skeleton = SOMA30, **more: Any) -> dict[str, Any]:
    """An entry whose poses differ from frame to frame."""
    generator = torch.Generator().manual_seed(sum(frames))
    vectors = 0.4 * torch.randn(len(frames), skeleton.num_joints, 3, generator=generator)
    root = torch.randn(len(frames), 3, generator=generator) * 0.1 + torch.tensor([0.0, 1.0, 0.0])
    return {
        "type": kind,
        "frame_indices": frames,
        "local_joints_rot": vectors.tolist(),
        "root_positions": root.tolist(),
        "smooth_root_2d": (root[:, [0, 2]] + 0.01).tolist(),
        **more,
    }


def of_type(read: KimodoConstraints, kind: type) -> list[Any]:
    return [each for each in read.constraints if type(each) is kind]


def seconds_of(constraint: Any) -> tuple[float, ...]:
    return constraint.times.seconds


def written(read: KimodoConstraints, skeleton: Skeleton) -> list[dict[str, Any]]:
    return kimodo_constraints_to_json(read.constraints, skeleton, poses=read.poses)


def assert_same(one: list[dict[str, Any]], other: list[dict[str, Any]], atol: float) -> None:
    assert [set(entry) for entry in one] == [set(entry) for entry in other]
    for first, second in zip(one, other, strict=True):
        for field, value in first.items():
            if field in ("type", "frame_indices", "joint_names"):
                assert value == second[field]
            else:
                np.testing.assert_allclose(value, second[field], atol=atol, rtol=0)


# --- the bundled files -------------------------------------------------------------------------


@every_file
def test_every_bundled_file_gives_its_entries_and_frames(
    place: tuple[str, str], shared_data: Path
) -> None:
    read = kimodo_constraints_from_json(content_of(shared_data, place))
    entries = BUNDLED[place]
    expected: list[tuple[type, str, list[int]]] = []
    for kind, frames in entries:
        if kind == "fullbody":
            expected.append((FullBodyKeyframe, "", frames))
        elif kind == "root2d":
            expected.append((RootWaypoint, "", frames))
        else:
            expected += [(JointTarget, joint, frames) for joint in LIMBS[place[0]][kind]]
            expected += [(PelvisHeight, "", frames), (RootHeading, "", frames)]
    found = [
        (
            type(each),
            getattr(each, "joint", ""),
            [round(30 * second) for second in seconds_of(each)],
        )
        for each in read.constraints
    ]
    assert found == expected
    assert read.report.read == {k: sum(k == own for own, _ in entries) for k, _ in entries}
    assert read.report.dropped == ()
    has_poses = any(kind != "root2d" for kind, _ in entries)
    assert read.skeleton == (SKELETONS[place[0]] if has_poses else None)
    assert len(read.poses) == sum("-" in kind for kind, _ in entries)


@every_file
def test_every_bundled_file_is_written_back_as_it_was(
    place: tuple[str, str], shared_data: Path
) -> None:
    content = content_of(shared_data, place)
    read = kimodo_constraints_from_json(content)
    again = written(read, SKELETONS[place[0]])
    assert_same(again, content, 1e-5)
    assert json.loads(json.dumps(again)) == again


def test_the_clip_made_from_the_keyframes_has_their_poses(shared_data: Path) -> None:
    place = (SOMA, "03_full_body_keyframes")
    (keyframe,) = kimodo_constraints_from_json(content_of(shared_data, place)).constraints
    assert isinstance(keyframe, FullBodyKeyframe)
    positions, turned = clip_of(shared_data, place, [79, 134])
    moved = positions - keyframe.positions
    assert float(moved.norm(dim=-1).max()) < 5e-3  # the whole clip was moved by 4.5 mm
    assert float((moved - moved[:, :1]).abs().max()) < 1e-5
    assert keyframe.rotations is not None
    assert float(rotations.geodesic_distance(turned, keyframe.rotations).max()) < 1e-5


def test_the_clip_made_from_hands_and_feet_has_them_there(shared_data: Path) -> None:
    place = (SOMA, "04_ee_constraint")
    read = kimodo_constraints_from_json(content_of(shared_data, place))
    positions, turned = clip_of(shared_data, place, [28, 94])
    for target in of_type(read, JointTarget):
        joint = SOMA30.index(target.joint)
        assert float((positions[:, joint] - target.positions).norm(dim=-1).max()) < 2e-3
        if target.rotations is not None:
            apart = rotations.geodesic_distance(turned[:, joint], target.rotations)
            assert float(apart.max()) < math.radians(1)


# --- what entries mean -------------------------------------------------------------------------


def test_a_whole_body_is_the_pose_of_its_rotations() -> None:
    entry = posed("fullbody", [9, 3])
    (keyframe,) = kimodo_constraints_from_json([entry]).constraints
    assert isinstance(keyframe, FullBodyKeyframe)
    assert keyframe.rotations is not None
    assert keyframe.root_path is not None
    np.testing.assert_allclose(keyframe.positions[:, 0], entry["root_positions"], atol=1e-6)
    np.testing.assert_allclose(keyframe.root_path, entry["smooth_root_2d"], atol=1e-6)
    shin, foot = SOMA30.index("LeftShin"), SOMA30.index("LeftFoot")
    local = keyframe.rotations[:, shin].mT @ keyframe.rotations[:, foot]
    vectors = np.array(entry["local_joints_rot"])[:, foot]
    np.testing.assert_allclose(rotations.matrix_to_rotation_vector(local), vectors, atol=1e-5)
    bone = keyframe.positions[:, foot] - keyframe.positions[:, shin]
    offset = keyframe.rotations[:, shin] @ SOMA30.rest_offsets[foot]
    torch.testing.assert_close(bone, offset, atol=1e-5, rtol=0)


def test_an_end_effector_pins_its_chain_the_path_the_height_and_the_heading() -> None:
    entry = posed("left-foot", [12], SOMA77)
    read = kimodo_constraints_from_json([entry])
    (pose,) = read.poses
    targets = of_type(read, JointTarget)
    assert [target.joint for target in targets] == ["LeftFoot", "LeftToeBase", "LeftToeEnd"]
    assert [target.rotations is None for target in targets] == [False, True, True]
    for target in targets:
        assert torch.equal(target.positions[0], pose.positions[0, SOMA77.index(target.joint)])
        assert torch.equal(target.root_path, pose.root_path)
        assert target.label == "[0] left-foot"
    (height,) = of_type(read, PelvisHeight)
    assert float(height.heights) == pytest.approx(entry["root_positions"][0][1])
    (heading,) = of_type(read, RootHeading)
    turned = Motion(
        root_positions=pose.positions[:, 0],
        local_rotations=rotations.rotation_vector_to_matrix(
            torch.tensor(entry["local_joints_rot"])
        ),
        fps=30.0,
        skeleton=SOMA77,
    )
    torch.testing.assert_close(heading.angles, turned.heading)


@pytest.mark.parametrize("names", [["LeftHand", "Hips"], ["left_hand", "hips", "LeftHand"]])
def test_generic_end_effectors_count_and_so_do_the_hips(names: list[str]) -> None:
    read = kimodo_constraints_from_json([posed("end-effector", [10], joint_names=names)])
    targets = of_type(read, JointTarget)
    assert [target.joint for target in targets] == ["LeftHand", "LeftHandMiddleEnd", "Hips"]
    assert targets[2].positions is not None
    assert targets[2].rotations is not None
    assert len(of_type(read, PelvisHeight)) == len(of_type(read, RootHeading)) == 1
    again = kimodo_constraints_from_json(written(read, SOMA30))
    assert [target.joint for target in of_type(again, JointTarget)] == [t.joint for t in targets]


def test_a_path_may_have_headings_of_any_length() -> None:
    entry = {
        "type": "root2d",
        "frame_indices": [60, 0],
        "smooth_root_2d": [[0, 2], [0.5, 0]],
        "global_root_heading": [[0, 1], [-2, 0]],
    }
    read = kimodo_constraints_from_json([entry])
    waypoints, heading = read.constraints
    assert isinstance(waypoints, RootWaypoint)
    assert isinstance(heading, RootHeading)
    assert waypoints.times.seconds == heading.times.seconds == (2.0, 0.0)
    assert waypoints.points.tolist() == [[0, 2], [0.5, 0]]
    torch.testing.assert_close(heading.angles, torch.tensor([math.pi / 2, math.pi]))
    entry["global_root_heading"] = [[0, 1], [-1, 0]]
    assert_same(written(read, G1_34), [entry], 1e-6)


def test_without_a_path_the_pelvis_is_on_it() -> None:
    for absent in ({"smooth_root_2d": None}, {}):
        entry = posed("right-hand", [4])
        del entry["smooth_root_2d"]
        read = kimodo_constraints_from_json([entry | absent])
        (x, _, z) = entry["root_positions"][0]
        assert of_type(read, JointTarget)[0].root_path[0].tolist() == pytest.approx([x, z])


def test_of_a_frame_that_comes_twice_the_first_counts_and_the_other_is_reported() -> None:
    entry = posed("fullbody", [5, 8, 5])
    read = kimodo_constraints_from_json([entry])
    (keyframe,) = read.constraints
    assert isinstance(keyframe, FullBodyKeyframe)
    assert keyframe.times.seconds == (5 / 30, 8 / 30)
    np.testing.assert_allclose(keyframe.positions[:, 0], entry["root_positions"][:2], atol=1e-6)
    assert read.report.dropped == (
        "[0].frame_indices[2]: frame 5 comes again; the first one counts.",
    )


def test_soma_in_30_and_77_joints_may_stand_in_one_file() -> None:
    content = [posed("fullbody", [1]), posed("left-hand", [2], SOMA77), posed("right-hand", [3])]
    read = kimodo_constraints_from_json(content)
    assert read.skeleton == SOMA77
    assert [len(pose.joint_names) for pose in read.poses] == [77, 30]
    again = written(read, SOMA77)
    assert_same(again[1:2], content[1:2], 1e-5)
    shared = SOMA77.indices(SOMA30.joint_names)
    for one, other in ((again[0], content[0]), (again[2], content[2])):
        vectors = np.array(one["local_joints_rot"])
        np.testing.assert_allclose(vectors[:, shared], other["local_joints_rot"], atol=1e-5)
        np.testing.assert_allclose(np.delete(vectors, shared, axis=1), 0, atol=1e-5)


def test_other_bodies_are_given_by_the_user() -> None:
    entry = posed("left-hand", [2], BODY22)
    with pytest.raises(InvalidInputError, match=r"30 \(soma30\), 34 .*, got 22\. Pass skeleton="):
        kimodo_constraints_from_json([entry])
    read = kimodo_constraints_from_json([entry], skeleton=BODY22)
    assert read.skeleton == BODY22
    assert [target.joint for target in of_type(read, JointTarget)] == ["left_wrist"]


def test_frames_are_those_of_the_file() -> None:
    entry = {"type": "root2d", "frame_indices": [10], "smooth_root_2d": [[0, 1]]}
    read = kimodo_constraints_from_json([entry], fps=20)
    assert seconds_of(read.constraints[0]) == (0.5,)
    assert kimodo_constraints_to_json(read.constraints, SOMA30, fps=20) == [entry]
    assert kimodo_constraints_to_json(read.constraints, SOMA30)[0]["frame_indices"] == [15]


# --- refusals ----------------------------------------------------------------------------------

PATH = {"type": "root2d", "frame_indices": [0, 9], "smooth_root_2d": [[0, 0], [0, 1]]}


def without(entry: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != field}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"type": "root2d"}, "Kimodo constraints: expected a list .*, got an object"),
        ([PATH, 3], r"\[1\]: expected an object, got 3"),
        ([{**PATH, "type": "waist"}], r"\[0\]\.type: expected one of root2d, fullbody, left-hand"),
        ([{**PATH, "frames": [0]}], r'\[0\]: unknown field "frames"; the fields .* frame_indices'),
        ([without(PATH, "smooth_root_2d")], r"\[0\]\.smooth_root_2d: expected a value"),
        ([{**PATH, "frame_indices": [0, -1]}], r"\[0\]\.frame_indices\[1\]: expected .*, got -1"),
        ([{**PATH, "frame_indices": [0, 1.5]}], r"\[0\]\.frame_indices\[1\]: .*, got 1\.5"),
        ([{**PATH, "frame_indices": [0]}], r"\[0\]\.smooth_root_2d: .* 1 item, as frame_indices"),
        (
            [{**PATH, "smooth_root_2d": [[0, 0], [0, float("nan")]]}],
            r"\[0\]\.smooth_root_2d\[1\]\[1\]: expected a finite number",
        ),
        (
            [{**PATH, "global_root_heading": [[1, 0], [0, 0]]}],
            r"\[0\]\.global_root_heading\[1\]: expected cosine and sine",
        ),
        (
            [PATH, without(posed("fullbody", [1]), "local_joints_rot")],
            r"\[1\]\.local_joints_rot: expected a value",
        ),
        (
            [{**posed("fullbody", [1]), "root_positions": [[0, 1]]}],
            r"\[0\]\.root_positions\[0\]: expected a list of 3 items",
        ),
        (
            [{**posed("fullbody", [1]), "local_joints_rot": [[[0, 0, 0]] * 31]}],
            r"\[0\]\.local_joints_rot\[0\]: expected rotations of .*, got 31",
        ),
        (
            [{**posed("fullbody", [1]), "local_joints_rot": [[[0, 0]] * 30]}],
            r"\[0\]\.local_joints_rot\[0\]\[0\]: expected a list of 3 items",
        ),
        (
            [posed("end-effector", [1], joint_names=["Hips", "Tail"])],
            r'\[0\]\.joint_names\[1\]: expected one of LeftHand, .*, got "Tail"',
        ),
        ([posed("end-effector", [1])], r"\[0\]\.joint_names: expected a value"),
        (
            [posed("fullbody", [1]), posed("fullbody", [2], G1_34)],
            r"\[1\]\.local_joints_rot: expected poses of 'soma30', as \[0\] has, got 'g1_34'",
        ),
    ],
)
def test_a_fault_is_named_by_its_path(content: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{message}"):
        kimodo_constraints_from_json(content)


def test_an_empty_file_pins_nothing() -> None:
    read = kimodo_constraints_from_json([])
    assert read.constraints == read.poses == ()
    assert read.skeleton is None
    assert kimodo_constraints_to_json([], SOMA30) == []


# --- writing what others made ------------------------------------------------------------------


def wandering(skeleton: Skeleton = SOMA30) -> Motion:
    generator = torch.Generator().manual_seed(1)
    vectors = 0.3 * torch.randn(12, skeleton.num_joints, 3, generator=generator)
    return Motion(
        root_positions=torch.randn(12, 3, generator=generator) * 0.1,
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=30.0,
        skeleton=skeleton,
    )


def test_targets_are_written_with_the_poses_that_meet_them() -> None:
    motion = wandering()
    target = JointTarget.from_motion(motion, "LeftHand", [7, 2], rotations=True, root_path=True)
    poses = [FullBodyKeyframe.from_motion(motion, [2]), FullBodyKeyframe.from_motion(motion, [7])]
    (entry,) = kimodo_constraints_to_json([target], SOMA30, poses=poses)
    assert (entry["type"], entry["frame_indices"]) == ("left-hand", [7, 2])
    vectors = rotations.matrix_to_rotation_vector(motion.local_rotations[[7, 2]])
    np.testing.assert_allclose(entry["local_joints_rot"], vectors, atol=1e-5)
    beside = kimodo_constraints_to_json([target, *poses], SOMA30)  # keyframes are poses, too
    assert_same(beside[:1], [entry], 1e-6)


def test_a_path_at_a_speed_is_written_frame_by_frame() -> None:
    path = RootPath(points=torch.tensor([[0.0, 0.0], [0.0, 1.0]]), speed=3.0)
    (entry,) = kimodo_constraints_to_json([path], SOMA30)
    assert entry["frame_indices"] == list(range(11))
    np.testing.assert_allclose(np.array(entry["smooth_root_2d"])[:, 1], np.arange(11) / 10)


AT_5 = Times(frames=(5,))


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (RootHeading(times=AT_5, angles=torch.zeros(1)), "got a heading in frame 5"),
        (PelvisHeight(times=AT_5, heights=torch.ones(1)), "got a root_height in frame 5"),
        (
            JointTarget.from_motion(wandering(), "LeftForeArm", [5]),
            "got a joint_position of LeftForeArm in frame 5",
        ),
        (JointTarget.from_motion(wandering(), "LeftHand", [5]), "expected a pose in frame 5"),
        (
            JointTarget.from_motion(wandering(), "LeftHand", [5], positions=False, rotations=True),
            "positions: expected some",
        ),
        (
            FullBodyKeyframe.from_motion(wandering(), [5], rotations=False),
            "rotations: expected those of a pose",
        ),
        (FootContact(foot="left_heel", interval=Interval(end=3)), "that a Kimodo file can hold"),
    ],
)
def test_what_a_file_cannot_say_is_refused(constraint: Any, message: str) -> None:
    name = type(constraint).__name__
    with pytest.raises(InvalidInputError, match=rf"{message}"):
        kimodo_constraints_to_json([constraint], SOMA30)
    if "rotations: " not in message:
        with pytest.raises(InvalidInputError, match=rf"^constraints\[0\] \({name}\): "):
            kimodo_constraints_to_json([constraint], SOMA30)


def test_a_pose_that_misses_the_target_is_refused() -> None:
    motion = wandering()
    target = JointTarget.from_motion(motion, "RightFoot", [5])
    assert target.positions is not None
    moved = replace(target, positions=target.positions + 0.1)
    pose = FullBodyKeyframe.from_motion(motion, [5])
    kimodo_constraints_to_json([target], SOMA30, poses=[pose])
    with pytest.raises(InvalidInputError, match=r"RightFoot at its target, got one 0\.173 m away"):
        kimodo_constraints_to_json([moved], SOMA30, poses=[pose])
    turned = replace(target, rotations=torch.eye(3)[None])
    with pytest.raises(InvalidInputError, match="got a joint_rotation of RightFoot in frame 5"):
        kimodo_constraints_to_json([turned], SOMA30, poses=[pose])
