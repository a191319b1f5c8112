"""Motion: one body moving, the currency between marey's subsystems."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion.path_smoothing import smooth_path
from marey.skeleton import Skeleton

MAX_FPS = 10_000
"""Highest frame rate to resample to: beyond any capture, and a guard against typing errors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Root path and joint rotations of one body over time; float32, metres, Y up.

    Raises InvalidInputError for wrong shapes, no frames, values that are not finite, or a frame
    rate that is not positive.
    """

    root_positions: Float[Tensor, "frames 3"]
    """World position of the root joint."""
    local_rotations: Float[Tensor, "frames joints 3 3"]
    """Rotation of each joint in its parent's frame; the root's is its world rotation."""
    fps: float
    skeleton: Skeleton
    contacts: Bool[Tensor, "frames 4"] | None = None
    """Ground contact of left heel, left toe, right heel, right toe."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """JSON-like notes: text, seed, source."""

    def __post_init__(self) -> None:
        frames, joints = len(self.root_positions), self.skeleton.num_joints
        expected = {"root_positions": (frames, 3), "local_rotations": (frames, joints, 3, 3)}
        if self.contacts is not None:
            expected["contacts"] = (frames, 4)
        for name, shape in expected.items():
            value = getattr(self, name)
            if tuple(value.shape) != shape:
                raise InvalidInputError(
                    f"Motion.{name} must have shape {shape} for {frames} frames of skeleton "
                    f"{self.skeleton.name!r}, got {tuple(value.shape)}."
                )
            if name != "contacts" and not bool(value.isfinite().all()):
                frame = int((~value.isfinite()).flatten(1).any(1).nonzero()[0, 0])
                raise InvalidInputError(f"Motion.{name} is not finite in frame {frame}.")
        if frames == 0:
            raise InvalidInputError("A motion needs at least one frame, got none.")
        if not 0 < self.fps < float("inf"):
            raise InvalidInputError(f"Motion.fps must be positive and finite, got {self.fps}.")

    @property
    def num_frames(self) -> int:
        return len(self.root_positions)

    @property
    def seconds(self) -> float:
        """Duration: each frame lasts ``1 / fps``."""
        return self.num_frames / self.fps

    @cached_property
    def global_rotations(self) -> Float[Tensor, "frames joints 3 3"]:
        """Rotation of each joint in the world."""
        return kinematics.global_rotations(self.local_rotations, self.skeleton)

    @cached_property
    def joint_positions(self) -> Float[Tensor, "frames joints 3"]:
        """World position of each joint, metres."""
        return kinematics.joint_positions(self.root_positions, self.global_rotations, self.skeleton)

    @cached_property
    def heading(self) -> Float[Tensor, " frames"]:
        """Direction the hips face, radians; see ``skeleton.heading_angle``."""
        return kinematics.heading_angle(self.joint_positions, self.skeleton)

    @cached_property
    def root_path(self) -> Float[Tensor, "frames 2"]:
        """The way of the body over the ground, x and z: the smoothed path of the root joint."""
        return smooth_path(self.root_positions[:, [0, 2]])

    def with_metadata(self, **notes: Any) -> "Motion":
        """Return the same motion with notes added to its metadata."""
        return replace(self, metadata={**self.metadata, **notes})

    def crop(self, start: int, end: int) -> "Motion":
        """Return frames ``start`` to ``end - 1``. Raises InvalidInputError outside the clip."""
        if not 0 <= start < end <= self.num_frames:
            raise InvalidInputError(
                f"crop needs 0 <= start < end <= {self.num_frames} frames, got {start} and {end}."
            )
        return replace(
            self,
            root_positions=self.root_positions[start:end],
            local_rotations=self.local_rotations[start:end],
            contacts=None if self.contacts is None else self.contacts[start:end],
        )

    def translate(self, offset: Float[Tensor, "3"]) -> "Motion":
        """Move the body by ``offset`` metres."""
        return replace(self, root_positions=self.root_positions + offset)

    def rotate(self, angle: float) -> "Motion":
        """Turn the body about the world's vertical axis by ``angle`` radians (+ = left)."""
        turn = rotations.yaw_matrix(torch.tensor(angle, dtype=self.root_positions.dtype))
        local = self.local_rotations.clone()
        local[:, 0] = turn @ local[:, 0]
        return replace(self, root_positions=self.root_positions @ turn.T, local_rotations=local)

    def canonicalise(self) -> "Motion":
        """Move and turn the body so that it starts above the origin at heading 0."""
        turned = self.rotate(-float(self.heading[0]))
        first = turned.root_positions[0] * torch.tensor([1.0, 0.0, 1.0])
        return turned.translate(-first)

    def mirror(self) -> "Motion":
        """Exchange left and right (x becomes −x); an involution."""
        flip = torch.tensor([-1.0, 1.0, 1.0])
        local = self.local_rotations[:, list(self.skeleton.mirror)]
        contacts = None if self.contacts is None else self.contacts[:, [2, 3, 0, 1]]
        return replace(
            self,
            root_positions=self.root_positions * flip,
            local_rotations=local * flip[:, None] * flip,
            contacts=contacts,
        )

    def resample(self, fps: float) -> "Motion":
        """Return the motion at another frame rate: linear root, slerped rotations.

        Frame 0 stays; the last new frame is the last that lies inside the clip. Contacts take
        the nearest frame. Raises InvalidInputError if ``fps`` is not positive.
        """
        if fps == self.fps:
            return self
        low, high, share = resampled_frames(self.num_frames, self.fps, fps)
        weight = share.float()
        root = torch.lerp(self.root_positions[low], self.root_positions[high], weight[:, None])
        local = rotations.slerp(
            self.local_rotations[low], self.local_rotations[high], weight[:, None]
        )
        nearest = (low + share).round().long()
        contacts = None if self.contacts is None else self.contacts[nearest]
        return replace(
            self, root_positions=root, local_rotations=local, contacts=contacts, fps=float(fps)
        )


def resampled_frames(
    frames: int, fps: float, new_fps: float
) -> tuple[Int[Tensor, " new"], Int[Tensor, " new"], Float64[Tensor, " new"]]:
    """Return, for every frame at another rate, the frames before and after it and its way between.

    Frame 0 stays; the last new frame is the last that lies inside the clip. Raises
    InvalidInputError if ``new_fps`` is not positive.
    """
    if not 0 < new_fps <= MAX_FPS:
        raise InvalidInputError(f"fps must lie in (0, {MAX_FPS}], got {new_fps}.")
    last = frames - 1
    count = int(last * new_fps / fps + 1e-6) + 1
    times = torch.arange(count, dtype=torch.float64) * (fps / new_fps)
    low = times.floor().long().clamp(0, last)
    return low, (low + 1).clamp(max=last), times - low


def concatenate(motions: list[Motion]) -> Motion:
    """Join motions in time as they are, without moving them; metadata of the first is kept.

    Raises InvalidInputError if none is given, or if skeletons or frame rates differ.
    """
    if not motions:
        raise InvalidInputError("concatenate needs at least one motion.")
    first = motions[0]
    for i, motion in enumerate(motions):
        if motion.skeleton != first.skeleton or motion.fps != first.fps:
            raise InvalidInputError(
                f"Motion {i} has skeleton {motion.skeleton.name!r} at {motion.fps} fps, the first "
                f"{first.skeleton.name!r} at {first.fps}; retarget or resample it first."
            )
    contacts = [m.contacts for m in motions if m.contacts is not None]
    return replace(
        first,
        root_positions=torch.cat([m.root_positions for m in motions]),
        local_rotations=torch.cat([m.local_rotations for m in motions]),
        contacts=torch.cat(contacts) if len(contacts) == len(motions) else None,
    )
