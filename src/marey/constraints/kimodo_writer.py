"""Constraints as a Kimodo file: what it can say is written, what it cannot is refused."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from marey import rotations
from marey.constraints.clip import Clip
from marey.constraints.compile import compile_goals, constraint_name
from marey.constraints.constraint import Constraint
from marey.constraints.goal import Goal, target_distance
from marey.constraints.joint import JointTarget
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.kimodo import (
    KIMODO_FPS,
    LIMB_TYPES,
    PARTS,
    POINTS,
    ROOT,
    VECTORS,
    joint_indices,
    kimodo_constraints_from_json,
)
from marey.constraints.pose_book import PoseBook, endless_clip
from marey.constraints.root import PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.errors import InvalidInputError
from marey.skeleton import Skeleton

SAME = 1e-3
"""Metres or radians: goals that differ by no more are the same."""


def kimodo_constraints_to_json(
    constraints: Sequence[Constraint],
    skeleton: Skeleton,
    *,
    poses: Sequence[FullBodyKeyframe] = (),
    fps: float | int = KIMODO_FPS,
) -> list[dict[str, Any]]:
    """Return the JSON array of a Kimodo file that pins what the constraints pin, in their order.

    Kimodo stores a hand or a foot as a whole pose of ``skeleton``: it is taken from ``poses`` or
    from a full-body keyframe in the same frame that has the joint there. Times in frames are those
    of the file. Weights, tolerances and labels have no place in it. Raises InvalidInputError that
    names the constraint for anything else that such a file cannot say: a joint that is no end
    effector, a heading without the path in the same frames, contacts.
    """
    clip = endless_clip(skeleton, fps)
    keyframes = [each for each in constraints if isinstance(each, FullBodyKeyframe)]
    book = PoseBook.of((*keyframes, *poses), skeleton, fps)
    written: list[dict[str, Any]] = []
    for number, each in enumerate(constraints):
        try:
            match each:
                case FullBodyKeyframe():
                    rows = list(book.rows[keyframes.index(each)])
                    written.append(_pose_entry("fullbody", book, rows))
                case JointTarget():
                    written += _limb_entries(each, book, clip)
                case RootWaypoint() | RootPath():
                    written.append(_path_entry(each, constraints, clip))
                case RootHeading() | PelvisHeight():
                    pass  # part of the entries that the others make, or else not said
                case _:
                    raise InvalidInputError(
                        "expected a constraint that a Kimodo file can hold: a whole body, a joint "
                        "target, a root path, heading or height. Leave it out."
                    )
        except InvalidInputError as error:
            raise InvalidInputError(f"{constraint_name(each, number)}: {error}") from error
    _require_said(written, constraints, clip)
    return written


def _pose_entry(kind: str, book: PoseBook, rows: list[int], **more: Any) -> dict[str, Any]:
    local = book.motion.local_rotations[rows].double()
    return {
        "type": kind,
        "frame_indices": [book.frames[row] for row in rows],
        "local_joints_rot": VECTORS.write(rotations.matrix_to_rotation_vector(local).float()),
        "root_positions": ROOT.write(book.motion.root_positions[rows]),
        "smooth_root_2d": POINTS.write(book.paths[rows]),
        **more,
    }


def _limb_entries(target: JointTarget, book: PoseBook, clip: Clip) -> Iterator[dict[str, Any]]:
    """Yield the entry of a hand, a foot or the hips; none for a joint further out."""
    joint = clip.skeleton.index(target.joint)
    part = next((p for p in PARTS if _leads(p, joint, clip.skeleton)), None)
    if part is None:
        return
    frames = target.times.frame_numbers(clip).tolist()
    rows = [_pose_of(target, key, frame, book, joint) for key, frame in enumerate(frames)]
    kind = next((k for k, own in LIMB_TYPES.items() if own == part), "end-effector")
    entry = _pose_entry(kind, book, rows)
    if target.root_path is not None:
        entry["smooth_root_2d"] = POINTS.write(target.root_path)
    yield entry if kind != "end-effector" else {**entry, "joint_names": [part]}


def _leads(part: str, joint: int, skeleton: Skeleton) -> bool:
    """Whether a joint is the one that an end effector begins with."""
    role = PARTS[part][0] if PARTS[part] else ""
    known = not role or bool(getattr(skeleton.roles, role))
    return known and joint_indices(part, skeleton)[0] == joint


def _pose_of(target: JointTarget, key: int, frame: int, book: PoseBook, joint: int) -> int:
    """Return the pose that meets a target; InvalidInputError if there is none."""
    if target.positions is None:
        raise InvalidInputError("positions: expected some, got none: Kimodo pins both or nothing.")
    rows = book.in_frame(frame)
    if not rows:
        raise InvalidInputError(
            f"expected a pose in frame {frame}, got none: Kimodo stores end effectors as whole "
            "poses. Pass poses=, FullBodyKeyframes of the frames that have targets."
        )
    apart = (book.motion.joint_positions[rows, joint] - target.positions[key]).norm(dim=-1)
    if float(apart.min()) > SAME:
        raise InvalidInputError(
            f"expected a pose in frame {frame} that has {target.joint} at its target, got one "
            f"{float(apart.min()):.3f} m away. Pass a pose that reaches it in poses=."
        )
    return rows[int(apart.argmin())]


def _path_entry(
    path: RootWaypoint | RootPath, constraints: Sequence[Constraint], clip: Clip
) -> dict[str, Any]:
    """The entry of a path, with the first heading that is given for the same frames."""
    (goal,) = path.goals(clip)
    frames, points = goal.frames, goal.target
    if isinstance(path, RootWaypoint):  # in its own order
        frames, points = path.times.frame_numbers(clip), path.points
    entry = {
        "type": "root2d",
        "frame_indices": frames.tolist(),
        "smooth_root_2d": POINTS.write(points),
    }
    for heading in constraints:
        if isinstance(heading, RootHeading):
            own = heading.times.frame_numbers(clip)
            if sorted(own.tolist()) == sorted(frames.tolist()):
                order = [own.tolist().index(frame) for frame in frames.tolist()]
                angles = heading.angles[order]
                pairs = torch.stack((angles.cos(), angles.sin()), dim=-1)
                return {**entry, "global_root_heading": POINTS.write(pairs)}
    return entry


def _require_said(
    written: list[dict[str, Any]], constraints: Sequence[Constraint], clip: Clip
) -> None:
    """Raise InvalidInputError unless every pin of the constraints is read back from the file."""
    read = kimodo_constraints_from_json(written, fps=clip.fps, skeleton=clip.skeleton)
    said: dict[tuple[str, int], list[Goal]] = {}
    for goal in compile_goals(read.constraints, clip):
        said.setdefault(goal.quantity, []).append(goal)
    for goal in compile_goals(constraints, clip):
        missing = goal.frames[~_is_said(goal, said.get(goal.quantity, []))]
        if len(missing):
            joint = clip.skeleton.joint_names[goal.joint]
            what = f"{goal.kind} of {joint}" if goal.kind.startswith("joint") else goal.kind
            raise InvalidInputError(
                f"{constraint_name(constraints[goal.source], goal.source)}: expected what a Kimodo "
                f"file can say, got a {what} in frame {int(missing[0])} that no entry pins there. "
                f"Such a file knows whole bodies, {', '.join(PARTS)}, and root paths with or "
                "without a heading."
            )


def _is_said(goal: Goal, others: Sequence[Goal]) -> Bool[Tensor, " pins"]:
    """Which pins of a goal are among those of others, to within SAME."""
    found = torch.zeros(len(goal.frames), dtype=torch.bool)
    for other in others:
        _, own, its = np.intersect1d(goal.frames, other.frames, return_indices=True)
        apart = target_distance(goal.kind, goal.target[own], other.target[its])
        found[own] |= apart <= SAME
    return found
