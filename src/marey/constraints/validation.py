"""What is wrong with constraints, before a model runs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from marey.constraints.clip import Clip
from marey.constraints.compile import constraint_name, resolve
from marey.constraints.constraint import Constraint
from marey.constraints.contradictions import Contradiction, contradictions, implied_goals
from marey.constraints.goal import Goal, GoalKind
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.reach import Misfit, Pins, far_from_path, misfits, reach_of
from marey.constraints.root import NEAREST_FACED, FacePoint
from marey.errors import InvalidInputError
from marey.motion.path_smoothing import DEFAULT_MARGIN

MAX_SPEED = 10.0
"""Metres per second over the ground: a sprinter's."""
FOOT_IN_AIR = 0.25
"""A foot joint pinned higher than this, metres, is not on the ground."""

_MOST_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault of a constraint: an error makes it impossible to meet, a warning unlikely."""

    severity: Literal["error", "warning"]
    constraint: int
    """Its number in the request."""
    message: str


def check_constraints(
    constraints: Sequence[Constraint], clip: Clip, *, max_speed: float | int = MAX_SPEED
) -> tuple[Finding, ...]:
    """Return everything that is wrong with constraints for a clip, by their number.

    Errors: outside of the clip, joints that the skeleton lacks, contradictions. Warnings: joints
    out of reach of each other or of the root (met as far as the bones allow), ways faster than
    ``max_speed`` (m/s), contacts of a foot pinned in the air, keyframes that leave joints out,
    points to face that the body is on.
    """
    found: list[Finding] = []
    goals: list[Goal] = []
    for i, each in enumerate(
        resolve(constraints, lambda each, i, beside: each.goals(clip, i, beside))
    ):
        if isinstance(each, InvalidInputError):
            found.append(Finding(severity="error", constraint=i, message=str(each)))
        else:
            goals += each
    faulty = {finding.constraint for finding in found}
    pins = Pins.of(goals, clip.skeleton.num_joints)
    found += _contradicting(goals, clip)
    found += _unreachable(goals, pins, clip)
    found += _too_fast(goals, clip, max_speed)
    found += _standing_in_air(goals, pins, clip)
    sound = [(i, each) for i, each in enumerate(constraints) if i not in faulty]
    found += _incomplete(sound, clip)
    found += _facing_itself(sound, goals, clip)
    return tuple(sorted(found, key=lambda finding: finding.constraint))


def require_valid(
    constraints: Sequence[Constraint], clip: Clip, *, max_speed: float | int = MAX_SPEED
) -> tuple[Finding, ...]:
    """Return the warnings of ``check_constraints``; raises InvalidInputError with all errors."""
    findings = check_constraints(constraints, clip, max_speed=max_speed)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        lines = [
            f"{constraint_name(constraints[each.constraint], each.constraint)}: {each.message}"
            for each in errors[:_MOST_LISTED]
        ]
        more = len(errors) - len(lines)
        raise InvalidInputError("\n".join(lines + [f"and {more} more errors."] * (more > 0)))
    return findings


def _contradicting(goals: list[Goal], clip: Clip) -> Iterator[Finding]:
    """One error for each two constraints that contradict each other."""
    pairs: dict[tuple[int, int], list[Contradiction]] = {}
    for each in contradictions([*goals, *implied_goals(goals, clip.skeleton)]):
        if each.source != each.other_source:
            pair = max(each.source, each.other_source), min(each.source, each.other_source)
            pairs.setdefault(pair, []).append(each)
    for (number, other), group in pairs.items():
        worst = max(group, key=lambda each: each.distance / (each.allowed + 1e-3))
        what = _quantity(worst.kind, worst.joint, clip)
        apart = (
            "on and off at once"
            if worst.kind == "contact"
            else f"{_amount(worst.distance, worst.kind)} apart where "
            f"{_amount(worst.allowed, worst.kind)} are allowed"
        )
        yield Finding(
            severity="error",
            constraint=number,
            message=f"contradicts constraints[{other}]: {what} in frame {worst.frame} is pinned "
            f"{apart}{_others(sum(each.count for each in group))}. Remove one or move it to "
            "other frames.",
        )


def _unreachable(goals: list[Goal], pins: Pins, clip: Clip) -> Iterator[Finding]:
    """One warning for each two constraints, or one alone, that the bones cannot meet."""
    names = clip.skeleton.joint_names
    reach = reach_of(clip.skeleton)
    for from_path in (False, True):
        pairs: dict[tuple[int, int], list[Misfit]] = {}
        for each in far_from_path(pins, goals, reach) if from_path else misfits(pins, reach):
            pair = max(each.source, each.other_source), min(each.source, each.other_source)
            pairs.setdefault(pair, []).append(each)
        for (number, other), group in pairs.items():
            worst = max(group, key=lambda each: abs(each.distance - each.limit))
            base = "the root path" if from_path else names[worst.other]
            beside = f" with constraints[{other}]" if other != number else ""
            bound = "most" if worst.distance > worst.limit else "least"
            yield Finding(
                severity="warning",
                constraint=number,
                message=f"unreachable{beside}: {names[worst.joint]} is pinned "
                f"{_amount(worst.distance)} from {base} in frame {worst.frame}, at {bound} "
                f"{_amount(worst.limit)} {'is' if bound == 'most' else 'are'} possible"
                f"{_others(sum(each.count for each in group))}. Move one of them.",
            )


def _too_fast(goals: list[Goal], clip: Clip, max_speed: float | int) -> Iterator[Finding]:
    """One warning for each constraint that the body must hurry to, by its fastest way."""
    ways = [goal for goal in goals if goal.quantity in (("root_path", 0), ("joint_position", 0))]
    if not ways:
        return
    frames = torch.cat([goal.frames for goal in ways])
    places = torch.cat([g.target if g.kind == "root_path" else g.target[:, [0, 2]] for g in ways])
    margins = [g.tolerance + DEFAULT_MARGIN * (g.kind != "root_path") for g in ways]
    counts = torch.tensor([len(goal.frames) for goal in ways])
    slack = torch.tensor(margins).repeat_interleave(counts)
    source = torch.tensor([goal.source for goal in ways]).repeat_interleave(counts)
    order = torch.argsort(frames, stable=True)
    frames, places, slack, source = frames[order], places[order], slack[order], source[order]
    steps = frames.diff()
    length = places.diff(dim=0).norm(dim=1) - slack[1:] - slack[:-1]
    speed = (length / steps.clamp(min=1) * float(clip.fps)).where(steps > 0, 0)
    fastest: dict[int, int] = {}
    for i in (speed > max_speed).nonzero().flatten().tolist():
        later = int(torch.maximum(source[i], source[i + 1]))
        if later not in fastest or speed[i] > speed[fastest[later]]:
            fastest[later] = i
    for number, i in fastest.items():
        yield Finding(
            severity="warning",
            constraint=number,
            message=f"asks for {float(speed[i]):.1f} m/s over the ground between frames "
            f"{int(frames[i])} and {int(frames[i + 1])}; {max_speed:g} m/s is the limit.",
        )


def _standing_in_air(goals: list[Goal], pins: Pins, clip: Clip) -> Iterator[Finding]:
    """One warning for each contact pinned on where the foot is pinned in the air."""
    for goal in goals:
        if goal.kind != "contact" or not len(pins.frames):
            continue
        joint = clip.skeleton.foot_indices[goal.joint]
        frames = goal.frames[goal.target > 0.5]
        rows = torch.searchsorted(pins.frames, frames).clamp(max=len(pins.frames) - 1)
        heights = pins.positions[rows, joint, 1]
        pinned = (pins.frames[rows] == frames) & pins.known[rows, joint]
        high = (pinned & (heights > FOOT_IN_AIR)).nonzero().flatten()
        if len(high):
            first = int(high[0])
            yield Finding(
                severity="warning",
                constraint=goal.source,
                message=f"pins the contact of {clip.skeleton.joint_names[joint]} in frame "
                f"{int(frames[first])}, where constraints[{int(pins.source[rows[first], joint])}] "
                f"pins it {_amount(float(heights[first]))} above the ground.",
            )


def _incomplete(constraints: Sequence[tuple[int, Constraint]], clip: Clip) -> Iterator[Finding]:
    """One warning for each keyframe that leaves joints of the skeleton free."""
    for i, each in constraints:
        if isinstance(each, FullBodyKeyframe):
            missing = [name for name in clip.skeleton.joint_names if name not in each.joint_names]
            if missing:
                yield Finding(
                    severity="warning",
                    constraint=i,
                    message=f"leaves {len(missing)} joints of the skeleton free: "
                    f"{', '.join(missing)}.",
                )


def _facing_itself(
    constraints: Sequence[tuple[int, Constraint]], goals: list[Goal], clip: Clip
) -> Iterator[Finding]:
    """One warning for each point to face that the pinned way comes too close to."""
    for i, each in constraints:
        if not isinstance(each, FacePoint):
            continue
        start, end = each.interval.span(clip)
        close = sorted(
            {
                frame
                for goal in goals
                if goal.quantity in (("root_path", 0), ("joint_position", 0))
                for frame in goal.frames[_near(goal, each)].tolist()
                if start <= frame < end
            }
        )
        if close:
            yield Finding(
                severity="warning",
                constraint=i,
                message=f"has no direction in frame {close[0]}{_others(len(close))}: the body "
                "is on the point that it should face.",
            )


def _near(goal: Goal, face: FacePoint) -> Bool[Tensor, " pins"]:
    """Where a goal pins the body too close to the point that it should face."""
    return (goal.target[:, [0, -1]] - face.point).norm(dim=1) < NEAREST_FACED


def _quantity(kind: GoalKind, joint: int, clip: Clip) -> str:
    if kind in ("joint_position", "joint_rotation"):
        return f"the {kind.removeprefix('joint_')} of {clip.skeleton.joint_names[joint]}"
    if kind == "contact":
        return f"the contact of {clip.skeleton.joint_names[clip.skeleton.foot_indices[joint]]}"
    return {"root_path": "the root path", "root_height": "the root height"}.get(kind, "the heading")


def _amount(value: float, kind: GoalKind = "joint_position") -> str:
    if kind in ("joint_rotation", "heading"):
        return f"{math.degrees(value):.1f}°"
    return f"{100 * value:.1f} cm" if value < 1 else f"{value:.2f} m"


def _others(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""
