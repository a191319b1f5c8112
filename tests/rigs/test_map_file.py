"""Rig maps as files: round trip, edits, and errors that name line, entry and near names."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.rigs import RigEntry, RigMap, doubts, load_rig_map, match_rig, save_rig_map


@pytest.fixture
def saved(rig_models: ModuleType, tmp_path: Path) -> Path:
    path = tmp_path / "map.json"
    save_rig_map(match_rig(rig_models.rig("unreal")), path)
    return path


def test_a_saved_map_reads_back(saved: Path, rig_models: ModuleType) -> None:
    rig = rig_models.rig("unreal")
    assert load_rig_map(saved, rig) == match_rig(rig)


def test_the_file_has_a_line_per_joint_in_a_stable_order(
    saved: Path, rig_models: ModuleType, tmp_path: Path
) -> None:
    again = tmp_path / "again.json"
    save_rig_map(load_rig_map(saved), again)
    assert again.read_bytes() == saved.read_bytes()
    lines = saved.read_text().splitlines()
    for joint in rig_models.rig("unreal").joint_names:
        assert sum(line.startswith(f'    "{joint}": ') for line in lines) == 1


def test_short_entries_are_made_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    joints = {"Hüfte": "pelvis", "Kopf": {"follows": "head"}, "Zopf": None}
    path.write_text(json.dumps({"marey_rig_map": 1, "rig": "hero", "joints": joints}))
    found = load_rig_map(path)
    assert found.joint_map == {"Hüfte": "pelvis", "Kopf": "head"}
    assert found.free == ("Zopf",)
    assert {(entry.reason, entry.confidence) for entry in found.entries} == {("by hand", 1.0)}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"left_knee"', '"left_kne"', r"line \d+, entry 'calf_l'.*Did you mean 'left_knee'"),
        ('"calf_l"', '"calf_ll"', r"line \d+, entry 'calf_ll'.*Did you mean 'calf_l'"),
        ('"calf_l": {', '"calf_l": [', r"line \d+, column \d+.*Mind commas"),
        ('"marey_rig_map": 1', '"marey_rig_map": 2', "expected version 1, got 2"),
        ('"calf_l": {', '"calf_r": {', "'calf_r' twice"),
        ('"confidence": 0.99', '"confidence": 7', "a confidence from 0 to 1, got 7"),
    ],
)
def test_errors_name_the_place(
    old: str, new: str, message: str, saved: Path, rig_models: ModuleType
) -> None:
    text = saved.read_text()
    assert old in text
    saved.write_text(text.replace(old, new, 1))
    with pytest.raises(FileFormatError, match=message):
        load_rig_map(saved, rig_models.rig("unreal"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]", b"", b"[" * 100_000, b'{"joints": 3}'])
def test_other_content_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_bytes(content)
    with pytest.raises(FileFormatError):
        load_rig_map(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="got no such file"):
        load_rig_map(tmp_path / "nothere.json")
    with pytest.raises(FileFormatError, match="got a folder"):
        load_rig_map(tmp_path)


def test_joints_that_a_file_does_not_name_go_with_their_parents(
    rig_models: ModuleType, tmp_path: Path
) -> None:
    path, rig = tmp_path / "map.json", rig_models.rig("unreal")
    path.write_text(json.dumps({"marey_rig_map": 1, "joints": {"calf_l": "left_knee"}}))
    found = load_rig_map(path, rig)
    assert set(found.free) == set(rig.joint_names) - {"calf_l"}
    assert found.warnings == doubts(rig, found)
    assert any(warning.startswith("nothing follows pelvis, ") for warning in found.warnings)


def test_damaged_files_give_a_clear_error_or_a_valid_map(
    saved: Path, rig_models: ModuleType, generator: torch.Generator
) -> None:
    whole = saved.read_bytes()
    outcomes = set()
    for number in range(300):
        content = bytearray(whole)
        at, byte = torch.randint(0, len(whole), (2,), generator=generator).tolist()
        if number % 3:
            content[at] = byte % (256 if number % 2 else 128)
        else:
            del content[at : at + 1 + byte % 40]
        saved.write_bytes(bytes(content))
        try:
            outcomes.add(type(load_rig_map(saved, rig_models.rig("unreal"))))
        except FileFormatError as error:
            outcomes.add(type(error))
    assert outcomes == {RigMap, FileFormatError}


def test_an_edit_in_python(rig_models: ModuleType) -> None:
    found = match_rig(rig_models.rig("unreal"))
    freed = found.with_entry("head", None)
    assert (freed.missing, freed.roles.head) == (("head",), "")
    moved = freed.with_entry("neck_02", "head")
    assert moved.roles.head == "neck_02"
    assert moved.entries[-1] == RigEntry(joint="neck_02", follows="head")
    assert "head" in moved.free


def test_unknown_and_doubled_joints_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="Did you mean 'left_elbow'"):
        RigMap(rig="r", entries=(RigEntry(joint="a", follows="left_elbo"),))
    with pytest.raises(InvalidInputError, match="one entry per joint, got several for a"):
        RigMap(rig="r", entries=(RigEntry(joint="a", follows="head"),) * 2)
