"""BodyCurves: where a body's joints are over time, on a clock of their own, seen from the body.

Events are looked for in these curves only. The clock makes them independent of the motion's frame
rate; left and right go through the same operations, so that they are exact mirror images.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from torch import Tensor

from marey.motion import Motion
from marey.predicates.landmarks import Landmarks, landmarks
from marey.predicates.trace import FLOOR_SHARE, REFERENCE_LEG

CLOCK = 30.0
"""Ticks per second of all curves."""
SMOOTHING, SWAY = 0.04, 0.2
"""Seconds (standard deviation) of the filters on joints, and on path and heading of the hips."""
PALM = 0.08
"""Metres from the wrist on along the forearm to the middle of the hand."""
FLOOR_REACH = 0.75
"""Seconds to either side within which the lowest foot tells where the floor is."""

HIPS, KNEES, HEELS, TOES, SHOULDERS, ELBOWS, HANDS, PALMS = range(8)
"""Rows of the points of a body; each row is a left and a right one."""
OUT, UP, AHEAD = range(3)
"""Components seen from the body: away from its middle, up, ahead."""

Curve = Float[np.ndarray, " ticks"]
Sides = Float[np.ndarray, "ticks 2"]


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyCurves:
    """A body over time, metres at legs of ``REFERENCE_LEG``, Y up; side 0 is left."""

    world: Float[np.ndarray, "ticks 8 2 3"]
    """Position of every point in the world."""
    seen: Float[np.ndarray, "ticks 8 2 3"]
    """The same from the middle of the hips, as `OUT`, `UP` and `AHEAD` of the point's own side."""
    head: Float[np.ndarray, "ticks 3"]
    """The head joint from the middle of the hips: to the left, up, ahead."""
    spine: Float[np.ndarray, "ticks 3"]
    """The middle of the shoulders from the middle of the hips: to the left, up, ahead."""
    chest: Float[np.ndarray, "ticks 3"]
    """Direction that the chest faces, seen from the heading: to the left, up, ahead."""
    pelvis: Float[np.ndarray, "ticks 3"]
    """Direction that the pelvis faces, likewise."""
    gaze: Float[np.ndarray, "ticks 3"]
    """Direction that the head faces, from the chest's point of view."""
    middle: Float[np.ndarray, "ticks 3"]
    """The middle of the hips in the world."""
    heading: Curve
    """Direction that the hips face, radians, unwrapped and smoothed; + = left."""
    velocity: Sides
    """Smoothed horizontal velocity of the hips, m/s: ahead, to the left."""
    clearance: Sides
    """Height of each foot's lower end over the floor under it at that time."""
    floor: Curve
    """Height of that floor in the world, for ankles."""
    foot_speed: Sides
    """Horizontal speed of the slower of heel and toe, m/s."""

    @classmethod
    def of(cls, motion: Motion) -> "BodyCurves":
        """Measure a motion. Raises InvalidInputError where its skeleton lacks a role."""
        marks = landmarks(motion.skeleton)
        world, head = _points(motion, marks)
        middle = (world[:, HIPS, 0] + world[:, HIPS, 1]) / 2
        heading = _heading(world[:, HIPS])
        frame = np.stack((np.cos(heading), np.sin(heading)), axis=-1)
        spine = (world[:, SHOULDERS, 0] + world[:, SHOULDERS, 1]) / 2 - middle
        turned = _clocked(
            motion.global_rotations[:, [marks.pelvis, marks.chest, marks.head]], motion.fps
        )
        pelvis, chest, gaze = (turned[:, i, :, 2] for i in range(3))
        clearance, floor = _ground(world)
        return cls(
            world=world,
            seen=_own_side(_turn(world - middle[:, None, None], frame[:, None, None])),
            head=_turn(head - middle, frame),
            spine=_turn(spine, frame),
            chest=_turn(chest, frame),
            pelvis=_turn(pelvis, frame),
            gaze=np.einsum("tij,ti->tj", turned[:, 1], gaze),
            middle=middle,
            heading=heading,
            velocity=_velocity(middle, frame),
            clearance=clearance,
            floor=floor,
            foot_speed=np.minimum(_speed(world[:, HEELS]), _speed(world[:, TOES])),
        )

    @property
    def ticks(self) -> int:
        return len(self.heading)


def rate(values: Float[np.ndarray, "ticks *dims"]) -> Float[np.ndarray, "ticks *dims"]:
    """Change per second; zero where there is one tick only."""
    return np.gradient(values, axis=0) * CLOCK if len(values) > 1 else np.zeros_like(values)


def smooth(
    values: Float[np.ndarray, "ticks *dims"], seconds: float
) -> Float[np.ndarray, "ticks *dims"]:
    """Gaussian filter over time; the ends repeat the outer ticks."""
    return gaussian_filter1d(values, seconds * CLOCK, axis=0, mode="nearest", truncate=3.0)


def _clocked(values: Float[Tensor, "frames *dims"], fps: float) -> Float[np.ndarray, "ticks *dims"]:
    """Values at the ticks of the clock, on straight lines between frames."""
    frames = values.double().numpy()
    last = len(frames) - 1
    times = np.arange(int(last * CLOCK / fps + 1e-6) + 1) * (fps / CLOCK)
    low = np.minimum(np.floor(times + 1e-9).astype(int), last)
    weight = (times - low).clip(min=0.0).reshape(-1, *[1] * (frames.ndim - 1))
    return frames[low] + weight * (frames[np.minimum(low + 1, last)] - frames[low])


def _points(
    motion: Motion, marks: Landmarks
) -> tuple[Float[np.ndarray, "ticks 8 2 3"], Float[np.ndarray, "ticks 3"]]:
    places = _clocked(motion.joint_positions[:, marks.points], motion.fps)
    places = smooth(places * (REFERENCE_LEG / marks.leg_length), SMOOTHING)
    pairs = places[:, :14].reshape(-1, 7, 2, 3)
    forearm = pairs[:, HANDS] - pairs[:, ELBOWS]
    length = np.linalg.norm(forearm, axis=-1, keepdims=True).clip(min=1e-6)
    palms = pairs[:, HANDS] + PALM * forearm / length
    return np.concatenate((pairs, palms[:, None]), axis=1), places[:, 14]


def _heading(hips: Float[np.ndarray, "ticks 2 3"]) -> Curve:
    """Heading of the hips; while they lie on their side it stays as it was."""
    across = hips[:, 1] - hips[:, 0]
    angle = np.arctan2(across[:, 2], -across[:, 0])
    level = np.hypot(across[:, 0], across[:, 2]) > 0.5 * np.linalg.norm(across, axis=-1)
    steps = np.diff(angle)
    steps = (steps - 2 * np.pi * np.round(steps / (2 * np.pi))) * (level[1:] & level[:-1])
    return smooth(angle[:1] + np.concatenate((np.zeros(1), np.cumsum(steps))), SWAY)


def _turn(
    vectors: Float[np.ndarray, "ticks *dims 3"], frame: Float[np.ndarray, "ticks *#dims 2"]
) -> Float[np.ndarray, "ticks *dims 3"]:
    """Components to the left, up and ahead of vectors in the world."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    cosine, sine = frame[..., 0], frame[..., 1]
    return np.stack((x * cosine - z * sine, y, x * sine + z * cosine), axis=-1)


def _own_side(points: Float[np.ndarray, "ticks 8 2 3"]) -> Float[np.ndarray, "ticks 8 2 3"]:
    points[:, :, 1, 0] *= -1
    return points


def _velocity(middle: Float[np.ndarray, "ticks 3"], frame: Sides) -> Sides:
    moved = _turn(rate(smooth(middle, SWAY)), frame)
    return moved[:, [2, 0]]


def _speed(points: Float[np.ndarray, "ticks 2 3"]) -> Sides:
    moved = rate(points)
    return np.hypot(moved[..., 0], moved[..., 2])


def _ground(world: Float[np.ndarray, "ticks 8 2 3"]) -> tuple[Sides, Curve]:
    """Heights of the feet's lower ends over the floor nearby, and that floor under the ankles."""
    heels, toes = world[:, HEELS, :, 1], world[:, TOES, :, 1]
    rest = np.quantile(heels.min(1), FLOOR_SHARE), np.quantile(toes.min(1), FLOOR_SHARE)
    lower = np.minimum(heels - rest[0], toes - rest[1])
    size = 2 * round(FLOOR_REACH * CLOCK) + 1
    floor = minimum_filter1d(lower.min(1), size, mode="nearest")
    return lower - floor[:, None], floor + rest[0]
