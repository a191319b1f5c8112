"""``marey caption`` on files, called as a user calls it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from marey.cli.main import main
from marey.io import load_motion, save_motion
from marey.io.bvh_up import is_z_up
from marey.io.timeline_strip import TimelineBar, timeline_strip
from marey.motion import Motion
from marey.rotations import yaw_matrix
from marey.skeleton import BODY22
from marey.text import MotionCaption


@pytest.fixture
def spin(tmp_path: Path) -> Path:
    """A file with a body that turns left by a quarter in two seconds, on the spot."""
    local = torch.eye(3).repeat(60, 22, 1, 1)
    local[:, 0] = yaw_matrix((torch.arange(60) / 40).clamp(max=1) * torch.pi / 2)
    motion = Motion(
        root_positions=torch.tensor([[0.0, 0.87, 0.0]]).repeat(60, 1),
        local_rotations=local,
        fps=20.0,
        skeleton=BODY22,
    )
    path = tmp_path / "spin.npz"
    save_motion(motion, path)
    return path


def test_the_words_are_printed(spin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["caption", str(spin)]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("A person turns left by about 90 degrees")
    assert "The torso does nothing." in printed


def test_json_text_and_picture_are_written(
    spin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [tmp_path / f"spin.{suffix}" for suffix in ("json", "txt", "png")]
    flags = [word for path in outputs for word in ("-o", str(path))]
    assert main(["caption", str(spin), *flags, "--json"]) == 0
    said = MotionCaption.from_json(json.loads(outputs[0].read_text()))
    assert json.loads(capsys.readouterr().out) == said.to_json()
    assert outputs[1].read_text() == said.prose() + "\n"
    with Image.open(outputs[2]) as picture:
        assert picture.height > 250
    assert main(["caption", str(spin), "-o", str(outputs[0])]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["caption", "info"])
def test_a_body_that_lies_along_z_is_told_of(
    command: str, spin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Z up as a program writes it: the rest pose and all that moves are turned as one."""
    motion = load_motion(spin)
    up = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    body = replace(motion.skeleton, rest_offsets=motion.skeleton.rest_offsets @ up.T)
    turned = replace(
        motion,
        root_positions=motion.root_positions @ up.T,
        local_rotations=up @ motion.local_rotations @ up.T,
        skeleton=body,
    )
    upright, lying = tmp_path / "y.bvh", tmp_path / "z.bvh"
    save_motion(motion, upright)
    save_motion(turned, lying)
    assert main([command, str(lying)]) == 0
    assert "--up Z" in capsys.readouterr().err
    for words in ([str(lying), "--up", "Z"], [str(upright)]):
        assert main([command, *words]) == 0
        assert capsys.readouterr().err == ""


def test_a_body_that_lies_down_is_not_taken_for_one_with_another_axis_up(spin: Path) -> None:
    motion = load_motion(spin)
    lie = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    local = motion.local_rotations.clone()
    local[:, 0] = lie
    assert not is_z_up(replace(motion, local_rotations=local))


def test_joints_that_cannot_be_told_are_named(
    spin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.bvh"
    save_motion(load_motion(spin), path)
    text = path.read_text()
    for odd, name in enumerate(("left_hip", "right_hip", "left_ankle")):
        text = text.replace(f"JOINT {name}\n", f"JOINT bone{odd}\n")
    path.write_text(text)
    assert main(["caption", str(path)]) == 2
    told = capsys.readouterr().err
    for words in ("left_hip", "right_hip", "bone0", "LeftUpLeg", "Rename the joints"):
        assert words in told


def test_bars_that_overlap_take_lines_of_their_own() -> None:
    def strip(*bars: tuple[float, float]) -> Image.Image:
        made = [TimelineBar(row="head", label="nods", start=a, end=b) for a, b in bars]
        return timeline_strip(made, 4.0, 400)

    assert strip((0.0, 1.0), (1.0, 2.0)).height == strip((0.0, 1.0)).height
    assert strip((0.0, 2.0), (1.0, 3.0)).height > strip((0.0, 1.0)).height
    assert strip((0.0, 1.0)).size[0] == 400
