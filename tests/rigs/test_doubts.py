"""Doubts of a rig map: what was exchanged, left out, or lies down."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from marey.errors import InvalidInputError
from marey.rigs import RigEntry, RigMap, chosen_map, doubts, match_rig, save_rig_map
from marey.skeleton import BODY22


def exchanged(found: RigMap, pairs: Mapping[str, str]) -> RigMap:
    """The map with joints of body22 exchanged for others."""
    both = {**pairs, **{b: a for a, b in pairs.items()}}
    entries = (replace(e, follows=both.get(e.follows, e.follows)) for e in found.entries)
    return replace(found, entries=tuple(entries))


def body22() -> RigMap:
    entries = (RigEntry(joint=name, follows=name) for name in BODY22.joint_names)
    return RigMap(rig="body22", entries=tuple(entries))


def sides(*parts: str) -> dict[str, str]:
    return {f"left_{part}": f"right_{part}" for part in parts}


LEG, ARM = ("hip", "knee", "ankle", "foot"), ("collar", "shoulder", "elbow", "wrist")


@pytest.mark.parametrize("rig", ["mixamo", "unreal", "vrm", "rigify", "daz"])
def test_a_good_map_raises_the_doubts_of_matching(rig: str, rig_models: ModuleType) -> None:
    skeleton = rig_models.rig(rig)
    found = match_rig(skeleton)
    assert doubts(skeleton, found) == found.warnings
    assert not any("exchanged" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (sides(*LEG, *ARM), "the feet point backwards"),
        (sides(*LEG), "the feet point backwards"),
        (sides(*ARM), "each hand is on the other hip's side"),
        (sides("hip", "knee"), "left_ankle follows left_ankle but does not hang on right_knee"),
        ({"left_hip": "left_knee"}, "left_hip follows left_knee but does not hang on left_knee"),
    ],
)
def test_exchanged_joints_are_told(pairs: Mapping[str, str], said: str) -> None:
    assert doubts(BODY22, body22()) == ()
    told = doubts(BODY22, exchanged(body22(), pairs))
    assert any(said in sentence for sentence in told), told


def test_a_chosen_map_file_is_doubted_like_a_match(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    save_rig_map(exchanged(body22(), sides(*LEG, *ARM)), path)
    found = chosen_map(BODY22, path)
    assert found.warnings == doubts(BODY22, found) != ()


def test_missing_toes_and_joints_are_told() -> None:
    found = body22().with_entry("left_foot", None).with_entry("head", None)
    told = doubts(BODY22, found)
    assert told[0] == "nothing follows left_foot, head of body22."
    assert told[1].startswith("the left foot has no toe joint")


def test_twins_that_follow_one_joint_are_no_doubt() -> None:
    both = body22().with_entry("left_collar", "left_shoulder")
    assert not any("exchanged" in sentence for sentence in doubts(BODY22, both))


def test_joints_of_another_rig_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="does not have"):
        doubts(BODY22, body22().with_entry("tail", "head"))
