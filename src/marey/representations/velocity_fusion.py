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
BEND_SECONDS = 0.25
"""Time over which a path may turn from one account to another: without, it has a kink wherever a
pinned position and the velocities around it do not agree."""
PINNED_TRUST = 1e10
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
    """Return the path ``x`` that minimises ``Σ‖x_t − p_t‖² + w Σ‖e_t‖² + b Σ‖e_t − e_{t−1}‖²``.

    ``e_t = x_{t+1} − x_t − v_t / fps`` is the error of a step, ``v_t`` the velocity from frame
    ``t`` to the next; the last is not used. ``w`` is ``trust``, scaled so that the time over which
    positions are averaged does not depend on the frame rate, and ``b = w (BEND_SECONDS · fps)²``.
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
    p = positions.detach().cpu().double().numpy()
    steps = velocities[:-1].detach().cpu().double().numpy() / fps
    bands = np.zeros((3, frames))
    bands[0] = own
    right = own[:, None] * p
    _add_squares(bands, right, (-1.0, 1.0), steps, weight)
    if frames > 2:
        bend = weight * (BEND_SECONDS * fps) ** 2
        _add_squares(bands, right, (1.0, -2.0, 1.0), np.diff(steps, axis=0), bend)
    return torch.from_numpy(solveh_banded(bands, right, lower=True)).to(positions)


def _add_squares(
    bands: Float[np.ndarray, "3 frames"],
    right: Float[np.ndarray, "frames axes"],
    stencil: tuple[float, ...],
    values: Float[np.ndarray, "terms axes"],
    weight: float,
) -> None:
    """Add ``weight · Σ_t ‖Σ_i stencil_i x_{t+i} − values_t‖²`` to the normal equations."""
    terms = len(values)
    for i, a in enumerate(stencil):
        right[i : i + terms] += weight * a * values
        for j, b in enumerate(stencil[: i + 1]):
            bands[i - j, j : j + terms] += weight * a * b
