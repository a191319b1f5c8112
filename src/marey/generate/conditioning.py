"""Conditioning: goals in the user's world become facts that a model can observe.

The user's world may start anywhere, and the delivered motion may have another skeleton and frame
rate than the model's. Models start near the origin; facts are moved there, and the motion back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.constraints import Clip, Goal, WorldFacts, facts_from_goals
from marey.constraints.goal import merged
from marey.generate.extent import same_bones
from marey.motion.joint_matching import match_joints
from marey.motion.retarget import RetargetReport
from marey.skeleton import Skeleton

GROUND = [0, 2]
_BRISK = 3.0
"""Metres per second: a first goal that is further away than this pace reaches moves the start."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """What constraints say to a model: facts about its own clip, and where that clip starts."""

    goals: tuple[Goal, ...]
    """On the model's skeleton and frames, in the user's world."""
    start: Float[Tensor, "3"]
    """Where on the ground a motion begins that nothing goes before; height 0."""

    @classmethod
    def of(
        cls,
        goals: Sequence[Goal],
        *,
        delivered: Clip,
        model: Clip,
        retargeting: RetargetReport | None,
    ) -> "Conditioning":
        """Carry goals of the delivered clip over to the model's clip."""
        carried = goals
        if retargeting is not None and not same_bones(delivered.skeleton, model.skeleton):
            carried = _on_skeleton(carried, delivered.skeleton, model.skeleton, retargeting.scale)
        if (delivered.fps, delivered.frames) != (model.fps, model.frames):
            carried = [_at_rate(goal, delivered, model) for goal in carried]
        carried = merged(carried)
        return cls(goals=carried, start=_start(carried, model.fps))

    def within(self, first: int, end: int) -> tuple[Goal, ...]:
        """Return what is pinned from one frame to before another, frames counted from the first."""
        parts = (_between(goal, first, end) for goal in self.goals)
        return tuple(part for part in parts if part is not None)

    def facts(
        self, model: Clip, first: int, frames: int, *, origin: Float[Tensor, "3"]
    ) -> WorldFacts | None:
        """Return what is known of some of the model's frames, seen from ``origin``, or None."""
        goals = [_moved(goal, -origin) for goal in self.within(first, first + frames)]
        return facts_from_goals(goals, replace(model, frames=frames)) if goals else None


def _on_skeleton(
    goals: Sequence[Goal], delivered: Skeleton, model: Skeleton, scale: float
) -> list[Goal]:
    """Carry goals to the joints that the delivered skeleton's follow.

    Lengths are scaled as retargeting scales the path. Rotations are left out, since the two rest
    poses differ, and so are joints without a counterpart: both are met after generation.
    """
    followed = match_joints(model, delivered)
    kept = []
    for goal in goals:
        if goal.kind == "joint_rotation":
            continue
        if goal.kind == "joint_position":
            if goal.joint not in followed:
                continue
            goal = replace(goal, joint=followed[goal.joint])
        if goal.kind in ("joint_position", "root_path", "root_height"):
            goal = replace(goal, target=goal.target / scale)
        kept.append(goal)
    return kept


def _at_rate(goal: Goal, delivered: Clip, model: Clip) -> Goal:
    """Move a goal's frames to the nearest ones of the model; the first of several counts."""
    nearest = (goal.frames * (model.fps / delivered.fps)).round().long()
    nearest = nearest.clamp(max=model.frames - 1)
    first = torch.cat((torch.tensor([True]), nearest.diff() > 0))
    return replace(goal, frames=nearest[first], target=goal.target[first])


def _start(goals: Sequence[Goal], fps: float | int) -> Float[Tensor, "3"]:
    """Where the clip begins: at the origin, or where its first pinned place says."""
    places = [
        (
            int(goal.frames[0]),
            goal.target[0] if goal.kind == "root_path" else goal.target[0, GROUND],
        )
        for goal in goals
        if goal.kind == "root_path" or (goal.kind == "joint_position" and goal.joint == 0)
    ] or [
        (int(goal.frames[0]), goal.target[0, GROUND])
        for goal in goals
        if goal.kind == "joint_position"
    ]
    start = torch.zeros(3)
    if places:
        frame, place = min(places, key=lambda pair: pair[0])
        if frame == 0 or float(place.norm()) > 1 + _BRISK * frame / fps:
            start[GROUND] = place
    return start


def _between(goal: Goal, first: int, end: int) -> Goal | None:
    inside = (goal.frames >= first) & (goal.frames < end)
    if not bool(inside.any()):
        return None
    return replace(goal, frames=goal.frames[inside] - first, target=goal.target[inside])


def _moved(goal: Goal, offset: Float[Tensor, "3"]) -> Goal:
    if goal.kind == "joint_position":
        return replace(goal, target=goal.target + offset)
    if goal.kind == "root_path":
        return replace(goal, target=goal.target + offset[GROUND])
    return goal
