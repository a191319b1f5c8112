"""``marey robot`` as a user calls it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.cli.main import main
from marey.cli.robot import outcome_line
from marey.io import save_motion
from marey.io.mujoco_csv import Quaternions, read_robot_csv, write_mujoco_csv
from marey.motion.robot_motion import RobotMotion
from marey.robots import Exported
from marey.rotations import axis_rotation
from marey.skeleton import G1


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A file of a G1 that stands on the ground and bends its left elbow."""
    angles = torch.zeros(20, 29).double()
    angles[:, G1.hinge_names.index("left_elbow_joint")] = torch.linspace(0, 1, 20).double()
    motion = RobotMotion(
        root_positions=torch.tensor([0.0, 0.7876, 0.0]).double().repeat(20, 1),
        root_rotations=torch.eye(3).double().repeat(20, 1, 1),
        angles=angles,
        fps=30.0,
        robot=G1,
    )
    (tmp_path / "clips").mkdir()
    path = tmp_path / "clips/bends.npz"
    save_motion(motion.motion(), path)
    return path


def test_export_one_and_check_it(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "g1.csv"
    words = ["--fps", "50", "--header", "--quaternions", "xyzw"]
    assert main(["robot", "export", str(clip), "-o", str(out), *words]) == 0
    assert "1 written, 0 kept, 0 dropped" in capsys.readouterr().out
    assert out.read_text().startswith("root_x,root_y,root_z,root_qx,root_qy,root_qz,root_qw,")
    made = read_robot_csv(out, fps=50.0, quaternions="xyzw")
    assert made.num_frames == int(19 * 50 / 30) + 1
    reading = ["--fps", "50", "--quaternions", "xyzw"]
    assert main(["robot", "check", str(out), *reading]) == 0
    assert capsys.readouterr().out.endswith("passes\n")
    assert main(["robot", "check", str(out), *reading, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passes"] is True
    assert found["hinges"]["left_elbow_joint"]["highest"] == pytest.approx(1.0, abs=0.05)


def test_export_reads_other_frame_rates_and_orders_as_told(clip: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "a.csv", tmp_path / "b.csv"
    words = ["--fps", "50", "--quaternions", "xyzw"]
    assert main(["robot", "export", str(clip), "-o", str(first), *words]) == 0
    source = ["--source-fps", "50", "--source-quaternions", "xyzw"]
    assert main(["robot", "export", str(first), "-o", str(again), *words, *source]) == 0
    assert np.allclose(np.loadtxt(first, delimiter=","), np.loadtxt(again, delimiter=","))


def test_export_a_folder_goes_on_where_it_was(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (clip.parent / "bad.npz").write_bytes(b"no zip")
    out, report = tmp_path / "out", tmp_path / "report.json"
    line = ["robot", "export", str(clip.parent), "-o", str(out), "--report", str(report)]
    assert main(line) == 0
    assert "1 written, 0 kept, 1 dropped" in capsys.readouterr().out
    assert main(line) == 0
    assert "0 written, 1 kept, 1 dropped" in capsys.readouterr().out
    rows = {Path(r["source"]).name: r for r in json.loads(report.read_text())["motions"]}
    assert rows["bends.npz"]["details"]["frames"] == 20  # known from the first run
    assert rows["bad.npz"]["status"] == "dropped"
    assert main(["robot", "export", str(clip.parent), "-o", str(tmp_path / "one.csv")]) == 2


def test_check_fails_beyond_limits(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, limits = tmp_path / "g1.csv", tmp_path / "limits.json"
    assert main(["robot", "export", str(clip), "-o", str(out)]) == 0
    limits.write_text('{"velocity": 0.1}')
    assert main(["robot", "check", str(out), "--limits", str(limits)]) == 1
    assert capsys.readouterr().out.endswith("FAILS\n")
    table = np.loadtxt(out, delimiter=",")
    table[3, 7] = 3.0
    np.savetxt(out, table, delimiter=",")
    assert main(["robot", "check", str(out)]) == 1
    assert "0.120" in capsys.readouterr().out  # radians beyond the hip's 2.8798


def test_play_refuses_other_files(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "g1.csv"
    assert main(["robot", "export", str(clip), "-o", str(out)]) == 0
    assert main(["robot", "play", str(out), "-o", str(tmp_path / "a.png")]) == 2


def test_the_outcome_says_where_projection_makes_hinges_jump() -> None:
    made = {
        "projected_mean": 0.01,
        "projected_max": 0.02,
        "twist_speed": 6.0,
        "projected_speed": 15.0,
    }
    details = {"frames": 3, "projection": made, "velocity": 15.0}
    row = Exported(source="a", target="b.csv", status="written", details=details)
    assert "hinges jump: the motion itself has 6.0 rad/s" in outcome_line(row)
    made["twist_speed"] = 8.0
    assert "jump" not in outcome_line(row)


def test_export_says_which_paths_it_cannot_use(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*words: str) -> str:
        assert main(["robot", "export", *words]) == 2
        return " ".join(capsys.readouterr().err.split())

    assert "nothere: expected a motion file" in refusal("nothere", "-o", str(tmp_path / "x"))
    assert "at least one motion file" in refusal("-o", str(tmp_path / "x"))
    assert "expected a folder" in refusal(str(clip), "-o", str(tmp_path / "new.fbx"))
    (tmp_path / "taken").write_text("")
    assert "expected a folder" in refusal(str(clip), "-o", str(tmp_path / "taken"))
    assert not (tmp_path / "new.fbx").exists()


def test_check_and_play_say_how_to_make_a_csv(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["robot", "check", str(clip)]) == 2
    assert "robot export" in capsys.readouterr().err
    assert main(["robot", "play", str(clip), "-o", str(tmp_path / "a.webp")]) == 2
    assert "robot export" in capsys.readouterr().err


def turning() -> RobotMotion:
    """A robot on the spot that turns by 120° while it leans ahead a little."""
    yaw = axis_rotation("Y", torch.linspace(0, 2.1, 30).double())
    return RobotMotion(
        root_positions=torch.tensor([0.0, 0.7876, 0.0]).double().repeat(30, 1),
        root_rotations=yaw @ axis_rotation("X", torch.tensor(0.05).double()),
        angles=torch.zeros(30, 29).double(),
        fps=30.0,
        robot=G1,
    )


@pytest.mark.parametrize(("kept", "stated"), [("wxyz", "xyzw"), ("xyzw", "wxyz")])
def test_a_wrong_order_of_quaternions_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: Quaternions, stated: Quaternions
) -> None:
    path = tmp_path / "turns.csv"
    write_mujoco_csv(turning(), path, quaternions=kept)
    main(["robot", "check", str(path), "--quaternions", stated])
    assert f"try --quaternions {kept}" in capsys.readouterr().err
    main(["robot", "check", str(path), "--quaternions", kept])
    assert capsys.readouterr().err == ""
    words = ["-o", str(tmp_path / "out.csv"), "--source-quaternions"]
    assert main(["robot", "export", str(path), *words, stated]) == 0
    assert f"try --source-quaternions {kept}" in capsys.readouterr().err


def test_check_says_below_for_a_sunk_sole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, motion = tmp_path / "sunk.csv", turning()
    write_mujoco_csv(replace(motion, root_positions=motion.root_positions - 0.1), path)
    assert main(["robot", "check", str(path)]) == 1
    assert "mm below the ground" in capsys.readouterr().out
