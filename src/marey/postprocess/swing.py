"""Swing: a foot that is carried to its next step clears the ground on the way."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.postprocess.spreading import spread

CLEARANCE = 0.02
"""How far, in metres, a toe that swings is lifted above the heights at which it stands before and
after. Half of the fast toes of the CMU walks clear theirs by 4.5 cm, nine in ten by 1 cm."""
_SLOW, _FAST = 0.2, 0.8
"""Metres per second: a slower toe may stay as low as it is, a faster one clears the ground fully,
and between the two as much of it as its speed says."""
_BLEND = 0.1
"""Seconds over which a lift fades in and out, see ``spread``."""


def clear_ground(
    feet: Float[Tensor, "frames 4 3"],
    stands: Bool[Tensor, "frames 4"],
    held: Bool[Tensor, "frames 4"],
    fps: float,
) -> Float[Tensor, "frames 4 3"]:
    """Lift feet whose toes swing to where these clear the ground.

    The ground of a toe goes straight, over time, from where it ``stands`` to where it stands next;
    one that never stands has none. Heel and toe are lifted alike, in frames in which neither is
    ``held``, and nothing moves over the ground, so that a second call changes only rounding.
    """
    lifted = feet.clone()
    for side in range(2):
        heel, toe = 2 * side, 2 * side + 1
        still = held[:, heel] | held[:, toe]
        if not bool(stands[:, toe].any()) or bool(still.all()):
            continue
        path = feet[:, toe]
        swing = _swinging(path[:, [0, 2]], fps) * ~still
        least = _ground(path[:, 1], stands[:, toe]) + CLEARANCE * swing
        missing = torch.where(swing > 0, least - path[:, 1], 0).clamp(min=0)
        known = still | (missing > 0)
        rise = spread(missing[:, None], known, fps=fps, seconds=_BLEND).clamp(min=0)
        lifted[:, heel : toe + 1, 1] += rise
    return lifted


def _ground(height: Float[Tensor, " frames"], stands: Bool[Tensor, " frames"]) -> Tensor:
    """Height at which a toe stands, continued linearly over the frames in which it does not."""
    times = np.arange(len(height))
    known = stands.numpy()
    line = np.interp(times, times[known], height.numpy()[known])
    return torch.from_numpy(line).to(height)


def _swinging(path: Float[Tensor, "frames 2"], fps: float) -> Float[Tensor, " frames"]:
    """Return how much, from 0 to 1, a toe swings: by the faster of the steps around a frame."""
    steps = torch.nn.functional.pad(path.diff(dim=0).norm(dim=-1) * fps, (1, 1))
    speed = torch.maximum(steps[:-1], steps[1:])
    return ((speed - _SLOW) / (_FAST - _SLOW)).clamp(0, 1)
