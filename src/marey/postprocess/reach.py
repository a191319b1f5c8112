"""Reach: the smoothest shift of the body that brings its joints near enough to some places."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import solveh_banded
from torch import Tensor

from marey.postprocess.spreading import energy_bands, times_bands

_PUSH = 1e6
"""Weight of a square metre beyond reach beside a square metre of shift."""
_HELD = 1e10
_ROUNDS = 30
_ENOUGH = 1e-7
_GAIN = 1e-4
"""Share of the cost that a step must save for another one to follow."""


def shift_into_reach(
    joints: Float[Tensor, "frames limits 3"],
    places: Float[Tensor, "frames limits 3"],
    lengths: Float[Tensor, "frames limits"],
    lift: Float[Tensor, " frames"],
    held: Bool[Tensor, "frames 3"],
    fps: float,
    *,
    seconds: float,
    hold: bool = False,
) -> Float[Tensor, "frames 3"]:
    """Return the smoothest small shift with which no joint is further from its place than allowed.

    ``lengths`` are infinite where nothing limits the distance; the shift goes up by at least
    ``lift`` where that is positive, and is zero where it is ``held``. Minimises the energy of
    ``spread`` plus a steep penalty, which is convex, by Newton's method; exactly zero if nothing
    is out of reach.
    """
    bounds = _Bounds(
        joints=joints.double().numpy(),
        places=places.double().numpy(),
        lengths=lengths.double().numpy(),
        lift=lift.double().numpy(),
    )
    shift = np.zeros((len(joints), 3))
    energy = energy_bands(len(joints), seconds * fps, hold=hold)
    for _ in range(_ROUNDS):
        normals, excess, bend = bounds.beyond(shift)
        if not excess.any():
            break
        stiff = _PUSH * np.einsum("fli,flj,fl->fij", normals, normals, (excess > 0) - bend)
        stiff += _PUSH * bend.sum(1)[:, None, None] * np.eye(3)
        stiff[:, range(3), range(3)] += _HELD * held.numpy()
        pull = _PUSH * np.einsum("fli,fl->fi", normals, excess) - times_bands(energy, shift)
        step = _solve(energy, stiff, pull)
        value, after = bounds.cost(shift, energy), bounds.cost(shift + step, energy)
        while after > value and np.abs(step).max() > _ENOUGH:
            step = step / 2
            after = bounds.cost(shift + step, energy)
        shift = shift + step
        if value - after < _GAIN * (value + _GAIN):
            break
    return torch.from_numpy(shift).to(joints)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bounds:
    """How far joints may be from their places, and how much the body has to go up at least."""

    joints: Float[np.ndarray, "frames limits 3"]
    places: Float[np.ndarray, "frames limits 3"]
    lengths: Float[np.ndarray, "frames limits"]
    lift: Float[np.ndarray, " frames"]

    def beyond(
        self, shift: Float[np.ndarray, "frames 3"]
    ) -> tuple[
        Float[np.ndarray, "frames bounds 3"],
        Float[np.ndarray, "frames bounds"],
        Float[np.ndarray, "frames bounds"],
    ]:
        """Return the way back for each bound, how far it is, and how much its direction bends."""
        way = self.places - self.joints - shift[:, None]
        distance = np.maximum(np.linalg.norm(way, axis=-1), 1e-9)
        up = np.broadcast_to(np.array([0.0, 1.0, 0.0]), (len(way), 1, 3))
        excess = np.maximum(distance - self.lengths, 0)
        rise = np.maximum(self.lift - shift[:, 1], 0)[:, None]
        return (
            np.concatenate((way / distance[..., None], up), axis=1),
            np.concatenate((excess, rise), axis=1),
            np.concatenate((excess / distance, np.zeros_like(rise)), axis=1),
        )

    def cost(self, shift: Float[np.ndarray, "frames 3"], energy: np.ndarray) -> float:
        """Return what is minimised."""
        _, excess, _ = self.beyond(shift)
        return float((shift * times_bands(energy, shift)).sum() + _PUSH * (excess**2).sum())


def _solve(
    energy: np.ndarray, stiff: Float[np.ndarray, "frames 3 3"], pull: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames 3"]:
    """Solve for unknowns in the order x0, y0, z0, x1, …: neighbours are at most six apart."""
    bands = np.zeros((7, pull.size))
    bands[::3] = energy.repeat(3, axis=1)
    for i in range(3):
        for j in range(i + 1):
            bands[i - j, j::3] += stiff[:, i, j]
    solved = solveh_banded(bands, pull.ravel(), lower=True, check_finite=False)
    return solved.reshape(pull.shape)
