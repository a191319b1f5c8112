"""Constraints whose times lie closer than the frames of a clip, moved onto its frames."""

import math
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.constraints.clip import nearest
from marey.constraints.constraint import Constraint
from marey.constraints.root import RootPath
from marey.constraints.times import Times


@dataclass(frozen=True)
class _Key:
    """A time of the new constraint, and between which two of the old ones it lies."""

    time: float
    low: int
    high: int
    weight: float


def at_frame_rate(
    constraint: Constraint, fps: float | int, *, spacing: float
) -> tuple[Constraint, int]:
    """Return the constraint for a clip of ``fps``, and the number of times that were left out.

    Times in seconds that follow each other within ``spacing`` seconds are a stretch in which the
    target is known throughout: it is interpolated at the clip's frames (positions linearly,
    rotations along the shortest arc). Other times stay; of those that fall in one frame, the
    nearest to it. Times in frames, root paths, which interpolate themselves, and intervals stay.
    """
    times = getattr(constraint, "times", None)
    if isinstance(constraint, RootPath) or times is None or times.seconds is None:
        return constraint, 0
    keys, left_out = _keys(times.seconds, float(fps), spacing)
    low = torch.tensor([key.low for key in keys])
    high = torch.tensor([key.high for key in keys])
    weight = torch.tensor([key.weight for key in keys])
    values = {
        field.name: _between(field.name, value[low], value[high], weight)
        for field in fields(constraint)
        if isinstance(value := getattr(constraint, field.name), Tensor)
    }
    moved = Times(seconds=tuple(key.time for key in keys))
    return replace(constraint, times=moved, **values), left_out


def _between(
    name: str,
    low: Float[Tensor, "keys *value"],
    high: Float[Tensor, "keys *value"],
    weight: Float[Tensor, " keys"],
) -> Float[Tensor, "keys *value"]:
    weights = weight.reshape(-1, *(1,) * (low.ndim - 1))
    if name == "rotations":
        return rotations.slerp(low, high, weights[..., 0, 0])
    if name == "angles":
        return low + weights * rotations.wrap_angle(high - low)
    return torch.lerp(low, high, weights)


def _keys(seconds: tuple[float | int, ...], fps: float, spacing: float) -> tuple[list[_Key], int]:
    order = sorted(range(len(seconds)), key=lambda key: seconds[key])
    stretches = [order[:1]]
    for one, following in pairwise(order):
        if seconds[following] - seconds[one] > 1.001 * spacing:
            stretches.append([])
        stretches[-1].append(following)
    best: dict[int, _Key] = {}
    left_out = 0
    for stretch in stretches:
        for key in _inside(stretch, seconds, fps) or [
            _Key(float(seconds[i]), i, i, 0.0) for i in stretch
        ]:
            frame = nearest(key.time * fps)
            left_out += frame in best
            known = best.get(frame)
            if known is None or _apart(key, frame, fps) < _apart(known, frame, fps):
                best[frame] = key
    return [best[frame] for frame in sorted(best)], left_out


def _apart(key: _Key, frame: int, fps: float) -> float:
    return abs(key.time * fps - frame)


def _inside(stretch: list[int], seconds: tuple[float | int, ...], fps: float) -> list[_Key]:
    """Return a key for each frame inside of a stretch; none for a single time."""
    if len(stretch) < 2:
        return []
    first, last = seconds[stretch[0]], seconds[stretch[-1]]
    found: list[_Key] = []
    at = 0
    for frame in range(math.ceil(first * fps - 1e-6), math.floor(last * fps + 1e-6) + 1):
        time = min(max(frame / fps, first), last)
        while at < len(stretch) - 2 and seconds[stretch[at + 1]] <= time:
            at += 1
        low, high = stretch[at], stretch[at + 1]
        weight = (time - seconds[low]) / (seconds[high] - seconds[low])
        weight = round(weight) if abs(weight - round(weight)) < 1e-6 else weight
        found.append(_Key(frame / fps, low, high, float(weight)))
    return found
