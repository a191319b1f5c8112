"""The root smoother of Kimodo's released models, half a frame early as they learnt it.

Models trained with it expect its paths; everything else uses ``motion.path_smoothing``, which
solves the same problem exactly and stays within the margin.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import cho_solve_banded, cholesky_banded
from torch import Tensor

from marey.errors import InvalidInputError
from marey.motion.path_smoothing import DEFAULT_MARGIN

_ITERATIONS = 500  # on each grid
_DUAL_STEP = 1.8
_PENALTY = 0.25  # times the root of the largest diagonal entry of AᵀA

_Array = Float[np.ndarray, "frames 2"]


def smooth_path_legacy(
    path: Float[Tensor, "frames 2"], *, margin: float = DEFAULT_MARGIN
) -> Float[Tensor, "frames 2"]:
    """Return the smoothed path of Kimodo's released models: half a frame early, margin not kept.

    Metres; dtype and device follow ``path``. ADMM on grids of stride 2^n … 2, 1 with 500
    iterations each; then frame i becomes ``(x[i] + x[i+1]) / 2`` and the last is extrapolated by
    half a step, so that the result leaves the margin by up to half a frame of travel.
    Raises InvalidInputError for no frames, values that are not finite or a negative margin.

    Source: the behaviour of Kimodo v1.0's smoother as described by those who measured it (start
    at the mean, ``max(⌊log2 frames⌋ − 4, 1)`` grids above the finest, penalty and dual step as
    here, half-frame shift); written from that description, not from its code. Not verified: that
    coarse grids are weighed alike, that each grid starts with zero dual variables, that the end
    is extrapolated linearly, and equality with the original's numbers, as no motion that ships
    with Kimodo holds its smoothed root. Where ADMM has not converged after 500 iterations these
    matter; where it has, only the shift does. Deviation: paths of fewer than five frames, at which
    the original fails, use the grids that have three points or more.
    """
    reference = path.detach().double().cpu().numpy()
    if len(reference) == 0 or not np.isfinite(reference).all():
        raise InvalidInputError("A path needs at least one frame and finite values throughout.")
    if not 0 <= margin < float("inf"):
        raise InvalidInputError(f"margin must be a distance in metres, 0 or more, got {margin}.")
    return torch.from_numpy(_half_frame_early(_multigrid(reference, margin))).to(path)


def _multigrid(reference: _Array, margin: float) -> _Array:
    """Solve on ever finer grids, each starting from the one before."""
    frames = len(reference)
    levels = max(int(math.log2(frames)) - 4, 1)
    x = np.broadcast_to(reference.mean(0), reference[:: 2**levels].shape).copy()
    for level in range(levels, -1, -1):
        targets = reference[:: 2**level]
        if level < levels:
            x = _refine(x, len(targets))
        x = _alternate(x, targets, margin)
    return x


def _alternate(x: _Array, reference: _Array, margin: float) -> _Array:
    """Run ADMM: a smooth path x, a path z within the margin, and the scaled dual variable."""
    z, dual = _project(x, reference, margin), np.zeros_like(x)
    if len(x) < 3:
        return z
    band = _curvature_band(len(x))
    penalty = _PENALTY * math.sqrt(band[0].max())
    band[0] += penalty
    factor = cholesky_banded(band, lower=True, check_finite=False)
    for _ in range(_ITERATIONS):
        x = cho_solve_banded((factor, True), penalty * (z - dual), check_finite=False)
        z = _project(x + dual, reference, margin)
        dual += _DUAL_STEP * (x - z)
    return x


def _project(x: _Array, reference: _Array, margin: float) -> _Array:
    """Move each point the shortest way into the disc about its reference."""
    offset = x - reference
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    return reference + offset * (margin / np.maximum(distance, max(margin, 1e-300)))


def _curvature_band(frames: int) -> Float[np.ndarray, "3 frames"]:
    """Lower band of ``DᵀD`` for the second difference D."""
    band = np.zeros((3, frames))
    band[0, :-2] += 1
    band[0, 1:-1] += 4
    band[0, 2:] += 1
    band[1, :-2] -= 2
    band[1, 1:-1] -= 2
    band[2, :-2] += 1
    return band


def _refine(x: _Array, count: int) -> Float[np.ndarray, "finer 2"]:
    """Interpolate to half the stride: ``count`` points, a missing last one extrapolated."""
    fine = np.empty((2 * len(x), 2))
    fine[::2], fine[1::2] = x, _half_frame_early(x)
    return fine[:count]


def _half_frame_early(x: _Array) -> _Array:
    """Points between neighbours, and one half a step past the end."""
    if len(x) == 1:
        return x.copy()
    return np.concatenate(((x[:-1] + x[1:]) / 2, 1.5 * x[-1:] - 0.5 * x[-2:-1]))
