"""When a constraint holds: at single times, or over an interval, in frames or in seconds."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.constraints.clip import Clip, nearest
from marey.errors import InvalidInputError

TimeUnit = Literal["frames", "seconds"]


@dataclass(frozen=True, kw_only=True)
class Times:
    """Single times in the order of the values that they belong to: ``frames`` or ``seconds``.

    Raises InvalidInputError unless exactly one of the two is given, with at least one time, none
    negative and none twice.
    """

    frames: tuple[int, ...] | None = None
    """Frame numbers from 0."""
    seconds: tuple[float | int, ...] | None = None
    """From the start of the clip; each means the nearest frame, and the clip's end its last."""

    def __post_init__(self) -> None:
        if (self.frames is None) == (self.seconds is None):
            both = "neither" if self.frames is None else "both"
            raise InvalidInputError(f"expected frames or seconds, got {both}. Give one of them.")
        unit = "seconds" if self.frames is None else "frames"
        times = tuple(getattr(self, unit))
        object.__setattr__(self, unit, times)
        if not times:
            raise InvalidInputError(f"{unit}: expected at least one time, got none.")
        for i, time in enumerate(times):
            require_time(f"{unit}[{i}]", time, unit)
        if len(set(times)) < len(times):
            twice = next(t for t in times if times.count(t) > 1)
            raise InvalidInputError(f"{unit}: expected distinct times, got {twice} twice.")

    def __len__(self) -> int:
        return len(self.frames if self.frames is not None else self.seconds or ())

    def frame_numbers(self, clip: Clip) -> Int[Tensor, " keys"]:
        """Return the frame of each time.

        Raises InvalidInputError outside of the clip, or where two times fall in one frame.
        """
        if self.frames is not None:
            for frame in self.frames:
                clip.require_frame(frame)
            return torch.tensor(self.frames)
        times = self.seconds or ()
        numbers = [clip.frame_of(time) for time in times]
        first_at: dict[int, float | int] = {}
        for number, time in zip(numbers, times, strict=True):
            if number in first_at:
                raise InvalidInputError(
                    f"seconds: {first_at[number]:g} and {time:g} both fall in frame {number} at "
                    f"{clip.fps:g} fps. Remove one of them."
                )
            first_at[number] = time
        return torch.tensor(numbers)

    def in_frames(self, clip: Clip) -> Float[np.ndarray, " keys"]:
        """Return each time in frames of the clip, fractions kept.

        Raises InvalidInputError outside of the clip.
        """
        if self.frames is not None:
            for frame in self.frames:
                clip.require_frame(frame)
            return np.array(self.frames, dtype=np.float64)
        for time in self.seconds or ():
            clip.require_inside(time)
        return np.array(self.seconds, dtype=np.float64) * clip.fps


@dataclass(frozen=True, kw_only=True)
class Interval:
    """From ``start`` up to, but not including, ``end``; the whole clip by default.

    Raises InvalidInputError unless ``0 <= start < end``, in whole frames or finite seconds.
    """

    start: float | int = 0
    end: float | int | None = None
    """None is the end of the clip."""
    unit: TimeUnit = "frames"
    """Seconds are rounded to the nearest frame."""

    def __post_init__(self) -> None:
        if self.unit not in ("frames", "seconds"):
            raise InvalidInputError(f"unit: expected 'frames' or 'seconds', got {self.unit!r}.")
        require_time("start", self.start, self.unit)
        if self.end is not None:
            require_time("end", self.end, self.unit)
            if not self.start < self.end:
                raise InvalidInputError(
                    f"end: expected more than start ({self.start:g}), got {self.end:g}; the end "
                    "itself is not part of the interval."
                )

    def span(self, clip: Clip) -> tuple[int, int]:
        """Return the first frame and the one after the last.

        Raises InvalidInputError if the interval leaves the clip or is shorter than a frame.
        """
        start = self._in_frames(self.start, clip)
        end = clip.frames if self.end is None else self._in_frames(self.end, clip)
        if not 0 <= start < clip.frames or end > clip.frames:
            raise InvalidInputError(
                f"expected an interval inside of the clip's {clip.frames} frames "
                f"({clip.seconds:g} s), got {self.start:g} to "
                f"{'the end' if self.end is None else f'{self.end:g}'} {self.unit}. Make the clip "
                "longer or move the constraint."
            )
        if start >= end:
            raise InvalidInputError(
                f"expected an interval of at least one frame, got {self.start:g} to {self.end:g} "
                f"{self.unit} at {clip.fps:g} fps."
            )
        return start, end

    def frame_numbers(self, clip: Clip) -> Int[Tensor, " pins"]:
        """Return the frames of the interval; errors as ``span``."""
        return torch.arange(*self.span(clip))

    def _in_frames(self, time: float | int, clip: Clip) -> int:
        return int(time) if self.unit == "frames" else nearest(time * clip.fps)


MAX_TIME = 1_000_000
"""Frames or seconds: beyond any clip, and a guard against typing errors."""


def require_time(place: str, time: float | int, unit: str) -> None:
    """Raise InvalidInputError unless ``time`` is a frame number or a number of seconds."""
    whole = isinstance(time, int) and not isinstance(time, bool)
    valid = whole if unit == "frames" else whole or isinstance(time, float)
    if not valid or not 0 <= time <= MAX_TIME:
        kind = "a frame number" if unit == "frames" else "seconds"
        raise InvalidInputError(
            f"{place}: expected {kind} from 0 up to {MAX_TIME}, got {time!r:.60}."
        )
