"""ConstraintReport: what became of one constraint, pin by pin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from marey.constraints import Constraint, Finding, Goal, target_distance
from marey.constraints.compile import constraint_name
from marey.metrics import achieved, goal_errors
from marey.motion import Motion
from marey.skeleton import Skeleton

_ANGLES = ("joint_rotation", "heading")
_LEAST_TOLERANCE = 0.01  # cm or degrees: rounding
_CONTACTS = ("left_heel", "left_toe", "right_heel", "right_toe")


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
    reports = []
    for number, constraint in enumerate(constraints):
        own = [goal for goal in goals if goal.source == number]
        pins = [pin for goal in own for pin in _pins(goal, before, after)]
        met = all(pin.met for pin in pins)
        known = [each for each in warnings if each.kind == "reach" and each.concerns(number)]
        why = "" if met else _reason(own, goals, after, known, postprocessed=postprocessed)
        name = constraint_name(constraint, number)
        reports.append(
            ConstraintReport(number=number, name=name, pins=tuple(pins), met=met, why=why)
        )
    return tuple(reports)


def mismatch(goals: Sequence[Goal], motion: Motion) -> float:
    """Mean error of goals in units of their tolerance; 0 without goals."""
    parts = [goal_errors(motion, goal) / max(goal.tolerance, 1e-3) for goal in goals]
    return float(torch.cat(parts).mean()) if parts else 0.0


def _pins(goal: Goal, before: Motion, after: Motion) -> list[PinReport]:
    had, has = achieved(before, goal), achieved(after, goal)
    first = target_distance(goal.kind, had, goal.target).tolist()
    last = target_distance(goal.kind, has, goal.target).tolist()
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
    every: Sequence[Goal],
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
        for other in every:
            if other.source != goal.source and _contradict(goal, other):
                return f"contradicts constraint {other.source}"
    kinds = {goal.kind for goal in missed}
    if "joint_position" in kinds:
        return "out of reach of the bones, together with what else is pinned"
    if "root_path" in kinds:
        return "the path asks for a sharper turn or another place than the pinned pelvis allows"
    return "pinned joints above it allow no more"


def _contradict(goal: Goal, other: Goal) -> bool:
    if goal.quantity != other.quantity:
        return False
    mine = {int(frame): k for k, frame in enumerate(goal.frames)}
    shared = [(mine[int(f)], k) for k, f in enumerate(other.frames) if int(f) in mine]
    if not shared:
        return False
    left, right = map(list, zip(*shared, strict=True))
    apart = target_distance(goal.kind, goal.target[left], other.target[right])
    return bool((apart > goal.tolerance + other.tolerance).any())
