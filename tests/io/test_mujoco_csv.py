"""CSV of robot poses: exact round trips, both quaternion orders, MuJoCo's own kinematics."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.io.mujoco_csv import (
    from_qpos,
    read_mujoco_csv,
    read_robot_csv,
    to_qpos,
    write_mujoco_csv,
)
from marey.motion.robot_motion import RobotMotion
from marey.rotations import axis_rotation, quaternion_to_matrix, rotation_vector_to_matrix
from marey.skeleton import G1


def feasible(generator: torch.Generator, frames: int = 12) -> RobotMotion:
    """Return random poses inside the limits, some of them on the limits."""
    share = torch.rand(frames, 29, generator=generator, dtype=torch.float64)
    angles = torch.lerp(G1.lower.expand_as(share), G1.upper.expand_as(share), share)
    angles[0], angles[1] = G1.lower, G1.upper
    quaternions = torch.randn(frames, 4, generator=generator, dtype=torch.float64)
    return RobotMotion(
        root_positions=torch.randn(frames, 3, generator=generator, dtype=torch.float64),
        root_rotations=quaternion_to_matrix(quaternions),
        angles=angles,
        fps=30.0,
        robot=G1,
    )


@pytest.mark.parametrize("quaternions", ["wxyz", "xyzw"])
@pytest.mark.parametrize("header", [False, True])
def test_angles_come_back_bit_for_bit(
    generator: torch.Generator, tmp_path: Path, quaternions: str, header: bool
) -> None:
    motion, path = feasible(generator), tmp_path / "g1.csv"
    write_mujoco_csv(motion, path, header=header, quaternions=quaternions)  # pyright: ignore
    back = read_robot_csv(path, quaternions=quaternions)  # pyright: ignore
    assert torch.equal(back.angles, motion.angles)
    assert torch.equal(back.root_positions, motion.root_positions)
    assert torch.allclose(back.root_rotations, motion.root_rotations, rtol=0, atol=1e-14)
    lines = path.read_text().splitlines()
    assert len(lines) == 12 + header
    assert lines[0].startswith("root_x,") is header


def test_a_motion_comes_back_to_float32(generator: torch.Generator, tmp_path: Path) -> None:
    motion, path = feasible(generator).motion(), tmp_path / "g1.csv"
    write_mujoco_csv(motion, path)
    back = read_mujoco_csv(path, fps=30.0)
    assert torch.allclose(back.joint_positions, motion.joint_positions, atol=2e-6)
    assert float(read_robot_csv(path).excess.max()) == 0  # in spite of float32


def test_columns_and_axes() -> None:
    angles = torch.zeros(1, 29, dtype=torch.float64)
    angles[0, 3] = 0.5
    motion = RobotMotion(
        root_positions=torch.tensor([[1.0, 0.8, 3.0]]).double(),  # 1 m left, 3 m ahead
        root_rotations=axis_rotation("Y", torch.tensor([0.6]).double()),
        angles=angles,
        fps=30.0,
        robot=G1,
    )
    row = to_qpos(motion)[0]
    assert row[:3].tolist() == [3.0, 1.0, pytest.approx(0.8)]
    assert row[3:7] == pytest.approx([np.cos(0.3), 0, 0, np.sin(0.3)])
    assert row[7 + 3] == 0.5
    assert G1.hinge_names[3] == "left_knee_joint"


def test_quaternions_do_not_change_sign() -> None:
    turn = torch.linspace(0, 4 * torch.pi, 100, dtype=torch.float64)
    motion = RobotMotion(
        root_positions=torch.zeros(100, 3).double(),
        root_rotations=axis_rotation("Y", turn),
        angles=torch.zeros(100, 29).double(),
        fps=30.0,
        robot=G1,
    )
    assert np.abs(np.diff(to_qpos(motion)[:, 3:7], axis=0)).max() < 0.1


def test_mujoco_places_the_joints_where_we_do(
    generator: torch.Generator, shared_data: Path, tmp_path: Path
) -> None:
    mujoco = pytest.importorskip("mujoco")
    motion, path = feasible(generator, frames=100), tmp_path / "g1.csv"
    write_mujoco_csv(motion, path)
    model = mujoco.MjModel.from_xml_path(str(shared_data / "g1/g1_kinematics.xml"))
    state = mujoco.MjData(model)
    bodies = [int(model.joint(name).bodyid[0]) for name in G1.hinge_names]
    ours = motion.joint_positions[:, list(G1.hinge_joints)].numpy()
    for frame, row in enumerate(np.loadtxt(path, delimiter=",")):
        state.qpos[:] = row
        mujoco.mj_kinematics(model, state)
        assert np.abs(state.xpos[bodies][:, [1, 2, 0]] - ours[frame]).max() < 1e-5


def test_what_the_robot_cannot_do_is_refused(generator: torch.Generator, tmp_path: Path) -> None:
    motion = feasible(generator)
    beyond = replace(motion, angles=motion.angles + 0.01)
    with pytest.raises(InvalidInputError, match=r"within .* in frame 1"):
        write_mujoco_csv(beyond, tmp_path / "a.csv")
    local = motion.motion().local_rotations.clone()
    tilt = rotation_vector_to_matrix(torch.full((34, 3), 0.1))
    off = replace(motion.motion(), local_rotations=local @ tilt)
    with pytest.raises(InvalidInputError, match="robot export"):
        write_mujoco_csv(off, tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()
    write_mujoco_csv(beyond, tmp_path / "a.csv", impossible="twist")
    assert torch.equal(read_robot_csv(tmp_path / "a.csv").angles, beyond.angles)
    write_mujoco_csv(off, tmp_path / "b.csv", impossible="twist")


def test_other_digits_are_read(generator: torch.Generator, tmp_path: Path) -> None:
    table = to_qpos(feasible(generator))
    for style in ("%.18e", "%.5f", "%g"):
        np.savetxt(tmp_path / "a.csv", table, delimiter=", ", fmt=style)
        back = read_robot_csv(tmp_path / "a.csv", fps=50.0)
        assert back.fps == 50.0
        assert np.abs(to_qpos(back)[:, 7:] - table[:, 7:]).max() < 1e-4
    assert np.allclose(to_qpos(from_qpos(table, robot=G1, fps=30.0)), table)


def test_damage_is_told_by_line(generator: torch.Generator, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_mujoco_csv(feasible(generator), path, header=True)
    head, *rows = path.read_text().splitlines()

    def fault(lines: list[str]) -> str:
        path.write_text("\n".join(lines))
        with pytest.raises(FileFormatError) as caught:
            read_mujoco_csv(path)
        return str(caught.value)

    cells = rows[1].split(",")
    changed = {k: ",".join([*cells[:k], w, *cells[k + 1 :]]) for k, w in ((9, "x"), (2, "nan"))}
    assert "line 3, column 10" in fault([head, rows[0], changed[9]])
    assert "line 2, column 3" in fault([rows[0], changed[2]])
    assert "36 numbers between commas, got 35" in fault([rows[0], ",".join(cells[:-1])])
    swapped = head.replace("left_knee", "?").replace("right_knee", "left_knee")
    assert "column 11" in fault([swapped, *rows])
    assert "line 1: expected 36 columns" in fault(["a,b,c", *rows])
    assert "Write commas" in fault([row.replace(",", ";") for row in rows])
    assert "such as a time" in fault([f"0.0,{row}" for row in rows])
    assert "such as a time" in fault([f"time,{head}", *rows])
    assert "Put the root before" in fault([",".join(cells[7:])])
    assert "length 1" in fault([",".join([*cells[:3], "0", "0", "0", "0", *cells[7:]])])
    assert "none" in fault([head])
    path.write_text("\n".join(rows))
    with pytest.raises(InvalidInputError, match="fps"):
        read_mujoco_csv(path, fps=0.0)
    with pytest.raises(InvalidInputError, match="exists"):
        write_mujoco_csv(feasible(generator), path)
