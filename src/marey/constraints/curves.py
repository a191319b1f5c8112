"""Curves over the ground through points: polylines and splines, by times or at one speed."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

Path = Callable[[Float[np.ndarray, " times"]], Float[np.ndarray, "times 2"]]

_SAMPLES_PER_PIECE = 200
"""Points by which the length of a piece of a spline is measured: to about 1e-5 of it."""


def polyline(keys: Float[np.ndarray, " keys"], points: Float[np.ndarray, "keys 2"]) -> Path:
    """Return straight lines from point to point, evenly in time."""

    def path(times: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times 2"]:
        return np.stack([np.interp(times, keys, column) for column in points.T], axis=-1)

    return path


def spline(keys: Float[np.ndarray, " keys"], points: Float[np.ndarray, "keys 2"]) -> Path:
    """Return the natural cubic spline through the points at ascending ``keys``."""
    if len(keys) < 2:
        return polyline(keys, points)
    return CubicSpline(keys, points, bc_type="natural")


def at_speed(
    points: Float[np.ndarray, "keys 2"], *, curve: str, frames_per_metre: float, first: float
) -> tuple[Float[np.ndarray, "2"], Path]:
    """Return the first and last time of a curve, in frames, and the curve at constant speed.

    A spline is laid through the points by the lengths of their chords and measured along its arc.
    """
    chords = np.concatenate(([0.0], np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()))
    where = chords
    if curve == "spline":
        share = np.linspace(0, 1, _SAMPLES_PER_PIECE, endpoint=False)
        inner = chords[:-1, None] + share * np.diff(chords)[:, None]
        where = np.append(inner.ravel(), chords[-1])
        points = spline(chords, points)(where)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    times = first + frames_per_metre * np.concatenate(([0.0], steps.cumsum()))
    return times[[0, -1]], polyline(times, points)
