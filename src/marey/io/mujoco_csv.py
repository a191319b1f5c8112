"""CSV of MuJoCo poses (qpos) of the Unitree G1: 36 columns a frame.

Root position x, y, z (metres, Z up, X forward), root quaternion, and 29 hinge angles (radians) in
the order of the robot's model. Files have no header as a rule and never a frame rate. Kimodo
writes quaternions ``wxyz``, as MuJoCo has them [Rempe2026]; sets retargeted for tracking
frameworks, such as LAFAN1 for the G1, have ``xyzw``. The two cannot be told apart by looking.

A joint's angle is the exact twist about its own axis, tilted hinges (shoulders, hips) included.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.text_lines import read_lines
from marey.motion import Motion
from marey.motion.robot_motion import EXACT, RobotMotion, twists
from marey.skeleton import G1
from marey.skeleton.robot import Robot

Quaternions = Literal["wxyz", "xyzw"]
"""Order of the root's quaternion."""

_ORDERS = {"wxyz": (0, 1, 2, 3), "xyzw": (1, 2, 3, 0)}
_ROOT_COLUMNS = ("root_x", "root_y", "root_z")
TO_MUJOCO = [2, 0, 1]
"""Our axes in MuJoCo's order: z, x, y are its x, y, z."""
_FROM_MUJOCO = [1, 2, 0]
_MAX_METRES = 1e5
_LENGTH_TOLERANCE = 0.01  # of the quaternion: files with few digits


def read_mujoco_csv(
    path: str | Path, *, fps: float = 30.0, quaternions: Quaternions = "wxyz"
) -> Motion:
    """Read a CSV as a motion of the robot's skeleton; see ``read_robot_csv``."""
    return read_robot_csv(path, fps=fps, quaternions=quaternions).motion()


def read_robot_csv(
    path: str | Path, *, fps: float = 30.0, quaternions: Quaternions = "wxyz"
) -> RobotMotion:
    """Read a CSV with or without a header, at a frame rate that the file does not hold.

    Limits are not looked at. Raises FileFormatError that names the line, InvalidInputError for
    an unknown order of quaternions or a frame rate that is not positive.
    """
    path = Path(path)
    order = _order(quaternions)
    if not 0 < fps < math.inf:
        raise InvalidInputError(f"fps must be positive and finite, got {fps}.")
    lines = [(n, line) for n, line in enumerate(read_lines(path), start=1) if line.strip()]
    if not _is_number(lines[0][1].split(",")[0]):
        _check_header(path, lines[0][1], G1)
        lines = lines[1:]
    if not lines:
        raise _fault(path, "file", "a row of numbers for each frame", "none")
    rows = np.stack([_row(path, number, line, 7 + G1.num_hinges) for number, line in lines])
    lengths = np.linalg.norm(rows[:, 3:7], axis=1)
    if (wrong := np.abs(lengths - 1) > _LENGTH_TOLERANCE).any():
        first = int(wrong.argmax())
        place = f"line {lines[first][0]}, columns 4 to 7"
        raise _fault(path, place, "a quaternion of length 1", f"one of length {lengths[first]:g}")
    rows[:, 3:7] = rows[:, 3:7][:, np.argsort(order)]
    return from_qpos(rows, robot=G1, fps=fps)


def write_mujoco_csv(
    motion: Motion | RobotMotion,
    path: str | Path,
    *,
    header: bool = False,
    quaternions: Quaternions = "wxyz",
    impossible: Literal["refuse", "twist"] = "refuse",
    force: bool = False,
) -> None:
    """Write a motion that the robot can make; angles are written with all their digits.

    Angles outside the limits by rounding are moved onto them. A motion beyond the limits, or one
    with rotations that no hinge can make, is refused; ``impossible="twist"`` writes each joint's
    twist about its axis, whatever is lost. Raises InvalidInputError for such a motion, for another
    skeleton, and for a file that exists unless ``force``.
    """
    order = _order(quaternions)
    if impossible not in ("refuse", "twist"):
        raise InvalidInputError(f"impossible must be 'refuse' or 'twist', got {impossible!r}.")
    turned = motion if isinstance(motion, RobotMotion) else _twisted(motion, impossible)
    if impossible == "refuse":
        _check_limits(turned)
        turned = turned.clamped()
    table = to_qpos(turned)
    table[:, 3:7] = table[:, 3:7][:, order]
    names = [*_ROOT_COLUMNS, *(f"root_q{letter}" for letter in quaternions)]
    titles = ",".join([*names, *turned.robot.hinge_names])
    with atomic_path(path, force=force) as temporary:
        np.savetxt(
            temporary, table, fmt="%.17g", delimiter=",", header=titles if header else "",
            comments="",
        )  # fmt: skip


def to_qpos(motion: RobotMotion) -> Float64[np.ndarray, "frames qpos"]:
    """Return MuJoCo's positions: root x, y, z, quaternion ``wxyz``, angles; in MuJoCo's axes.

    The quaternion's sign is that of the frame before, so that nothing jumps.
    """
    quaternions = rotations.matrix_to_quaternion(motion.root_rotations)
    quaternions = rotations.continuous_quaternions(quaternions)
    turned = torch.cat((quaternions[:, :1], quaternions[:, 1:][:, TO_MUJOCO]), dim=-1)
    places = motion.root_positions[:, TO_MUJOCO]
    return torch.cat((places, turned, motion.angles), dim=-1).numpy()


def from_qpos(qpos: Float64[np.ndarray, "frames qpos"], *, robot: Robot, fps: float) -> RobotMotion:
    """Return the motion of a robot from MuJoCo's positions; the inverse of ``to_qpos``."""
    values = torch.from_numpy(np.ascontiguousarray(qpos))
    quaternions = torch.cat((values[:, 3:4], values[:, 4:7][:, _FROM_MUJOCO]), dim=-1)
    return RobotMotion(
        root_positions=values[:, :3][:, _FROM_MUJOCO],
        root_rotations=rotations.quaternion_to_matrix(quaternions),
        angles=values[:, 7:],
        fps=fps,
        robot=robot,
    )


def _order(quaternions: str) -> Sequence[int]:
    if quaternions not in _ORDERS:
        raise InvalidInputError(
            f"quaternions must be one of {', '.join(_ORDERS)}, got {quaternions!r}."
        )
    return _ORDERS[quaternions]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _row(path: Path, number: int, line: str, columns: int) -> Float64[np.ndarray, " columns"]:
    words = line.split(",")
    if len(words) != columns:
        expected, fix = f"{columns} numbers between commas", _columns_fix(line, columns)
        raise _fault(path, f"line {number}", expected, f"{len(words)}", fix=fix)
    try:
        row = np.array([float(word) for word in words])
    except ValueError:
        column = next(k for k, word in enumerate(words) if not _is_number(word))
        place = f"line {number}, column {column + 1}"
        raise _fault(path, place, "a number", f"{words[column].strip()[:40]!r}") from None
    bounds = np.r_[np.full(3, _MAX_METRES), np.full(4, 2.0), np.full(columns - 7, 2 * math.pi)]
    if (wrong := ~(np.abs(row) <= bounds)).any():  # true for NaN as well
        column = int(wrong.argmax())
        place, limit = f"line {number}, column {column + 1}", bounds[column]
        fix = "Lengths are metres and angles radians." if column >= 7 or column < 3 else _EXPORT
        raise _fault(path, place, f"a number within ±{limit:g}", f"{row[column]:g}", fix=fix)
    return row


def _columns_fix(line: str, columns: int) -> str:
    """Return what to do about a line with another number of columns."""
    found = line.count(",") + 1
    if found == 1 or ";" in line:
        return "Write commas between the numbers, and points in them."
    if found == columns + 1:
        return "Delete the column that is no part of the pose, such as a time or a frame number."
    if found == columns - 7:
        return "Put the root before the angles: x, y, z (metres) and its quaternion."
    return "Each row is root x, y, z, quaternion and the angles of the G1's 29 hinges."


def _check_header(path: Path, line: str, robot: Robot) -> None:
    """Refuse a header that does not name the hinges in their order."""
    names = [word.strip().strip("\"'") for word in line.split(",")]
    if len(names) != 7 + robot.num_hinges:
        expected, got = f"{7 + robot.num_hinges} columns", f"{len(names)}: {line[:60]!r}"
        raise _fault(path, "line 1", expected, got, fix=_columns_fix(line, 7 + robot.num_hinges))
    for column, (name, hinge) in enumerate(zip(names[7:], robot.hinge_names, strict=True), start=8):
        plain = name.removesuffix("_dof").removesuffix("_joint")
        if plain != hinge.removesuffix("_joint"):
            fix = "Put the columns in the order of the model, or delete a header that says less."
            raise _fault(path, f"line 1, column {column}", hinge, f"{name[:40]!r}", fix=fix)


def _twisted(motion: Motion, impossible: str) -> RobotMotion:
    turned, rest = twists(motion, G1)
    if impossible == "refuse" and float(rest.max()) > EXACT:
        frame, joint = divmod(int(rest.argmax()), rest.shape[1])
        raise InvalidInputError(
            f"Expected rotations that the robot's hinges can make, got one that is "
            f"{math.degrees(float(rest.max())):.2g}° off in frame {frame} at "
            f"{motion.skeleton.joint_names[joint]}. {_PROJECT}"
        )
    return turned


def _check_limits(motion: RobotMotion) -> None:
    excess = motion.excess
    if float(excess.max()) > EXACT:
        frame, hinge = divmod(int(excess.argmax()), excess.shape[1])
        low, high = float(motion.robot.lower[hinge]), float(motion.robot.upper[hinge])
        raise InvalidInputError(
            f"Expected {motion.robot.hinge_names[hinge]} within [{low:g}, {high:g}] rad, got "
            f"{float(motion.angles[frame, hinge]):g} in frame {frame}. {_PROJECT}"
        )


_EXPORT = "The file is damaged or no table of G1 poses: export it again."
_PROJECT = (
    "Bring the motion into what the robot can do first (marey robot export, or "
    "marey.robots.project_motion), or write it as it is with impossible='twist'."
)


def _fault(
    path: Path, place: str, expected: str, got: str, *, fix: str = _EXPORT
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
