"""From constraints to goals, and from goals to the facts that a model observes."""

from collections.abc import Callable, Sequence

import torch

from marey import rotations
from marey.constraints.beside import Beside
from marey.constraints.clip import Clip
from marey.constraints.constraint import Constraint
from marey.constraints.facts import WorldFacts
from marey.constraints.goal import Goal
from marey.errors import InvalidInputError
from marey.motion import Motion

MAX_PINS = 2_000_000
"""Pinned values of a request: five minutes of whole bodies in every frame, seven times over."""

GoalsOf = Callable[[Constraint, int, Beside], tuple[Goal, ...]]


def compile_goals(constraints: Sequence[Constraint], clip: Clip) -> tuple[Goal, ...]:
    """Return what the constraints pin as far as it is known before generation, in their order.

    Raises InvalidInputError that names the constraint which does not fit the clip. Goals that
    contradict each other are all kept: ``check_constraints`` finds them.
    """
    return _all_goals(
        constraints, resolve(constraints, lambda each, i, beside: each.goals(clip, i, beside))
    )


def goals_on(constraints: Sequence[Constraint], motion: Motion) -> tuple[Goal, ...]:
    """Return what the constraints ask of a generated motion, in their order.

    Raises InvalidInputError that names the constraint which does not fit the motion.
    """
    return _all_goals(
        constraints, resolve(constraints, lambda each, i, beside: each.goals_on(motion, i, beside))
    )


def resolve(
    constraints: Sequence[Constraint], goals_of: GoalsOf
) -> list[tuple[Goal, ...] | InvalidInputError]:
    """Return the goals of each constraint, or its error; at most MAX_PINS pins in all.

    Constraints that look at what the others pin come last.
    """
    found: dict[int, tuple[Goal, ...] | InvalidInputError] = {}
    pins = 0
    for last in (False, True):
        pinned = [goal for goals in found.values() if isinstance(goals, tuple) for goal in goals]
        beside = Beside(pinned)
        for i, each in enumerate(constraints):
            if each.looks_beside is last:
                try:
                    goals = goals_of(each, i, beside)
                    pins += sum(goal.frames.numel() for goal in goals)
                    _require_few(pins)
                    found[i] = goals
                except InvalidInputError as error:
                    found[i] = error
    return [found[i] for i in range(len(constraints))]


def _require_few(pins: int) -> None:
    if pins > MAX_PINS:
        raise InvalidInputError(
            f"expected at most {MAX_PINS} pinned values in a request, got more by this constraint. "
            "Shorten intervals or remove keys."
        )


def _all_goals(
    constraints: Sequence[Constraint], found: list[tuple[Goal, ...] | InvalidInputError]
) -> tuple[Goal, ...]:
    for i, goals in enumerate(found):
        if isinstance(goals, InvalidInputError):
            raise InvalidInputError(f"{constraint_name(constraints[i], i)}: {goals}") from goals
    return tuple(goal for goals in found if isinstance(goals, tuple) for goal in goals)


def constraint_name(constraint: Constraint, number: int) -> str:
    """Return how messages call a constraint: its place, type and label."""
    label = f" {constraint.label!r}" if constraint.label else ""
    return f"constraints[{number}] ({type(constraint).__name__}{label})"


def facts_from_goals(goals: Sequence[Goal], clip: Clip) -> WorldFacts:
    """Return the goals as targets with masks; where two pin the same, the later wins.

    What follows exactly from them is known, too: the root height from the root joint's position,
    the heading from the positions of both hips or from the root joint's rotation.
    Raises InvalidInputError for frames or joints that the clip does not have.
    """
    values = vars(WorldFacts.empty(clip.frames, clip.skeleton.num_joints)).copy()
    for goal in goals:
        clip.require_frame(int(goal.frames[-1]))
        name, mask = _FACTS[goal.kind]
        joints = values[mask].shape[1] if values[mask].ndim == 2 else 1
        if not 0 <= goal.joint < joints:
            raise InvalidInputError(
                f"Goal.joint of {goal.kind}: expected an index in [0, {joints - 1}], got "
                f"{goal.joint}."
            )
        where = (goal.frames, goal.joint) if values[mask].ndim == 2 else (goal.frames,)
        values[name][where] = goal.target.to(values[name].dtype)
        values[mask][where] = True
    _add_root_height(values)
    _add_heading(values, clip)
    return WorldFacts(**values)


_FACTS = {
    "joint_position": ("joint_positions", "joint_position_mask"),
    "joint_rotation": ("global_rotations", "global_rotation_mask"),
    "root_path": ("root_path", "root_path_mask"),
    "root_height": ("root_height", "root_height_mask"),
    "heading": ("heading", "heading_mask"),
    "contact": ("contacts", "contact_mask"),
}


def _add_root_height(values: dict[str, torch.Tensor]) -> None:
    implied = values["joint_position_mask"][:, 0] & ~values["root_height_mask"]
    values["root_height"][implied] = values["joint_positions"][implied, 0, 1]
    values["root_height_mask"] |= implied


def _add_heading(values: dict[str, torch.Tensor], clip: Clip) -> None:
    """Fill in the heading where it follows from what is pinned and is not pinned itself."""
    skeleton = clip.skeleton
    if not skeleton.roles.left_hip or not skeleton.roles.right_hip:
        return
    left, right = skeleton.role("left_hip"), skeleton.role("right_hip")
    hips = values["joint_positions"][:, right] - values["joint_positions"][:, left]
    known = values["joint_position_mask"][:, [left, right]].all(1)
    if skeleton.parents[left] == skeleton.parents[right] == 0:
        rest = skeleton.rest_offsets[right] - skeleton.rest_offsets[left]
        turned = values["global_rotation_mask"][:, 0] & ~known
        hips[turned] = values["global_rotations"][turned, 0] @ rest
        known = known | turned
    implied = known & ~values["heading_mask"] & (hips[:, [0, 2]].norm(dim=1) > 0)
    angle = torch.atan2(hips[:, 2], -hips[:, 0])
    values["heading"][implied] = rotations.wrap_angle(angle[implied])
    values["heading_mask"] |= implied
