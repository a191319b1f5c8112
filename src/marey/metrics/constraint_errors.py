"""How far a motion is from what was asked: positions, rotations, headings.

The functions give one error per constrained value, so that a caller can pool them, take a
quantile, or name the worst frame; ``Summary.of`` condenses them.
"""

import math

from jaxtyping import Float
from torch import Tensor

from marey import rotations


def position_errors(
    actual: Float[Tensor, "*shape axes"], target: Float[Tensor, "*shape axes"]
) -> Float[Tensor, "*shape"]:
    """Euclidean distance of each point from its target, in the unit of both.

    Two axes (x, z) measure a root path, three a joint [Rempe2026, §6.1].
    """
    return (actual - target).norm(dim=-1)


def rotation_errors(
    actual: Float[Tensor, "*shape 3 3"], target: Float[Tensor, "*shape 3 3"]
) -> Float[Tensor, "*shape"]:
    """Angle of the rotation between each matrix and its target, degrees in [0, 180]."""
    return rotations.geodesic_distance(actual, target) * (180 / math.pi)


def heading_errors(
    actual: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Smallest turn between each heading (radians) and its target, degrees in [0, 180]."""
    return rotations.wrap_angle(actual - target).abs() * (180 / math.pi)
