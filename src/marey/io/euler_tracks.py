"""Rotations over time as Euler angles that an animator can edit: exact, and without jumps."""

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations


def euler_tracks(
    matrices: Float[Tensor, "frames joints 3 3"], order: str
) -> Float[Tensor, "frames joints 3"]:
    """Return intrinsic angles in ``order``, radians in float64, that run on from frame to frame.

    ``order`` has three different letters. Raises InvalidInputError for another one.
    """
    # Through a unit quaternion in float64: rounding of the stored matrices would otherwise be
    # magnified where the middle angle nears 90 degrees.
    stored = matrices.detach().cpu().double()
    exact = rotations.quaternion_to_matrix(rotations.matrix_to_quaternion(stored))
    return _continuous(rotations.matrix_to_euler(exact, order))


def _continuous(angles: Float[Tensor, "frames joints 3"]) -> Float[Tensor, "frames joints 3"]:
    """Choose among equal Euler angles so that they run on smoothly from frame to frame.

    (a, b, c) and (a + π, π − b, c + π) are one rotation. Whether the nearer one changes between
    two frames does not depend on which was taken before, so that a running parity decides.
    """
    other = angles * torch.tensor([1.0, -1.0, 1.0], dtype=angles.dtype) + torch.pi
    same_jump = rotations.wrap_angle(angles[1:] - angles[:-1]).abs().sum(-1)
    other_jump = rotations.wrap_angle(other[1:] - angles[:-1]).abs().sum(-1)
    swaps = torch.cat((torch.zeros_like(angles[:1, :, 0]), (other_jump < same_jump)), dim=0)
    take_other = swaps.cumsum(0).remainder(2).bool()
    chosen = torch.where(take_other[..., None], other, angles)
    return rotations.unwrap_angle(chosen.movedim(0, -1)).movedim(-1, 0)
