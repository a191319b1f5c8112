"""Clip: the motion to be made, as far as constraints need to know it."""

import math
from dataclasses import dataclass

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Skeleton, frame rate and length that constraints are compiled against.

    Raises InvalidInputError for no frames or a frame rate that is not positive and finite.
    """

    skeleton: Skeleton
    fps: float | int
    frames: int

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise InvalidInputError(f"A clip needs at least one frame, got {self.frames}.")
        if not 0 < self.fps < math.inf:
            raise InvalidInputError(f"Clip.fps must be positive and finite, got {self.fps}.")

    @classmethod
    def of(cls, motion: Motion) -> "Clip":
        """Return the clip that a motion fills."""
        return cls(skeleton=motion.skeleton, fps=motion.fps, frames=motion.num_frames)

    @property
    def seconds(self) -> float:
        """Duration: each frame lasts ``1 / fps``."""
        return self.frames / self.fps

    def frame_of(self, seconds: float | int) -> int:
        """Return the frame nearest to a time; the end of the clip means the last frame.

        Raises InvalidInputError outside of the clip.
        """
        self.require_inside(seconds)
        return min(nearest(seconds * self.fps), self.frames - 1)

    def require_frame(self, frame: int) -> None:
        """Raise InvalidInputError if there is no such frame."""
        if not 0 <= frame < self.frames:
            raise InvalidInputError(
                f"expected a frame in [0, {self.frames - 1}], got {frame}: the clip has "
                f"{self.frames} frames. Make the clip longer or move the constraint."
            )

    def require_inside(self, seconds: float | int) -> None:
        """Raise InvalidInputError if a time lies outside of the clip."""
        if not 0 <= seconds <= self.seconds + 1e-6:
            raise InvalidInputError(
                f"expected a time in [0, {self.seconds:g}] s, got {seconds:g} s: the clip has "
                f"{self.frames} frames at {self.fps:g} fps. Make the clip longer or move the "
                "constraint."
            )


def nearest(value: float) -> int:
    """Round to the nearest whole number, halves upwards."""
    return math.floor(value + 0.5)
