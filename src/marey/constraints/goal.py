"""Goal: one quantity of the motion pinned in some frames, which every constraint compiles to.

The model observes goals (through ``WorldFacts``), post-processing meets them, the report measures
them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError

GoalKind = Literal[
    "joint_position", "joint_rotation", "root_path", "root_height", "heading", "contact"
]

_VALUE_SHAPES: dict[GoalKind, tuple[int, ...]] = {
    "joint_position": (3,),
    "joint_rotation": (3, 3),
    "root_path": (2,),
    "root_height": (),
    "heading": (),
    "contact": (),
}

DEFAULT_TOLERANCE: dict[GoalKind, float] = {
    "joint_position": 0.005,
    "joint_rotation": math.radians(1),
    "root_path": 0.005,
    "root_height": 0.005,
    "heading": math.radians(1),
    "contact": 0.0,
}
"""How far from its target a quantity may be and still count as met: metres or radians."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Goal:
    """One quantity pinned to one target in each of some frames.

    Raises InvalidInputError for frames that are not distinct and ascending, or for targets of the
    wrong shape or not finite.
    """

    kind: GoalKind
    frames: Int[Tensor, " pins"]
    """Ascending frame numbers from 0."""
    target: Float[Tensor, "pins *value"]
    """By kind: world position x, y, z of the joint; its global rotation; x, z of the smoothed root
    path; height of the root joint; direction that the hips face, radians; 0 or 1."""
    joint: int = 0
    """Index of the joint; of a contact the channel: left heel, left toe, right heel, right toe."""
    weight: float = 1.0
    tolerance: float
    """Metres, or radians for rotations and headings; 0 for contacts."""
    source: int = 0
    """Number of the constraint in the request that it came from."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(GoalKind):
            raise InvalidInputError(
                f"Goal.kind: expected one of {', '.join(get_args(GoalKind))}, got {self.kind!r}."
            )
        expected = (len(self.frames), *_VALUE_SHAPES[self.kind])
        if not len(self.frames) or tuple(self.target.shape) != expected:
            raise InvalidInputError(
                f"Goal.target of {self.kind}: expected shape {expected} with at least one frame, "
                f"got {tuple(self.target.shape)}."
            )
        if bool((self.frames.diff() <= 0).any()) or int(self.frames[0]) < 0:
            raise InvalidInputError(
                "Goal.frames: expected distinct ascending numbers from 0, got "
                f"{self.frames.tolist()!s:.100}."
            )
        if not bool(self.target.isfinite().all()):
            raise InvalidInputError(f"Goal.target of {self.kind} is not finite.")

    def unchecked(self, **changes: Any) -> "Goal":
        """Return this goal with changes that are known to be sound, where thousands are made."""
        goal = object.__new__(Goal)
        goal.__dict__.update(self.__dict__)
        goal.__dict__.update(changes)
        return goal

    @property
    def quantity(self) -> tuple[GoalKind, int]:
        """What is pinned; two goals with equal quantities speak of the same thing."""
        return self.kind, self.joint


def merged(goals: Sequence[Goal]) -> tuple[Goal, ...]:
    """Return one goal for each quantity that all its goals pin alike, in tolerance and weight.

    Of several pins in one frame the last stays, as it does where goals are met one by one.
    Thousands of goals become a few; their sources are lost. Other goals stay as they are.
    """
    kinds: dict[tuple[GoalKind, int], list[Goal]] = {}
    for goal in goals:
        kinds.setdefault(goal.quantity, []).append(goal)
    return tuple(each for own in kinds.values() for each in _merged(own))


def _merged(goals: list[Goal]) -> list[Goal]:
    if len({(goal.tolerance, goal.weight) for goal in goals}) > 1 or len(goals) == 1:
        return goals
    frames = torch.cat([goal.frames for goal in goals])
    distinct, place = frames.unique(return_inverse=True)
    last = torch.zeros_like(distinct).scatter_reduce(
        0, place, torch.arange(len(frames)), reduce="amax"
    )
    target = torch.cat([goal.target for goal in goals])[last]
    return [goals[-1].unchecked(frames=distinct, target=target)]


def over_ground(goals: Sequence[Goal]) -> list[Goal]:
    """Return the goals that say where the body is over the ground: root path and root joint."""
    return [goal for goal in goals if goal.quantity in (("root_path", 0), ("joint_position", 0))]


def per_pin(
    goals: Sequence[Goal], values: Sequence[float | int]
) -> Float[Tensor, " pins"] | Int[Tensor, " pins"]:
    """Repeat a value of each goal for each of its pins."""
    counts = torch.tensor([goal.frames.numel() for goal in goals], dtype=torch.long)
    return torch.tensor(values).repeat_interleave(counts)


def target_distance(
    kind: GoalKind, first: Float[Tensor, "pins *value"], second: Float[Tensor, "pins *value"]
) -> Float[Tensor, " pins"]:
    """Distance between values of one kind: metres, radians in [0, π], or 0 and 1 for contacts."""
    if kind == "joint_rotation":
        return rotations.geodesic_distance(first, second)
    if kind == "heading":
        return rotations.wrap_angle(first - second).abs()
    difference = first - second
    return difference.norm(dim=-1) if kind in ("joint_position", "root_path") else difference.abs()


def in_order(
    frames: Int[Tensor, " pins"], target: Float[Tensor, "pins *value"]
) -> tuple[Int[Tensor, " pins"], Float[Tensor, "pins *value"]]:
    """Sort pins by their frame."""
    order = torch.argsort(frames)
    return frames[order], target[order]
