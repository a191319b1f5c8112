"""Mean and standard deviation of a data set's features, averaged in groups [Guo2022].

Each of the root's blocks, the positions, the rotations, the velocities and the contacts have one
deviation: the mean of those of their channels. MoMask and the evaluators of [Guo2022] divide the
deviations of root and contacts by 5 once more, so that these weigh more: ``root_weight=5``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.motion.chain_body import ChainBody

_WEIGHTED = ("root_yaw_velocity", "root_velocity", "root_height", "contacts")


@dataclass(frozen=True, kw_only=True)
class ChainStatistics:
    """What to subtract from every channel, and what to divide it by."""

    mean: Float[Tensor, " feats"]
    std: Float[Tensor, " feats"]
    frames: int
    """Number of frames they are taken from."""


def chain_statistics(
    clips: Iterable[Float[Tensor, "_ feats"]], body: ChainBody, *, root_weight: float = 1.0
) -> ChainStatistics:
    """Gather the statistics of all frames of all clips, clip by clip, in float64.

    Raises InvalidInputError if there is no frame, or for another number of channels.
    """
    total = torch.zeros(body.num_feats, dtype=torch.float64)
    squares, frames = torch.zeros_like(total), 0
    for clip in clips:
        if clip.shape[-1] != body.num_feats:
            raise InvalidInputError(
                f"The layout {body.name!r} has {body.num_feats} channels, got {clip.shape[-1]}."
            )
        exact = clip.double()
        total += exact.sum(0)
        squares += exact.square().sum(0)
        frames += len(clip)
    if not frames:
        raise InvalidInputError("Statistics need at least one frame, got none.")
    mean = total / frames
    deviation = (squares / frames - mean.square()).clamp(min=0).sqrt()
    std = torch.empty_like(deviation)
    for name, channels in body.slices.items():
        weight = root_weight if name in _WEIGHTED else 1.0
        std[channels] = deviation[channels].mean() / weight
    return ChainStatistics(mean=mean.float(), std=std.float(), frames=frames)
