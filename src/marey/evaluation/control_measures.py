"""Measures of the control suite: errors of what is pinned, of paths, and how bodies move."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from marey.constraints import Goal, GoalKind, goals_on
from marey.evaluation.control_cases import PATHS, Case
from marey.evaluation.lines import (
    QUALITY_LINES,
    Line,
    Seen,
    Values,
    percentile_95,
    quality_seen,
    worst,
)
from marey.evaluation.report import Measure
from marey.metrics import (
    TRAJECTORY_THRESHOLDS,
    average_errors,
    goal_errors,
    location_failures,
    trajectory_failures,
)
from marey.motion import ContactLimits, Motion

GROUND = [0, 2]
SLACK = 1e-6
"""What rounding may add to a tolerance, metres or radians, as in reports on constraints."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """A motion for a case, and what its constraints ask of it."""

    case: Case
    motion: Motion
    goals: tuple[Goal, ...]

    @classmethod
    def of(cls, case: Case, motion: Motion) -> "Made":
        """Hold a motion against the constraints that were asked for."""
        return cls(case=case, motion=motion, goals=goals_on(case.constraints, motion))

    @classmethod
    def real(cls, case: Case) -> "Made":
        """Hold the real motion against its constraints as they were before they were moved."""
        return cls(case=case, motion=case.real, goals=goals_on(case.own, case.real))

    @property
    def is_met(self) -> bool:
        """Whether every pin is within its tolerance."""
        errors = [(goal, goal_errors(self.motion, goal)) for goal in self.goals]
        return all(bool((error <= goal.tolerance + SLACK).all()) for goal, error in errors)


Columns = Mapping[str, Sequence[Sequence[Made]]]
"""Motions by column, repeat and case."""


_PINNED: dict[GoalKind, tuple[str, str, float]] = {
    "joint_position": ("joint position", "cm", 100.0),
    "joint_rotation": ("joint rotation", "°", 180 / math.pi),
    "heading": ("heading", "°", 180 / math.pi),
    "root_path": ("root path", "cm", 100.0),
}
"""Name, unit and factor to it of what families pin."""
_MET, _PELVIS, _AVERAGE = "pins met", "pelvis from root path, 95th percentile", "average error"
_TRAJECTORY = {f"trajectories off by more than {100 * t:g} cm": t for t in TRAJECTORY_THRESHOLDS}
_LOCATION = {f"path points off by more than {100 * t:g} cm": t for t in TRAJECTORY_THRESHOLDS}


def _lines() -> Iterator[Line]:
    for name, unit, _ in _PINNED.values():
        yield Line(measure=Measure(name=name, unit=unit, better="lower"))
        yield Line(measure=Measure(name=f"{name}, worst", unit=unit, better="lower"), pool=worst)
    yield Line(measure=Measure(name=_MET, unit="%", better="higher"))
    yield Line(measure=Measure(name=_PELVIS, unit="cm"), pool=percentile_95)
    for name in (*_TRAJECTORY, *_LOCATION):
        yield Line(measure=Measure(name=name, unit="%", better="lower"))
    yield Line(measure=Measure(name=_AVERAGE, unit="cm", better="lower"))
    yield from QUALITY_LINES


LINES: tuple[Line, ...] = tuple(_lines())
"""All lines, in the order of the tables."""


def seen(made: Made, limits: ContactLimits) -> Seen:
    """Measure one motion in the units of ``LINES``; what it has nothing of is left out."""
    errors = [(goal, goal_errors(made.motion, goal).double()) for goal in made.goals]
    found: dict[str, Tensor] = {}
    for kind, (name, _, factor) in _PINNED.items():
        own = [factor * error for goal, error in errors if goal.kind == kind]
        if own:
            found[name] = found[f"{name}, worst"] = torch.cat(own)
    found[_MET] = torch.cat([100.0 * (e <= goal.tolerance + SLACK) for goal, e in errors])
    paths = [goal for goal in made.goals if goal.kind == "root_path"]
    if paths:
        found[_PELVIS] = torch.cat([100 * _from_pelvis(made.motion, goal) for goal in paths])
    if made.case.family in PATHS:
        found |= _path_errors([error for goal, error in errors if goal.kind == "root_path"])
    values = {name: Values.of(each) for name, each in found.items()}
    return {**values, **quality_seen(made.motion, limits)}


def _from_pelvis(motion: Motion, goal: Goal) -> Tensor:
    """How far the pelvis is over the ground from each pinned point of the path, metres."""
    return (motion.root_positions[goal.frames][:, GROUND] - goal.target).norm(dim=1)


def _path_errors(errors: Sequence[Tensor]) -> dict[str, Tensor]:
    """Errors of a controlled path, one value of each for the motion."""
    clip = [torch.cat(list(errors))]
    return {
        **{name: 100 * trajectory_failures(clip, at) for name, at in _TRAJECTORY.items()},
        **{name: 100 * location_failures(clip, at) for name, at in _LOCATION.items()},
        _AVERAGE: 100 * average_errors(clip),
    }
