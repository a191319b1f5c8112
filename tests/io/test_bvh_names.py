"""What joint names say, in the naming habits of common programs."""

import pytest

from marey.io.bvh_names import read_names
from marey.skeleton import BODY22

LIMBS = ("hip", "knee", "foot", "toe", "collar", "shoulder", "elbow", "hand")
HABITS = {
    "mixamo": (
        ("mixamorig:Hips", "mixamorig:Spine", "mixamorig:Neck", "mixamorig:Head"),
        "mixamorig:{side}{joint}",
        ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand"),
        ("Left", "Right"),
    ),
    "soma": (
        ("Hips", "Spine1", "Neck1", "Head"),
        "{side}{joint}",
        ("Leg", "Shin", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand"),
        ("Left", "Right"),
    ),
    "biped": (
        ("Bip01", "Bip01 Spine", "Bip01 Neck", "Bip01 Head"),
        "Bip01 {side} {joint}",
        ("Thigh", "Calf", "Foot", "Toe0", "Clavicle", "UpperArm", "Forearm", "Hand"),
        ("L", "R"),
    ),
    "unreal": (
        ("pelvis", "spine_01", "neck_01", "head"),
        "{joint}_{side}",
        ("thigh", "calf", "foot", "ball", "clavicle", "upperarm", "lowerarm", "hand"),
        ("l", "r"),
    ),
    "blender": (
        ("hips", "spine", "neck", "head"),
        "{joint}.{side}",
        ("thigh", "shin", "foot", "toe", "shoulder", "upper_arm", "forearm", "hand"),
        ("L", "R"),
    ),
    "asf": (
        ("root", "lowerback", "lowerneck", "head"),
        "{side}{joint}",
        ("femur", "tibia", "foot", "toes", "clavicle", "humerus", "radius", "hand"),
        ("l", "r"),
    ),
    "xsens": (
        ("Hips", "Chest", "Neck", "Head"),
        "{side}{joint}",
        ("Hip", "Knee", "Ankle", "Toe", "Collar", "Shoulder", "Elbow", "Wrist"),
        ("Left", "Right"),
    ),
    "glued": (
        ("hips", "spine", "neck", "head"),
        "{side}{joint}",
        ("upleg", "leg", "foot", "toe", "shoulder", "arm", "forearm", "hand"),
        ("left", "right"),
    ),
}


@pytest.mark.parametrize("habit", sorted(HABITS))
def test_habits_are_understood(habit: str) -> None:
    centre, pattern, limbs, sides = HABITS[habit]
    names, parents = list(centre), [-1, 0, 1, 2]
    where: dict[tuple[str, str], str] = {}
    for side, word in zip(("left", "right"), sides, strict=True):
        for i, (role, joint) in enumerate(zip(LIMBS, limbs, strict=True)):
            parents.append({0: 0, 4: 1}.get(i, len(names) - 1))
            names.append(pattern.format(side=word, joint=joint))
            where[side, role] = names[-1]
    found = read_names(names, parents)
    for side, other in (("left", "right"), ("right", "left")):
        assert getattr(found.roles, f"{side}_hip") == where[side, "hip"]
        assert getattr(found.roles, f"{side}_heel") == where[side, "foot"]
        assert getattr(found.roles, f"{side}_toe") == where[side, "toe"]
        assert getattr(found.roles, f"{side}_hand") == where[side, "hand"]
        for role in LIMBS:
            joint = names.index(where[side, role])
            assert names[found.mirror[joint]] == where[other, role]
            assert found.parts[joint] == f"{side}_{'leg' if role in LIMBS[:4] else 'arm'}"
    assert found.roles.head == centre[3]
    assert found.parts[:4] == ("torso", "torso", "head", "head")
    assert found.mirror[:4] == (0, 1, 2, 3)


def test_body22_is_read_as_it_is_defined() -> None:
    found = read_names(BODY22.joint_names, BODY22.parents)
    assert (found.mirror, found.roles, found.parts) == (BODY22.mirror, BODY22.roles, BODY22.parts)


def test_fingers_follow_their_hand() -> None:
    names = ("Hips", "LeftArm", "LeftHand", "LeftHandThumb1", "LeftFingerBase", "Extra")
    found = read_names(names, (-1, 0, 1, 2, 2, 2))
    assert found.roles.left_hand == "LeftHand"
    assert found.parts == ()  # no legs: no parts


def test_what_is_not_evident_stays_empty() -> None:
    found = read_names(("a", "b", "leftover", "rest"), (-1, 0, 1, 2))
    assert set(vars(found.roles).values()) == {""}
    assert (found.mirror, found.parts) == ((0, 1, 2, 3), ())


def test_unmatched_sides_are_not_paired() -> None:
    names = ("root", "LeftArm", "RightArm", "LeftHand", "Tail", "RightHand")
    # The right hand hangs on the tail: exchanging the hands would tear the tree.
    found = read_names(names, (-1, 0, 0, 1, 0, 4))
    assert found.mirror == (0, 2, 1, 3, 4, 5)


def test_twist_and_ik_bones_play_no_role() -> None:
    names = ("root", "ik_foot_l", "pelvis", "thigh_twist_01_l", "thigh_l", "calf_l", "foot_l")
    found = read_names((*names, "ball_l"), (-1, 0, 0, 2, 2, 4, 5, 6))
    assert (found.roles.left_hip, found.roles.left_heel) == ("thigh_l", "foot_l")
    assert found.roles.left_toe == "ball_l"


def test_a_heel_below_the_foot_is_part_of_it() -> None:
    found = read_names(("spine", "thigh.L", "shin.L", "foot.L", "heel.02.L"), (-1, 0, 1, 2, 3))
    assert (found.roles.left_heel, found.roles.left_toe) == ("foot.L", "foot.L")
    alone = read_names(("hips", "LeftUpLeg", "LeftLeg", "LeftHeel"), (-1, 0, 1, 2))
    assert alone.roles.left_heel == "LeftHeel"


def test_a_spine_that_goes_on_above_the_arms_ends_with_the_head() -> None:
    names = ["spine", "spine.001", "spine.002", "spine.003", "hand.L", "hand.R", "tail"]
    found = read_names(names, (-1, 0, 1, 2, 1, 1, 1))
    assert found.roles.head == "spine.003"
    sides = read_names(names[:2] + names[4:], (-1, 0, 1, 1, 1))
    assert sides.roles.head == ""  # a tail is no head


def test_rigifys_prefix_is_no_part_of_a_name() -> None:
    names = ("DEF-spine", "DEF-thigh.L", "DEF-thigh.R", "DEF-thigh.L.001", "DEF-thigh.R.001")
    found = read_names(names, (-1, 0, 0, 1, 2))
    assert found.mirror == (0, 2, 1, 4, 3)
    assert found.roles.right_hip == "DEF-thigh.R"
