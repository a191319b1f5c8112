"""Curves of a glTF animation, and the frame rate that their keys have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from marey.io.gltf_file import GltfFile

_USUAL = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 72.0, 90.0, 100.0, 120.0, 144.0, 240.0)
_SLOW = (10.0, 12.0, 12.5, 15.0, 20.0)
_DEFAULT = 30.0
_MODES = ("LINEAR", "STEP", "CUBICSPLINE")


@dataclass(frozen=True)
class Track:
    """Values over time: vectors, or quaternions where there are four of them."""

    times: Float[np.ndarray, " keys"]
    """Seconds, rising."""
    values: Float[np.ndarray, "keys width"]
    mode: str
    slopes: tuple[np.ndarray, np.ndarray] | None = None
    """Of a cubic spline: the slopes into and out of the keys, per second."""

    def at(self, times: Float[np.ndarray, " frames"]) -> Float[np.ndarray, "frames width"]:
        """Values at times; beyond the ends the nearest key's."""
        after = np.searchsorted(self.times, times, side="right").clip(
            1, max(len(self.times) - 1, 1)
        )
        low = after - 1
        high = np.minimum(after, len(self.times) - 1)
        step = self.times[high] - self.times[low]
        share = np.where(step > 0, (times - self.times[low]) / np.where(step > 0, step, 1), 0)
        share = share.clip(0, 1)[:, None]
        start, end = self.values[low], self.values[high]
        if self.mode == "STEP":
            return np.where(share < 1, start, end)
        if self.slopes is not None:
            into, out = self.slopes[0][high], self.slopes[1][low]
            return _hermite(start, end, step[:, None] * out, step[:, None] * into, share)
        if self.values.shape[1] == 4:
            return _slerp(start, end, share)
        return start + share * (end - start)


def read_track(file: GltfFile, sampler: Mapping[str, Any], width: int) -> Track:
    """Read a sampler whose values have ``width`` components. Raises FileFormatError."""
    mode = sampler.get("interpolation", "LINEAR")
    if mode not in _MODES:
        raise file.fault("animation", f"interpolation {', '.join(_MODES)}", repr(mode)[:40])
    times = file.array(sampler.get("input"))[:, 0]
    values = file.array(sampler.get("output"))
    rows = len(times) * (3 if mode == "CUBICSPLINE" else 1)
    if values.shape != (rows, width):
        got = f"{len(values)} of {values.shape[1]}"
        raise file.fault("animation", f"{rows} values of {width} numbers", got)
    if (np.diff(times) < 0).any() or max(abs(times[0]), abs(times[-1])) > 1e6:
        raise file.fault("animation", "rising times of at most 1e6 s", "others")
    if mode == "CUBICSPLINE":
        into, values, out = values.reshape(len(times), 3, width).swapaxes(0, 1)
        return Track(times, values, mode, (into, out))
    return Track(times, values, mode)


def frame_rate(times: Float[np.ndarray, " keys"]) -> float:
    """Frames per second of keys: their even spacing, else the lowest usual rate that meets all."""
    steps = np.diff(times)
    if len(steps) > 1 and steps.max() - steps.min() < 0.02 * steps.mean():
        rate = 1 / float(steps.mean())
        usual = min((*_SLOW, *_USUAL), key=lambda fps: abs(fps - rate))
        if abs(usual - rate) < 1e-3 * rate:
            return usual
        if _SLOW[0] <= rate <= 10 * _USUAL[-1]:
            return rate
    for usual in _USUAL:
        frames = (times - times[0]) * usual
        if np.abs(frames - frames.round()).max() < 0.02:
            return usual
    return _DEFAULT


def _slerp(
    start: Float[np.ndarray, "frames 4"],
    end: Float[np.ndarray, "frames 4"],
    share: Float[np.ndarray, "frames 1"],
) -> Float[np.ndarray, "frames 4"]:
    """Spherical steps between quaternions, along the shorter arc."""
    cosine = (start * end).sum(-1, keepdims=True)
    end = np.where(cosine < 0, -end, end)
    angle = np.arccos(np.abs(cosine).clip(0, 1))
    sine = np.sin(angle)
    near = sine < 1e-6
    sine = np.where(near, 1, sine)
    before = np.where(near, 1 - share, np.sin((1 - share) * angle) / sine)
    after = np.where(near, share, np.sin(share * angle) / sine)
    return before * start + after * end


def _hermite(
    start: np.ndarray, end: np.ndarray, out: np.ndarray, into: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Cubic from start to end with the slopes that it leaves and enters with."""
    square, cube = share**2, share**3
    bend = 2 * cube - 3 * square
    slopes = (cube - 2 * square + share) * out + (cube - square) * into
    return (bend + 1) * start - bend * end + slopes
