"""Pins of one quantity in one frame that cannot all be met."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.constraints.goal import DEFAULT_TOLERANCE, Goal, GoalKind, target_distance
from marey.constraints.reach import worst_of_pairs
from marey.skeleton import Skeleton

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
    number = torch.cat([torch.full_like(goal.frames, i) for i, goal in enumerate(goals)])
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
        distance = target_distance(goals[0].kind, target[late], target[early])
        allowed = tolerance[late] + tolerance[early]
        wrong = (distance > allowed + 1e-4).nonzero().flatten()
        late, early, distance, allowed = late[wrong], early[wrong], distance[wrong], allowed[wrong]
        sources = source[late], source[early]
        for i, count in worst_of_pairs(*sources, distance - allowed):
            yield Contradiction(
                kind=goals[0].kind,
                joint=goals[0].joint,
                frame=int(frames[late[i]]),
                source=int(sources[0][i]),
                other_source=int(sources[1][i]),
                distance=float(distance[i]),
                allowed=float(allowed[i]),
                count=count,
            )


def implied_goals(goals: Sequence[Goal], skeleton: Skeleton) -> list[Goal]:
    """Return root heights and headings that follow from pinned positions and rotations.

    A heading follows from the root joint's rotation and, within a constraint, from both hips.
    """
    height = [
        replace(goal, kind="root_height", target=goal.target[:, 1])
        for goal in goals
        if goal.quantity == ("joint_position", 0)
    ]
    if not skeleton.roles.left_hip or not skeleton.roles.right_hip:
        return height
    left, right = skeleton.role("left_hip"), skeleton.role("right_hip")
    turned = [goal for goal in goals if goal.quantity == ("joint_rotation", 0)]
    if not skeleton.parents[left] == skeleton.parents[right] == 0:
        turned = []
    lefts = {goal.source: goal for goal in goals if goal.quantity == ("joint_position", left)}
    rights = [goal for goal in goals if goal.quantity == ("joint_position", right)]
    rest = skeleton.rest_offsets[right] - skeleton.rest_offsets[left]
    headings = [_heading(goal, goal.target @ rest, goal.tolerance) for goal in turned]
    headings += [
        _heading(goal, goal.target - twin.target, 2 * goal.tolerance / float(rest.norm()))
        for goal in rights
        if (twin := lefts.get(goal.source)) is not None and torch.equal(twin.frames, goal.frames)
    ]
    return height + [goal for goal in headings if goal is not None]


def _heading(goal: Goal, across: Float[Tensor, "pins 3"], tolerance: float) -> Goal | None:
    """Heading of hips that lie ``across`` from left to right, in frames where it is well defined.

    ``tolerance`` is for hips that are level; up to a tilt of 60° it is at most doubled.
    """
    flat = across[:, [0, 2]].norm(dim=1)
    upright = flat > 0.5 * across.norm(dim=1)
    if not bool(upright.any()):
        return None
    return replace(
        goal,
        kind="heading",
        joint=0,
        frames=goal.frames[upright],
        target=torch.atan2(across[upright, 2], -across[upright, 0]),
        tolerance=2 * max(tolerance, DEFAULT_TOLERANCE["heading"]),
    )
