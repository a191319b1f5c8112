"""``marey caption`` on files, called as a user calls it."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from marey.cli.main import main
from marey.io import save_motion
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


def test_bars_that_overlap_take_lines_of_their_own() -> None:
    def strip(*bars: tuple[float, float]) -> Image.Image:
        made = [TimelineBar(row="head", label="nods", start=a, end=b) for a, b in bars]
        return timeline_strip(made, 4.0, 400)

    assert strip((0.0, 1.0), (1.0, 2.0)).height == strip((0.0, 1.0)).height
    assert strip((0.0, 2.0), (1.0, 3.0)).height > strip((0.0, 1.0)).height
    assert strip((0.0, 1.0)).size[0] == 400
