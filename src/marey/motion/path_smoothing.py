"""The smoothest path within a given distance of another path: the root path of the features.

    minimise  Σ ‖x[i-1] − 2 x[i] + x[i+1]‖²   subject to  ‖x[i] − path[i]‖ ≤ margin

is a convex problem with one disc per frame. A primal–dual interior-point method solves it:
each Newton system has two unknowns per frame and couples frames at most two apart, so that a
banded Cholesky factor costs time linear in the number of frames. The iterates stay strictly
inside the discs, and about ten to twenty of them reach the precision of float64. Many paths are
solved as one problem, which falls apart into theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import cho_solve_banded, cholesky_banded
from torch import Tensor

from marey.errors import InvalidInputError

DEFAULT_MARGIN = 0.06
"""How far the smooth root may lie from the pelvis, metres [Rempe2026, §4.1]."""

CLOSENESS = 1e-9
"""Weight of ``‖x − path‖²`` beside the curvature, which singles out one minimiser."""

_BACKOFF = 0.99  # share of the way to the nearest wall that a step may take
_GAP = 1e-11  # duality gap at the end, relative to the objective
_FLAT = 1e-9
"""Gradient at the end, relative to the largest force; rounding leaves 1e-11 of it and more."""
_MAX_STEPS = 200

_Array = Float[np.ndarray, "frames 2"]
_Column = Float[np.ndarray, " frames"]


@dataclass(frozen=True, kw_only=True)
class SmoothPath:
    """A smoothest path with the multipliers that prove it is one."""

    positions: Float[np.ndarray, "frames 2"]
    """The path in float64, in the unit of the input."""
    multipliers: Float[np.ndarray, "frames"]
    """Dual variables of ``½(‖x − path‖² − margin²) ≤ 0`` beside half the objective; ≥ 0."""


def smooth_path(
    path: Float[Tensor, "frames 2"], *, margin: float = DEFAULT_MARGIN
) -> Float[Tensor, "frames 2"]:
    """Return the path of least squared second difference within ``margin`` of ``path``.

    Path and margin are in metres; dtype and device follow ``path``. Computed in float64, where
    each frame stays strictly within the margin; the rounding to float32 is all that can be added.
    Commutes with translations, rotations, mirroring and reversal in time. Where several paths
    have no curvature at all (someone stands: many lines fit), the one closest to ``path`` in the
    mean square is taken; in every other case the minimiser is unique. Both are had by adding
    ``CLOSENESS · ‖x − path‖²`` to the objective, so that the result is continuous in ``path``.
    Raises InvalidInputError for no frames, values that are not finite or a negative margin.
    Source: the problem of [Rempe2026, §4.1]; the solver is our own and exact.
    """
    return smooth_paths([path], margin=margin)[0]


def smooth_paths(paths: Sequence[Tensor], *, margin: float = DEFAULT_MARGIN) -> list[Tensor]:
    """Return the ``smooth_path`` of each path, in much less time than one by one."""
    solutions = _solve([path.detach().double().cpu().numpy() for path in paths], margin)
    return [
        torch.from_numpy(solution.positions).to(path)
        for path, solution in zip(paths, solutions, strict=True)
    ]


def solve_smooth_path(path: Float[np.ndarray, "frames 2"], *, margin: float) -> SmoothPath:
    """Solve the problem of ``smooth_path`` in float64 and return the proof with it."""
    return _solve([np.asarray(path, dtype=np.float64)], margin)[0]


def _solve(paths: Sequence[np.ndarray], margin: float) -> list[SmoothPath]:
    for path in paths:
        _validate(path, margin)
    solved = [SmoothPath(positions=p.copy(), multipliers=np.zeros(len(p))) for p in paths]
    bent = [k for k, path in enumerate(paths) if len(path) >= 3 and margin > 0]
    if not bent:
        return solved
    pieces = _Pieces.of([len(paths[k]) for k in bent])
    joined = np.concatenate([paths[k] for k in bent])
    # In units of the margin, as deviations from the path, every disc is the unit disc. The path
    # enters through its second differences only, which makes the result equivariant.
    bends = np.diff(joined, 2, axis=0) / margin * pieces.within
    deviation, multipliers = _interior_point(bends, pieces)
    positions = joined + margin * deviation
    for k, start, count in zip(bent, pieces.starts, pieces.counts, strict=True):
        own = slice(start, start + count)
        solved[k] = SmoothPath(positions=positions[own], multipliers=multipliers[own])
    return solved


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pieces:
    """Where paths of three frames and more begin and end in an array that joins them."""

    starts: np.ndarray
    counts: np.ndarray
    within: Float[np.ndarray, "bends 1"]
    """1 where the second difference from a frame on stays within its path, else 0."""

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "_Pieces":
        counts = np.array(lengths)
        ends = counts.cumsum()
        within = np.ones((ends[-1], 1))
        within[ends - 1] = within[ends - 2] = 0
        return cls(starts=ends - counts, counts=counts, within=within[:-2])

    def total(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, self.starts)

    def mean(self, values: np.ndarray) -> np.ndarray:
        return self.total(values) / self.counts

    def highest(self, values: np.ndarray) -> np.ndarray:
        return np.maximum.reduceat(values, self.starts)

    def lowest(self, values: np.ndarray) -> np.ndarray:
        return np.minimum.reduceat(values, self.starts)

    def repeated(self, values: np.ndarray) -> _Column:
        """Return the value of its path for every frame."""
        return np.repeat(values, self.counts)


def _validate(path: np.ndarray, margin: float) -> None:
    if len(path) == 0:
        raise InvalidInputError("A path needs at least one frame, got none.")
    if not np.isfinite(path).all():
        frame = int(np.flatnonzero(~np.isfinite(path).all(axis=1))[0])
        raise InvalidInputError(f"A path must be finite, frame {frame} is {path[frame].tolist()}.")
    if not 0 <= margin < float("inf"):
        raise InvalidInputError(f"margin must be a distance in metres, 0 or more, got {margin}.")


def _difference_transposed(second: np.ndarray) -> _Array:
    """Apply the transpose of the second-difference operator."""
    out = np.zeros((len(second) + 2, 2))
    out[:-2] += second
    out[1:-1] -= 2 * second
    out[2:] += second
    return out


def _interior_point(bends: Float[np.ndarray, "bends 2"], pieces: _Pieces) -> tuple[_Array, _Column]:
    """Minimise ``½‖D u + bends‖² + ½ CLOSENESS ‖u‖²`` over ``‖u[i]‖ ≤ 1``; return u and λ.

    Mehrotra's predictor–corrector with the slacks ``s = ½(1 − ‖u‖²)`` kept exact: unknowns are
    u and the multipliers λ > 0 of ``s ≥ 0``; at the solution the gradient of the Lagrangian and
    every ``λ s`` vanish. Every path has steps of its own and leaves the system once it is solved:
    steps beyond that would divide by slacks that are rounded to zero.
    """
    forces = np.linalg.norm(_difference_transposed(bends), axis=1)
    steepest = np.maximum(pieces.highest(forces), 1e-3)
    u = np.zeros((len(forces), 2))
    multipliers = pieces.repeated(np.maximum(pieces.mean(forces), CLOSENESS))
    solved, places = (u.copy(), multipliers.copy()), np.arange(len(u))
    curvature_band = _curvature_band(pieces.within)
    for _ in range(_MAX_STEPS):
        second = np.diff(u, 2, axis=0) * pieces.within + bends
        gradient = _difference_transposed(second) + (CLOSENESS + multipliers[:, None]) * u
        slack = 0.5 * (1 - (u * u).sum(1))
        gap = pieces.total(multipliers * slack)
        objective = 0.5 * pieces.total((second * second).sum(1)) + CLOSENESS
        flat = pieces.highest(np.abs(gradient).max(1)) < _FLAT * steepest
        going = ~((gap < _GAP * objective) & flat)
        if going.all():
            u, multipliers = _newton_step(u, multipliers, slack, gradient, curvature_band, pieces)
            continue
        solved[0][places], solved[1][places] = u, multipliers
        if not going.any():
            return solved
        kept = pieces.repeated(going.astype(float)) > 0
        bends = np.concatenate((bends, np.zeros((2, 2))))[kept][:-2]
        places, u, multipliers = places[kept], u[kept], multipliers[kept]
        pieces, steepest = _Pieces.of(pieces.counts[going].tolist()), steepest[going]
        curvature_band = _curvature_band(pieces.within)
    raise AssertionError(f"no path smoothed in {_MAX_STEPS} steps: gaps up to {gap.max():.1e}")


def _newton_step(
    u: _Array,
    multipliers: _Column,
    slack: _Column,
    gradient: _Array,
    curvature_band: np.ndarray,
    pieces: _Pieces,
) -> tuple[_Array, _Column]:
    """Predict the way to the solution, correct for its bend, and go as far as the walls allow."""
    factor = _factorise(curvature_band, u, multipliers, multipliers / slack)
    products = multipliers * slack
    mean = pieces.mean(products)

    def direction(target: np.ndarray | float) -> tuple[_Array, _Column]:
        """Solve the linearised conditions: gradient 0 and products λ s equal to ``target``."""
        change = (target - products) / slack
        right = -gradient - change[:, None] * u
        du = cho_solve_banded((factor, True), right.ravel(), check_finite=False).reshape(u.shape)
        return du, change + multipliers / slack * (u * du).sum(1)

    du, dl = direction(0.0)
    length = pieces.repeated(_step_to_wall(u, du, slack, multipliers, dl, pieces))
    ahead = 0.5 * (1 - ((u + length[:, None] * du) ** 2).sum(1))
    centring = (pieces.mean((multipliers + length * dl) * ahead) / mean) ** 3
    bend = -(u * du).sum(1) * dl - 0.5 * multipliers * (du * du).sum(1)
    du, dl = direction(pieces.repeated(centring * mean) - bend)
    length = pieces.repeated(_BACKOFF * _step_to_wall(u, du, slack, multipliers, dl, pieces))
    return u + length[:, None] * du, multipliers + length * dl


def _step_to_wall(
    u: _Array, du: _Array, slack: _Column, multipliers: _Column, dl: _Column, pieces: _Pieces
) -> np.ndarray:
    """Largest step of each path, at most 1, that keeps all discs and multipliers non-negative."""
    # The positive root of ‖u + a du‖² = 1, in the form without cancellation.
    along = (u * du).sum(1)
    reach = along + np.sqrt(along * along + 2 * slack * (du * du).sum(1))
    primal = np.divide(2 * slack, reach, out=np.ones_like(reach), where=reach > 2 * slack)
    dual = np.divide(multipliers, -dl, out=np.ones_like(dl), where=-dl > multipliers)
    return pieces.lowest(np.minimum(primal, dual))


def _curvature_band(within: Float[np.ndarray, "bends 1"]) -> Float[np.ndarray, "5 unknowns"]:
    """Lower band of ``DᵀD + CLOSENESS`` for unknowns ordered x0, z0, x1, z1, …"""
    band = np.zeros((5, len(within) + 2, 2))
    band[0] = CLOSENESS
    band[0, :-2] += within
    band[0, 1:-1] += 4 * within
    band[0, 2:] += within
    band[2, :-2] -= 2 * within
    band[2, 1:-1] -= 2 * within
    band[4, :-2] += within
    return band.reshape(5, 2 * len(band[0]))


def _factorise(
    curvature_band: np.ndarray, u: _Array, multipliers: _Column, ratio: _Column
) -> np.ndarray:
    """Cholesky factor of the Newton matrix: curvature plus ``λ I + (λ/s) u uᵀ`` per frame."""
    band = curvature_band.copy()
    band[0] += (multipliers[:, None] + ratio[:, None] * u * u).ravel()
    band[1, ::2] = ratio * u[:, 0] * u[:, 1]
    return cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False)
