"""``marey convert``, ``info`` and ``render`` on files, called as a user calls them."""

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from marey import rotations
from marey.cli.main import main
from marey.cli.render import View
from marey.io import load_motion, save_motion
from marey.io.camera import View as CameraView
from marey.motion import Motion
from marey.skeleton import BODY22, SOMA77


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A file with a second of gliding forward at 1 m/s, feet on the ground."""
    time = torch.arange(30) / 30
    motion = Motion(
        root_positions=torch.stack((0 * time, 0.87 + 0 * time, time), -1),
        local_rotations=torch.eye(3).repeat(30, 22, 1, 1),
        fps=30.0,
        skeleton=BODY22,
        metadata={"text": "a person glides", "seed": 7},
    )
    path = tmp_path / "walk.npz"
    save_motion(motion, path)
    return path


def test_convert_keeps_the_motion(walk: Path, tmp_path: Path) -> None:
    bvh, back = tmp_path / "walk.bvh", tmp_path / "back.npz"
    assert main(["convert", str(walk), str(bvh)]) == 0
    assert main(["convert", str(bvh), str(back)]) == 0
    first, second = load_motion(walk), load_motion(back)
    assert second.fps == pytest.approx(first.fps, rel=1e-4)
    order = second.skeleton.indices(BODY22.joint_names)  # BVH goes limb by limb
    assert torch.allclose(first.joint_positions, second.joint_positions[:, order], atol=1e-5)


def test_convert_changes_the_frame_rate(walk: Path, tmp_path: Path) -> None:
    assert main(["convert", str(walk), str(tmp_path / "slow.npz"), "--fps", "10"]) == 0
    assert load_motion(tmp_path / "slow.npz").fps == 10


def test_convert_reads_the_unit_that_it_is_told(walk: Path, tmp_path: Path) -> None:
    bvh, big = tmp_path / "walk.bvh", tmp_path / "big.npz"
    assert main(["convert", str(walk), str(bvh)]) == 0
    assert main(["convert", str(bvh), str(big), "--unit", "mm"]) == 0
    assert load_motion(big).joint_positions.max() < 0.3


def z_up(path: Path, *, stretched: bool = False) -> Path:
    """A body 1 m tall along Z that moves 2 m along X; its trunk may grow by half."""
    grown = "0 0 1.5" if stretched else "0 0 1"
    channels = "Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    site = "End Site\n{\nOFFSET 0 0 0.1\n}\n"
    path.write_text(
        f"HIERARCHY\nROOT hips\n{{\nOFFSET 0 0 0\nCHANNELS 6 {channels}\n"
        f"JOINT trunk\n{{\nOFFSET 0 0 1\nCHANNELS 6 {channels}\n{site}}}\n"
        f"JOINT leg\n{{\nOFFSET 0 0 -1\nCHANNELS 3 Zrotation Xrotation Yrotation\n{site}}}\n}}\n"
        "MOTION\nFrames: 2\nFrame Time: 0.05\n"
        f"0 0 1 0 0 0 0 0 1 0 0 0 0 0 0\n2 0 1 0 0 0 {grown} 0 0 0 0 0 0\n"
    )
    return path


def test_files_with_z_up_are_read_as_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = z_up(tmp_path / "z.bvh"), tmp_path / "y.npz"
    assert main(["convert", str(source), str(out), "--up", "Z", "--unit", "m"]) == 0
    motion = load_motion(out)
    trunk = motion.joint_positions[0, motion.skeleton.index("trunk")]
    assert torch.allclose(trunk, torch.tensor([0.0, 2.0, 0.0]))
    capsys.readouterr()
    assert main(["info", str(source), "--unit", "m", "--up", "Z", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["net_displacement"] == pytest.approx(2.0)


def test_bones_that_stretch_are_refused_or_kept_rigid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = z_up(tmp_path / "z.bvh", stretched=True)
    words = [str(source), "--up", "Z", "--unit", "m"]
    sheet = ["-o", str(tmp_path / "a.png"), "--size", "64", "80"]
    assert main(["info", *words]) == 2
    assert main(["render", *words, *sheet]) == 2
    assert capsys.readouterr().err.count("marey: error: ") == 2
    assert main(["info", *words, "--translations", "drop"]) == 0
    assert main(["render", *words, *sheet, "--translations", "drop"]) == 0


def test_flags_of_bvh_are_refused_for_other_files(
    walk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--unit", "cm"], ["--up", "Z"], ["--translations", "drop"]):
        assert main(["info", str(walk), *words]) == 2
        assert f"{words[0]} can be said of bvh" in capsys.readouterr().err


def test_convert_puts_the_motion_on_another_skeleton(
    walk: Path, tmp_path: Path, shared_data: Path
) -> None:
    target = shared_data / "bvh_cmu" / "02_01.bvh"
    assert main(["convert", str(walk), str(tmp_path / "a.npz"), "--skeleton", str(target)]) == 0
    skeleton = load_motion(tmp_path / "a.npz").skeleton
    assert skeleton.joint_names == load_motion(target).skeleton.joint_names


def test_convert_knows_its_own_skeletons_by_name(walk: Path, tmp_path: Path) -> None:
    assert main(["convert", str(walk), str(tmp_path / "a.npz"), "--skeleton", "soma77"]) == 0
    assert load_motion(tmp_path / "a.npz").skeleton == SOMA77


def test_convert_reads_the_format_it_is_told(walk: Path, tmp_path: Path) -> None:
    assert main(["convert", str(walk), str(tmp_path / "a.bvh"), "--from", "marey"]) == 0
    assert main(["convert", str(walk), str(tmp_path / "b.bvh"), "--from", "bvh"]) == 2


def test_convert_fits_motions_to_what_a_format_holds(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.npy"
    assert main(["convert", str(walk), str(out)]) == 0
    assert "resampled from 30 to 20 fps" in capsys.readouterr().out
    assert load_motion(out).fps == 20
    assert main(["convert", str(walk), str(out), "--skeleton", "soma30", "--force"]) == 0
    assert "retargeted from soma30 to body22" in capsys.readouterr().out
    kimodo = tmp_path / "a.npz"
    assert main(["convert", str(walk), str(kimodo), "--to", "kimodo", "--skeleton", "soma30"]) == 0
    assert load_motion(kimodo).skeleton.num_joints == 77


def test_robots_files_have_thirty_frames_a_second_unless_told(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow, out = tmp_path / "slow.npz", tmp_path / "a.csv"
    assert main(["convert", str(walk), str(slow), "--fps", "10"]) == 0
    assert main(["convert", str(slow), str(out)]) == 0
    assert "resampled from 10 to 30 fps" in (told := capsys.readouterr().out)
    assert "28 frames at 30 fps, 0.93 s, 34 joints" in told
    assert load_motion(out).num_frames == 28
    assert main(["convert", str(slow), str(out), "--fps", "50", "--force"]) == 0
    assert load_motion(out).num_frames == 46


@pytest.mark.parametrize("words", [["--to", "kimodo"], []])
def test_loops_stay_closed_in_files_of_another_rate(
    words: list[str], tmp_path: Path, shared_data: Path
) -> None:
    source, out = shared_data / "bvh_cmu" / "02_01.bvh", tmp_path / "a.npz"
    assert main(["convert", str(source), str(out), "--loop", *words]) == 0
    local = load_motion(out).local_rotations
    assert rotations.geodesic_distance(local[0, 1:], local[-1, 1:]).max() < 0.01


def test_root_motion_is_taken_out_and_kept(walk: Path, tmp_path: Path) -> None:
    still, root = tmp_path / "still.npz", tmp_path / "root.json"
    words = [str(walk), str(still), "--in-place", "--root-motion", str(root)]
    assert main(["convert", *words]) == 0
    assert load_motion(still).root_positions[:, [0, 2]].norm(dim=-1).max() < 0.1
    track = json.loads(root.read_text())
    assert track["fps"] == 30
    assert track["positions"][-1][1] - track["positions"][0][1] == pytest.approx(29 / 30, abs=0.1)


def test_a_round_is_cut_out(walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(walk), str(tmp_path / "loop.npz"), "--loop", "--in-place"]) == 0
    loop = load_motion(tmp_path / "loop.npz")
    told = re.search(
        r"frames (\d+) to (\d+), and the first again; a round", capsys.readouterr().out
    )
    assert told
    first, last = map(int, told.groups())
    assert loop.num_frames == last - first + 2 < 30


def test_sparse_keys_make_a_smaller_file(walk: Path, tmp_path: Path) -> None:
    whole, few = tmp_path / "whole.glb", tmp_path / "few.glb"
    assert main(["convert", str(walk), str(whole)]) == 0
    assert main(["convert", str(walk), str(few), "--reduce", "0.01"]) == 0
    assert few.stat().st_size < 0.9 * whole.stat().st_size
    places = [load_motion(path).joint_positions for path in (whole, few)]
    assert (places[0] - places[1]).norm(dim=-1).max() < 0.01


def test_convert_does_not_overwrite_without_force(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "old.bvh"
    target.write_text("mine")
    assert main(["convert", str(walk), str(target)]) == 2
    assert "--force" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert main(["convert", str(walk), str(target), "--force"]) == 0
    assert target.read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{walk}", "{folder}/a.abc"], ".abc"),
        (["{folder}/none.bvh", "{folder}/a.npz"], "none.bvh"),
        (["{walk}", "{folder}/a.npz", "--unit", "cm"], "--unit"),
        (["{walk}", "{folder}/a.npz", "--fps", "0"], "fps"),
        (["{walk}", "{folder}/a.npz", "--map", "mixamo"], "--skeleton"),
        (["{walk}", "{folder}/a.bvh", "--reduce", "0.01"], ".glb"),
        (["{walk}", "{folder}/a.npz", "--root-motion", "{folder}/r.json"], "--in-place"),
        (["{walk}", "{folder}/a.npz", "--to", "film"], "'film'"),
        (["{walk}", "{folder}/a.npz", "--straight"], "--loop"),
        (["{walk}", "{folder}/a.bvh", "--to", "fbx"], "ends in .fbx"),
        (["{walk}", "{folder}/a.npy", "--fps", "30"], "humanml3d files have 20 frames"),
        (["{walk}", "{folder}/a.glb", "--reduce", "5"], "half a centimetre"),
        (["{walk}", "{folder}/a.npz", "--free-limbs"], "--skeleton"),
        (["{walk}", "{folder}/a.npz", "--skeleton", "{folder}/none.bvh"], "which is neither"),
    ],
)
def test_convert_tells_what_is_wrong(
    arguments: list[str],
    message: str,
    walk: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [word.format(walk=walk, folder=tmp_path) for word in arguments]
    assert main(["convert", *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("marey: error: ")
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["walk.npz"]


def test_info_as_json(walk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(walk), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "marey"
    assert facts["skeleton"] == "body22"
    assert (facts["joints"], facts["frames"], facts["fps"], facts["seconds"]) == (22, 30, 30, 1)
    assert facts["path_length"] == pytest.approx(29 / 30, abs=1e-4)
    assert facts["net_displacement"] == pytest.approx(29 / 30, abs=1e-4)
    assert facts["foot_skate"] == pytest.approx(1.0, abs=1e-3)  # it glides: all of it is skate
    assert facts["metadata"] == {"text": "a person glides", "seed": 7}


def test_info_as_text(walk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(walk)]) == 0
    text = capsys.readouterr().out
    for part in ("body22, 22 joints", "30 frames at 30 fps = 1.00 s", "100.0 cm/s", "a person gl"):
        assert part in text


def test_info_says_unknown_where_the_skeleton_has_no_feet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dot.bvh"
    path.write_text(
        "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation "
        "Xrotation Yrotation\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\nMOTION\nFrames: 1\n"
        "Frame Time: 0.05\n0 0 0 0 0 0\n"
    )
    assert main(["info", str(path), "--unit", "m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["foot_skate"] is None


def test_render_writes_every_output(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet, film = tmp_path / "a.png", tmp_path / "a.webp"
    words = ["-o", str(film), "-o", str(sheet), "--size", "64", "80", "--fps", "5"]
    assert main(["render", str(walk), *words, "--view", "side", "--caption", ""]) == 0
    assert sheet.read_bytes()[:4] == b"\x89PNG"
    assert film.read_bytes()[8:12] == b"WEBP"
    assert capsys.readouterr().out.split() == [str(film), str(sheet)]


def test_render_needs_an_output(walk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(walk)]) == 2
    assert "-o" in capsys.readouterr().err


def test_views_of_the_command_are_those_of_the_camera() -> None:
    assert get_args(View) == get_args(CameraView)


def test_convert_tells_whose_body_an_amass_file_gets(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, bare = tmp_path / "whole.npz", tmp_path / "bare.npz"
    assert main(["convert", str(walk), str(whole), "--to", "amass"]) == 0
    with np.load(whole) as arrays:
        np.savez(bare, **{name: arrays[name] for name in arrays.files if name != "rest_joints"})
    capsys.readouterr()
    assert main(["convert", str(bare), str(tmp_path / "a.bvh")]) == 0
    assert "has body22's proportions" in capsys.readouterr().err
    assert main(["convert", str(bare), str(tmp_path / "b.bvh"), "--rest", str(whole)]) == 0
    assert capsys.readouterr().err == ""
