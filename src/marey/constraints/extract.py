"""Constraints taken from motions: what a clip did, and what lies between two clips."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.constraints.clip import Clip
from marey.constraints.constraint import Constraint
from marey.constraints.contact import FOOT_CHANNELS, FootContact
from marey.constraints.joint import JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.root import PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import Interval
from marey.errors import InvalidInputError
from marey.motion import BODY22_LIMITS, KIMODO_LIMITS, Motion, foot_contacts
from marey.skeleton import BODY22

ExtractedKind = Literal[
    "full_body",
    "joint",
    "root_waypoint",
    "root_path",
    "heading",
    "pelvis_height",
    "foot_contact",
]


def constraints_from_motion(
    motion: Motion,
    kinds: Sequence[ExtractedKind],
    *,
    every: int | None = None,
    frames: Sequence[int] | None = None,
    joints: Sequence[str] = (),
    rotations: bool = True,
) -> tuple[Constraint, ...]:
    """Return constraints that the motion itself meets, in the order of ``kinds``.

    Keys come at ``frames``, or at every so many frames from frame 0. "joint" pins ``joints``
    (none named: hands and feet) with the root path; ``rotations`` adds theirs to joints and whole
    bodies. "root_path" is pinned in every frame and "foot_contact" throughout, whatever the keys.
    Raises InvalidInputError for other kinds, or joints or frames that the motion does not have.
    """
    unknown = [kind for kind in kinds if kind not in get_args(ExtractedKind)]
    if unknown:
        raise InvalidInputError(
            f"kinds: expected some of {', '.join(get_args(ExtractedKind))}, got {unknown[0]!r:.60}."
        )
    if (every is None) == (frames is None):
        both = "neither" if every is None else "both"
        raise InvalidInputError(f"expected every or frames, got {both}. Give one of them.")
    if every is not None and every < 1:
        raise InvalidInputError(f"every: expected at least 1 frame, got {every}.")
    keys = list(range(0, motion.num_frames, every)) if every is not None else list(frames or ())
    if not keys:
        raise InvalidInputError("frames: expected at least one frame, got none.")
    found: list[Constraint] = []
    for kind in kinds:
        if kind == "joint":
            found += [
                JointTarget.from_motion(motion, joint, keys, rotations=rotations, root_path=True)
                for joint in joints or _ends(motion)
            ]
        elif kind == "full_body":
            found.append(FullBodyKeyframe.from_motion(motion, keys, rotations=rotations))
        elif kind == "foot_contact":
            found += _contacts(motion)
        elif kind == "root_path":
            found.append(RootPath.from_motion(motion))
        else:
            keyed = {
                "root_waypoint": RootWaypoint,
                "heading": RootHeading,
                "pelvis_height": PelvisHeight,
            }
            found.append(keyed[kind].from_motion(motion, keys))
    return tuple(found)


def _ends(motion: Motion) -> list[str]:
    """Names of the hands and feet."""
    roles = ("left_hand", "right_hand", "left_heel", "right_heel")
    return [motion.skeleton.joint_names[motion.skeleton.role(role)] for role in roles]


def _contacts(motion: Motion) -> Iterator[FootContact]:
    """Contact and no contact of each part of the feet, interval by interval."""
    contacts = motion.contacts
    if contacts is None:
        limits = BODY22_LIMITS if motion.skeleton == BODY22 else KIMODO_LIMITS
        contacts = foot_contacts(motion.joint_positions, motion.skeleton, motion.fps, limits=limits)
    for foot, channels in FOOT_CHANNELS.items():
        if len(channels) == 1:
            for start, end, on in _runs(contacts[:, channels[0]]):
                yield FootContact(foot=foot, interval=Interval(start=start, end=end), contact=on)


def _runs(values: Bool[Tensor, " frames"]) -> Iterator[tuple[int, int, bool]]:
    """Yield start, end and value of stretches of equal values."""
    changes = (values[1:] != values[:-1]).nonzero().flatten() + 1
    edges = [0, *changes.tolist(), len(values)]
    for start, end in pairwise(edges):
        yield start, end, bool(values[start])


def between(
    start: Motion | None,
    end: Motion | None,
    clip: Clip,
    *,
    overlap: int = 4,
    place: Float[Tensor, "2"] | None = None,
    heading: float | int | None = None,
) -> tuple[FullBodyKeyframe, ...]:
    """Return keyframes of a clip that begins as one motion ends, and ends as another begins.

    The last ``overlap`` frames of ``start`` are pinned at the clip's start, the first of ``end``
    at its end, with rotations and root path; either may be left out. ``end`` keeps its place in
    the world, or its root joint first stands above ``place`` (x, z, metres) and faces ``heading``
    (radians). Raises InvalidInputError if skeletons, frame rates or lengths do not fit.
    """
    given = {name: motion for name, motion in (("start", start), ("end", end)) if motion}
    for name, motion in given.items():
        if motion.skeleton != clip.skeleton or motion.fps != clip.fps:
            raise InvalidInputError(
                f"{name}: expected skeleton {clip.skeleton.name!r} at {clip.fps:g} fps, got "
                f"{motion.skeleton.name!r} at {motion.fps:g}. Retarget or resample it first."
            )
        if not 1 <= overlap <= motion.num_frames:
            raise InvalidInputError(
                f"overlap: expected 1 to {motion.num_frames} frames, as {name} has, got {overlap}."
            )
    if len(given) * overlap > clip.frames:
        raise InvalidInputError(
            f"overlap: expected at most {clip.frames // len(given)} frames of the clip's "
            f"{clip.frames}, got {overlap}."
        )
    found: list[FullBodyKeyframe] = []
    if start is not None:
        last = range(start.num_frames - overlap, start.num_frames)
        first = FullBodyKeyframe.from_motion(start, last, at=range(overlap))
        found.append(replace(first, label="start"))
    if end is not None:
        at_end = range(clip.frames - overlap, clip.frames)
        moved = _placed(end, place, heading)
        second = FullBodyKeyframe.from_motion(moved, range(overlap), at=at_end)
        found.append(replace(second, label="end"))
    return tuple(found)


def _placed(
    motion: Motion, place: Float[Tensor, "2"] | None, heading: float | int | None
) -> Motion:
    """Turn and move a motion so that it begins at a place and in a direction."""
    if place is None and heading is None:
        return motion
    origin = motion.root_positions[0] * torch.tensor([1.0, 0.0, 1.0])
    target = origin.clone()
    if place is not None:
        target[[0, 2]] = place
    moved = motion.translate(-origin)
    if heading is not None:
        moved = moved.rotate(float(heading) - float(motion.heading[0]))
    return moved.translate(target)
