"""BodyTrace: the few curves of a motion that facts are read from, for one window or many."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.motion import Motion
from marey.predicates.body import (
    FLOOR_SHARE,
    HANDS,
    HEELS,
    HIPS,
    KNEES,
    REFERENCE_LEG,
    TOES,
    landmarks,
)
from marey.predicates.curve import derivative
from marey.rotations import unwrap_angle

LEFT, RIGHT = 0, 1
"""Index of a side in the curves of a trace."""
SMOOTHING = 0.4
"""Seconds over which heading and velocity of the hips are averaged: sway and bob vanish."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyTrace:
    """Curves of a body over time, metres at leg length ``REFERENCE_LEG``, Y up.

    Side 0 is left, side 1 right. Heights (y) of the hips, head, hands and knees count from the
    height of a standing ankle, those of heels and toes from where each rests on the floor.
    """

    fps: float
    hips: Float[Tensor, "*batch frames 3"]
    """Midpoint of the two hip joints."""
    head: Float[Tensor, "*batch frames 3"]
    hands: Float[Tensor, "*batch frames 2 3"]
    knees: Float[Tensor, "*batch frames 2 3"]
    heels: Float[Tensor, "*batch frames 2 3"]
    toes: Float[Tensor, "*batch frames 2 3"]
    heading: Float[Tensor, "*batch frames"]
    """Direction the hips face, radians, unwrapped and smoothed."""
    velocity: Float[Tensor, "*batch frames 2"]
    """Horizontal velocity of the hips towards the front and towards the left, m/s, smoothed."""
    foot_speed: Float[Tensor, "*batch frames 2"]
    """Horizontal speed of the slower of heel and toe, m/s."""
    activity: Float[Tensor, "*batch frames"]
    """Mean speed of all joints, m/s."""

    @classmethod
    def of(cls, motion: Motion) -> "BodyTrace":
        """Measure a motion. Raises InvalidInputError where a role of its skeleton is missing."""
        marks, fps = landmarks(motion.skeleton), motion.fps
        scaled = motion.joint_positions * (REFERENCE_LEG / marks.leg_length)
        heels, toes = scaled[:, marks.pairs[HEELS]], scaled[:, marks.pairs[TOES]]
        hips = scaled[:, marks.pairs[HIPS]].mean(1)
        ankle_floor, toe_floor = _floor(heels), _floor(toes)
        heading = _smooth(unwrap_angle(motion.heading)[:, None], fps)[:, 0]
        speed = torch.stack((_speed(heels, fps), _speed(toes, fps))).amin(0)
        return cls(
            fps=fps,
            hips=hips - ankle_floor,
            head=scaled[:, marks.head] - ankle_floor,
            hands=scaled[:, marks.pairs[HANDS]] - ankle_floor,
            knees=scaled[:, marks.pairs[KNEES]] - ankle_floor,
            heels=heels - ankle_floor,
            toes=toes - toe_floor,
            heading=heading,
            velocity=_body_velocity(hips, heading, fps),
            foot_speed=speed,
            activity=derivative(scaled, fps, dim=0).norm(dim=-1).mean(-1),
        )

    @property
    def num_frames(self) -> int:
        return self.heading.shape[-1]

    @property
    def seconds(self) -> float:
        """Duration of one window: each frame lasts ``1 / fps``."""
        return self.num_frames / self.fps

    def frames(self, seconds: float) -> int:
        """Return the number of frames that a duration takes, at least 1."""
        return max(1, round(seconds * self.fps))

    def windows(self, length: int, stride: int) -> "BodyTrace":
        """Return all windows of ``length`` frames of one trace, as its leading dimension."""
        starts = torch.arange(0, self.num_frames - length + 1, stride)
        take = starts[:, None] + torch.arange(length)
        curves = {k: v[take] for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **curves)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measure:
    """Verdict, measured quantity and frames of evidence, per window."""

    holds: Bool[Tensor, "*batch"]
    value: Float[Tensor, "*batch"]
    """The quantity that decides first; further conditions are told by the test's docstring."""
    threshold: float
    unit: str
    evidence: Bool[Tensor, "*batch frames"]
    """Frames in which the fact is seen."""


def _floor(points: Float[Tensor, "frames 2 3"]) -> Float[Tensor, "3"]:
    """Height at which the lower of two points rests, as a vector along Y."""
    height = points[..., 1].amin(1).quantile(FLOOR_SHARE)
    return torch.stack((torch.zeros_like(height), height, torch.zeros_like(height)))


def _speed(points: Float[Tensor, "frames 2 3"], fps: float) -> Float[Tensor, "frames 2"]:
    return derivative(points, fps, dim=0)[..., [0, 2]].norm(dim=-1)


def _smooth(values: Float[Tensor, "frames dims"], fps: float) -> Float[Tensor, "frames dims"]:
    """Centred moving average over ``SMOOTHING`` seconds; the ends repeat the outer frames."""
    half = round(SMOOTHING * fps / 2)
    if half == 0:
        return values
    padded = torch.nn.functional.pad(values.T[None], (half, half), mode="replicate")
    return torch.nn.functional.avg_pool1d(padded, 2 * half + 1, stride=1)[0].T


def _body_velocity(
    hips: Float[Tensor, "frames 3"], heading: Float[Tensor, " frames"], fps: float
) -> Float[Tensor, "frames 2"]:
    velocity = _smooth(derivative(hips, fps, dim=0)[:, [0, 2]], fps)
    x, z = velocity.unbind(-1)
    sine, cosine = heading.sin(), heading.cos()
    # Heading 0 faces +Z and grows towards +X, which is the body's left.
    return torch.stack((x * sine + z * cosine, x * cosine - z * sine), dim=-1)
