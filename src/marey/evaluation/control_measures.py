"""Measures of the control suite: errors of what is pinned, of paths, and how bodies move."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from marey.constraints import Goal, GoalKind, goals_on
from marey.evaluation.control_cases import PATHS, Case
from marey.evaluation.motion_quality import QUALITY, motion_quality
from marey.evaluation.report import Measure
from marey.metrics import (
    TRAJECTORY_THRESHOLDS,
    Estimate,
    Summary,
    average_errors,
    bootstrap,
    goal_errors,
    location_failures,
    percentile_error,
    repeats_interval,
    trajectory_failures,
)
from marey.motion import ContactLimits, Motion

Part = TypeVar("Part")

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


Seen = Mapping[str, Tensor | Summary]
"""What was measured of one motion, by the measure's name: values, or a summary of many."""


def _mean(parts: Sequence[Tensor | Summary]) -> float:
    return Summary.pool([_summary(part) for part in parts]).mean


def _worst(parts: Sequence[Tensor | Summary]) -> float:
    return max(_summary(part).maximum for part in parts)


def _percentile(parts: Sequence[Tensor | Summary]) -> float:
    return percentile_error([part for part in parts if isinstance(part, Tensor)])


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the tables: how the values of all motions become one."""

    measure: Measure
    pool: Callable[[Sequence[Tensor | Summary]], float] = _mean


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
        worst = Measure(name=f"{name}, worst", unit=unit, better="lower")
        yield Line(measure=worst, pool=_worst)
    yield Line(measure=Measure(name=_MET, unit="%", better="higher"))
    yield Line(measure=Measure(name=_PELVIS, unit="cm"), pool=_percentile)
    for name in (*_TRAJECTORY, *_LOCATION):
        yield Line(measure=Measure(name=name, unit="%", better="lower"))
    yield Line(measure=Measure(name=_AVERAGE, unit="cm", better="lower"))
    for each in QUALITY.values():
        yield Line(measure=each.measure)


LINES: tuple[Line, ...] = tuple(_lines())
"""All lines, in the order of the tables."""


def seen(made: Made, limits: ContactLimits) -> Seen:
    """Measure one motion in the units of ``LINES``; what it has nothing of is left out."""
    errors = [(goal, goal_errors(made.motion, goal).double()) for goal in made.goals]
    found: dict[str, Tensor | Summary] = {}
    for kind, (name, _, factor) in _PINNED.items():
        own = [factor * error for goal, error in errors if goal.kind == kind]
        if own:
            found[name] = found[f"{name}, worst"] = torch.cat(own)
    met = [100.0 * (error <= goal.tolerance + SLACK) for goal, error in errors]
    found[_MET] = torch.cat(met)
    paths = [goal for goal in made.goals if goal.kind == "root_path"]
    if paths:
        found[_PELVIS] = torch.cat([100 * _from_pelvis(made.motion, goal) for goal in paths])
    if made.case.family in PATHS:
        found |= _path_errors([error for goal, error in errors if goal.kind == "root_path"])
    quality = motion_quality(made.motion, limits)
    return found | {
        name: _scaled(each, QUALITY[name].factor) for name, each in quality.items() if each.count
    }


def estimates(column: Sequence[Sequence[Seen]]) -> dict[str, Estimate]:
    """Pool what was seen of a column, by repeat and case, to one estimate a line.

    Intervals are over repeats; those of a column that was made once are over its cases.
    """
    found: dict[str, Estimate] = {}
    for line in LINES:
        name = line.measure.name
        parts = [[each[name] for each in repeat if name in each] for repeat in column]
        if all(parts):
            found[name] = over_repeats(parts, line.pool)
    return found


def over_repeats(
    parts: Sequence[Sequence[Part]], pool: Callable[[Sequence[Part]], float]
) -> Estimate:
    """Estimate a statistic of the parts of each repeat.

    The interval is over repeats, or a bootstrap over the parts of a single one.
    """
    if len(parts) > 1:
        return repeats_interval(torch.tensor([pool(each) for each in parts]))
    (only,) = parts
    return bootstrap(
        lambda rows: pool([only[row] for row in rows.tolist()]),
        len(only),
        generator=torch.Generator().manual_seed(0),
    )


def _summary(part: Tensor | Summary) -> Summary:
    return Summary.of(part) if isinstance(part, Tensor) else part


def _scaled(part: Summary, factor: float) -> Summary:
    return Summary(mean=factor * part.mean, maximum=factor * part.maximum, count=part.count)


def _from_pelvis(motion: Motion, goal: Goal) -> Tensor:
    """How far the pelvis is over the ground from each pinned point of the path, metres."""
    return (motion.root_positions[goal.frames][:, GROUND] - goal.target).norm(dim=1)


def _path_errors(errors: Sequence[Tensor]) -> dict[str, Tensor | Summary]:
    """Errors of a controlled path, one value of each for the motion."""
    clip = [torch.cat(list(errors))]
    return {
        **{name: 100 * trajectory_failures(clip, at) for name, at in _TRAJECTORY.items()},
        **{name: 100 * location_failures(clip, at) for name, at in _LOCATION.items()},
        _AVERAGE: 100 * average_errors(clip),
    }
