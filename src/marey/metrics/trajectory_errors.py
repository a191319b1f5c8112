"""Errors of controlled points as OmniControl measures them: trajectories, locations, mean.

Each function takes the distances of the controlled points of every clip, metres, as
``position_errors`` or ``goal_errors`` give them: one tensor per clip, real frames only, so that
no padding can dilute an error. It returns one value per clip to bootstrap over; the measure is
the mean over clips [Xie2024].
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError

TRAJECTORY_THRESHOLDS = (0.05, 0.10, 0.20, 0.50)
"""Distances beyond which a point has failed, metres; publications use 0.20 and 0.50."""


def trajectory_failures(errors: Sequence[Tensor], threshold: float) -> Float[Tensor, " clips"]:
    """1 for each clip with any controlled point off by more than ``threshold`` metres, else 0.

    The mean is the trajectory error. Raises InvalidInputError for a clip without points.
    """
    return torch.stack([(clip > threshold).any().double() for clip in _checked(errors)])


def location_failures(errors: Sequence[Tensor], threshold: float) -> Float[Tensor, " clips"]:
    """Share of each clip's controlled points off by more than ``threshold`` metres.

    The mean is the location error. Raises InvalidInputError for a clip without points.
    """
    return torch.stack([(clip > threshold).double().mean() for clip in _checked(errors)])


def average_errors(errors: Sequence[Tensor]) -> Float[Tensor, " clips"]:
    """Mean distance of each clip's controlled points, metres.

    The mean is the average error. Raises InvalidInputError for a clip without points.
    """
    return torch.stack([clip.double().mean() for clip in _checked(errors)])


def percentile_error(errors: Sequence[Tensor], percent: float = 95.0) -> float:
    """Distance that ``percent`` per cent of all points of all clips stay below, metres.

    On the distances on the ground (x, z) of the pelvis from the path asked of the smoothed root
    this is pelvis@95 [Rempe2026, §6.1]: how far the body strays from its path. The paper does not
    say over what it takes the percentile; here every constrained frame of every clip counts
    once, and values between two points are interpolated. Raises InvalidInputError for a clip
    without points.
    """
    pooled = torch.cat([clip.double() for clip in _checked(errors)]).sort().values
    at = (len(pooled) - 1) * percent / 100
    low = min(int(at), len(pooled) - 1)
    high = min(low + 1, len(pooled) - 1)
    return float(torch.lerp(pooled[low], pooled[high], at - low))


def _checked(errors: Sequence[Tensor]) -> list[Tensor]:
    empty = [index for index, clip in enumerate(errors) if clip.numel() == 0]
    if empty or not errors:
        which = f"clip {empty[0]} has none" if empty else "got no clip"
        raise InvalidInputError(
            f"Errors need a controlled point in every clip; {which}. Leave clips without out."
        )
    return [clip.flatten() for clip in errors]
