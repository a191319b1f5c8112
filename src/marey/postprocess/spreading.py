"""Spreading: a correction that is known in some frames, continued smoothly into the others."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded
from torch import Tensor

_LEVEL = 1e-9
"""Weight of a correction's size where it is to be held: none, but the system stays regular."""


def spread(
    values: Float[Tensor, "frames channels"],
    known: Bool[Tensor, " frames"],
    *,
    fps: float,
    seconds: float,
    hold: bool = False,
) -> Float[Tensor, "frames channels"]:
    """Return the smoothest correction that is ``values`` where it is ``known``.

    Minimises ``∫ c² + 2 s² |c'|² + s⁴ |c''|²`` with s = ``seconds``: away from what is known it
    dies out within a few ``seconds``, or, with ``hold``, goes on at the same level (the first
    term is left out). Exact where known, zero where nothing is, linear in ``values``; time linear
    in the number of frames.
    """
    if not bool(known.any()):
        return torch.zeros_like(values)
    if bool(known.all()):
        return values.clone()
    bands = energy_bands(len(values), seconds * fps, hold=hold)
    given = np.where(known.numpy()[:, None], values.double().numpy(), 0.0)
    free = np.flatnonzero(~known.numpy())
    pull = -times_bands(bands, given)[free]
    solved = given.copy()
    solved[free] = solveh_banded(_restricted(bands, free), pull, lower=True, check_finite=False)
    return torch.from_numpy(solved).to(values)


def energy_bands(frames: int, scale: float, *, hold: bool) -> Float[np.ndarray, "3 frames"]:
    """Return the lower bands of the energy's matrix: identity, first and second differences."""
    bands = np.zeros((3, frames))
    bands[0] = _LEVEL if hold else 1.0
    for stencil, weight in (((-1.0, 1.0), 2 * scale**2), ((1.0, -2.0, 1.0), scale**4)):
        terms = max(0, frames - len(stencil) + 1)
        for i, a in enumerate(stencil):
            for j, b in enumerate(stencil[: i + 1]):
                bands[i - j, j : j + terms] += weight * a * b
    return bands


def times_bands(
    bands: Float[np.ndarray, "3 frames"], values: Float[np.ndarray, "frames channels"]
) -> Float[np.ndarray, "frames channels"]:
    """Multiply a symmetric matrix, given by its lower bands, by columns."""
    product = bands[0][:, None] * values
    for offset in (1, 2):
        if len(values) > offset:
            band = bands[offset, :-offset, None]
            product[offset:] += band * values[:-offset]
            product[:-offset] += band * values[offset:]
    return product


def _restricted(bands: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Bands of the rows and columns that are kept: neighbours stay at most two apart."""
    chosen = np.zeros((3, len(kept)))
    chosen[0] = bands[0, kept]
    for offset in (1, 2):
        gap = kept[offset:] - kept[:-offset]
        near = gap <= 2
        rows = np.where(near, gap, 0)
        chosen[offset, : len(gap)] = np.where(near, bands[rows, kept[: len(gap)]], 0.0)
    return chosen
