"""Matching rigs: every naming, names that say nothing, one side lost, and what does not fit."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from marey.io import read_bvh
from marey.rigs import chosen_map, match_rig, naming
from marey.skeleton import BODY22, SOMA30, SOMA77, Roles, Skeleton

NAMINGS = {
    "mixamo": "mixamo",
    "unreal": "unreal",
    "rigify": "rigify",
    "vrm": "vrm",
    "smpl": "smpl",
    "soma": "soma",
    "daz": "daz",
    "cmu": "cmu",
    "metarig": "rigify",
}
"""Which naming each rig is in."""


def renamed(skeleton: Skeleton, names: dict[str, str]) -> Skeleton:
    """The same rig under other names, without roles, parts and mirror map."""
    joints = tuple(names.get(name, name) for name in skeleton.joint_names)
    return replace(skeleton, joint_names=joints, roles=Roles(), parts=(), mirror=())


@pytest.mark.parametrize("name", sorted(NAMINGS))
def test_every_naming_is_recognised(name: str, rig_models: ModuleType) -> None:
    rig = rig_models.rig(name)
    found = match_rig(rig)
    assert found.naming == NAMINGS[name]
    wanted = rig_models.expected(name)
    assert {joint: found.joint_map[joint] for joint in wanted} == wanted
    assert found.warnings == ()
    assert found.missing == ()
    assert found.confidence > 0.98
    assert {*found.joint_map, *found.free} == set(rig.joint_names)


@pytest.mark.parametrize("name", sorted(set(NAMINGS.values())))
def test_every_alternative_name_is_recognised(name: str) -> None:
    """Older figures of Daz, VRM's names of roles, Unreal 4, Rigify's original bones …"""
    joints = naming(name).joints
    for number in range(max(map(len, joints.values()))):
        names = {joint: own[min(number, len(own) - 1)] for joint, own in joints.items()}
        found = match_rig(renamed(BODY22, names))
        assert found.naming == name
        assert found.joint_map == {own: joint for joint, own in names.items()}
        assert found.confidence > 0.98


@pytest.mark.parametrize("name", sorted(NAMINGS))
def test_twists_fingers_and_ik_bones_follow_nothing(name: str, rig_models: ModuleType) -> None:
    words = ("twist", "ik_", "ik.", "hair", "bust", "breast", "thumb", "index", "eye", "skirt")
    for joint in match_rig(rig_models.rig(name)).joint_map:
        assert not any(word in joint.lower() for word in words), joint


@pytest.mark.parametrize("name", sorted(NAMINGS))
def test_words_alone_are_enough(name: str, rig_models: ModuleType) -> None:
    found = match_rig(rig_models.rig(name), known=())
    wanted = rig_models.expected(name)
    assert {joint: found.joint_map[joint] for joint in wanted} == wanted
    assert found.naming == ""


def test_a_short_spine_is_matched_by_its_places(rig_models: ModuleType) -> None:
    """A chest without upper chest is where the arms leave: it follows spine3."""
    rig = rig_models.rig("vrm")
    gone, above = rig.index("J_Bip_C_UpperChest"), rig.index("J_Bip_C_Chest")
    kept = [joint for joint in range(rig.num_joints) if joint != gone]
    parents = [above if parent == gone else parent for parent in rig.parents]
    offsets = rig.rest_offsets.clone()
    offsets[[j for j in kept if rig.parents[j] == gone]] += rig.rest_offsets[gone]
    short = Skeleton(
        name="short",
        joint_names=tuple(rig.joint_names[j] for j in kept),
        parents=tuple(kept.index(parents[j]) if parents[j] >= 0 else -1 for j in kept),
        rest_offsets=offsets[kept],
    )
    found = match_rig(short)
    assert found.naming == "vrm"
    assert found.joint_map["J_Bip_C_Chest"] == "spine3"
    assert found.missing in (("spine1",), ("spine2",))
    assert {e.reason for e in found.entries if e.joint == "J_Bip_C_Chest"} == {"topology"}


def test_what_a_vrm_file_states_decides(rig_models: ModuleType) -> None:
    rig = rig_models.rig("vrm")
    numbers = {joint: f"bone{i}" for i, joint in enumerate(rig.joint_names)}
    nameless = renamed(rig, numbers)
    bones = {
        "hips": "J_Bip_C_Hips",
        "spine": "J_Bip_C_Spine",
        "chest": "J_Bip_C_Chest",
        "upperChest": "J_Bip_C_UpperChest",
        "neck": "J_Bip_C_Neck",
        "head": "J_Bip_C_Head",
    }
    limbs = ("Shoulder", "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
    for side, letter in (("left", "L"), ("right", "R")):
        bones |= {f"{side}{limb}": f"J_Bip_{letter}_{limb}" for limb in limbs}
        bones[f"{side}Toes"] = f"J_Bip_{letter}_ToeBase"
        bones[f"{side}ThumbProximal"] = f"J_Bip_{letter}_Thumb1"
    notes = {"vrm_bones": {bone: numbers[joint] for bone, joint in bones.items()}}
    found = chosen_map(nameless, notes=notes)
    assert found.naming == "VRM file"
    wanted = rig_models.expected("vrm")
    assert {joint: found.joint_map[numbers[joint]] for joint in wanted} == wanted
    assert found.confidence > 0.98
    assert chosen_map(nameless, notes={"vrm_bones": 3}).naming == ""


def test_the_hip_of_daz_turns_with_its_pelvis(rig_models: ModuleType) -> None:
    found = match_rig(rig_models.rig("daz")).joint_map
    assert (found["hip"], found["pelvis"]) == ("pelvis", "pelvis")


@pytest.mark.parametrize("name", ["cmu", "mixamo", "rigify", "soma", "unreal", "vrm"])
def test_shape_alone_is_enough_but_not_sure(name: str, rig_models: ModuleType) -> None:
    rig = rig_models.rig(name)
    numbers = {joint: f"bone{i}" for i, joint in enumerate(rig.joint_names)}
    found = match_rig(renamed(rig, numbers))
    for joint, follows in rig_models.expected(name).items():
        assert found.joint_map[numbers[joint]] == follows
    assert len(found.doubtful) == len(found.entries)
    assert {entry.reason for entry in found.entries} == {"topology"}


def test_a_shape_that_faces_backwards_keeps_its_own_left(rig_models: ModuleType) -> None:
    rig = rig_models.rig("cmu")
    turned = replace(rig, rest_offsets=rig.rest_offsets * torch.tensor([-1.0, 1.0, -1.0]))
    numbers = {joint: f"bone{i}" for i, joint in enumerate(rig.joint_names)}
    found = match_rig(renamed(turned, numbers))
    for joint, follows in rig_models.expected("cmu").items():
        assert found.joint_map[numbers[joint]] == follows


def test_the_side_that_lost_its_names_mirrors_the_other(rig_models: ModuleType) -> None:
    rig = rig_models.rig("unreal")
    lost = {joint: f"x{i}" for i, joint in enumerate(rig.joint_names) if joint.endswith("_r")}
    found = match_rig(renamed(rig, lost), known=())
    by_joint = {entry.joint: entry for entry in found.entries}
    for joint in ("hand_r", "thigh_r", "foot_r", "lowerarm_r", "calf_r"):
        assert found.joint_map[lost[joint]] == rig_models.expected("unreal")[joint]
    hand = by_joint[lost["hand_r"]]
    assert hand.reason == "mirror of the left hand"
    assert hand.confidence < by_joint["hand_l"].confidence


def test_exchanged_sides_are_told(rig_models: ModuleType) -> None:
    rig = rig_models.rig("mixamo")
    swap = {
        joint: joint.replace("Left", "*").replace("Right", "Left").replace("*", "Right")
        for joint in rig.joint_names
    }
    assert any("exchanged" in text for text in match_rig(renamed(rig, swap)).warnings)
    assert match_rig(rig).warnings == ()


def test_a_name_that_contradicts_the_tree_is_not_used(rig_models: ModuleType) -> None:
    rig = rig_models.rig("mixamo")
    leg, thumb = "mixamorig:LeftLeg", "mixamorig:RightHandThumb4"
    found = match_rig(renamed(rig, {leg: thumb, thumb: leg}))
    assert any(leg in text and "does not hang on" in text for text in found.warnings)
    assert found.joint_map[thumb] == "left_knee"  # under its new name, by its place
    assert leg not in found.joint_map


def test_a_rest_pose_that_lies_folded_is_told(rig_models: ModuleType) -> None:
    rig = rig_models.rig("mixamo")
    along = rig.rest_offsets.norm(dim=-1, keepdim=True) * torch.tensor([0.0, 1.0, 0.0])
    found = match_rig(replace(rig, rest_offsets=along))
    assert any("rest pose does not stand" in text for text in found.warnings)


def test_the_published_rig_is_daz_without_toes(shared_data: Path) -> None:
    found = match_rig(read_bvh(shared_data / "bvh_cmu" / "02_01.bvh").skeleton)
    assert found.naming == "daz"
    assert found.missing == ("spine2", "left_foot", "right_foot")
    assert sum("no toe joint" in text for text in found.warnings) == 2
    assert found.joint_map["lShin"] == "left_knee"


@pytest.mark.parametrize("skeleton", [BODY22, SOMA30, SOMA77], ids=lambda s: s.name)
def test_skeletons_of_the_package_are_recognised(skeleton: Skeleton) -> None:
    found = match_rig(skeleton)
    assert found.naming == {"body22": "smpl"}.get(skeleton.name, "soma")
    assert (found.missing, found.warnings) == ((), ())


def test_a_chain_of_bones_matches_nothing() -> None:
    rope = Skeleton(
        name="rope",
        joint_names=("a", "b", "c"),
        parents=(-1, 0, 1),
        rest_offsets=torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 1, 0]]),
    )
    found = match_rig(rope)
    assert (found.entries, found.free) == ((), ("a", "b", "c"))
    assert found.missing == BODY22.joint_names
