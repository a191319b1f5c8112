"""BVH: any hierarchy, channel order and unit becomes a Motion; the writer is in bvh_writer.

The rest pose is that of the OFFSETs (identity rotations). Position channels replace the OFFSET
of their joint, as Blender and MotionBuilder have it; values nearer to zero than to the OFFSET
are read as added to it. A Motion's bones are rigid: constant position channels become the rest
offset, moving ones are refused or dropped, and a wrapper joint above moving hips is folded in.
"""

import decimal
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io.bvh_hierarchy import BvhJoint, read_hierarchy
from marey.io.bvh_names import read_names
from marey.io.bvh_writer import write_bvh
from marey.io.text_lines import read_lines
from marey.motion import Motion
from marey.skeleton import Skeleton

__all__ = ["METRES", "TRANSLATION_TOLERANCE", "read_bvh", "write_bvh"]

METRES: dict[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001}
"""Length of a unit in metres."""
TRANSLATION_TOLERANCE = 1e-3
"""Metres that a joint may move in its parent's frame and still count as constant."""
MAX_METRES = 1e5
MAX_DEGREES = 1e7

_FPS = (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 200, 240, 300, 480)
_NTSC = tuple(n * 1000 / 1001 for n in (24, 30, 60, 120))
_Z_UP_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def read_bvh(
    path: str | Path,
    *,
    unit: Literal["auto", "cm", "m", "mm"] = "auto",
    up: Literal["Y", "Z"] = "Y",
    translations: Literal["refuse", "drop"] = "refuse",
) -> Motion:
    """Read a BVH file.

    ``unit="auto"`` takes a rest pose of 0.1 to 10 units for metres and one of 10 to 1000 for
    centimetres. ``translations="drop"`` keeps bones rigid where the file stretches them by more
    than a millimetre. Roles, parts and mirror pairs come from the joint names where evident.
    Raises FileFormatError that names the line, InvalidInputError for an unknown option.
    """
    options = {"unit": (unit, ("auto", *METRES)), "up": (up, ("Y", "Z"))}
    options["translations"] = (translations, ("refuse", "drop"))
    for name, (value, valid) in options.items():
        if value not in valid:
            raise InvalidInputError(f"{name} must be one of {', '.join(valid)}, got {value!r}.")
    path = Path(path)
    lines = read_lines(path)
    joints, first = read_hierarchy(path, lines)
    fps, values = _read_motion_block(path, lines, first, width=sum(len(j.channels) for j in joints))
    body = _Body.from_channels(joints, values)
    scale = METRES[unit] if unit != "auto" else METRES[_detect_unit(path, body)]
    body = body.scaled(scale).without_wrappers().rigid(path, drop=translations == "drop")
    _check_size(path, body)
    return (body.z_up_to_y_up() if up == "Z" else body).motion(path, fps)


@dataclass(frozen=True, kw_only=True)
class _Body:
    """Joints and their channels as arrays; lengths in the file's unit until ``scaled``."""

    joints: tuple[BvhJoint, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    """[joints, 3]"""
    tips: tuple[tuple[int, np.ndarray], ...]
    tracks: dict[int, np.ndarray]
    """Positions in the parent's frame, [frames, 3], of joints that have position channels."""
    rotations: np.ndarray
    """Local rotation matrices, [frames, joints, 3, 3]."""

    @classmethod
    def from_channels(
        cls, joints: Sequence[BvhJoint], values: Float[np.ndarray, "frames channels"]
    ) -> "_Body":
        offsets = np.array([joint.offset for joint in joints], dtype=np.float64)
        tracks: dict[int, np.ndarray] = {}
        turning: dict[str, list[tuple[int, list[int]]]] = {}
        column = 0
        for i, joint in enumerate(joints):
            columns = {c: column + k for k, c in enumerate(joint.channels)}
            column += len(columns)
            moving = [(c, k) for c, k in columns.items() if c.endswith("position")]
            if moving:
                tracks[i] = np.repeat(offsets[i][None], len(values), axis=0)
                for channel, k in moving:
                    tracks[i][:, "XYZ".index(channel[0])] = values[:, k]
            order = "".join(c[0] for c in columns if c.endswith("rotation"))
            turns = [k for c, k in columns.items() if c.endswith("rotation")]
            turning.setdefault(order, []).append((i, turns))
        return cls(
            joints=tuple(joints),
            parents=tuple(joint.parent for joint in joints),
            offsets=offsets,
            tips=tuple((i, np.array(tip)) for i, joint in enumerate(joints) for tip in joint.tips),
            tracks=tracks,
            rotations=_matrices(turning, values, len(joints)),
        )

    def scaled(self, metres: float) -> "_Body":
        return _Body(
            joints=self.joints,
            parents=self.parents,
            offsets=self.offsets * metres,
            tips=tuple((i, tip * metres) for i, tip in self.tips),
            tracks={i: track * metres for i, track in self.tracks.items()},
            rotations=self.rotations,
        )

    def children(self, joint: int) -> list[int]:
        return [i for i, parent in enumerate(self.parents) if parent == joint]

    def without_wrappers(self) -> "_Body":
        """Fold the root into its only child while that child moves by itself; exact."""
        body = self
        while True:
            below = body.children(0)
            tips = {i for i, _ in body.tips}
            if len(below) != 1 or 0 in tips or not _moves(body.tracks.get(below[0])):
                return body
            path = body.tracks.get(0, body.offsets[None, 0])
            turned = np.einsum("fij,fj->fi", body.rotations[:, 0], body.tracks[1])
            local = body.rotations[:, 1:].copy()
            local[:, 0] = body.rotations[:, 0] @ local[:, 0]
            tracks = {i - 1: track for i, track in body.tracks.items() if i > 1}
            body = _Body(
                joints=body.joints[1:],
                parents=tuple(parent - 1 for parent in body.parents[1:]),
                offsets=body.offsets[1:],
                tips=tuple((i - 1, tip) for i, tip in body.tips),
                tracks={0: path + turned, **tracks},
                rotations=local,
            )

    def rigid(self, path: Path, *, drop: bool) -> "_Body":
        """Turn the position channels below the root into constant offsets."""
        offsets = self.offsets.copy()
        for i, track in self.tracks.items():
            if i == 0:
                continue
            if _moves(track) and not drop:
                joint = self.joints[i]
                raise FileFormatError(
                    path,
                    f"line {joint.line}, joint {joint.name!r}",
                    expected="a constant position in its parent's frame",
                    got=f"one that moves by {1000 * _travel(track):.1f} mm",
                    fix="Pass translations='drop' to keep its bone rigid.",
                )
            offsets[i] = _rest_offset(offsets[i], track)
        root = self.tracks.get(0, np.repeat(offsets[:1], len(self.rotations), axis=0))
        return _Body(
            joints=self.joints,
            parents=self.parents,
            offsets=offsets,
            tips=self.tips,
            tracks={0: root},
            rotations=self.rotations,
        )

    def z_up_to_y_up(self) -> "_Body":
        turn = _Z_UP_TO_Y_UP
        return _Body(
            joints=self.joints,
            parents=self.parents,
            offsets=self.offsets @ turn.T,
            tips=tuple((i, turn @ tip) for i, tip in self.tips),
            tracks={i: track @ turn.T for i, track in self.tracks.items()},
            rotations=turn @ self.rotations @ turn.T,
        )

    def motion(self, path: Path, fps: float) -> Motion:
        names = tuple(joint.name for joint in self.joints)
        structure = read_names(names, self.parents)
        skeleton = Skeleton(
            name=path.stem,
            joint_names=names,
            parents=self.parents,
            rest_offsets=torch.from_numpy(self.offsets).float(),
            mirror=structure.mirror,
            roles=structure.roles,
            parts=structure.parts,
            end_sites=tuple((i, (float(x), float(y), float(z))) for i, (x, y, z) in self.tips),
        )
        return Motion(
            root_positions=torch.from_numpy(self.tracks[0]).float(),
            local_rotations=torch.from_numpy(self.rotations).float(),
            fps=fps,
            skeleton=skeleton,
            metadata={"source": path.name},
        )


def _matrices(
    turning: dict[str, list[tuple[int, list[int]]]], values: np.ndarray, num_joints: int
) -> np.ndarray:
    """Rotation matrices of all joints, computed for all joints of one Euler order at once."""
    local = np.empty((len(values), num_joints, 3, 3))
    for order, group in turning.items():
        joints = [i for i, _ in group]
        if not order:
            local[:, joints] = np.eye(3)
            continue
        angles = torch.from_numpy(values[:, [columns for _, columns in group]]).deg2rad()
        local[:, joints] = rotations.euler_to_matrix(angles, order).numpy()
    return local


def _travel(track: np.ndarray | None) -> float:
    """Longest side of the box that a track fills."""
    return 0.0 if track is None else float(np.ptp(track, axis=0).max())


def _moves(track: np.ndarray | None) -> bool:
    return _travel(track) > TRANSLATION_TOLERANCE


def _rest_offset(offset: np.ndarray, track: np.ndarray) -> np.ndarray:
    """The constant offset that position channels stand for, replacing or added to OFFSET."""
    constant = np.median(track, axis=0)
    added = np.linalg.norm(constant) < np.linalg.norm(constant - offset)
    return offset + constant if added else constant


def _detect_unit(path: Path, body: _Body) -> str:
    """Metres or centimetres, whichever makes the rest pose 0.1 to 10 m large."""
    offsets = body.offsets.copy()
    for i, track in body.tracks.items():
        offsets[i] = _rest_offset(offsets[i], track)
    # Where the body stands says nothing of its size: skip the root and joints that wrap another.
    joint = 0
    offsets[0] = 0
    while len(below := body.children(joint)) == 1 and below[0] in body.tracks:
        joint = below[0]
        offsets[joint] = 0
    positions = np.zeros_like(offsets)
    for i, parent in enumerate(body.parents):
        if parent >= 0:
            positions[i] = positions[parent] + offsets[i]
    points = np.concatenate([positions, *(positions[i][None] + tip for i, tip in body.tips)])
    size = float(np.ptp(points, axis=0).max())
    if 0.1 <= size < 10:
        return "m"
    if 10 <= size < 1000:
        return "cm"
    raise FileFormatError(
        path,
        "OFFSET lines",
        expected="a rest pose of 0.1 to 10 (metres) or 10 to 1000 (centimetres)",
        got=f"one of {size:.6g}",
        fix=f"State the unit: unit= one of {', '.join(METRES)}.",
    )


def _check_size(path: Path, body: _Body) -> None:
    points = [body.offsets, *body.tracks.values(), *(tip[None] for _, tip in body.tips)]
    largest = max(float(np.abs(array).max()) for array in points)
    if not largest <= MAX_METRES:
        raise FileFormatError(
            path,
            "lengths",
            expected=f"offsets and positions within {MAX_METRES:g} m",
            got=f"{largest:.3g} m",
            fix="Check the values, or state the unit: unit='cm' or 'm'.",
        )


def _read_motion_block(
    path: Path, lines: Sequence[str], first: int, *, width: int
) -> tuple[float, Float[np.ndarray, "frames channels"]]:
    """Return the frame rate and all channels; ``first`` lines come before the block."""
    rows = [(n, text) for n, line in enumerate(lines[first:], first + 1) if (text := line.strip())]
    count = _header(path, rows[:1], r"frames\s*:\s*(\d{1,12})", "'Frames:' and a count", len(lines))
    time = _header(
        path, rows[1:2], r"frame\s*time\s*:\s*(\S+)", "'Frame Time:' and seconds", len(lines)
    )
    if int(count) == 0:
        raise _row_error(path, rows[0][0], "at least one frame", "Frames: 0")
    fps = _frame_rate(path, rows[1][0], time)
    rows, frames = rows[2:], int(count)
    if width == 0:
        raise FileFormatError(
            path,
            "CHANNELS lines",
            expected="at least one channel",
            got="none",
            fix="A BVH without channels holds no motion: export it again.",
        )
    values = _read_rows(path, rows, width)
    if len(values) != frames:
        raise _row_error(
            path,
            rows[-1][0] if rows else len(lines),
            f"{frames} frames, as 'Frames:' says",
            f"{len(values)}",
            fix=f"If the file is whole, write 'Frames: {len(values)}'; else export it again.",
        )
    return fps, values


def _header(
    path: Path, row: Sequence[tuple[int, str]], pattern: str, expected: str, end: int
) -> str:
    number, text = row[0] if row else (end, "")
    found = re.fullmatch(pattern, text, re.IGNORECASE)
    if not found:
        raise _row_error(path, number, expected, repr(text[:40]) if text else "the end of the file")
    return found[1]


def _frame_rate(path: Path, line: int, text: str) -> float:
    """Frames per second; usual and whole rates exactly, if the digits written allow them."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1e-5 <= seconds <= 100:
        raise _row_error(path, line, "a frame time of 1e-5 to 100 seconds", repr(text[:40]))
    digit = 10.0 ** int(decimal.Decimal(text).as_tuple().exponent)
    loose = min(max(digit, 1e-6 * seconds), 0.011 * seconds)
    usual = min((*_FPS, *_NTSC), key=lambda fps: abs(1 / fps - seconds))
    if abs(1 / usual - seconds) <= loose:
        return float(usual)
    whole = round(1 / seconds)
    tight = min(loose, 1e-4 * seconds)
    return float(whole) if whole and abs(1 / whole - seconds) <= tight else 1 / seconds


def _read_rows(
    path: Path, rows: Sequence[tuple[int, str]], width: int
) -> Float[np.ndarray, "frames channels"]:
    """Return the numbers of all rows. Raises FileFormatError that names the first bad line."""
    found: list[np.ndarray] = []
    for line, text in rows:
        try:
            values = np.fromiter(map(float, text.split()), np.float64)
        except ValueError:
            raise _number_error(path, line, text) from None
        if len(values) != width:
            got = f"{len(values)} numbers"
            raise _row_error(path, line, f"{width} numbers, one per channel", got)
        found.append(values)
    table = np.stack(found) if found else np.zeros((0, width))
    bad = ~(np.abs(table) <= MAX_DEGREES)  # true for NaN as well
    if bad.any():
        row, column = np.argwhere(bad)[0]
        expected = f"finite numbers up to {MAX_DEGREES:g}"
        raise _row_error(path, rows[row][0], expected, f"{table[row, column]} in channel {column}")
    return table


def _number_error(path: Path, line: int, text: str) -> FileFormatError:
    """Name the first word of a row that is no number."""
    for word in text.split():
        try:
            float(word)
        except ValueError:
            comma = "Write decimals with a point, not a comma."
            fix = comma if "," in word else "The file is damaged: export it again."
            return _row_error(path, line, "numbers", repr(word[:40]), fix=fix)
    return _row_error(path, line, "numbers", repr(text[:40]))


def _row_error(
    path: Path,
    line: int,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or was cut off: export it again.",
) -> FileFormatError:
    return FileFormatError(path, f"line {line}", expected=expected, got=got, fix=fix)
