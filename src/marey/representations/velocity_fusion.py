"""A path from two noisy accounts of it: where it is, and how fast it moves."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded
from torch import Tensor

VELOCITY_TRUST = 200.0
"""Weight of a step's error against a position's, both in metres, at 20 frames a second.

A denoiser's positions jitter by centimetres from frame to frame while its velocities, times the
length of a frame, err by millimetres: a ratio of variances of about 200.
"""
PINNED_TRUST = 1e8
"""Weight of the position's error in pinned frames: steps that disagree by a metre in all move a
pinned position by micrometres."""


def fuse_velocities(
    positions: Float[Tensor, "frames axes"],
    velocities: Float[Tensor, "frames axes"],
    fps: float,
    *,
    trust: float = VELOCITY_TRUST,
    pinned: Bool[Tensor, " frames"] | None = None,
) -> Float[Tensor, "frames axes"]:
    """Return the path ``x`` that minimises ``Σ‖x_t − p_t‖² + w Σ‖x_{t+1} − x_t − v_t / fps‖²``.

    ``v_t`` is the velocity from frame ``t`` to the next; the last is not used. ``w`` is ``trust``,
    scaled so that the time over which positions are averaged does not depend on the frame rate.
    Where both accounts agree the path is returned unchanged, to rounding. Frames that are
    ``pinned`` keep their position. Banded, exact, float64.
    """
    frames = len(positions)
    if frames < 2:
        return positions
    weight = trust * (fps / 20.0) ** 2
    own = np.ones(frames)
    if pinned is not None:
        own[pinned.cpu().numpy()] = PINNED_TRUST
    diagonal = own + 2 * weight
    diagonal[[0, -1]] -= weight
    beside = np.full(frames, -weight)
    p = positions.detach().cpu().double().numpy()
    steps = weight * velocities[:-1].detach().cpu().double().numpy() / fps
    right = own[:, None] * p
    right[1:] += steps
    right[:-1] -= steps
    return torch.from_numpy(solveh_banded(np.stack((beside, diagonal)), right)).to(positions)
