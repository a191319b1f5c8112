"""ConstraintReport: what became of one constraint, pin by pin."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return vars(self) | {"pins": [dict(vars(pin)) for pin in self.pins]}

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
        measured = list(zip(own, _pins(own, before, after), strict=True))
        missed = [goal for goal, pins in measured if not all(pin.met for pin in pins)]
        known = [each for each in warnings if each.kind == "reach" and each.concerns(number)]
        why = _reason(missed, rivals, known, postprocessed=postprocessed) if missed else ""
        name = constraint_name(constraint, number)
        reports.append(
            ConstraintReport(
                number=number,
                name=name,
                pins=tuple(pin for _, pins in measured for pin in pins),
                met=not missed,
                why=why,
            )
        )
    return tuple(reports)


def mismatch(goals: Sequence[Goal], motion: Motion) -> float:
    """Mean error of what goals pin in units of their tolerance; 0 without goals."""
    parts = [goal_errors(motion, goal) / max(goal.tolerance, 1e-3) for goal in merged(goals)]
    return float(torch.cat(parts).mean()) if parts else 0.0


def _pins(own: Sequence[Goal], before: Motion, after: Motion) -> list[list[PinReport]]:
    """Measure the pins of some goals, those of one kind together: there may be thousands."""
    pins: dict[int, list[PinReport]] = {}
    kinds: list[GoalKind] = [goal.kind for goal in own]
    for kind in dict.fromkeys(kinds):
        alike = [k for k, goal in enumerate(own) if goal.kind == kind]
        pins |= zip(alike, _pins_of(kind, [own[k] for k in alike], before, after), strict=True)
    return [pins[k] for k in range(len(own))]


def _pins_of(
    kind: GoalKind, goals: Sequence[Goal], before: Motion, after: Motion
) -> Iterator[list[PinReport]]:
    target = torch.cat([goal.target for goal in goals])
    had, has = (torch.cat([achieved(m, goal) for goal in goals]) for m in (before, after))
    first, last = (target_distance(kind, each, target).tolist() for each in (had, has))
    rows = zip(_rounded(target), _rounded(had), _rounded(has), first, last, strict=True)
    unit, factor = _unit(goals[0])
    for goal in goals:
        name = _joint_name(goal, after.skeleton)
        yield [
            PinReport(
                kind=kind,
                joint=name,
                frame=frame,
                target=wanted,
                achieved_before=was,
                achieved_after=now,
                error_before=round(off * factor, 4),
                error_after=round(left * factor, 4),
                unit=unit,
                tolerance=round(goal.tolerance * factor, 4),
                met=left <= goal.tolerance + 1e-6,
            )
            for frame, (wanted, was, now, off, left) in zip(
                goal.frames.tolist(), rows, strict=False
            )
        ]


def _unit(goal: Goal) -> tuple[str, float]:
    if goal.kind == "contact":
        return "label", 1.0
    return ("deg", 180 / math.pi) if goal.kind in _ANGLES else ("cm", 100.0)


def _joint_name(goal: Goal, skeleton: Skeleton) -> str | None:
    if goal.kind == "contact":
        return _CONTACTS[goal.joint]
    return skeleton.joint_names[goal.joint] if goal.kind.startswith("joint_") else None


def _rounded(values: torch.Tensor) -> list[Any]:
    return torch.round(values.double(), decimals=5).tolist()


def _reason(
    missed: Sequence[Goal],
    rivals: Mapping[_Pin, _Rivals],
    known: Sequence[Finding],
    *,
    postprocessed: bool,
) -> str:
    if not postprocessed:
        return "post-processing was off"
    if known:
        first = known[0]
        return first.message if first.constraint == missed[0].source else str(first)
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
