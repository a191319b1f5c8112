"""Temporal smoothing of rotations: takes out the trembling that few-step sampling leaves."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import local_rotations


def smooth_rotations(motion: Motion, seconds: float) -> Motion:
    """Blur global rotations in time with a Gaussian of standard deviation ``seconds``.

    Columns of neighbouring frames are averaged and made orthonormal again, which for the small
    turns between frames is the mean rotation. Root positions, contacts and the number of frames
    stay; a motion whose rotations do not change stays as it is. 0 seconds returns the motion.
    Raises InvalidInputError for a negative or infinite time.
    """
    if not 0 <= seconds < math.inf:
        raise InvalidInputError(f"seconds of smoothing must be at least 0, got {seconds}.")
    deviation = seconds * motion.fps
    if deviation == 0 or motion.num_frames < 2:
        return motion
    columns = rotations.matrix_to_rotation_6d(motion.global_rotations)
    blurred = _blur(columns.flatten(1), deviation).view_as(columns)
    turned = rotations.rotation_6d_to_matrix(blurred)
    return replace(motion, local_rotations=local_rotations(turned, motion.skeleton))


def _blur(values: Float[Tensor, "frames feats"], deviation: float) -> Float[Tensor, "frames feats"]:
    """Convolve over frames with a Gaussian; the end frames are repeated beyond the ends."""
    reach = max(1, math.ceil(3 * deviation))
    offsets = torch.arange(-reach, reach + 1, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (offsets / deviation) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(values.T[:, None], (reach, reach), mode="replicate")
    return functional.conv1d(padded, kernel[None, None])[:, 0].T
