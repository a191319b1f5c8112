"""Which joints correspond: hinges, twist bones, collars and spines of any number."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
import torch

from marey.motion.joint_matching import Limb, limbs, match_joints, role_indices
from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77, Roles, Skeleton


def limbs_of(skeleton: Skeleton) -> dict[str, Limb]:
    return limbs(skeleton, role_indices(skeleton))


def named(skeleton: Skeleton, joints: Iterable[int]) -> list[str]:
    """Short names: without side and suffix."""
    names = (skeleton.joint_names[joint] for joint in joints)
    return [name.removeprefix("left_").removesuffix("_skel") for name in names]


def followed(source: Skeleton, target: Skeleton) -> dict[str, str]:
    matched = match_joints(source, target)
    return {target.joint_names[j]: source.joint_names[other] for j, other in matched.items()}


def anonymous(skeleton: Skeleton) -> Skeleton:
    """The same body under names that say nothing."""
    new = {name: f"j{i}" for i, name in enumerate(skeleton.joint_names)}
    roles = Roles(**{role: new[name] for role, name in vars(skeleton.roles).items() if name})
    return replace(skeleton, joint_names=tuple(new.values()), roles=roles)


def with_twist(skeleton: Skeleton, joint: str, name: str, share: float) -> Skeleton:
    """The same body with a joint more, at a share of the bone that leads to ``joint``."""
    at = skeleton.index(joint)
    shift = [i + (i >= at) for i in range(skeleton.num_joints)]
    parents = [-1 if parent < 0 else shift[parent] for parent in skeleton.parents]
    above, parents[at] = parents[at], at
    offsets = skeleton.rest_offsets
    whole = offsets[at : at + 1]
    return Skeleton(
        name="twisted",
        joint_names=(*skeleton.joint_names[:at], name, *skeleton.joint_names[at:]),
        parents=(*parents[:at], above, *parents[at:]),
        rest_offsets=torch.cat(
            (offsets[:at], share * whole, (1 - share) * whole, offsets[at + 1 :])
        ),
        roles=skeleton.roles,
    )


def test_hinges_near_a_joint_belong_to_it_and_others_twist_the_bone() -> None:
    found = limbs_of(G1_34)
    assert list(found) == ["left_arm", "right_arm", "left_leg", "right_leg"]
    arm, leg = found["left_arm"], found["left_leg"]
    assert named(G1_34, leg.joints) == ["hip_pitch", "knee", "ankle_roll"]
    assert [named(G1_34, group) for group in leg.groups] == [
        ["hip_pitch", "hip_roll"],
        ["knee"],
        ["ankle_pitch", "ankle_roll"],
    ]
    assert [named(G1_34, twist.joints) for twist in leg.twists] == [["hip_yaw"], []]
    assert named(G1_34, arm.joints) == ["shoulder_pitch", "elbow", "wrist_yaw"]
    assert [named(G1_34, group) for group in arm.groups] == [
        ["shoulder_pitch", "shoulder_roll"],
        ["elbow"],
        ["wrist_pitch", "wrist_yaw"],
    ]
    twists = [named(G1_34, twist.joints) for twist in arm.twists]
    assert twists == [["shoulder_yaw"], ["wrist_roll"]]


@pytest.mark.parametrize(
    ("skeleton", "arm", "leg"),
    [
        (BODY22, ["shoulder", "elbow", "wrist"], ["hip", "knee", "ankle"]),
        (SOMA30, ["LeftArm", "LeftForeArm", "LeftHand"], ["LeftLeg", "LeftShin", "LeftFoot"]),
        (SOMA77, ["LeftArm", "LeftForeArm", "LeftHand"], ["LeftLeg", "LeftShin", "LeftFoot"]),
    ],
    ids=lambda value: value.name if isinstance(value, Skeleton) else "",
)
def test_an_arm_begins_after_the_collar(skeleton: Skeleton, arm: list[str], leg: list[str]) -> None:
    found = limbs_of(skeleton)
    assert named(skeleton, found["left_arm"].joints) == arm
    assert named(skeleton, found["left_leg"].joints) == leg
    for limb in found.values():
        assert limb.groups == tuple((joint,) for joint in limb.joints)
        assert not any(twist.joints for twist in limb.twists)


def test_a_body_follows_the_last_of_a_robots_hinges() -> None:
    found = followed(G1_34, BODY22)
    assert found["pelvis"] == "pelvis_skel"
    assert found["spine1"] == "waist_pitch_skel"
    one_side = {name: other for name, other in found.items() if name.startswith("left_")}
    assert one_side == {
        "left_hip": "left_hip_yaw_skel",
        "left_knee": "left_knee_skel",
        "left_ankle": "left_ankle_roll_skel",
        "left_foot": "left_toe_base",
        "left_shoulder": "left_shoulder_yaw_skel",
        "left_elbow": "left_wrist_roll_skel",
        "left_wrist": "left_wrist_yaw_skel",
    }
    twin = {
        name.replace("left", "right"): other.replace("left", "right")
        for name, other in one_side.items()
    }
    assert found == {**one_side, **twin, "pelvis": "pelvis_skel", "spine1": "waist_pitch_skel"}


def test_a_robot_turns_about_the_joint_that_has_the_role() -> None:
    found = followed(BODY22, G1_34)
    assert found["waist_yaw_skel"] == "spine3"
    for role, joint in vars(G1_34.roles).items():
        if joint:
            assert found[joint] == getattr(BODY22.roles, role)
    assert found["left_knee_skel"] == "left_knee"
    assert found["left_shoulder_pitch_skel"] == "left_shoulder"
    assert found["left_elbow_skel"] == "left_elbow"
    assert len(found) == 16


@pytest.mark.parametrize("skeleton", [BODY22, SOMA77, G1_34], ids=lambda s: s.name)
def test_equal_bodies_match_joint_by_joint_whatever_the_names(skeleton: Skeleton) -> None:
    matched = match_joints(skeleton, anonymous(skeleton))
    ends = {name for name in skeleton.joint_names if not has_role_below(skeleton, name)}
    expected = {j: j for j, name in enumerate(skeleton.joint_names) if name not in ends}
    assert matched == expected


def has_role_below(skeleton: Skeleton, name: str) -> bool:
    """Whether a joint lies on the way to one with a role; fingers, eyes and tips do not."""
    at = skeleton.index(name)
    for role in role_indices(skeleton).values():
        while role >= 0:
            if role == at:
                return True
            role = skeleton.parents[role]
    return False


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
@pytest.mark.parametrize("joint", ["left_elbow", "left_wrist", "left_knee", "left_ankle"])
def test_a_twist_bone_anywhere_changes_no_other_joint(joint: str, share: float) -> None:
    twisted = anonymous(with_twist(BODY22, joint, "twist", share))
    at = BODY22.index(joint)
    kept = {j: j + (j >= at) for j in range(BODY22.num_joints)}
    assert match_joints(BODY22, twisted) == {other: j for j, other in kept.items()}
    above = BODY22.parents[at]
    near_the_end = share == 0.8
    expected = kept if near_the_end else {**kept, above: at}  # at: the twist's index
    assert match_joints(twisted, BODY22) == expected


def test_twists_follow_twists_in_order() -> None:
    several = BODY22
    for name, share in (("b", 0.6), ("a", 0.6)):  # at 0.36 and 0.6 of the upper arm
        several = with_twist(several, "left_elbow" if name == "b" else "b", name, share)
    twists = limbs_of(several)["left_arm"].twists[0]
    assert [several.joint_names[joint] for joint in twists.joints] == ["a", "b"]
    assert twists.places == pytest.approx((0.36, 0.6))
    one = with_twist(BODY22, "left_elbow", "c", 0.5)
    assert followed(several, one)["left_shoulder"] == "left_shoulder"
    assert followed(several, one)["c"] == "b"
    back = followed(one, several)
    assert back["b"] == "c"
    assert "a" not in back


def test_without_legs_the_collar_is_not_told_from_the_shoulder() -> None:
    roles = Roles(left_hand="left_wrist", right_hand="right_wrist", head="head")
    assert limbs_of(replace(BODY22, roles=roles)) == {}


def test_a_leg_without_a_knee_is_no_limb() -> None:
    knees = BODY22.indices(("left_knee", "right_knee"))
    offsets = BODY22.rest_offsets.clone()
    ankles = BODY22.indices(("left_ankle", "right_ankle"))
    offsets[ankles] += offsets[knees] * 0.9
    offsets[knees] *= 0.1
    assert list(limbs_of(replace(BODY22, rest_offsets=offsets))) == ["left_arm", "right_arm"]


def test_a_spine_that_leaves_above_the_pelvis_is_found() -> None:
    """Daz's figures: legs hang on a pelvis that hangs, as the spine does, on the hip."""
    names = ("hip", *BODY22.joint_names)
    parents = [-1, 0, *(parent + 1 for parent in BODY22.parents[1:])]
    parents[names.index("spine1")] = 0
    daz = Skeleton(
        name="daz",
        joint_names=tuple(f"d_{name}" for name in names),
        parents=tuple(parents),
        rest_offsets=torch.cat((torch.zeros(1, 3), BODY22.rest_offsets)),
        roles=Roles(**{role: f"d_{name}" for role, name in vars(BODY22.roles).items()}),
    )
    found = followed(BODY22, daz)
    assert found.pop("d_hip") == "pelvis"  # or the spine would not turn with the pelvis
    assert found == {f"d_{name}": name for name in BODY22.joint_names}
    assert followed(daz, BODY22) == {name: f"d_{name}" for name in BODY22.joint_names}
