"""Foot lock: planted heels and toes stay where they stand, and nothing sinks into the floor."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded
from torch import Tensor

from marey.postprocess.spreading import spread
from marey.postprocess.stance import anchors

_INERTIA = 0.02
"""How much a root's own change counts beside a planted foot's."""
_BEND = 0.5
"""Seconds over which the root's correction may bend."""
_RELEASE = 0.1
"""Seconds over which a foot leaves its lock and comes into the next."""


def follow_feet(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    pinned: Bool[Tensor, " frames"],
    fps: float,
) -> Float[Tensor, "frames 2"]:
    """Return the shift of the body over the ground that lets planted feet drift least.

    A body that glides over its own steps is slowed down, or sped up, to the pace of the feet. In
    ``pinned`` frames the shift is zero. Minimises the drift of planted joints from frame to
    frame, with a little inertia and a penalty on bending.
    """
    frames = len(feet)
    if frames < 3:
        return torch.zeros(frames, 2).to(feet)
    drift = feet[:, :, [0, 2]].double().diff(dim=0)
    planted = contacts[:-1].double()[..., None]
    steps = planted.sum(1).numpy()[:, 0] + _INERTIA
    wanted = -(drift * planted).sum(1).numpy()
    bend = (_BEND * fps) ** 2 * _INERTIA
    bands = np.zeros((3, frames))
    bands[0] += 1e-9
    bands[0, :-1] += steps
    bands[0, 1:] += steps
    bands[1, :-1] -= steps
    for i, a in enumerate((1.0, -2.0, 1.0)):
        for j, b in enumerate((1.0, -2.0, 1.0)[: i + 1]):
            bands[i - j, j : j + frames - 2] += bend * a * b
    pull = np.zeros((frames, 2))
    pull[1:] += wanted
    pull[:-1] -= wanted
    stiff = np.where(pinned.numpy(), 1e9, 0.0)
    bands[0] += stiff
    if not stiff.any():
        bands[0, 0] += 1e9  # the start stays
    shift = solveh_banded(bands, pull, lower=True, check_finite=False)
    return torch.from_numpy(shift).to(feet)


def foot_targets(
    feet: Float[Tensor, "frames 4 3"],
    contacts: Bool[Tensor, "frames 4"],
    fixed: Bool[Tensor, "frames 4"],
    fps: float,
    *,
    floor: float = 0.0,
) -> tuple[Float[Tensor, "frames 4 3"], Bool[Tensor, "frames 4"]]:
    """Return where heels and toes should be in every frame, and where they are locked.

    The correction of a locked joint dies out smoothly before and after its contact.
    """
    target, locked = anchors(feet, contacts, fixed, floor=floor)
    offset = target - feet
    smooth = torch.stack(
        [
            spread(offset[:, c], locked[:, c] | fixed[:, c], fps=fps, seconds=_RELEASE)
            for c in range(4)
        ],
        dim=1,
    )
    wanted = feet + smooth
    wanted[..., 1] = wanted[..., 1].clamp(min=floor)
    return wanted, locked
