"""Ground contact labels of the feet, from how low and how slow their joints are."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class ContactLimits:
    """A foot joint in contact is slower and lower than these; the ground is at y = 0."""

    speed: float = 0.15
    """Metres per second."""
    heel: float = 0.10
    """Metres above the ground."""
    toe: float = 0.10
    """Metres above the ground."""


KIMODO_LIMITS = ContactLimits()
"""Limits of [Rempe2026, §4.1]."""

BODY22_LIMITS = ContactLimits(speed=0.30, heel=0.137, toe=0.10)
"""Limits for the CMU motions, whose ankles rest 8 cm high, whose floors are off by some centimetres
and whose planted feet drift at 10 to 30 cm/s. In their walks a heel touches in 38 % of the frames,
once a stride; under Kimodo's limits in 18 %, in more and shorter pieces (docs/concepts/
representation.md)."""


def foot_contacts(
    joint_positions: Float[Tensor, "*batch frames joints 3"],
    skeleton: Skeleton,
    fps: float,
    *,
    limits: ContactLimits = KIMODO_LIMITS,
) -> Bool[Tensor, "*batch frames 4"]:
    """Label a foot joint as in contact where it is slower and lower than the limits.

    Channels are left heel, left toe, right heel, right toe. Positions are metres in the world,
    with the ground at y = 0; the speed is that of all three axes over the step to the next frame,
    and the last frame repeats the one before. A clip of one frame has no speed: its low joints
    are in contact.
    Raises InvalidInputError if the skeleton names no feet.

    Source: the labels of [Rempe2026, §4.1]. Unlike HumanML3D's threshold on the displacement per
    frame, which means another speed at every frame rate, this one is in metres per second.
    """
    feet = joint_positions[..., skeleton.foot_indices, :]
    steps = feet.diff(dim=-3).norm(dim=-1) * fps
    last = steps[..., -1:, :] if feet.shape[-3] > 1 else torch.zeros_like(feet[..., 0])
    speed = torch.cat((steps, last), dim=-2)
    heights = feet.new_tensor([limits.heel, limits.toe, limits.heel, limits.toe])
    return (speed < limits.speed) & (feet[..., 1] < heights)
