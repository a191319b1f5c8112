"""Foot goals: where a rig's heels belong, so that its toes step where the source's do.

The end of the sole (the ball of the foot) goes to its place on the source's ground, scaled as the
path is; the foot keeps its way in the world, and the lower end of the sole its height in units of
the leg, on its own sole's thickness. So a foot that stands still on the ground does so on the rig
as well, however long its shins and feet are.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from marey.motion.joint_matching import SIDES
from marey.postprocess.reach import shift_into_reach
from marey.rigs.bodies import LEGS, Body

_STRETCH = 0.997
"""Share of its length to which a leg that was bent more is stretched before the hips give way."""
_SECONDS = 0.25
"""How far in time the hips' giving way reaches (see ``spread``)."""
_NEVER = -1e3
"""A lift of the body that asks for nothing, metres."""


def sole_lift(source: Body, target: Body, scale: float) -> float:
    """Return how much higher the target's toe joints are above its soles, metres; 0 if unknown.

    Of a source whose skeleton does not show how thick its soles are, the toe joints stand on
    the ground or above it: the target is raised as far as its soles would sink.
    """
    if not (source.has_soles and target.has_soles) or target.thickness is None:
        return 0.0
    if source.thickness is not None:
        return target.thickness - scale * source.thickness
    standing = max(0.0, float(source.sole_height().min()))
    return max(0.0, target.thickness - scale * standing)


def heel_goals(source: Body, target: Body, scale: float) -> Float[Tensor, "frames 2 3"]:
    """Return the places of the target's left and right heel, metres."""
    flat = source.has_soles and target.has_soles
    lift = sole_lift(source, target, scale)
    goals = []
    for side in SIDES:
        heel = source.places[:, source.roles[f"{side}_heel"]]
        if not flat:
            goals.append(scale * heel)
            continue
        goal = scale * (heel + source.sole(side)) - target.sole(side)
        low = scale * (heel[:, 1] + source.lowest_of_foot(side)) + lift
        goal[:, 1] = low - target.lowest_of_foot(side)
        goals.append(goal)
    return torch.stack(goals, dim=1)


def hips_into_reach(
    body: Body, goals: Float[Tensor, "frames 2 3"], fps: float
) -> Float[Tensor, "frames 3"]:
    """Return the smooth shift of the body with which its legs reach the goals of their heels."""
    hips = body.places[:, [body.limbs[leg].start for leg in LEGS]]
    heels = body.places[:, [body.limbs[leg].end for leg in LEGS]]
    longest = torch.tensor([body.limbs[leg].length for leg in LEGS]) * _STRETCH
    lengths = torch.maximum(longest, (heels - hips).norm(dim=-1))
    frames = len(goals)
    return shift_into_reach(
        hips,
        goals,
        lengths,
        torch.full((frames,), _NEVER),
        torch.zeros(frames, 3, dtype=torch.bool),
        fps,
        seconds=_SECONDS,
    )
