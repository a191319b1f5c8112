"""The body's way over the ground: waypoints, paths, heading and height of the pelvis.

Points on the ground are x and z in metres. Waypoints and paths constrain the *smoothed root path*,
``motion.root_path``: the way of the body, which the pelvis sways
around by up to 6 cm. A ``JointTarget`` on the root joint pins the pelvis itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.constraints.beside import NOTHING, Beside
from marey.constraints.clip import Clip
from marey.constraints.constraint import (
    Constraint,
    require_number,
    source_frames,
)
from marey.constraints.curves import at_speed, polyline, spline
from marey.constraints.goal import Goal
from marey.constraints.times import Interval, Times, require_time
from marey.errors import InvalidInputError
from marey.motion import Motion

Curve = Literal["polyline", "spline"]

LEAST_SPEED = 1e-6
"""Metres per second: a metre then takes eleven days, and more frames than can be counted."""

NEAREST_FACED = 0.1
"""A point closer than this to the body, metres over the ground, has no direction to face."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RootWaypoint(Constraint):
    """The smoothed root path passes through points at some times; the pelvis sways around it."""

    times: Times
    points: Float[Tensor, "keys 2"]
    """x and z, metres."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep_array("points", len(self.times), 2)

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return one goal for the root path."""
        frames = self.times.frame_numbers(clip)
        return (
            self.goal("root_path", frames, self.points, source=source, tolerance=self.tolerance),
        )

    @classmethod
    def from_motion(
        cls, motion: Motion, frames: Sequence[int], *, at: Sequence[int] | None = None
    ) -> "RootWaypoint":
        """Pin points of a motion's smoothed root path; ``at`` as in ``FullBodyKeyframe``."""
        rows = source_frames(motion, frames)
        path = motion.root_path
        return cls(times=Times(frames=tuple(rows if at is None else at)), points=path[rows])


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RootPath(Constraint):
    """The smoothed root path follows a curve through points, in every frame from first to last.

    Either each point has its time, or the curve is followed at one ``speed`` from ``start`` on.
    Times must ascend; in seconds they are not rounded: the curve is evaluated at each frame.
    """

    points: Float[Tensor, "keys 2"]
    """x and z, metres."""
    times: Times | None = None
    speed: float | int | None = None
    """Metres per second along the curve."""
    start: float | int = 0.0
    """When the curve begins, seconds; only with ``speed``."""
    curve: Curve = "polyline"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.times is None) == (self.speed is None):
            both = "neither" if self.times is None else "both"
            raise InvalidInputError(f"expected times or speed, got {both}. Give one of them.")
        if self.curve not in ("polyline", "spline"):
            raise InvalidInputError(
                f"curve: expected 'polyline' or 'spline', got {self.curve!r:.60}."
            )
        keys = len(self.times) if self.times is not None else len(self.points)
        self.keep_array("points", keys, 2)
        require_time("start", self.start, "seconds")
        if self.times is not None:
            self._require_ascending(self.times)
        else:
            self._require_way()

    def _require_ascending(self, times: Times) -> None:
        order = times.frames if times.frames is not None else times.seconds or ()
        for i, (one, next_one) in enumerate(pairwise(order), start=1):
            if one >= next_one:
                raise InvalidInputError(
                    f"times: expected them to ascend along a path, got {next_one:g} after "
                    f"{one:g} at point {i}."
                )
        if self.start != 0:
            raise InvalidInputError("start: expected it only with speed; the times say when.")

    def _require_way(self) -> None:
        require_number("speed", self.speed, positive=True)
        if self.speed is not None and self.speed < LEAST_SPEED:
            raise InvalidInputError(
                f"speed: expected at least {LEAST_SPEED:g} metres per second, got {self.speed:g}."
            )
        if len(self.points) < 2:
            raise InvalidInputError(
                f"points: expected at least two with a speed, got {len(self.points)}."
            )
        still = (self.points.diff(dim=0).norm(dim=1) == 0).nonzero()
        if len(still):
            raise InvalidInputError(
                f"points[{int(still[0, 0]) + 1}]: expected another point than the one before; to "
                "stop on the way, give times instead of a speed."
            )

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return one goal for the root path, with a pin in each frame that the curve takes."""
        points = self.points.double().numpy()
        if self.times is not None:
            keys = self.times.in_frames(clip)
            path = spline(keys, points) if self.curve == "spline" else polyline(keys, points)
        else:
            keys, path = at_speed(
                points,
                curve=self.curve,
                frames_per_metre=float(clip.fps) / float(self.speed or 1),
                first=float(self.start) * float(clip.fps),
            )
            self._require_arrival(keys[-1], clip)
        first = int(np.floor(keys[0] + 0.5))
        last = min(int(np.floor(keys[-1] + 0.5)), clip.frames - 1)
        frames = np.arange(min(first, last), last + 1)
        target = path(np.clip(frames, keys[0], keys[-1]).astype(np.float64))
        return (
            self.goal(
                "root_path",
                torch.from_numpy(frames),
                torch.from_numpy(target).float(),
                source=source,
                tolerance=self.tolerance,
            ),
        )

    def _require_arrival(self, last: float, clip: Clip) -> None:
        """Raise InvalidInputError if the curve ends after the clip."""
        seconds = last / float(clip.fps)
        if seconds > clip.seconds + 1e-6:
            raise InvalidInputError(
                f"expected the path to end within the clip's {clip.seconds:g} s, got {seconds:.2f} "
                f"s at {self.speed:g} m/s. Go faster, start earlier or make the clip longer."
            )

    @classmethod
    def from_motion(
        cls, motion: Motion, frames: Sequence[int] | None = None, *, at: Sequence[int] | None = None
    ) -> "RootPath":
        """Pin a motion's smoothed root path; all of it where ``frames`` is None."""
        rows = source_frames(motion, range(motion.num_frames) if frames is None else frames)
        path = motion.root_path
        return cls(times=Times(frames=tuple(rows if at is None else at)), points=path[rows])


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class RootHeading(Constraint):
    """The hips face directions at some times. ``tolerance`` is in radians."""

    times: Times
    angles: Float[Tensor, " keys"]
    """Radians; 0 = +Z, +π/2 = +X."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep_array("angles", len(self.times))

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return one goal for the heading; InvalidInputError if there are no hips."""
        require_hips(clip)
        frames = self.times.frame_numbers(clip)
        return (self.goal("heading", frames, self.angles, source=source, tolerance=self.tolerance),)

    @classmethod
    def from_motion(
        cls, motion: Motion, frames: Sequence[int], *, at: Sequence[int] | None = None
    ) -> "RootHeading":
        """Pin a motion's heading; ``at`` as in ``FullBodyKeyframe``."""
        rows = source_frames(motion, frames)
        return cls(
            times=Times(frames=tuple(rows if at is None else at)), angles=motion.heading[rows]
        )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class PelvisHeight(Constraint):
    """The root joint is so high above the world's y = 0 at some times."""

    times: Times
    heights: Float[Tensor, " keys"]
    """Metres."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep_array("heights", len(self.times))

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return one goal for the root height."""
        frames = self.times.frame_numbers(clip)
        return (
            self.goal("root_height", frames, self.heights, source=source, tolerance=self.tolerance),
        )

    @classmethod
    def from_motion(
        cls, motion: Motion, frames: Sequence[int], *, at: Sequence[int] | None = None
    ) -> "PelvisHeight":
        """Pin the height of a motion's root joint; ``at`` as in ``FullBodyKeyframe``."""
        rows = source_frames(motion, frames)
        return cls(
            times=Times(frames=tuple(rows if at is None else at)),
            heights=motion.root_positions[rows, 1],
        )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FacePoint(Constraint):
    """The hips face a point on the ground throughout an interval. ``tolerance`` is in radians.

    The direction is known in frames where the same request pins the root path or the root joint,
    else once there is a motion. Frames in which the body is within ``NEAREST_FACED`` of the point
    have no direction and are left free.
    """

    point: Float[Tensor, "2"]
    """x and z, metres."""
    interval: Interval

    looks_beside: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep_array("point", 2)

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return one goal for the heading in frames where ``beside`` pins the body's place."""
        require_hips(clip)
        start, end = self.interval.span(clip)
        known = beside.ground()
        if known is None:
            return ()
        frames, places = known
        first, last = torch.searchsorted(frames, torch.tensor([start, end])).tolist()
        return self._towards(frames[first:last], places[first:last], source)

    def goals_on(
        self, motion: Motion, source: int = 0, beside: Beside = NOTHING
    ) -> tuple[Goal, ...]:
        """Return one goal for the heading in all frames, seen from the motion's pelvis."""
        require_hips(Clip.of(motion))
        frames = self.interval.frame_numbers(Clip.of(motion))
        return self._towards(frames, motion.root_positions[frames][:, [0, 2]], source)

    def _towards(
        self, frames: Int[Tensor, " pins"], places: Float[Tensor, "pins 2"], source: int
    ) -> tuple[Goal, ...]:
        way = self.point - places
        far = way.norm(dim=1) >= NEAREST_FACED
        if not bool(far.any()):
            return ()
        angles = torch.atan2(way[far, 0], way[far, 1])
        return (self.goal("heading", frames[far], angles, source=source, tolerance=self.tolerance),)


def require_hips(clip: Clip) -> None:
    """Raise InvalidInputError unless the skeleton names the hips, which a heading needs."""
    for side in ("left_hip", "right_hip"):
        clip.skeleton.role(side)
