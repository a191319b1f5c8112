"""From the transforms of any program's joints to a Motion whose rest pose has world axes.

Other programs give each joint axes of its own, scales and parents of other kinds. Here only where
the joints are in rest pose and in each frame counts: a joint's rotation is what turns its rest axes
into its axes of the frame, which leaves identity rotations for the rest pose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from marey.errors import FileFormatError, InvalidInputError
from marey.io.bvh import MAX_METRES, TRANSLATION_TOLERANCE
from marey.io.bvh_names import read_names
from marey.motion import Motion
from marey.skeleton import Skeleton

MAX_JOINTS = 2000
MAX_POSES = 2_000_000
"""Most poses of a joint that a file may hold: 17 minutes of 65 joints at 30 fps."""
MAX_STRETCHED_FRAMES, MAX_STRETCHED_POSES = 10_000, 400_000
"""The same for files that make more than two frames out of a key."""


@dataclass(frozen=True, kw_only=True)
class RigTransforms:
    """Joints of a file, parents before children, with world transforms in metres, Y up."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Float[np.ndarray, "joints 4 4"]
    frames: Float[np.ndarray, "frames joints 4 4"]
    fps: float


def rig_motion(
    path: Path, rig: RigTransforms, *, drop_translations: bool, metadata: Mapping[str, Any]
) -> Motion:
    """Return the motion of a rig. Leaf joints ``<parent>_end`` become end sites.

    A joint above hips that move by themselves is folded into them. A bone's length is the one
    that it has in most frames; where it changes by more than a millimetre the file is refused, or
    its bones kept rigid if ``drop_translations``, and what hangs beside moving hips is left out.
    Raises FileFormatError.
    """
    _finite(path, rig.rest)
    _finite(path, rig.frames)
    rig = _without_wrappers(path, rig, drop=drop_translations)
    rest = rig.rest
    turns = _turns(path, rig.names, rest, rig.frames)
    offsets = _offsets(path, rig, turns, drop=drop_translations)
    offsets[0] = rest[0, :3, 3]
    _check_size(path, offsets, rig.frames[:, 0, :3, 3])
    tips = _tips(rig.names, rig.parents)
    joints = [j for j in range(len(rig.names)) if j not in tips]
    local = np.empty((len(turns), len(joints), 3, 3), np.float32)
    for i, joint in enumerate(joints):
        above = turns[:, rig.parents[joint]].swapaxes(-1, -2) if joint else np.eye(3)
        local[:, i] = above @ turns[:, joint]
    try:
        return Motion(
            root_positions=torch.from_numpy(rig.frames[:, 0, :3, 3].astype(np.float32)),
            local_rotations=torch.from_numpy(local),
            fps=rig.fps,
            skeleton=_skeleton(path.stem, rig, joints, offsets, tips),
            metadata={"source": path.name, **metadata},
        )
    except InvalidInputError as error:
        raise _fault(path, "joints", "a valid skeleton and motion", str(error)) from error


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with numbers after those that came before, and for the empty ones."""
    found: dict[str, None] = {}
    for wanted in names:
        clean = name = "".join(c for c in wanted if c.isprintable()).strip() or "joint"
        number = 2
        while name in found:
            name, number = f"{clean}_{number}", number + 1
        found[name] = None
    return tuple(found)


def _skeleton(
    name: str,
    rig: RigTransforms,
    joints: list[int],
    offsets: Float[np.ndarray, "joints 3"],
    tips: set[int],
) -> Skeleton:
    place = {joint: i for i, joint in enumerate(joints)}
    names = tuple(rig.names[joint] for joint in joints)
    parents = tuple(place[rig.parents[joint]] if joint else -1 for joint in joints)
    structure = read_names(names, parents)
    last = [tip for tip in sorted(tips) if rig.parents[tip] in place]
    ends = [(place[rig.parents[tip]], offsets[tip].tolist()) for tip in last]
    return Skeleton(
        name=name,
        joint_names=names,
        parents=parents,
        rest_offsets=torch.from_numpy(offsets[joints].astype(np.float32)),
        mirror=structure.mirror,
        roles=structure.roles,
        parts=structure.parts,
        end_sites=tuple((joint, (x, y, z)) for joint, (x, y, z) in ends),
    )


def _tips(names: Sequence[str], parents: Sequence[int]) -> set[int]:
    """Leaf joints that only mark where a bone ends, by name: Blender's habit, and marey's.

    A tip that got a tip of its own, as happens on the way through Blender, is one all the same.
    """
    carrying = [0] * len(parents)  # children that are no tips
    found: set[int] = set()
    for joint in range(len(parents) - 1, 0, -1):
        ending = re.escape(names[parents[joint]]) + r"_end\d*"
        if not carrying[joint] and re.fullmatch(ending, names[joint]):
            found.add(joint)
        else:
            carrying[parents[joint]] += 1
    return found


def _turns(
    path: Path,
    names: Sequence[str],
    rest: Float[np.ndarray, "joints 4 4"],
    frames: Float[np.ndarray, "frames joints 4 4"],
) -> Float[np.ndarray, "frames joints 3 3"]:
    """World rotation of each joint from its rest pose; scales that stay cancel."""
    determinant = np.linalg.det(rest[:, :3, :3])
    size = np.linalg.norm(rest[:, :3, :3], axis=(-1, -2)) ** 3
    flat = ~(np.abs(determinant) > 1e-6 * size)
    if flat.any():
        place = f"joint {names[int(np.argmax(flat))]!r}"
        raise _fault(path, place, "a rest pose with three axes", "a scale of zero")
    turns = frames[..., :3, :3] @ np.linalg.inv(rest[:, :3, :3])
    x, y = turns[..., 0].copy(), turns[..., 1].copy()
    lengths = np.linalg.norm(turns, axis=-2).min(-1)
    mirrored = np.linalg.det(turns) <= 1e-9 * lengths**3
    if mirrored.any():
        frame, joint = np.argwhere(mirrored)[0]
        place = f"joint {names[joint]!r}, frame {frame}"
        raise _fault(path, place, "a rotation", "a scale of zero or a mirrored joint")
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    y -= (x * y).sum(-1, keepdims=True) * x
    y /= np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack((x, y, np.cross(x, y)), axis=-1)


def _offsets(
    path: Path, rig: RigTransforms, turns: Float[np.ndarray, "frames joints 3 3"], *, drop: bool
) -> Float[np.ndarray, "joints 3"]:
    """Place of each joint in its parent's frame: the one that it keeps through the frames."""
    offsets = np.zeros((len(rig.names), 3))
    places = rig.frames[..., :3, 3]
    for joint, parent in enumerate(rig.parents):
        if parent < 0:
            continue
        track = _track(turns[:, parent], places[:, joint] - places[:, parent])
        travel = _travel(track)
        if travel > TRANSLATION_TOLERANCE and not drop:
            raise _fault(
                path,
                f"joint {rig.names[joint]!r}",
                "a constant position in its parent's frame",
                f"one that moves by {1000 * travel:.1f} mm",
                fix="Pass translations='drop' to keep its bone rigid.",
            )
        offsets[joint] = np.median(track, axis=0)
    return offsets


def _track(
    turns: Float[np.ndarray, "frames 3 3"], steps: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames 3"]:
    """Steps in the world as seen from a joint that has turned."""
    return np.einsum("fji,fj->fi", turns, steps)


def _travel(track: Float[np.ndarray, "frames 3"]) -> float:
    """Longest side of the box that a track fills."""
    return float(np.ptp(track, axis=0).max())


def _without_wrappers(path: Path, rig: RigTransforms, *, drop: bool) -> RigTransforms:
    """Leave out the root while the tree below it moves by itself, as hips below a group do."""
    while len(rig.names) > 1:
        below = [_below(rig.parents, i) for i, parent in enumerate(rig.parents) if parent == 0]
        largest = max(below, key=len)
        alone = len(below) == 1 or (drop and 2 * len(largest) > len(rig.names))
        turns = _turns(path, rig.names[:1], rig.rest[:1], rig.frames[:, :1])[:, 0]
        steps = rig.frames[:, largest[0], :3, 3] - rig.frames[:, 0, :3, 3]
        if not alone or _travel(_track(turns, steps)) <= TRANSLATION_TOLERANCE:
            break
        place = {joint: i for i, joint in enumerate(largest)}
        rig = RigTransforms(
            names=tuple(rig.names[joint] for joint in largest),
            parents=tuple(place.get(rig.parents[joint], -1) for joint in largest),
            rest=rig.rest[largest],
            frames=rig.frames[:, largest],
            fps=rig.fps,
        )
    return rig


def _below(parents: Sequence[int], top: int) -> list[int]:
    """A joint and all that hangs on it, parents first."""
    found = {top}
    for joint in range(top + 1, len(parents)):
        if parents[joint] in found:
            found.add(joint)
    return sorted(found)


def _finite(path: Path, transforms: Float[np.ndarray, "*shape 4 4"]) -> None:
    if not (np.abs(transforms) < 1e9).all():  # false for NaN as well
        raise _fault(path, "joints", "finite transforms", "others")


def _check_size(path: Path, offsets: np.ndarray, root: np.ndarray) -> None:
    largest = max(float(np.abs(offsets).max()), float(np.abs(root).max()))
    if largest > MAX_METRES:
        expected = f"offsets and positions within {MAX_METRES:g} m"
        fix = "Check the unit that the file states."
        raise _fault(path, "lengths", expected, f"{largest:.3g} m", fix=fix)


def check_frames(path: Path, frames: int, joints: int, keys: int) -> None:
    """Raise FileFormatError for more joints or frames than a file of so many keys may make."""
    if joints > MAX_JOINTS:
        raise _fault(path, "joints", f"at most {MAX_JOINTS}", f"{joints}")
    joints = max(joints, 1)
    stretched = min(MAX_STRETCHED_FRAMES, MAX_STRETCHED_POSES // joints)
    most = min(max(2 * keys, stretched), MAX_POSES // joints)
    if frames > most:
        got = f"{frames} out of {keys} keys"
        fix = "Export it with a key per frame, or in shorter parts."
        raise _fault(path, "animation", f"at most {most} frames of {joints} joints", got, fix=fix)


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or beyond what marey reads: export it again.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got.rstrip("."), fix=fix)
