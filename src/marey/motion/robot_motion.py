"""RobotMotion: a robot moving, as root path and hinge angles."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion.motion import Motion, resampled_frames
from marey.skeleton.robot import Robot, hinge_angles, hinge_rotations

EXACT = 1e-4
"""A hinge's rotation this near to the possible counts as exact, radians: float32 matrices."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RobotMotion:
    """Root path and hinge angles of one robot over time; float64, metres, radians, Y up.

    Limits are not looked at. Raises InvalidInputError for wrong shapes, no frames, values that
    are not finite, or a frame rate that is not positive.
    """

    root_positions: Float[Tensor, "frames 3"]
    root_rotations: Float[Tensor, "frames 3 3"]
    angles: Float[Tensor, "frames hinges"]
    fps: float
    robot: Robot
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """JSON-like notes: text, seed, source."""

    def __post_init__(self) -> None:
        frames = len(self.root_positions)
        shapes = {"root_positions": (frames, 3), "root_rotations": (frames, 3, 3)}
        shapes["angles"] = (frames, self.robot.num_hinges)
        for name, shape in shapes.items():
            value = getattr(self, name)
            if tuple(value.shape) != shape or value.dtype != torch.float64 or not frames:
                raise InvalidInputError(
                    f"RobotMotion.{name} must be float64 of shape {shape} with at least one "
                    f"frame, got {value.dtype} of {tuple(value.shape)}."
                )
            if not bool(value.isfinite().all()):
                raise InvalidInputError(f"RobotMotion.{name} holds values that are not finite.")
        if not 0 < self.fps < float("inf"):
            raise InvalidInputError(f"RobotMotion.fps must be positive, got {self.fps}.")

    @property
    def num_frames(self) -> int:
        return len(self.root_positions)

    @cached_property
    def global_rotations(self) -> Float[Tensor, "frames joints 3 3"]:
        """Rotation of each joint of the skeleton in the world."""
        local = hinge_rotations(self.angles, self.robot)
        local[:, 0] = self.root_rotations
        return kinematics.global_rotations(local, self.robot.skeleton)

    @cached_property
    def joint_positions(self) -> Float[Tensor, "frames joints 3"]:
        """World position of each joint of the skeleton, metres."""
        skeleton = self.robot.skeleton
        return kinematics.joint_positions(self.root_positions, self.global_rotations, skeleton)

    @property
    def excess(self) -> Float[Tensor, "frames hinges"]:
        """How far each angle lies outside its limits, radians; 0 inside."""
        below, above = self.robot.lower - self.angles, self.angles - self.robot.upper
        return torch.maximum(below, above).clamp(min=0)

    def motion(self) -> Motion:
        """Return the same motion of the robot's skeleton, in float32."""
        local = hinge_rotations(self.angles, self.robot)
        local[:, 0] = self.root_rotations
        return Motion(
            root_positions=self.root_positions.float(),
            local_rotations=local.float(),
            fps=self.fps,
            skeleton=self.robot.skeleton,
            metadata=self.metadata,
        )

    def clamped(self) -> "RobotMotion":
        """Return the motion with every angle moved into its limits."""
        return replace(self, angles=self.angles.clamp(self.robot.lower, self.robot.upper))

    def resample(self, fps: float) -> "RobotMotion":
        """Return the motion at another frame rate: linear path and angles, slerped root.

        Between angles inside the limits all are inside. The last new frame is the last that lies
        inside the clip. Raises InvalidInputError if ``fps`` is not positive.
        """
        if fps == self.fps:
            return self
        low, high, weight = resampled_frames(self.num_frames, self.fps, fps)
        turned = rotations.slerp(self.root_rotations[low], self.root_rotations[high], weight)
        angles = torch.lerp(self.angles[low], self.angles[high], weight[:, None])
        bounds = torch.stack((self.angles[low], self.angles[high]))
        return replace(
            self,
            root_positions=torch.lerp(
                self.root_positions[low], self.root_positions[high], weight[:, None]
            ),
            root_rotations=turned,
            angles=angles.clamp(bounds.amin(0), bounds.amax(0)),  # against rounding
            fps=float(fps),
        )


def twists(motion: Motion, robot: Robot) -> tuple[RobotMotion, Float[Tensor, "frames joints"]]:
    """Return the twist of every joint about its hinge, and the rotation that no hinge can make.

    The rest is an angle in radians, see ``hinge_angles``; a motion that came from hinge angles
    comes back exactly (to float32). Limits are not looked at. Raises InvalidInputError for another
    skeleton than the robot's.
    """
    if motion.skeleton != robot.skeleton:
        raise InvalidInputError(
            f"Expected a motion of skeleton {robot.skeleton.name!r}, got one of "
            f"{motion.skeleton.name!r}. Retarget it: marey robot export, or "
            "marey.robots.retarget_to_robot."
        )
    angles, rest = hinge_angles(motion.local_rotations, robot)
    turned = RobotMotion(
        root_positions=motion.root_positions.double(),
        root_rotations=motion.local_rotations[:, 0].double(),
        angles=angles,
        fps=motion.fps,
        robot=robot,
        metadata=motion.metadata,
    )
    return turned, rest
