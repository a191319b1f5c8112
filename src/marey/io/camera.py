"""The camera of the preview renderer: keeps its direction, follows the body smoothly."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from marey.io.figure import Figure
from marey.motion import Motion

View = Literal["three-quarter", "front", "side"]
"""Where the camera stands, seen from the body in its first frame; "side" is the body's right."""

FIELD_OF_VIEW = math.radians(26)
ELEVATION = math.radians(13)
_AZIMUTH = {"three-quarter": math.radians(-42), "front": 0.0, "side": math.radians(-90)}
_FOLLOW_SECONDS = 0.45  # standard deviation of the smoothing of the camera's path
_MARGIN = 0.86  # share of the image that the figure may fill


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A perspective camera that only moves, never turns.

    Camera coordinates: x right, y up, z away from the camera.
    """

    axes: Float[np.ndarray, "3 3"]
    """World directions of the camera's x, y and z axes, one per row."""
    targets: Float[np.ndarray, "frames 3"]
    """World point in the image's centre, metres."""
    distance: float
    """From camera to target, metres."""
    size: tuple[int, int]
    """Width and height of the image, pixels."""

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return focal_length(self.size)

    def position(self, frame: int) -> Float[np.ndarray, "3"]:
        """World position of the camera."""
        return self.targets[frame] - self.distance * self.axes[2]

    def to_camera(
        self, points: Float[np.ndarray, "*batch 3"], frame: int
    ) -> Float[np.ndarray, "*batch 3"]:
        """World points in camera coordinates."""
        return (points - self.position(frame)) @ self.axes.T

    def project(
        self, points: Float[np.ndarray, "*batch 3"], frame: int
    ) -> Float[np.ndarray, "*batch 2"]:
        """Pixel coordinates (right, down) of world points in front of the camera."""
        seen = self.to_camera(points, frame)
        scale = self.focal / seen[..., 2:]
        return seen[..., :2] * scale * (1, -1) + np.array(self.size) / 2


def focal_length(size: tuple[int, int]) -> float:
    """Focal length in pixels: the field of view spans the image's height."""
    return size[1] / 2 / math.tan(FIELD_OF_VIEW / 2)


def follow(
    motion: Motion,
    points: Float[np.ndarray, "frames cones 2 3"],
    figure: Figure,
    *,
    size: tuple[int, int],
    view: View = "three-quarter",
    still: bool = False,
) -> Camera:
    """Return a camera whose image holds all ``points`` in every frame.

    It moves smoothly; for ``still`` pictures it keeps the body in the middle instead. A skeleton
    without hips is taken to face +Z in the first frame.
    """
    flat = points.reshape(len(points), -1, 3)
    heading = float(motion.heading[0]) if motion.skeleton.roles.left_hip else 0.0
    axes = _axes(heading + _AZIMUTH[view])
    middle = (flat.min(1) + flat.max(1)) / 2
    targets = middle.copy() if still else _smooth(middle, _FOLLOW_SECONDS * motion.fps)
    targets[:, 1] = _smooth(middle[:, 1:2], 2 * _FOLLOW_SECONDS * motion.fps)[:, 0]
    distance = _distance((flat - targets[:, None]) @ axes.T, figure.height, size)
    return Camera(
        axes=axes.astype(np.float32),
        targets=targets.astype(np.float32),
        distance=distance,
        size=size,
    )


def _axes(azimuth: float) -> Float[np.ndarray, "3 3"]:
    """Axes of a camera that stands in direction ``azimuth`` (0 = +Z, + = towards +X)."""
    sin, cos = math.sin(azimuth), math.cos(azimuth)
    down, level = math.sin(ELEVATION), math.cos(ELEVATION)
    right = (cos, 0.0, -sin)
    away = (-sin * level, -down, -cos * level)
    up = (-sin * down, level, -cos * down)
    return np.array((right, up, away))


def _distance(
    points: Float[np.ndarray, "frames points 3"], height: float, size: tuple[int, int]
) -> float:
    """Smallest distance from which all points, relative to the target, are in the image.

    It does not fall below the one that suits the standing body, so that a crouch stays small.
    """
    half = np.array(size) / 2 / focal_length(size) * _MARGIN
    needed = (np.abs(points[..., :2]) / half - points[..., 2:]).max()
    standing = (height / 2 + 0.05) / half[1] + 0.15 * height
    narrow = 0.25 * height / half[0]
    return float(max(needed, standing, narrow))


def _smooth(
    values: Float[np.ndarray, "frames dims"], frames: float
) -> Float[np.ndarray, "frames dims"]:
    """Gaussian mean over time with a standard deviation of ``frames``.

    The ends are continued by point reflection, so that a steady walk is followed exactly.
    """
    reach = math.ceil(3 * frames)
    if len(values) < 2 or reach < 1:
        return values.astype(np.float64)
    padded = np.pad(
        values.astype(np.float64), ((reach, reach), (0, 0)), "reflect", reflect_type="odd"
    )
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / frames) ** 2)
    weights /= weights.sum()
    return np.stack([np.convolve(column, weights, "valid") for column in padded.T], axis=1)
