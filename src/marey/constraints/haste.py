"""Pins so far apart, so soon after one another, that no body is that fast."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey import rotations
from marey.constraints.goal import Goal, over_ground, per_pin
from marey.constraints.reach import Reach, worst_of_pairs
from marey.motion.path_smoothing import DEFAULT_MARGIN

MAX_SPEED = 10.0
"""Metres per second over the ground: a sprinter's."""
MAX_JOINT_SPEED = 25.0
"""Metres per second of any joint: the hand of a pitcher."""
MAX_TURN_SPEED = 6 * math.pi
"""Radians per second of the heading: three turns, a skater's."""

_WINDOWS = (0.25, 1.0)
"""Seconds between the pins that are compared besides neighbours: of pins in every frame these lie
so close that what they may be off hides any speed."""

Hurrying = Literal["body", "joint", "turn"]


@dataclass(frozen=True, kw_only=True)
class Haste:
    """Two pins between which the body, a joint or the heading would have to go too fast."""

    what: Hurrying
    joint: int
    source: int
    """The later of the two constraints."""
    other_source: int
    first: int
    last: int
    """Frames."""
    distance: float
    """Least length of the way, metres, or of the turn, radians."""
    speed: float
    """Metres or radians per second."""
    limit: float


def hastes(
    goals: Sequence[Goal], reach: Reach, fps: float, *, max_speed: float = MAX_SPEED
) -> list[Haste]:
    """Return the worst haste of each constraint, of its turns apart from the rest.

    The body's way over the ground (``max_speed``, m/s) is what root path and pelvis ask for, and
    what is left of a joint's way where limbs reach no further. Where the body must hurry, nothing
    is said of its joints.
    """
    worst: dict[tuple[int, bool], Haste] = {}
    for each in (
        *_of_body(goals, fps, max_speed),
        *_of_joints(goals, reach, fps, max_speed),
        *_of_heading(goals, fps),
    ):
        key = each.source, each.what == "turn"
        if key not in worst or _rank(each) > _rank(worst[key]):
            worst[key] = each
    return list(worst.values())


def _rank(haste: Haste) -> tuple[bool, float]:
    return haste.what == "body", haste.speed / haste.limit


@dataclass(frozen=True, kw_only=True, eq=False)
class _Way:
    """Pins in order of time; ``slack`` is how far from each the body may be."""

    frames: Int[Tensor, " pins"]
    places: Float[Tensor, "pins axes"]
    slack: Float[Tensor, " pins"]
    source: Int[Tensor, " pins"]


def _way(goals: Sequence[Goal], places: Sequence[Tensor], slack: Sequence[float]) -> _Way:
    frames = torch.cat([goal.frames for goal in goals])
    source, margin = per_pin(goals, [goal.source for goal in goals]), per_pin(goals, slack)
    order = torch.argsort(frames, stable=True)
    return _Way(
        frames=frames[order],
        places=torch.cat(list(places))[order],
        slack=margin[order],
        source=source[order],
    )


def _too_fast(
    way: _Way,
    length: Callable[[Tensor, Tensor], Tensor],
    fps: float,
    limit: float,
    *,
    what: Hurrying,
    joint: int = 0,
) -> Iterator[Haste]:
    """Yield the fastest step to each constraint, if it is beyond the limit.

    ``length`` is that of the ways between pins, by their rows; what they may be off comes off it.
    """
    start, end = _steps(way.frames, fps)
    steps = way.frames[end] - way.frames[start]
    ways = length(start, end) - way.slack[end] - way.slack[start]
    speed = (ways / steps.clamp(min=1) * fps).where(steps > 0, 0)
    hasty = (speed > limit).nonzero().flatten()
    later = torch.maximum(way.source[start[hasty]], way.source[end[hasty]])
    for row, _ in worst_of_pairs(later, later, speed[hasty]):
        i = int(hasty[row])
        yield Haste(
            what=what,
            joint=joint,
            source=int(later[row]),
            other_source=int(torch.minimum(way.source[start[i]], way.source[end[i]])),
            first=int(way.frames[start[i]]),
            last=int(way.frames[end[i]]),
            distance=float(ways[i]),
            speed=float(speed[i]),
            limit=limit,
        )


def _steps(
    frames: Int[Tensor, " pins"], fps: float
) -> tuple[Int[Tensor, " steps"], Int[Tensor, " steps"]]:
    """Rows of neighbouring pins, and of pins that are about a window apart."""
    rows = torch.arange(len(frames))
    starts, ends = [rows[:-1]], [rows[1:]]
    for seconds in _WINDOWS:
        window = max(1, round(seconds * fps))
        later = torch.searchsorted(frames, frames + window)
        gone = frames[later.clamp(max=len(frames) - 1)] - frames
        apart = (later > rows + 1) & (gone >= window) & (gone < 1.5 * window)
        starts.append(rows[apart])
        ends.append(later[apart])
    return torch.cat(starts), torch.cat(ends)


def _chord(places: Float[Tensor, "pins axes"]) -> Callable[[Tensor, Tensor], Tensor]:
    """Straight distances between places, by their rows."""
    return lambda start, end: (places[end] - places[start]).norm(dim=1)


def _of_body(goals: Sequence[Goal], fps: float, limit: float) -> Iterator[Haste]:
    """How fast root path and pelvis together ask the body to be."""
    own = over_ground(goals)
    if not own:
        return
    places = [g.target if g.kind == "root_path" else g.target[:, [0, 2]] for g in own]
    slack = [g.tolerance + DEFAULT_MARGIN * (g.kind != "root_path") for g in own]
    way = _way(own, places, slack)
    yield from _too_fast(way, _chord(way.places), fps, limit, what="body")


def _of_joints(goals: Sequence[Goal], reach: Reach, fps: float, limit: float) -> Iterator[Haste]:
    """How fast single joints must be, and the body so that they can be where they are pinned."""
    by_joint: dict[int, list[Goal]] = {}
    for goal in goals:
        if goal.kind == "joint_position" and goal.joint:
            by_joint.setdefault(goal.joint, []).append(goal)
    for joint, own in by_joint.items():
        way = _way(own, [goal.target for goal in own], [goal.tolerance for goal in own])
        chord, ground = _chord(way.places), _chord(way.places[:, [0, 2]])
        yield from _too_fast(way, chord, fps, MAX_JOINT_SPEED, what="joint", joint=joint)
        arms = 2 * reach.most[0, joint]
        yield from _too_fast(
            way, lambda start, end, g=ground, a=arms: g(start, end) - a, fps, limit, what="body"
        )


def _of_heading(goals: Sequence[Goal], fps: float) -> Iterator[Haste]:
    """How fast headings ask the body to turn."""
    own = [goal for goal in goals if goal.kind == "heading"]
    if not own:
        return
    way = _way(own, [goal.target[:, None] for goal in own], [goal.tolerance for goal in own])
    turned = rotations.unwrap_angle(way.places[:, 0])
    yield from _too_fast(way, _chord(turned[:, None]), fps, MAX_TURN_SPEED, what="turn")
