"""What is wrong with constraints, before a model runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from marey.constraints.clip import Clip
from marey.constraints.compile import constraint_name, resolve
from marey.constraints.constraint import Constraint
from marey.constraints.contradictions import Contradiction, contradictions, implied_goals
from marey.constraints.finding import (
    Finding,
    FindingKind,
    Severity,
    amount,
    moment,
    others,
    quantity,
)
from marey.constraints.goal import Goal, over_ground
from marey.constraints.haste import MAX_SPEED, Haste, hastes
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.reach import (
    Misfit,
    Pins,
    far_from_path,
    misfits,
    out_of_heights,
    reach_of,
    standing_reach,
)
from marey.constraints.root import NEAREST_FACED, FacePoint
from marey.errors import InvalidInputError

FOOT_IN_AIR = 0.25
"""A foot joint pinned higher than this, metres, is not on the ground."""
HIGHEST_JUMP = 0.5
"""Metres that a body lifts its feet off the ground, a good jumper's."""
DEEPEST = 0.05
"""Metres below the ground at which a joint may be pinned: captured toes are now and then."""

_MOST_LISTED = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class _Case:
    """Constraints, the clip that they are for and what they pin."""

    constraints: Sequence[Constraint]
    clip: Clip
    goals: Sequence[Goal]
    pins: Pins

    def name(self, number: int) -> str:
        return constraint_name(self.constraints[number], number)

    def when(self, frame: int) -> str:
        return moment(frame, self.clip)

    def warning(self, kind: FindingKind, number: int, message: str, **where: int) -> Finding:
        return self.finding("warning", kind, number, message, **where)

    def finding(
        self, severity: Severity, kind: FindingKind, number: int, message: str, **where: int
    ) -> Finding:
        name = self.name(number)
        return Finding(
            severity=severity, kind=kind, constraint=number, name=name, message=message, **where
        )


def check_constraints(
    constraints: Sequence[Constraint], clip: Clip, *, max_speed: float | int = MAX_SPEED
) -> tuple[Finding, ...]:
    """Return everything that is wrong with constraints for a clip, by their number.

    Errors: outside of the clip, joints that the skeleton lacks, contradictions. Warnings: joints
    out of reach of each other or of the root (met as far as the bones allow), higher than a jump
    brings them or below the ground, ways faster than ``max_speed`` (m/s over the ground; see
    ``haste`` for joints and turns), contacts of a foot pinned in the air, keyframes that leave
    joints out, points to face that the body is on.
    """
    compiled = resolve(constraints, lambda each, i, beside: each.goals(clip, i, beside))
    goals = [goal for each in compiled if isinstance(each, tuple) for goal in each]
    case = _Case(
        constraints=constraints,
        clip=clip,
        goals=goals,
        pins=Pins.of(goals, clip.skeleton.num_joints),
    )
    faults = {i: str(each) for i, each in enumerate(compiled) if not isinstance(each, tuple)}
    sound = [(i, each) for i, each in enumerate(constraints) if i not in faults]
    found = [
        *(case.finding("error", "unusable", i, message) for i, message in faults.items()),
        *_contradicting(case),
        *_unreachable(case),
        *_hurrying(case, float(max_speed)),
        *_off_the_ground(case),
        *_standing_in_air(case),
        *_incomplete(case, sound),
        *_facing_itself(case, sound),
    ]
    return tuple(sorted(found, key=lambda finding: finding.constraint))


def require_valid(
    constraints: Sequence[Constraint], clip: Clip, *, max_speed: float | int = MAX_SPEED
) -> tuple[Finding, ...]:
    """Return the warnings of ``check_constraints``; raises InvalidInputError with all errors."""
    findings = check_constraints(constraints, clip, max_speed=max_speed)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        lines = [str(each) for each in errors[:_MOST_LISTED]]
        more = len(errors) - len(lines)
        raise InvalidInputError("\n".join(lines + [f"and {more} more errors."] * (more > 0)))
    return findings


def _contradicting(case: _Case) -> Iterator[Finding]:
    """One error for each two constraints that contradict each other."""
    pairs: dict[tuple[int, int], list[Contradiction]] = {}
    for each in contradictions([*case.goals, *implied_goals(case.goals, case.clip.skeleton)]):
        if each.source != each.other_source:
            pair = max(each.source, each.other_source), min(each.source, each.other_source)
            pairs.setdefault(pair, []).append(each)
    for (number, other), group in pairs.items():
        worst = max(group, key=lambda each: each.distance / (each.allowed + 1e-3))
        what = quantity(worst.kind, worst.joint, case.clip)
        how = (
            "one on, the other off"
            if worst.kind == "contact"
            else f"{amount(worst.distance, worst.kind)} apart, where their tolerances allow "
            f"{amount(worst.allowed, worst.kind)}"
        )
        more = others(sum(each.count for each in group))
        yield case.finding(
            "error",
            "contradiction",
            number,
            f"contradicts {case.name(other)}: both pin {what} in {case.when(worst.frame)}, {how}"
            f"{more}. Remove one, or move it to another time.",
            frame=worst.frame,
            other=other,
        )


def _unreachable(case: _Case) -> Iterator[Finding]:
    """One warning for each two constraints, or one alone, that the bones cannot meet."""
    reach = reach_of(case.clip.skeleton)
    for found, base in (
        (misfits(case.pins, reach), None),
        (far_from_path(case.pins, case.goals, reach), "the root path"),
    ):
        pairs: dict[tuple[int, int], list[Misfit]] = {}
        for each in found:
            pair = max(each.source, each.other_source), min(each.source, each.other_source)
            pairs.setdefault(pair, []).append(each)
        for (number, other), group in pairs.items():
            worst = max(group, key=lambda each: abs(each.distance - each.limit))
            alone = other == number
            beside = "" if alone else f" together with {case.name(other)}"
            more = others(sum(each.count for each in group))
            yield case.warning(
                "reach",
                number,
                f"cannot be met exactly{beside}: {_misfit(worst, case, base)}{more}. It is met as "
                "far as the bones reach; move one of them.",
                frame=worst.frame,
                **({} if alone else {"other": other}),
            )


def _misfit(worst: Misfit, case: _Case, base: str | None) -> str:
    names = case.clip.skeleton.joint_names
    bound = "at most" if worst.distance > worst.limit else "at least"
    return (
        f"in {case.when(worst.frame)} {names[worst.joint]} is pinned {amount(worst.distance)} from "
        f"{base or names[worst.other]}, and the bones hold it {bound} {amount(worst.limit)} away"
    )


def _hurrying(case: _Case, max_speed: float) -> Iterator[Finding]:
    """One warning for each constraint that the body, a joint or a turn must hurry to."""
    clip = case.clip
    for each in hastes(case.goals, reach_of(clip.skeleton), float(clip.fps), max_speed=max_speed):
        yield case.warning(
            "speed",
            each.source,
            f"{_hurry(each, case)} within {(each.last - each.first) / clip.fps:.2f} s "
            f"(frames {each.first} to {each.last}): {_speed(each.speed, each)}, and "
            f"{_speed(each.limit, each)} is the limit. Give it more time, or less of a way.",
            frame=each.last,
            **({"other": each.other_source} if each.other_source != each.source else {}),
        )


def _hurry(haste: Haste, case: _Case) -> str:
    if haste.what == "turn":
        return f"turns the body by {amount(haste.distance, 'heading')}"
    if haste.what == "body":
        return f"moves the body {amount(haste.distance)} over the ground"
    return f"moves {case.clip.skeleton.joint_names[haste.joint]} {amount(haste.distance)}"


def _speed(value: float, haste: Haste) -> str:
    if haste.what == "turn":
        return f"{amount(value, 'heading')} a second"
    return f"{value:.1f} m/s"


def _off_the_ground(case: _Case) -> Iterator[Finding]:
    """One warning for each constraint that pins joints too high or below the ground."""
    most = standing_reach(case.clip.skeleton) + HIGHEST_JUMP
    for each in out_of_heights(case.pins, case.goals, most, DEEPEST):
        pinned = f"pins {case.clip.skeleton.joint_names[each.joint]} {amount(abs(each.height))}"
        when = f"in {case.when(each.frame)}{others(each.count)}"
        message = (
            f"{pinned} below the ground {when}. The ground is at height 0; raise it."
            if each.height < 0
            else f"{pinned} above the ground {when}; stretching and jumping brings it to "
            f"{amount(each.limit)}. The body is lifted off the ground to meet it; lower it."
        )
        yield case.warning("height", each.source, message, frame=each.frame)


def _standing_in_air(case: _Case) -> Iterator[Finding]:
    """One warning for each contact pinned on where the foot is pinned in the air."""
    pins, skeleton = case.pins, case.clip.skeleton
    contacts = [goal for goal in case.goals if goal.kind == "contact"]
    if not contacts or not len(pins.frames):
        return
    in_air = pins.known & (pins.positions[:, :, 1] > FOOT_IN_AIR)
    raised = in_air[:, skeleton.foot_indices].any(dim=0).tolist()
    for goal in (goal for goal in contacts if raised[goal.joint]):
        joint = skeleton.foot_indices[goal.joint]
        frames = goal.frames[goal.target > 0.5]
        rows = torch.searchsorted(pins.frames, frames).clamp(max=len(pins.frames) - 1)
        heights = pins.positions[rows, joint, 1]
        high = ((pins.frames[rows] == frames) & in_air[rows, joint]).nonzero().flatten()
        if len(high):
            first = int(high[0])
            other = int(pins.source[rows[first], joint])
            yield case.warning(
                "contact",
                goal.source,
                f"keeps {skeleton.joint_names[joint]} on the ground in "
                f"{case.when(int(frames[first]))}{others(len(high))}, where {case.name(other)} "
                f"pins it {amount(float(heights[first]))} above. Shorten the contact or lower it.",
                frame=int(frames[first]),
                other=other,
            )


def _incomplete(case: _Case, constraints: Sequence[tuple[int, Constraint]]) -> Iterator[Finding]:
    """One warning for each keyframe that leaves joints of the skeleton free."""
    every = case.clip.skeleton.joint_names
    for i, each in constraints:
        if isinstance(each, FullBodyKeyframe) and len(each.joint_names) < len(every):
            missing = [name for name in every if name not in each.joint_names]
            yield case.warning(
                "incomplete",
                i,
                f"leaves {len(missing)} joints of the skeleton free: {', '.join(missing)}.",
            )


def _facing_itself(case: _Case, constraints: Sequence[tuple[int, Constraint]]) -> Iterator[Finding]:
    """One warning for each point to face that the pinned way comes too close to."""
    ways = over_ground(case.goals)
    if not ways:
        return
    frames = torch.cat([goal.frames for goal in ways])
    order = torch.argsort(frames, stable=True)
    frames, places = frames[order], torch.cat([goal.target[:, [0, -1]] for goal in ways])[order]
    for i, each in constraints:
        if not isinstance(each, FacePoint):
            continue
        first, end = torch.searchsorted(frames, torch.tensor(each.interval.span(case.clip)))
        near = (places[first:end] - each.point).norm(dim=1) < NEAREST_FACED
        close = frames[first:end][near].unique().tolist()
        if close:
            yield case.warning(
                "facing",
                i,
                f"has no direction in {case.when(close[0])}{others(len(close))}: the body is on "
                "the point that it should face. Move the point, or shorten the interval.",
                frame=close[0],
            )
