"""Checks of angles, speeds, accelerations and ground."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.motion.robot_motion import RobotMotion
from marey.robots import HingeLimits, check_motion, read_hinge_limits
from marey.skeleton import G1

KNEE = G1.hinge_names.index("left_knee_joint")


@pytest.fixture
def bending() -> RobotMotion:
    """The left knee bends evenly by 0.1 rad a frame at 50 fps, high above the ground."""
    angles = torch.zeros(11, 29).double()
    angles[:, KNEE] = 0.1 * torch.arange(11).double()
    root = torch.tensor([0.0, 2.0, 0.0]).double().repeat(11, 1)
    return RobotMotion(
        root_positions=root,
        root_rotations=torch.eye(3).double().repeat(11, 1, 1),
        angles=angles,
        fps=50.0,
        robot=G1,
    )


def test_speeds_and_accelerations(bending: RobotMotion) -> None:
    check = check_motion(bending)
    row = check.hinges["left_knee_joint"]
    assert row.velocity == pytest.approx(5.0)
    assert row.acceleration == pytest.approx(0, abs=1e-9)
    assert (row.lowest, row.highest) == (0, pytest.approx(1.0))
    assert check.hinges["right_knee_joint"].velocity == 0
    assert check.passes
    angles = bending.angles.clone()
    angles[6:, KNEE] += 0.1
    jolt = check_motion(replace(bending, angles=angles)).hinges["left_knee_joint"]
    assert jolt.velocity == pytest.approx(10.0)
    assert jolt.acceleration == pytest.approx(0.1 * 50**2)


def test_limits_that_are_given(bending: RobotMotion) -> None:
    limits = HingeLimits(velocity={"left_knee_joint": 4.9}, acceleration={"left_knee_joint": 1.0})
    check = check_motion(bending, limits=limits)
    row = check.hinges["left_knee_joint"]
    assert (row.too_fast, row.too_sudden) == (1.0, 0.0)
    assert not check.passes
    assert check_motion(bending, limits=HingeLimits(velocity={"left_knee_joint": 5.1})).passes
    with pytest.raises(InvalidInputError, match="knee_of_mine"):
        check_motion(bending, limits=HingeLimits(velocity={"knee_of_mine": 1.0}))


def test_angles_beyond_their_limits(bending: RobotMotion) -> None:
    angles = bending.angles.clone()
    angles[3, KNEE] = -0.2
    check = check_motion(replace(bending, angles=angles))
    row = check.hinges["left_knee_joint"]
    assert row.frames_beyond == pytest.approx(1 / 11)
    assert row.most_beyond == pytest.approx(0.2 - 0.087267)
    assert not check.passes


def test_feet_in_the_ground(bending: RobotMotion) -> None:
    high = check_motion(bending)
    low = bending.root_positions.clone()
    low[:, 1] -= high.lowest_sole
    standing = replace(bending, root_positions=low)
    assert check_motion(standing).lowest_sole == pytest.approx(0, abs=1e-12)
    assert check_motion(standing).passes
    assert "knee" in check_motion(standing).lowest_joint
    assert 0.2 < check_motion(standing).lowest_height < 0.4
    low[4, 1] -= 0.5
    sunk = check_motion(replace(bending, root_positions=low))
    assert sunk.frames_sunk == pytest.approx(1 / 11)
    assert not sunk.passes


def test_one_frame_has_no_speed(bending: RobotMotion) -> None:
    still = check_motion(
        replace(
            bending,
            root_positions=bending.root_positions[:1],
            root_rotations=bending.root_rotations[:1],
            angles=bending.angles[:1],
        )
    )
    assert still.hinges["left_knee_joint"].velocity == 0
    assert still.passes


def test_limits_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"velocity": 20, "acceleration": {"left_knee_joint": 300}}))
    limits = read_hinge_limits(path, G1)
    assert limits.velocity == dict.fromkeys(G1.hinge_names, 20.0)
    assert limits.acceleration == {"left_knee_joint": 300.0}


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"speed": 3}', '{"velocity": {"elbow": 3}}', '{"velocity": 0}'),
        *('{"velocity": "fast"}', '{"velocity": true}', '{"acceleration": NaN}'),
    ],
)
def test_damaged_limits_are_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "limits.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match="expected"):
        read_hinge_limits(path, G1)
