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
        ways=(places.double() - joints.double()).numpy(),
        lengths=lengths.double().numpy(),
        lift=lift.double().numpy(),
    )
    shift = np.zeros((len(joints), 3))
    energy = energy_bands(len(joints), seconds * fps, hold=hold)
    value, excess = bounds.cost(shift, energy)
    for _ in range(_ROUNDS):
        if not excess.any():
            break
        normals, bend = bounds.directions(shift, excess)
        stiff = _PUSH * np.einsum("fli,flj,fl->fij", normals, normals, (excess > 0) - bend)
        stiff += _PUSH * bend.sum(1)[:, None, None] * np.eye(3)
        stiff[:, range(3), range(3)] += _HELD * held.numpy()
        pull = _PUSH * np.einsum("fli,fl->fi", normals, excess) - times_bands(energy, shift)
        step = _solve(energy, stiff, pull)
        after, excess = bounds.cost(shift + step, energy)
        while after > value and np.abs(step).max() > _ENOUGH:
            step = step / 2
            after, excess = bounds.cost(shift + step, energy)
        shift, before, value = shift + step, value, after
        if before - value < _GAIN * (before + _GAIN):
            break
    return torch.from_numpy(shift).to(joints)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bounds:
    """How far joints may be from their places, and how much the body has to go up at least."""

    ways: Float[np.ndarray, "frames limits 3"]
    """From the joints to their places."""
    lengths: Float[np.ndarray, "frames limits"]
    lift: Float[np.ndarray, " frames"]

    def cost(
        self, shift: Float[np.ndarray, "frames 3"], energy: Float[np.ndarray, "3 frames"]
    ) -> tuple[float, Float[np.ndarray, "frames bounds"]]:
        """Return what is minimised, and how far beyond each bound the body is; its lift is last."""
        excess = np.empty((len(shift), self.lengths.shape[1] + 1))
        excess[:, :-1] = self._distances(shift) - self.lengths
        excess[:, -1] = self.lift - shift[:, 1]
        np.maximum(excess, 0, out=excess)
        bending = np.vdot(shift, times_bands(energy, shift))
        return float(bending + _PUSH * np.vdot(excess, excess)), excess

    def directions(
        self, shift: Float[np.ndarray, "frames 3"], excess: Float[np.ndarray, "frames bounds"]
    ) -> tuple[Float[np.ndarray, "frames bounds 3"], Float[np.ndarray, "frames bounds"]]:
        """Return the way back for each bound, and how much its direction bends."""
        distance = np.maximum(self._distances(shift), 1e-9)
        normals = np.empty((*excess.shape, 3))
        normals[:, :-1] = (self.ways - shift[:, None]) / distance[..., None]
        normals[:, -1] = (0.0, 1.0, 0.0)
        bend = np.zeros_like(excess)
        bend[:, :-1] = excess[:, :-1] / distance
        return normals, bend

    def _distances(
        self, shift: Float[np.ndarray, "frames 3"]
    ) -> Float[np.ndarray, "frames limits"]:
        way = self.ways - shift[:, None]
        return np.sqrt(np.einsum("flk,flk->fl", way, way))


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
