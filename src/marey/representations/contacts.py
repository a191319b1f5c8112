"""Ground contact labels of the feet, from how low and how slow their joints are."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.skeleton import Skeleton

CONTACT_SPEED = 0.15
"""A foot joint in contact is slower than this, metres per second."""

CONTACT_HEIGHT = 0.10
"""A foot joint in contact is lower than this above the ground at y = 0, metres."""


def foot_contacts(
    joint_positions: Float[Tensor, "*batch frames joints 3"],
    skeleton: Skeleton,
    fps: float,
    *,
    speed_limit: float = CONTACT_SPEED,
    heel_limit: float = CONTACT_HEIGHT,
    toe_limit: float = CONTACT_HEIGHT,
) -> Bool[Tensor, "*batch frames 4"]:
    """Label a foot joint as in contact where it is slower and lower than the limits.

    Limits are metres per second and metres; 0.15 m/s and 0.10 m by default. Channels are left
    heel, left toe, right heel, right toe. Positions are metres in the world, with the ground at
    y = 0; the speed is that of all three axes over the step to the next frame, and the last frame
    repeats the one before. A clip of one frame has no speed: its low joints are in contact.
    Raises InvalidInputError if the skeleton names no feet.

    Source: the labels of [Rempe2026, §4.1]. Unlike HumanML3D's threshold on the displacement per
    frame, which means another speed at every frame rate, this one is in metres per second.
    """
    feet = joint_positions[..., skeleton.foot_indices, :]
    steps = feet.diff(dim=-3).norm(dim=-1) * fps
    last = steps[..., -1:, :] if feet.shape[-3] > 1 else torch.zeros_like(feet[..., 0])
    speed = torch.cat((steps, last), dim=-2)
    heights = feet.new_tensor([heel_limit, toe_limit, heel_limit, toe_limit])
    return (speed < speed_limit) & (feet[..., 1] < heights)
