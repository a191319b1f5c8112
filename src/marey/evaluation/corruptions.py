"""Corruptions: real motion made worse by a known amount, to see whether a judge notices.

All work on joint positions in metres, since judges see nothing else.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError


def jittered(
    positions: Float[Tensor, "frames joints 3"], sigma: float, *, generator: torch.Generator
) -> Float[Tensor, "frames joints 3"]:
    """Add noise of a standard deviation of ``sigma`` metres to every coordinate of every joint."""
    noise = torch.randn(positions.shape, generator=generator)
    return positions + sigma * noise.to(positions)


def with_dropped_frames(
    positions: Float[Tensor, "frames joints 3"], share: float, *, generator: torch.Generator
) -> Float[Tensor, "frames joints 3"]:
    """Replace a share of frames by the last one that is kept; the first frame is always kept.

    Raises InvalidInputError for a share outside [0, 1).
    """
    if not 0 <= share < 1:
        raise InvalidInputError(f"expected a share of frames in [0, 1), got {share:g}.")
    frames = len(positions)
    dropped = torch.rand(frames, generator=generator) < share
    dropped[0] = False
    last_kept = torch.where(dropped, 0, torch.arange(frames)).cummax(0).values
    return positions[last_kept]


def sliding(
    positions: Float[Tensor, "frames joints 3"],
    speed: float,
    fps: float,
    *,
    generator: torch.Generator,
) -> Float[Tensor, "frames joints 3"]:
    """Let the whole body slide over the ground at ``speed`` m/s, in one random direction."""
    angle = 2 * math.pi * torch.rand((), generator=generator)
    way = torch.stack((angle.sin(), torch.zeros(()), angle.cos())).to(positions)
    time = torch.arange(len(positions)).to(positions) / fps
    return positions + speed * time[:, None, None] * way


def reversed_in_time(
    positions: Float[Tensor, "frames joints 3"],
) -> Float[Tensor, "frames joints 3"]:
    """Play a motion from its end."""
    return positions.flip(0)
