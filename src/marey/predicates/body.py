"""Body: where the landmarks of a motion are, and the curves that its events are found in.

Poses are measured in the frames of the motion, events on a clock of their own, which makes them
independent of the frame rate. Left and right go through the same operations, so that they are
exact mirror images.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.joint_matching import chains, limbs, role_indices
from marey.skeleton import Skeleton

REFERENCE_LEG = 0.822
"""Hip–knee–ankle length of body22, metres; every body is scaled to such legs."""
FLOOR_SHARE = 0.05
"""Share of frames in which the lowest heel (or toe) may lie below the floor of the motion."""
CLOCK = 30.0
"""Ticks per second of the clock."""
SMOOTHING, SWAY = 0.04, 0.2
"""Seconds (standard deviation) of the filters on joints, and on path and heading of the hips."""
PALM = 0.08
"""Metres from the wrist on along the forearm to the middle of the hand."""
HEAD_OVER = 0.1
"""Metres from the middle of the shoulders to where a body without a head ends: what is higher is
overhead."""
FLOOR_REACH = 0.75
"""Seconds to either side within which the lowest foot tells where the floor is."""

HIPS, KNEES, HEELS, TOES, SHOULDERS, ELBOWS, HANDS, PALMS = range(8)
"""Rows of the points of a body; each row is a left and a right one."""
OUT, UP, AHEAD = range(3)
"""Components seen from the body: away from its middle, up, ahead."""
_PAIRS = 7
_FORWARD = 2
"""Column of a rotation: the direction that the joint's Z axis points in."""

Curve = Float[np.ndarray, " ticks"]
Sides = Float[np.ndarray, "ticks 2"]
Vectors = Float[np.ndarray, "ticks 3"]


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """The joints of a skeleton between which bodies are measured; pairs are left, right."""

    pairs: tuple[tuple[int, int], ...]
    """A row each for hips, knees, heels, toes, shoulders, elbows and hands."""
    head: int | None
    """None for a body without, such as a robot's."""
    axes: tuple[int, int, int]
    """Pelvis, where the legs part; chest, the last joint of the spine that carries both arms;
    head, or the chest again."""
    leg_length: float
    """Hip to knee to heel, metres, mean of both legs."""

    @property
    def points(self) -> list[int]:
        """The seven pairs from the hips to the hands, then the head, if there is one."""
        pairs = [joint for pair in self.pairs for joint in pair]
        return pairs if self.head is None else [*pairs, self.head]


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """A body over time, metres at legs of `REFERENCE_LEG`, Y up; side 0 is left.

    Points and axes are those of the frames. All curves are on the clock, made when they are first
    asked for; seen from the body means from the middle of its hips, turned by its heading.
    """

    fps: float
    points: Float[np.ndarray, "frames 15 3"]
    """The landmarks in the world: seven pairs, then the head."""
    axes: Float[np.ndarray, "frames 3 3 3"]
    """Rotations of pelvis, chest and head in the world."""
    has_head: bool = True
    """Whether the head is one; else it only tells what is up, above a body that has none."""

    @classmethod
    def of(cls, motion: Motion) -> "Body":
        """Measure a motion, once. Raises InvalidInputError where its skeleton lacks a role."""
        if motion not in _MEASURED:
            marks = landmarks(motion.skeleton)
            places = motion.joint_positions[:, marks.points].double().numpy()
            axes = motion.global_rotations[:, list(marks.axes)].double().numpy()
            points = places * (REFERENCE_LEG / marks.leg_length)
            has_head = marks.head is not None
            if not has_head:
                points = np.concatenate((points, _above_the_shoulders(points)), axis=1)
            _MEASURED[motion] = cls(fps=motion.fps, points=points, axes=axes, has_head=has_head)
        return _MEASURED[motion]

    @property
    def ticks(self) -> int:
        return len(self.heading)

    @cached_property
    def world(self) -> Float[np.ndarray, "ticks 8 2 3"]:
        """Position of every point in the world."""
        pairs = self._places[:, : 2 * _PAIRS].reshape(-1, _PAIRS, 2, 3)
        forearm = pairs[:, HANDS] - pairs[:, ELBOWS]
        length = np.linalg.norm(forearm, axis=-1, keepdims=True).clip(min=1e-6)
        palms = pairs[:, HANDS] + PALM * forearm / length
        return np.concatenate((pairs, palms[:, None]), axis=1)

    @cached_property
    def seen(self) -> Float[np.ndarray, "ticks 8 2 3"]:
        """The points seen from the body, as `OUT`, `UP` and `AHEAD` of the point's own side."""
        return self.turned * np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])

    @cached_property
    def turned(self) -> Float[np.ndarray, "ticks 8 2 3"]:
        """The points seen from the body: to the left, up, ahead."""
        return turn(self.world - self.middle[:, None, None], self._frame[:, None, None])

    @cached_property
    def head(self) -> Vectors:
        """The head joint seen from the body: to the left, up, ahead."""
        return turn(self._places[:, 2 * _PAIRS] - self.middle, self._frame)

    @cached_property
    def spine(self) -> Vectors:
        """The middle of the shoulders seen from the body: to the left, up, ahead."""
        shoulders = self.world[:, SHOULDERS]
        return turn((shoulders[:, 0] + shoulders[:, 1]) / 2 - self.middle, self._frame)

    @cached_property
    def chest(self) -> Vectors:
        """Direction that the chest faces, seen from the body: to the left, up, ahead."""
        return turn(self._clocked_axes[:, 1, :, _FORWARD], self._frame)

    @cached_property
    def pelvis(self) -> Vectors:
        """Direction that the pelvis faces, likewise."""
        return turn(self._clocked_axes[:, 0, :, _FORWARD], self._frame)

    @cached_property
    def gaze(self) -> Vectors:
        """Direction that the head faces, from the chest's point of view."""
        axes = self._clocked_axes
        return np.einsum("tij,ti->tj", axes[:, 1], axes[:, 2, :, _FORWARD])

    @cached_property
    def middle(self) -> Vectors:
        """The middle of the hips in the world."""
        return (self.world[:, HIPS, 0] + self.world[:, HIPS, 1]) / 2

    @cached_property
    def heading(self) -> Curve:
        """Direction that the hips face, radians, unwrapped and smoothed; + = left.

        While they lie on their side it turns evenly, the shorter way, to where they face when they
        are level again; before they are level first, and after the last time, it stays.
        """
        across = self.world[:, HIPS, 1] - self.world[:, HIPS, 0]
        angle = np.arctan2(across[:, 2], -across[:, 0])
        level = np.hypot(across[:, 0], across[:, 2]) > 0.5 * np.linalg.norm(across, axis=-1)
        ticks = np.flatnonzero(level) if level.any() else np.arange(1)
        steps = np.diff(angle[ticks])
        steps -= 2 * np.pi * np.round(steps / (2 * np.pi))
        faced = angle[ticks[0]] + np.concatenate((np.zeros(1), np.cumsum(steps)))
        return smooth(np.interp(np.arange(len(angle)), ticks, faced), SWAY)

    @cached_property
    def velocity(self) -> Sides:
        """Smoothed horizontal velocity of the hips, m/s: ahead, to the left."""
        return turn(rate(smooth(self.middle, SWAY)), self._frame)[:, [2, 0]]

    @cached_property
    def speed(self) -> Curve:
        """Smoothed horizontal speed of the hips, m/s."""
        return np.hypot(self.velocity[:, 0], self.velocity[:, 1])

    @cached_property
    def foot_speed(self) -> Sides:
        """Horizontal speed of the slower of heel and toe, m/s."""
        moved = rate(self.world[:, HEELS : TOES + 1])
        return np.hypot(moved[..., 0], moved[..., 2]).min(1)

    @cached_property
    def lift(self) -> Sides:
        """Height of each foot's lower end over where feet rest in the whole motion."""
        return (self.world[:, HEELS : TOES + 1, :, 1] - self._rest[:, None]).min(1)

    @cached_property
    def clearance(self) -> Sides:
        """Height of each foot's lower end over the floor under it at that time."""
        return self.lift - self._floor_nearby[:, None]

    @cached_property
    def floor(self) -> Curve:
        """Height of that floor in the world, for ankles."""
        return self._floor_nearby + self._rest[0]

    @cached_property
    def _places(self) -> Float[np.ndarray, "ticks 15 3"]:
        return smooth(_clocked(self.points, self.fps), SMOOTHING)

    @cached_property
    def _clocked_axes(self) -> Float[np.ndarray, "ticks 3 3 3"]:
        return _clocked(self.axes, self.fps)

    @cached_property
    def _frame(self) -> Sides:
        """Cosine and sine of the heading."""
        return np.stack((np.cos(self.heading), np.sin(self.heading)), axis=-1)

    @cached_property
    def _rest(self) -> Float[np.ndarray, "2"]:
        """Heights at which heels and toes rest over the whole motion."""
        return np.quantile(self.world[:, HEELS : TOES + 1, :, 1].min(-1), FLOOR_SHARE, axis=0)

    @cached_property
    def _floor_nearby(self) -> Curve:
        size = 2 * round(FLOOR_REACH * CLOCK) + 1
        return minimum_filter1d(self.lift.min(1), size, mode="nearest")


_MEASURED: WeakKeyDictionary[Motion, Body] = WeakKeyDictionary()
"""The bodies of the motions that are in use: facts, poses and events share what they measure."""


@lru_cache(maxsize=64)
def landmarks(skeleton: Skeleton) -> Landmarks:
    """Find the landmarks of a skeleton by its roles; knees, elbows and shoulders by its tree.

    Raises InvalidInputError where a role but the head's is missing, or where an arm or a leg has
    no joint halfway.
    """
    hips, heels, toes, hands = (
        (skeleton.role(f"left_{role}"), skeleton.role(f"right_{role}"))
        for role in ("hip", "heel", "toe", "hand")
    )
    roles = role_indices(skeleton)
    found = limbs(skeleton, roles)
    absent = [name for name in _LIMBS if name not in found]
    if absent:
        raise InvalidInputError(
            f"Skeleton {skeleton.name!r} has no elbow or knee in {', '.join(absent)}; "
            "poses need limbs of two bones. Check its roles."
        )
    (shoulders, elbows), (_, knees) = (
        tuple(zip(*(found[name].joints[:2] for name in sides), strict=True))
        for sides in (_LIMBS[:2], _LIMBS[2:])
    )
    chest, head = chains(skeleton, roles)["torso"].joints[-1], roles.get("head")
    return Landmarks(
        pairs=(hips, knees, heels, toes, shoulders, elbows, hands),
        head=head,
        axes=(roles["pelvis"], chest, chest if head is None else head),
        leg_length=_leg_length(skeleton),
    )


_LIMBS = ("left_arm", "right_arm", "left_leg", "right_leg")


def _above_the_shoulders(
    points: Float[np.ndarray, "frames 14 3"],
) -> Float[np.ndarray, "frames 1 3"]:
    """Where body22 has its head joint: on from the hips to the shoulders."""
    pairs = points.reshape(-1, _PAIRS, 2, 3)
    hips, shoulders = (pairs[:, row, 0] + pairs[:, row, 1] for row in (HIPS, SHOULDERS))
    along = shoulders - hips
    up = along / np.linalg.norm(along, axis=-1, keepdims=True).clip(min=1e-6)
    return (shoulders / 2 + HEAD_OVER * up)[:, None]


def _leg_length(skeleton: Skeleton) -> float:
    """Length of the chain from hip to heel, metres, mean of both legs."""
    total = 0.0
    for side in ("left", "right"):
        hip, joint = skeleton.role(f"{side}_hip"), skeleton.role(f"{side}_heel")
        while joint != hip:
            total += float(skeleton.rest_offsets[joint].norm())
            joint = skeleton.parents[joint]
    return total / 2


def rate(values: Float[np.ndarray, "ticks *dims"]) -> Float[np.ndarray, "ticks *dims"]:
    """Change per second; zero where there is one tick only."""
    if len(values) == 1:
        return np.zeros_like(values)
    change = np.empty_like(values)
    change[1:-1] = (values[2:] - values[:-2]) / 2
    change[0], change[-1] = values[1] - values[0], values[-1] - values[-2]
    return change * CLOCK


def smooth(
    values: Float[np.ndarray, "ticks *dims"], seconds: float
) -> Float[np.ndarray, "ticks *dims"]:
    """Gaussian filter over time; the ends repeat the outer ticks."""
    return gaussian_filter1d(values, seconds * CLOCK, axis=0, mode="nearest", truncate=3.0)


def _clocked(
    frames: Float[np.ndarray, "frames *dims"], fps: float
) -> Float[np.ndarray, "ticks *dims"]:
    """Values at the ticks of the clock, on straight lines between frames."""
    last = len(frames) - 1
    times = np.arange(int(last * CLOCK / fps + 1e-6) + 1) * (fps / CLOCK)
    low = np.minimum(np.floor(times + 1e-9).astype(int), last)
    weight = (times - low).clip(min=0.0).reshape(-1, *[1] * (frames.ndim - 1))
    return frames[low] + weight * (frames[np.minimum(low + 1, last)] - frames[low])


def turn(
    vectors: Float[np.ndarray, "times *dims 3"], heading: Float[np.ndarray, "times *#dims 2"]
) -> Float[np.ndarray, "times *dims 3"]:
    """Components to the left, up and ahead of vectors in the world.

    A heading is given as its cosine and sine.
    """
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    cosine, sine = heading[..., 0], heading[..., 1]
    return np.stack((x * cosine - z * sine, y, x * sine + z * cosine), axis=-1)
