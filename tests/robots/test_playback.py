"""Playback with MuJoCo; drawing itself is skipped where no OpenGL is to be had."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marey.errors import FileFormatError, InvalidInputError, MareyError, MissingExtraError
from marey.motion.robot_motion import RobotMotion
from marey.robots import play, play_frames
from marey.robots.mjcf import to_mjcf
from marey.skeleton import G1


@pytest.fixture
def standing() -> RobotMotion:
    return RobotMotion(
        root_positions=torch.tensor([0.0, 0.79, 0.0]).double().repeat(4, 1),
        root_rotations=torch.eye(3).double().repeat(4, 1, 1),
        angles=torch.zeros(4, 29).double(),
        fps=10.0,
        robot=G1,
    )


@pytest.fixture
def drawing(standing: RobotMotion) -> None:
    """Skip where MuJoCo cannot draw."""
    pytest.importorskip("mujoco")
    if "MUJOCO_GL" not in os.environ:
        pytest.skip("no EGL here: set MUJOCO_GL to test drawing with MuJoCo")
    try:
        next(play_frames(standing, size=(32, 32)))
    except MareyError as error:
        pytest.skip(f"no OpenGL: {error}")


@pytest.mark.usefixtures("drawing")
def test_the_robot_is_in_the_picture_and_moves(standing: RobotMotion) -> None:
    angles = standing.angles.clone()
    angles[2:, G1.hinge_names.index("left_shoulder_roll_joint")] = 1.5
    frames = list(play_frames(replace(standing, angles=angles), size=(120, 100)))
    assert [frame.shape for frame in frames] == [(100, 120, 3)] * 4
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[1], frames[2])
    empty = replace(standing, root_positions=standing.root_positions + 50)
    assert not np.array_equal(next(play_frames(empty, size=(120, 100))), frames[0])


@pytest.mark.usefixtures("drawing")
def test_a_file_is_written(standing: RobotMotion, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    path = tmp_path / "g1.webp"
    play(standing, path, size=(64, 48), progress=lambda done, total: calls.append((done, total)))
    with Image.open(path) as picture:
        assert picture.size == (64, 48)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(InvalidInputError, match="exists"):
        play(standing, path, size=(64, 48))


@pytest.mark.usefixtures("drawing")
def test_the_makers_model_can_be_drawn(standing: RobotMotion, shared_data: Path) -> None:
    model = shared_data / "g1/g1_kinematics.xml"
    frame = next(play_frames(standing, model=model, size=(64, 48)))
    assert frame.std() > 1


def test_without_mujoco_the_extra_is_named(
    standing: RobotMotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(MissingExtraError, match=r"marey\[robot\]"):
        next(play_frames(standing))


def test_faults_are_told(standing: RobotMotion, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"\.webp"):
        play(standing, tmp_path / "g1.png")
    pytest.importorskip("mujoco")
    with pytest.raises(FileFormatError, match="MuJoCo model"):
        next(play_frames(standing, model=tmp_path / "none.xml"))
    other = tmp_path / "other.xml"
    other.write_text(to_mjcf(G1).replace("left_knee_joint", "knee"))
    with pytest.raises(FileFormatError, match="29 hinges"):
        next(play_frames(standing, model=other))
