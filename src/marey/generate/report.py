"""ConstraintReport: what became of one constraint, pin by pin."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.constraints import Constraint, Finding, Goal, target_distance
from marey.constraints.compile import constraint_name
from marey.constraints.goal import GoalKind, merged
from marey.metrics import achieved, goal_errors
from marey.motion import Motion
from marey.skeleton import Skeleton

_ANGLES = ("joint_rotation", "heading")
_LEAST_TOLERANCE = 0.01  # cm or degrees: rounding
_CONTACTS = ("left_heel", "left_toe", "right_heel", "right_toe")
_Pin = tuple[tuple[GoalKind, int], int]
"""A quantity in a frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rivals:
    """All goals that pin one quantity in one frame."""

    targets: Float[Tensor, "goals *value"]
    tolerances: Float[Tensor, " goals"]
    sources: Int[Tensor, " goals"]


@dataclass(frozen=True, kw_only=True)
class PinReport:
    """One quantity in one frame, on the delivered motion; metres, or degrees for angles."""

    kind: str
    joint: str | None
    frame: int
    target: object
    """Numbers as the goal states them: positions and heights in metres, angles in radians,
    rotations as matrices."""
    achieved_before: object
    achieved_after: object
    """Before and after post-processing."""
    error_before: float
    error_after: float
    unit: str
    """``cm``, ``deg``, or ``label`` for contacts (0 right, 1 wrong)."""
    tolerance: float
    """How large an error still counts as met, in that unit."""
    met: bool

    @property
    def excess(self) -> float:
        """The error afterwards in tolerances, with which cm and degrees compare."""
        return self.error_after / max(self.tolerance, _LEAST_TOLERANCE)


@dataclass(frozen=True, kw_only=True)
class ConstraintReport:
    """What became of one constraint of a request."""

    number: int
    name: str
    pins: tuple[PinReport, ...]
    met: bool
    why: str
    """Why it is not met; empty if it is."""

    @property
    def worst(self) -> PinReport | None:
        """The pin that is furthest off afterwards, by how much more than its tolerance."""
        return max(self.pins, key=lambda pin: (not pin.met, pin.excess), default=None)


def constraint_reports(
    constraints: Sequence[Constraint],
    goals: Sequence[Goal],
    before: Motion,
    after: Motion,
    *,
    warnings: Sequence[Finding] = (),
    postprocessed: bool,
) -> tuple[ConstraintReport, ...]:
    """Measure every goal on the motion as the model made it and as it was delivered.

    Why one is not met is looked for among the ``warnings`` first.
    """
    reports, rivals = [], _by_pin(goals)
    by_source: list[list[Goal]] = [[] for _ in constraints]
    for goal in goals:
        by_source[goal.source].append(goal)
    for number, (constraint, own) in enumerate(zip(constraints, by_source, strict=True)):
        pins = [pin for goal in own for pin in _pins(goal, before, after)]
        met = all(pin.met for pin in pins)
        known = [each for each in warnings if each.kind == "reach" and each.concerns(number)]
        why = "" if met else _reason(own, rivals, after, known, postprocessed=postprocessed)
        name = constraint_name(constraint, number)
        reports.append(
            ConstraintReport(number=number, name=name, pins=tuple(pins), met=met, why=why)
        )
    return tuple(reports)


def mismatch(goals: Sequence[Goal], motion: Motion) -> float:
    """Mean error of what goals pin in units of their tolerance; 0 without goals."""
    parts = [goal_errors(motion, goal) / max(goal.tolerance, 1e-3) for goal in merged(goals)]
    return float(torch.cat(parts).mean()) if parts else 0.0


def _pins(goal: Goal, before: Motion, after: Motion) -> list[PinReport]:
    had, has = achieved(before, goal), achieved(after, goal)
    twice = torch.cat((goal.target, goal.target))
    errors = target_distance(goal.kind, torch.cat((had, has)), twice).tolist()
    first, last = errors[: len(had)], errors[len(had) :]
    unit, factor = _unit(goal)
    return [
        PinReport(
            kind=goal.kind,
            joint=_joint_name(goal, after.skeleton),
            frame=int(frame),
            target=_rounded(goal.target[k]),
            achieved_before=_rounded(had[k]),
            achieved_after=_rounded(has[k]),
            error_before=round(first[k] * factor, 4),
            error_after=round(last[k] * factor, 4),
            unit=unit,
            tolerance=round(goal.tolerance * factor, 4),
            met=last[k] <= goal.tolerance + 1e-6,
        )
        for k, frame in enumerate(goal.frames)
    ]


def _unit(goal: Goal) -> tuple[str, float]:
    if goal.kind == "contact":
        return "label", 1.0
    return ("deg", 180 / math.pi) if goal.kind in _ANGLES else ("cm", 100.0)


def _joint_name(goal: Goal, skeleton: Skeleton) -> str | None:
    if goal.kind == "contact":
        return _CONTACTS[goal.joint]
    return skeleton.joint_names[goal.joint] if goal.kind.startswith("joint_") else None


def _rounded(value: torch.Tensor) -> object:
    return torch.round(value.double(), decimals=5).tolist()


def _reason(
    own: Sequence[Goal],
    rivals: Mapping[_Pin, _Rivals],
    motion: Motion,
    known: Sequence[Finding],
    *,
    postprocessed: bool,
) -> str:
    if not postprocessed:
        return "post-processing was off"
    if known:
        first = known[0]
        return first.message if first.constraint == own[0].source else str(first)
    missed = [goal for goal in own if bool((goal_errors(motion, goal) > goal.tolerance).any())]
    for goal in missed:
        rival = _contradicting(goal, rivals)
        if rival is not None:
            return f"contradicts constraint {rival}"
    kinds = {goal.kind for goal in missed}
    if "joint_position" in kinds:
        return "out of reach of the bones, together with what else is pinned"
    if "root_path" in kinds:
        return "the path asks for a sharper turn or another place than the pinned pelvis allows"
    return "pinned joints above it allow no more"


def _by_pin(goals: Sequence[Goal]) -> dict[_Pin, _Rivals]:
    """Return what pins each quantity in each frame."""
    rows: dict[_Pin, list[tuple[Goal, int]]] = {}
    for goal in goals:
        for row, frame in enumerate(goal.frames.tolist()):
            rows.setdefault((goal.quantity, frame), []).append((goal, row))
    return {
        pin: _Rivals(
            targets=torch.stack([goal.target[row] for goal, row in own]),
            tolerances=torch.tensor([goal.tolerance for goal, _ in own]),
            sources=torch.tensor([goal.source for goal, _ in own]),
        )
        for pin, own in rows.items()
    }


def _contradicting(goal: Goal, rivals: Mapping[_Pin, _Rivals]) -> int | None:
    """Return the number of a constraint that wants something else at the same time, if any."""
    for target, frame in zip(goal.target, goal.frames.tolist(), strict=True):
        other = rivals[goal.quantity, frame]
        apart = target_distance(goal.kind, target.expand_as(other.targets), other.targets)
        against = (other.sources != goal.source) & (apart > goal.tolerance + other.tolerances)
        if bool(against.any()):
            return int(other.sources[against][0])
    return None
