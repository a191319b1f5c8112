"""Kimodo's constraint files [Rempe2026] as constraints: a JSON array of poses and paths by frame.

Every entry has ``type`` and ``frame_indices``. ``root2d`` holds ``smooth_root_2d`` (x, z) and
perhaps ``global_root_heading`` (cos, sin); the others hold whole poses, as rotation vectors in
``local_joints_rot`` with ``root_positions`` and perhaps ``smooth_root_2d``, even where they pin one
hand only. Written back by ``kimodo_constraints_to_json``.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.constraints.constraint import Constraint, require_number
from marey.constraints.joint import JointTarget
from marey.constraints.json_values import Array, Number, Row, Sizes, Text, fault, shown
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.root import PelvisHeight, RootHeading, RootWaypoint
from marey.constraints.schema import MAX_CONSTRAINTS
from marey.constraints.times import MAX_TIME, Times
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import G1_34, SOMA30, SOMA77, Skeleton

KIMODO_FPS = 30.0
"""Frame rate of Kimodo's models and files."""

PARTS: dict[str, tuple[str, ...]] = {
    "LeftHand": ("left_hand", "LeftHandMiddleEnd", "left_hand_roll_skel"),
    "RightHand": ("right_hand", "RightHandMiddleEnd", "right_hand_roll_skel"),
    "LeftFoot": ("left_heel", "left_toe", "LeftToeEnd"),
    "RightFoot": ("right_heel", "right_toe", "RightToeEnd"),
    "Hips": (),
}
"""What an end effector pins: roles and names of joints, as far as the skeleton has them."""

LIMB_TYPES = {"left-hand": "LeftHand", "right-hand": "RightHand"} | {
    "left-foot": "LeftFoot",
    "right-foot": "RightFoot",
}

FRAMES = Row(Number(least=0, most=MAX_TIME, whole=True), "frames")
POINTS = Array(("frames", 2))
ROOT = Array(("frames", 3))
VECTORS = Array(("frames", "joints", 3))
_NAMES = Row(Text(), "names")

_SHARED = ("type", "frame_indices")
_POSE = (*_SHARED, "local_joints_rot", "root_positions", "smooth_root_2d")
FIELDS: dict[str, tuple[str, ...]] = {
    "root2d": (*_SHARED, "smooth_root_2d", "global_root_heading"),
    "fullbody": _POSE,
    **dict.fromkeys(LIMB_TYPES, _POSE),
    "end-effector": (*_POSE, "joint_names"),
}
"""Fields of every type."""
_OPTIONAL = {"root2d": ("global_root_heading",)}

_BY_COUNT = {skeleton.num_joints: skeleton for skeleton in (SOMA30, SOMA77, G1_34)}


@dataclass(frozen=True, kw_only=True)
class KimodoReport:
    """What became of a file's entries."""

    read: Mapping[str, int]
    """Number of entries of each type."""
    dropped: tuple[str, ...]
    """What was left out and why, each with its path in the file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KimodoConstraints:
    """A file's constraints on the skeleton it was written for, with times in seconds."""

    constraints: tuple[Constraint, ...]
    """What the file pins; ``label`` says which entry each came from."""
    skeleton: Skeleton | None
    """None for a file without poses, which fits any skeleton."""
    poses: tuple[FullBodyKeyframe, ...] = ()
    """The whole poses that hands and feet were taken from; they pin nothing."""
    fps: float | int = KIMODO_FPS
    report: KimodoReport


def kimodo_constraints_from_json(
    content: Any, *, fps: float | int = KIMODO_FPS, skeleton: Skeleton | None = None
) -> KimodoConstraints:
    """Return the constraints of a Kimodo file's JSON array.

    The skeleton follows from the number of joints: 30 or 77 for SOMA, both of which may occur in
    one file, 34 for the G1; for any other number, such as SMPL-X's 22, give the body that the file
    was made with. A whole body pins positions and rotations of all joints and the root path; hands
    and feet pin their joints' positions, the first one's rotation, root path, pelvis height and
    heading. Where a frame comes twice in an entry the first counts, as in Kimodo.
    Raises InvalidInputError that begins with the path of the offending field, such as
    ``[3].root_positions[0][1]``, for content of any other kind.
    """
    require_number("fps", fps, positive=True)
    if not isinstance(content, list | tuple) or len(content) > MAX_CONSTRAINTS:
        raise fault("Kimodo constraints", f"a list of at most {MAX_CONSTRAINTS} entries", content)
    entries = [_entry(row, f"[{i}]", fps, skeleton) for i, row in enumerate(content)]
    bodies = [entry.pose.skeleton for entry in entries if entry.pose is not None]
    _require_one_body(entries)
    return KimodoConstraints(
        constraints=tuple(pin for entry in entries for pin in _pins(entry)),
        skeleton=max(bodies, key=lambda body: body.num_joints, default=None),
        poses=tuple(_keyframe(entry) for entry in entries if entry.parts),
        fps=fps,
        report=KimodoReport(
            read=dict(Counter(entry.type for entry in entries)),
            dropped=tuple(line for entry in entries for line in entry.dropped),
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Entry:
    """One entry of a file, checked."""

    place: str
    type: str
    times: Times
    path: Float[Tensor, "keys 2"]
    heading: Float[Tensor, " keys"] | None = None
    pose: Motion | None = None
    """A frame for each time."""
    parts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.place} {self.type}"


def _entry(content: Any, place: str, fps: float | int, body: Skeleton | None) -> _Entry:
    if not isinstance(content, Mapping):
        raise fault(place, "an object", content)
    kind = content.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise fault(f"{place}.type", f"one of {', '.join(FIELDS)}", kind)
    optional = _OPTIONAL.get(kind, ("smooth_root_2d",))
    _require_fields(content, FIELDS[kind], optional, place)
    sizes: Sizes = {}
    frames = FRAMES.read(content["frame_indices"], f"{place}.frame_indices", sizes)
    first = {frame: i for i, frame in reversed(list(enumerate(frames)))}
    keep = sorted(first.values())
    path = pose = heading = None
    if content.get("smooth_root_2d") is not None:
        path = POINTS.read(content["smooth_root_2d"], f"{place}.smooth_root_2d", sizes)[keep]
    if kind != "root2d":
        pose = _pose(content, place, keep, fps, sizes, body)
    elif content.get("global_root_heading") is not None:
        heading = _heading(content["global_root_heading"], place, sizes)[keep]
    if path is None:
        assert pose is not None, "root2d requires its path"
        path = pose.root_positions[:, [0, 2]]
    return _Entry(
        place=place,
        type=kind,
        times=Times(seconds=tuple(frames[i] / fps for i in keep)),
        path=path,
        heading=heading,
        pose=pose,
        parts=_parts(content, kind, place),
        dropped=tuple(
            f"{place}.frame_indices[{i}]: frame {frame} comes again; the first one counts."
            for i, frame in enumerate(frames)
            if first[frame] != i
        ),
    )


def _require_fields(
    content: Mapping[Any, Any], known: tuple[str, ...], optional: tuple[str, ...], place: str
) -> None:
    for key in content:
        if key not in known:
            raise InvalidInputError(
                f"{place}: unknown field {shown(key)}; the fields of this type are "
                f"{', '.join(known)}."
            )
    for name in known:
        if content.get(name) is None and name not in optional:
            raise InvalidInputError(f"{place}.{name}: expected a value, got none.")


def _pose(
    content: Mapping[str, Any],
    place: str,
    keep: list[int],
    fps: float | int,
    sizes: Sizes,
    body: Skeleton | None,
) -> Motion:
    vectors = VECTORS.read(content["local_joints_rot"], f"{place}.local_joints_rot", sizes)
    root = ROOT.read(content["root_positions"], f"{place}.root_positions", sizes)
    skeletons = _BY_COUNT if body is None else {**_BY_COUNT, body.num_joints: body}
    joints = vectors.shape[1]
    if joints not in skeletons:
        counts = ", ".join(f"{n} ({skeletons[n].name})" for n in sorted(skeletons))
        fix = f"Pass skeleton=, the body of {joints} joints that the file was made with."
        raise InvalidInputError(
            f"{place}.local_joints_rot[0]: expected rotations of {counts} joints, got {joints}. "
            f"{fix}"
        )
    matrices = rotations.rotation_vector_to_matrix(vectors[keep].double()).float()
    return Motion(
        root_positions=root[keep],
        local_rotations=matrices,
        fps=float(fps),
        skeleton=skeletons[joints],
    )


def _heading(content: Any, place: str, sizes: Sizes) -> Float[Tensor, " keys"]:
    """Angles of (cos, sin) pairs of any length but zero."""
    field = f"{place}.global_root_heading"
    pairs = POINTS.read(content, field, sizes)
    short = (pairs.norm(dim=1) < 1e-3).nonzero().flatten().tolist()
    if short:
        raise fault(f"{field}[{short[0]}]", "cosine and sine of an angle", pairs[short[0]].tolist())
    return torch.atan2(pairs[:, 1], pairs[:, 0])


def _parts(content: Mapping[str, Any], kind: str, place: str) -> tuple[str, ...]:
    """Return the end effectors; their names are also understood as left_hand or left-hand."""
    if kind in LIMB_TYPES:
        return (LIMB_TYPES[kind],)
    if kind != "end-effector":
        return ()
    known = {part.lower(): part for part in PARTS}
    found: dict[str, None] = {}
    names = _NAMES.read(content["joint_names"], f"{place}.joint_names", {})
    for i, name in enumerate(names):
        part = known.get(re.sub(r"[-_ ]", "", name).lower())
        if part is None:
            raise fault(f"{place}.joint_names[{i}]", f"one of {', '.join(PARTS)}", name)
        found[part] = None
    return tuple(found)


def _require_one_body(entries: Sequence[_Entry]) -> None:
    """Raise InvalidInputError unless all poses are of one body, SOMA in any number of joints."""
    posed = [(entry, entry.pose.skeleton) for entry in entries if entry.pose is not None]
    for entry, skeleton in posed:
        first, other = posed[0]
        if skeleton != other and not {skeleton, other} <= {SOMA30, SOMA77}:
            raise InvalidInputError(
                f"{entry.place}.local_joints_rot: expected poses of {other.name!r}, as "
                f"{first.place} has, got {skeleton.name!r}. Split the file by skeleton."
            )


# --- meaning -----------------------------------------------------------------------------------


def _pins(entry: _Entry) -> list[Constraint]:
    times, label = entry.times, entry.label
    if entry.type == "fullbody":
        return [_keyframe(entry)]
    if entry.pose is not None:
        return _limb_pins(entry, entry.pose)
    found: list[Constraint] = [RootWaypoint(times=times, points=entry.path, label=label)]
    if entry.heading is not None:
        found.append(RootHeading(times=times, angles=entry.heading, label=label))
    return found


def _keyframe(entry: _Entry) -> FullBodyKeyframe:
    pose = entry.pose
    assert pose is not None, "only root2d has no pose"
    return FullBodyKeyframe(
        times=entry.times,
        joint_names=pose.skeleton.joint_names,
        positions=pose.joint_positions,
        rotations=pose.global_rotations,
        root_path=entry.path,
        label=entry.label,
    )


def _limb_pins(entry: _Entry, pose: Motion) -> list[Constraint]:
    times, label, skeleton = entry.times, entry.label, pose.skeleton
    found: list[Constraint] = []
    for part in entry.parts:
        for place, joint in enumerate(joint_indices(part, skeleton)):
            found.append(
                JointTarget(
                    joint=skeleton.joint_names[joint],
                    times=times,
                    positions=pose.joint_positions[:, joint],
                    rotations=pose.global_rotations[:, joint] if place == 0 else None,
                    root_path=entry.path,
                    label=label,
                )
            )
    found.append(PelvisHeight(times=times, heights=pose.root_positions[:, 1], label=label))
    if skeleton.roles.left_hip and skeleton.roles.right_hip:
        found.append(RootHeading(times=times, angles=pose.heading, label=label))
    return found


def joint_indices(part: str, skeleton: Skeleton) -> list[int]:
    """Return the joints that an end effector pins, the one whose rotation it pins first.

    Raises InvalidInputError if the skeleton names no joint for its role.
    """
    if part == "Hips":
        return [0]
    first, *others = PARTS[part]
    names = [getattr(skeleton.roles, name, name) for name in others]
    held = [skeleton.index(name) for name in names if name in skeleton.joint_names]
    return [skeleton.role(first), *held]
