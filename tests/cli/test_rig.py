"""``marey rig``: matching a file, editing its map, presets of one's own."""

import json
from pathlib import Path

import pytest
import torch

from marey.cli.main import main
from marey.cli.rig import fit_lines, map_of
from marey.errors import MareyError
from marey.io import load_motion, save_motion
from marey.motion import Motion
from marey.rigs import put_on_rig
from marey.skeleton import SOMA30, Skeleton


@pytest.fixture(autouse=True)
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the user's presets, which no test shares with the user."""
    monkeypatch.setenv("MAREY_RIGS", str(tmp_path / "presets"))
    return tmp_path / "presets"


def written(skeleton: Skeleton, path: Path) -> Path:
    """A BVH file of a second of standing."""
    motion = Motion(
        root_positions=torch.tensor([[0.0, 0.95, 0.0]]).repeat(20, 1),
        local_rotations=torch.eye(3).repeat(20, skeleton.num_joints, 1, 1),
        fps=20.0,
        skeleton=skeleton,
    )
    save_motion(motion, path)
    return path


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    return written(SOMA30, tmp_path / "hero.bvh")


def test_match_prints_what_follows_what(rig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rig", "match", str(rig)]) == 0
    text = capsys.readouterr().out
    assert "naming      soma" in text
    assert any(line.split()[:2] == ["LeftShin", "left_knee"] for line in text.splitlines())
    assert "warning" not in text


def test_a_map_is_written_edited_and_checked(
    rig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "map.json"
    assert main(["rig", "match", str(rig), "-o", str(path)]) == 0
    assert main(["rig", "match", str(rig), "-o", str(path)]) == 2  # it exists
    assert "--force" in capsys.readouterr().err
    path.write_text(path.read_text().replace('"left_knee"', '"left_nee"'))
    assert main(["rig", "match", str(rig), "--map", str(path)]) == 2
    error = capsys.readouterr().err
    assert "Did you mean 'left_knee'" in error
    assert "line " in error
    path.write_text(path.read_text().replace('"left_nee"', '"left_knee"'))
    assert main(["rig", "match", str(rig), "--map", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["naming"] == "soma"
    assert facts["missing"] == []
    assert {e["follows"] for e in facts["entries"] if e["joint"] == "LeftShin"} == {"left_knee"}


def test_presets_are_listed_shown_and_saved(
    rig: Path, presets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rig", "save", "hero", str(rig)]) == 0
    assert (presets / "hero.json").is_file()
    assert main(["rig", "save", "hero", str(rig)]) == 2
    capsys.readouterr()
    assert main(["rig", "presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "(yours)" in line] == [lines[0]]
    assert {line.split()[0] for line in lines} >= {"hero", "mixamo", "unreal", "vrm"}
    assert main(["rig", "show", "hero"]) == 0
    assert "left_knee       LeftShin" in capsys.readouterr().out
    assert main(["rig", "match", str(rig), "--map", "hero"]) == 0
    assert "naming      hero" in capsys.readouterr().out
    assert main(["rig", "show", "heroes"]) == 2
    assert "Did you mean 'hero'" in capsys.readouterr().err


def test_a_map_can_be_saved_as_a_preset(rig: Path, presets: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    assert main(["rig", "match", str(rig), "-o", str(path)]) == 0
    assert main(["rig", "save", "mine", str(path)]) == 0
    saved = json.loads((presets / "mine.json").read_text())
    assert saved["joints"]["left_wrist"] == ["LeftHand"]


def test_a_preset_of_other_names_is_refused(rig: Path) -> None:
    with pytest.raises(MareyError, match="Expected a rig with the names of preset 'vrm'"):
        map_of(load_motion(rig), "vrm")


def test_the_fit_is_told_in_words(rig: Path) -> None:
    motion = load_motion(rig).translate(torch.tensor([0.0, 0.1, 0.0]))
    text = "\n".join(fit_lines(put_on_rig(motion, SOMA30).report))
    assert "foot skate 0.0 cm/s before, 0.0 cm/s after" in text
    assert "feet moved by up to 0.0 cm" in text
    assert "out of reach" not in text
    assert "sink" not in text
    sunk = put_on_rig(motion.translate(torch.tensor([0.0, -0.5, 0.0])), SOMA30).report
    assert any(line.startswith("soles sink by ") for line in fit_lines(sunk))


def test_a_damaged_preset_is_a_warning(
    rig: Path, presets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    presets.mkdir()
    (presets / "bad.json").write_text("{")
    for command in (["rig", "presets"], ["rig", "match", str(rig), "--json"]):
        assert main(command) == 0
        printed = capsys.readouterr()
        assert printed.err.startswith("warning: preset left out: ")
        assert "bad.json" in printed.err
        assert "bad" not in printed.out
    assert main(["rig", "show", "bad"]) == 2
    assert "bad.json: line 1" in capsys.readouterr().err


def test_a_map_that_exchanges_sides_is_told(
    rig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "map.json"
    assert main(["rig", "match", str(rig), "-o", str(path)]) == 0
    text = path.read_text().replace('"left_', '"*').replace('"right_', '"left_')
    path.write_text(text.replace('"*', '"right_'))
    capsys.readouterr()
    assert main(["rig", "match", str(rig), "--map", str(path)]) == 0
    assert "warning: left and right seem to be exchanged" in capsys.readouterr().out
