from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion, retarget
from marey.predicates import POSE_FACTS, PoseFacts
from marey.predicates.pose_facts import binned
from marey.predicates.pose_table import POSE_FACT_INDEX
from marey.rotations import axis_rotation
from marey.skeleton import BODY22, Roles
from marey.skeleton.library import SOMA30
from marey.skeleton.parts import SLOTS, mirrored_slot

STANDING = torch.tensor([[0.0, 0.85, 0.0]])
CLIPS = ("78_03", "78_34", "83_47", "144_09", "49_03", "91_15")
"""Clips of the split `val` recorded at 24 frames per second."""


def pose(**turns: tuple[str, float]) -> Motion:
    """One frame of body22 with hanging arms, some joints turned about an axis by degrees."""
    turns = {"left_shoulder": ("Z", -90), "right_shoulder": ("Z", 90), **turns}
    local = torch.eye(3).repeat(1, BODY22.num_joints, 1, 1)
    for joint, (axis, angle) in turns.items():
        local[:, BODY22.index(joint)] = axis_rotation(axis, torch.tensor([angle]).deg2rad())
    return Motion(root_positions=STANDING, local_rotations=local, fps=20.0, skeleton=BODY22)


def value(motion: Motion, fact: str) -> float:
    return float(PoseFacts.of(motion).value(fact)[0])


def word(motion: Motion, fact: str) -> str:
    return POSE_FACTS[POSE_FACT_INDEX[fact]].bins[int(PoseFacts.of(motion).code(fact)[0])]


@pytest.mark.parametrize(
    ("turns", "fact", "degrees"),
    [
        ({"left_elbow": ("Y", -70)}, "left_elbow_bend", 70),
        ({"right_knee": ("X", 50)}, "right_knee_bend", 50),
        ({"left_shoulder": ("Z", 40)}, "left_arm_lift", 130),
        ({"left_shoulder": ("Z", 0)}, "left_arm_outward", 90),
        ({"right_shoulder": ("Y", 90)}, "right_arm_forward", 90),
        ({"left_hip": ("X", -60)}, "left_thigh_lift", 60),
        ({"left_hip": ("X", -60)}, "left_thigh_pitch", -30),
        ({"left_hip": ("X", 30)}, "left_thigh_forward", -30),
        ({"left_hip": ("Z", 30)}, "left_thigh_outward", 30),
        ({"right_hip": ("Z", -30)}, "right_thigh_outward", 30),
        ({"left_hip": ("X", -60), "left_knee": ("X", 60)}, "left_shin_pitch", -90),
        ({"pelvis": ("X", 80)}, "chest_faces_up", -80),
        ({"spine1": ("Y", 30)}, "torso_twist_left", 30),
        ({"spine1": ("X", 30)}, "back_bend", 30),
        ({"neck": ("Y", -40)}, "head_turn_left", -40),
        ({"spine1": ("Y", -20), "neck": ("Y", -40)}, "face_left", -60),
        ({"neck": ("X", 35)}, "head_nod_down", 35),
        ({"neck": ("X", 35)}, "gaze_up", -35),
        ({"neck": ("Z", -20)}, "head_tilt_left", -20),
        ({"neck": ("Z", 20)}, "head_tilt_left", 20),
    ],
)
def test_an_angle_is_that_by_which_the_joint_was_turned(
    turns: dict[str, tuple[str, float]], fact: str, degrees: float
) -> None:
    sign = -1 if fact == "head_tilt_left" else 1  # +Z turns the head's top to the right
    assert value(pose(**turns), fact) == pytest.approx(sign * degrees, abs=0.1)


def test_lengths_lie_where_the_body_puts_its_parts() -> None:
    raised = pose(left_shoulder=("Z", 90))
    assert value(raised, "left_hand_higher") == pytest.approx(2 * 0.51912, abs=1e-3)
    assert word(raised, "left_hand_higher") == "left far higher"
    assert word(raised, "left_hand_over_shoulders") == "overhead"
    assert word(pose(), "left_hand_over_shoulders") == "waist"
    assert word(pose(left_shoulder=("Y", -90)), "left_hand_ahead") == "far in front"
    step = pose(left_hip=("X", -30), right_hip=("X", 30))
    assert value(step, "left_foot_ahead_of_right") == pytest.approx(0.82233, abs=1e-3)
    assert word(step, "left_foot_ahead_of_right") == "left far ahead"
    assert word(pose(left_hip=("Z", 40)), "feet_apart") == "very wide"
    assert word(pose(left_hip=("Z", -20), right_hip=("Z", 20)), "feet_apart") == "crossed"
    assert word(pose(left_hip=("X", -90)), "left_foot_height") == "high"
    assert word(pose(left_hip=("X", -90)), "right_foot_height") == "on the ground"


def test_the_lowest_part_is_on_the_floor() -> None:
    lying = pose(pelvis=("X", -90))
    assert word(lying, "hips_height") == "on the floor"
    assert word(lying, "torso_tilt") == "horizontal"
    assert word(lying, "chest_faces_up") == "to the sky"
    kneeling = pose(left_knee=("X", 90), right_knee=("X", 90))
    assert word(kneeling, "left_knee_height") == "on the ground"


def test_every_fact_is_about_a_slot_and_every_slot_but_the_whole_has_facts() -> None:
    assert {fact.slot for fact in POSE_FACTS} == set(SLOTS[1:])


@pytest.mark.parametrize("fact", POSE_FACTS, ids=lambda fact: fact.name)
def test_the_table_is_sound(fact) -> None:
    twin = POSE_FACTS[POSE_FACT_INDEX[fact.mirrored]]
    assert twin.mirrored == fact.name
    assert twin.slot == mirrored_slot(fact.slot)
    assert len(fact.bins) == len(set(fact.bins)) == len(fact.edges) + 1
    gaps = torch.tensor(fact.edges).diff()
    assert bool((gaps > 2 * fact.hysteresis).all())
    if fact.reversed:
        assert twin == fact
        assert fact.edges == tuple(-edge for edge in reversed(fact.edges))


def test_place_heading_and_size_do_not_matter() -> None:
    posed = pose(left_hip=("X", -40), left_knee=("X", 70), right_shoulder=("Y", 60))
    moved = posed.rotate(2.0).translate(torch.tensor([3.0, 0.4, -5.0]))
    small = replace(BODY22, rest_offsets=BODY22.rest_offsets * 0.7)
    child = replace(posed, skeleton=small, root_positions=posed.root_positions * 0.7)
    for other in (moved, child):
        values = PoseFacts.of(other).values
        torch.testing.assert_close(values, PoseFacts.of(posed).values, atol=2e-3, rtol=1e-4)


def test_a_bin_changes_only_beyond_the_hysteresis() -> None:
    column = POSE_FACT_INDEX["left_elbow_bend"]
    edge, margin = POSE_FACTS[column].edges[0], POSE_FACTS[column].hysteresis
    steps = torch.tensor([-9.0, 0.9, -0.9, 1.1, -0.9, 0.9, -1.1, 0.9])
    values = torch.zeros(8, len(POSE_FACTS))
    values[:, column] = edge + steps * margin
    assert binned(values)[:, column].tolist() == [0, 0, 0, 1, 1, 1, 0, 0]
    values[:, column] = edge + torch.tensor([0.5, -0.5, 0.5, -0.5, -9.0, 0.5, 0.5, 99.0]) * margin
    assert binned(values)[:, column].tolist() == [1, 1, 1, 1, 0, 0, 0, 4]


def test_codes_agree_with_a_loop_over_frames(cmu: CmuPack) -> None:
    facts = PoseFacts.of(cmu.motion("144_09").crop(0, 200))
    for column, fact in enumerate(POSE_FACTS):
        curve = facts.values[:, column].tolist()
        code = sum(curve[0] > edge for edge in fact.edges)
        for frame, now in enumerate(curve):
            while code < len(fact.edges) and now > _bound(fact.edges[code], fact.hysteresis):
                code += 1
            while code > 0 and now < _bound(fact.edges[code - 1], -fact.hysteresis):
                code -= 1
            assert int(facts.codes[frame, column]) == code, (fact.name, frame)


def _bound(edge: float, margin: float) -> float:
    return float(torch.tensor(edge) + torch.tensor(margin))


@pytest.mark.parametrize("clip", CLIPS)
def test_a_mirrored_motion_has_the_mirrored_codes(cmu: CmuPack, clip: str) -> None:
    motion = cmu.motion(clip)
    assert torch.equal(PoseFacts.of(motion.mirror()).codes, PoseFacts.of(motion).mirrored().codes)


@pytest.mark.parametrize("clip", CLIPS)
def test_codes_do_not_depend_on_the_frame_rate(cmu: CmuPack, clip: str) -> None:
    motion = cmu.motion(clip)
    native, fine = PoseFacts.of(motion), PoseFacts.of(motion.resample(60.0))
    moments = (native.num_frames + 1) // 2  # frame 2 k at 24 fps is frame 5 k at 60
    same = native.codes[::2] == fine.codes[::5][:moments]
    assert float(same.float().mean()) >= 0.98
    assert motion.fps == 24
    changes = (native.codes.diff(dim=0) != 0).sum()
    assert int(changes) > 100  # there was something to disagree about


def test_a_still_pose_keeps_its_codes(cmu: CmuPack) -> None:
    frame = cmu.motion("144_09").crop(150, 151)
    still = replace(
        frame,
        root_positions=frame.root_positions.expand(50, 3),
        local_rotations=frame.local_rotations.expand(50, -1, -1, -1),
    )
    shaken = still.root_positions + 0.001 * torch.randn(
        50, 3, generator=torch.Generator().manual_seed(0)
    )
    for held in (still, replace(still, root_positions=shaken)):
        codes = PoseFacts.of(held).codes
        assert torch.equal(codes, codes[:1].expand_as(codes))


def test_another_skeleton_has_the_same_pose(cmu: CmuPack) -> None:
    motion = cmu.motion("144_09").crop(0, 100)
    there = PoseFacts.of(retarget(motion, SOMA30).motion)
    same = there.codes == PoseFacts.of(motion).codes
    assert float(same.float().mean()) > 0.75


def test_a_skeleton_without_roles_is_refused() -> None:
    nameless = replace(pose(), skeleton=replace(BODY22, roles=Roles()))
    with pytest.raises(InvalidInputError, match="roles"):
        PoseFacts.of(nameless)


@pytest.fixture(scope="module")
def cmu(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")
