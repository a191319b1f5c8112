"""Export of many motions: trees, resuming, drops told by reason."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.io import load_motion, save_motion
from marey.io.mujoco_csv import read_robot_csv
from marey.motion import Motion
from marey.motion.robot_motion import RobotMotion
from marey.robots import Exported, ExportOptions, export_all, export_motion
from marey.robots.export import read_report, targets_of, write_report


def run(rows: list[tuple[Path, Path]], *, force: bool = False) -> list[Exported]:
    done: list[Exported] = []
    export_all(rows, read=load_motion, options=ExportOptions(), force=force, report=done.append)
    return done


def test_a_robot_motion_is_resampled_and_kept_in_its_limits(
    feasible: RobotMotion, tmp_path: Path
) -> None:
    path = tmp_path / "g1.csv"
    details = export_motion(feasible.motion(), path, options=ExportOptions(fps=50.0))
    made = read_robot_csv(path, fps=50.0)
    assert made.num_frames == details["frames"] == 39
    assert float(made.excess.max()) == 0
    assert details["projection"]["frames_changed"] == 0
    assert details["velocity"] > 0


def test_the_ground_of_a_robot_motion_is_levelled_as_told(
    feasible: RobotMotion, tmp_path: Path
) -> None:
    stands = replace(feasible, root_rotations=torch.eye(3).double().repeat(24, 1, 1))
    details = [
        export_motion(
            stands.motion(), tmp_path / f"{level}.csv", options=ExportOptions(level=level)
        )
        for level in (False, True)
    ]
    assert abs(details[0]["lowest_sole"]) > 0.1
    assert abs(details[1]["lowest_sole"]) < 0.02


def test_other_motions_go_on_after_a_bad_one(feasible: RobotMotion, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    save_motion(feasible.motion(), good)
    bad.write_bytes(b"no zip")
    rows = [(bad, tmp_path / "out/bad.csv"), (good, tmp_path / "out/good.csv")]
    first = run(rows)
    assert [row.status for row in first] == ["dropped", "written"]
    assert "expected" in first[0].reason
    content = (tmp_path / "out/good.csv").read_bytes()
    assert [row.status for row in run(rows)] == ["dropped", "kept"]
    assert [row.status for row in run(rows, force=True)] == ["dropped", "written"]
    assert (tmp_path / "out/good.csv").read_bytes() == content


def test_any_body_is_retargeted(person: Motion, tmp_path: Path) -> None:
    details = export_motion(person, tmp_path / "g1.csv", options=ExportOptions(fps=None))
    assert details["frames"] == person.num_frames
    assert details["retargeting"]["hands_max"] < 0.01
    assert details["lowest_sole"] >= -1e-9
    assert float(read_robot_csv(tmp_path / "g1.csv").excess.max()) == 0


def test_folders_keep_their_tree(tmp_path: Path) -> None:
    for name in ("a/x.npz", "a/b/x.bvh", "a/notes.txt", "a/out/old.npz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    out = tmp_path / "a/out"
    rows = targets_of([tmp_path / "a", tmp_path / "y.npz"], out, suffixes=(".npz", ".bvh"))
    assert [(s.name, str(t.relative_to(out))) for s, t in rows] == [
        ("x.bvh", "b/x.csv"),
        ("x.npz", "x.csv"),
        ("y.npz", "y.csv"),
    ]
    with pytest.raises(InvalidInputError, match="both be written"):
        targets_of([tmp_path / "a", tmp_path / "x.bvh"], out, suffixes=(".npz", ".bvh"))
    with pytest.raises(InvalidInputError, match="found none"):
        targets_of([tmp_path / "a/b"], out, suffixes=(".npz",))


def test_a_report_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert read_report(path) == {}
    row = Exported(source="a.npz", target="a.csv", status="written", details={"frames": 3})
    write_report({"a.csv": row}, path)
    assert read_report(path) == {"a.csv": row}
    assert json.loads(path.read_text())["counts"] == {"written": 1, "kept": 0, "dropped": 0}
    path.write_text('{"motions": [{"x": 1}]}')
    with pytest.raises(FileFormatError, match="report"):
        read_report(path)
