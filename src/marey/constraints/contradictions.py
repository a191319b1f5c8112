"""Pins of one quantity in one frame that cannot all be met."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from marey.constraints.goal import DEFAULT_TOLERANCE, Goal, GoalKind, per_pin, target_distance
from marey.constraints.reach import worst_of_pairs
from marey.motion.joint_matching import rest_positions
from marey.skeleton import Skeleton

_ONE_PLACE = 1e-3
"""Hips nearer to each other than this, in metres, say nothing of a heading."""
_MOST_NEIGHBOURS = 16
"""With so many pins before it on the same quantity in the same frame each one is compared."""


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """Two pins on one quantity, further apart than their tolerances together; the worst frame."""

    kind: GoalKind
    joint: int
    frame: int
    source: int
    other_source: int
    distance: float
    """Metres or radians."""
    allowed: float
    count: int
    """In how many frames these two constraints contradict each other so."""


def contradictions(goals: Sequence[Goal]) -> Iterator[Contradiction]:
    """Yield pins that contradict one another, by quantity."""
    by_quantity: dict[tuple[GoalKind, int], list[Goal]] = {}
    for goal in goals:
        by_quantity.setdefault(goal.quantity, []).append(goal)
    for same in by_quantity.values():
        if len(same) > 1:
            yield from _within(same)


def _within(goals: list[Goal]) -> Iterator[Contradiction]:
    """Compare the pins of goals on one quantity that share a frame."""
    number = per_pin(goals, range(len(goals)))
    frames, target = torch.cat([g.frames for g in goals]), torch.cat([g.target for g in goals])
    order = torch.argsort(frames, stable=True)
    number, frames, target = number[order], frames[order], target[order]
    tolerance = torch.tensor([goal.tolerance for goal in goals])[number]
    source = torch.tensor([goal.source for goal in goals])[number]
    for lag in range(1, min(len(goals), _MOST_NEIGHBOURS + 1)):
        early = (frames[lag:] == frames[:-lag]).nonzero().flatten()
        if not len(early):
            return
        late = early + lag
        differs = (target[late] != target[early]).reshape(len(late), -1).any(dim=1)
        if lag == 1 and not bool(differs.any()):
            return  # all pins of a frame are the same
        late, early = late[differs], early[differs]
        distance = target_distance(goals[0].kind, target[late], target[early])
        allowed = tolerance[late] + tolerance[early]
        wrong = (distance > allowed + 1e-4).nonzero().flatten()
        late, early, distance, allowed = late[wrong], early[wrong], distance[wrong], allowed[wrong]
        sources = source[late], source[early]
        found = worst_of_pairs(*sources, distance - allowed)
        rows = torch.tensor([i for i, _ in found], dtype=torch.long)
        columns = (frames[late], *sources, distance, allowed)
        each = zip(*(column[rows].tolist() for column in columns), strict=True)
        for (_, count), (frame, own, other, apart, most) in zip(found, each, strict=True):
            yield Contradiction(
                kind=goals[0].kind,
                joint=goals[0].joint,
                frame=frame,
                source=own,
                other_source=other,
                distance=apart,
                allowed=most,
                count=count,
            )


def implied_goals(goals: Sequence[Goal], skeleton: Skeleton) -> list[Goal]:
    """Return root heights and headings that follow from pinned positions and rotations.

    A heading follows from the root joint's rotation and, within a constraint, from both hips.
    """
    height = [
        goal.unchecked(kind="root_height", target=goal.target[:, 1])
        for goal in goals
        if goal.quantity == ("joint_position", 0)
    ]
    if not skeleton.roles.left_hip or not skeleton.roles.right_hip:
        return height
    left, right = skeleton.role("left_hip"), skeleton.role("right_hip")
    places = rest_positions(skeleton)
    rest = places[right] - places[left]
    if float(rest.norm()) < _ONE_PLACE:
        return height
    turned = [goal for goal in goals if goal.quantity == ("joint_rotation", 0)]
    if not skeleton.parents[left] == skeleton.parents[right] == 0:
        turned = []
    lefts = {goal.source: goal for goal in goals if goal.quantity == ("joint_position", left)}
    pairs = [
        (twin, goal)
        for goal in goals
        if goal.quantity == ("joint_position", right)
        and (twin := lefts.get(goal.source)) is not None
        and torch.equal(twin.frames, goal.frames)
    ]
    across = [goal.target - twin.target for twin, goal in pairs]
    wide = 2 / float(rest.norm())
    return [
        *height,
        *_headings(turned, [goal.target @ rest for goal in turned]),
        *_headings([goal for _, goal in pairs], across, wide),
    ]


def _headings(
    goals: Sequence[Goal], across: Sequence[Tensor], widened: float = 1.0
) -> Iterator[Goal]:
    """Headings of hips that lie ``across`` from left to right, in frames where it is well defined.

    The goals' tolerances, ``widened``, are for hips that are level; up to a tilt of 60° they are
    at most doubled.
    """
    if not goals:
        return
    counts = [goal.frames.numel() for goal in goals]
    way = torch.cat(list(across))
    upright = way[:, [0, 2]].norm(dim=1) > 0.5 * way.norm(dim=1)
    angles = torch.atan2(way[:, 2], -way[:, 0])
    each = zip(goals, angles.split(counts), upright.split(counts), strict=True)
    sums = torch.cat((torch.zeros(1, dtype=torch.long), upright.cumsum(0)))[
        torch.tensor([0, *counts]).cumsum(0)
    ]
    for (goal, angle, ok), kept in zip(each, sums.diff().tolist(), strict=True):
        if kept:
            every = kept == goal.frames.numel()
            yield goal.unchecked(
                kind="heading",
                joint=0,
                frames=goal.frames if every else goal.frames[ok],
                target=angle if every else angle[ok],
                tolerance=2 * max(widened * goal.tolerance, DEFAULT_TOLERANCE["heading"]),
            )
