"""JointMotion: a motion as its joints alone, the same for every model that made it.

What text–motion alignment and evaluators look at. Only joint positions go in, so that rotations,
contacts and smoothing of one system or another cannot give it away.
"""

from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.representations.layout import Block, FeatureLayout
from marey.representations.smooth_root import GROUND, forward_difference
from marey.skeleton import BODY22, Skeleton, heading_angle

FPS = 20.0


class JointMotion:
    """Features of joint positions that do not depend on where a motion is and where it faces.

    Per frame: heading rate in rad/s; velocity of the root over the ground in m/s, to the left and
    forward as the hips face; positions of all joints above the point under the root, and their
    velocities, both seen from the heading; 6 J + 3 channels. Velocities of the last frame are
    those of the frame before.
    """

    def __init__(self, *, skeleton: Skeleton = BODY22, fps: float = FPS) -> None:
        self.skeleton, self.fps = skeleton, fps

    @cached_property
    def layout(self) -> FeatureLayout:
        """Which channels mean what."""
        joints = tuple(range(self.skeleton.num_joints))
        return FeatureLayout(
            blocks=(
                Block(name="heading_rate", width=1),
                Block(name="ground_velocity", width=2),
                Block(name="joint_positions", width=3, joints=joints),
                Block(name="joint_velocities", width=3, joints=joints),
            )
        )

    def encode(self, motion: Motion) -> Float[Tensor, "frames feats"]:
        """Return the features of a motion, which is brought to the frame rate first.

        Raises InvalidInputError for a motion of another skeleton, or of a single frame.
        """
        return self.of_positions(self.positions(motion))

    def positions(self, motion: Motion) -> Float[Tensor, "frames joints 3"]:
        """Return the joint positions of a motion at the frame rate, metres.

        Raises InvalidInputError for a motion of another skeleton.
        """
        if motion.skeleton != self.skeleton:
            raise InvalidInputError(
                f"expected a motion of {self.skeleton.name!r}, got {motion.skeleton.name!r}. "
                "Use retarget first."
            )
        return (motion if motion.fps == self.fps else motion.resample(self.fps)).joint_positions

    def of_positions(
        self, positions: Float[Tensor, "frames joints 3"]
    ) -> Float[Tensor, "frames feats"]:
        """Return the features of joint positions in metres at the frame rate.

        Raises InvalidInputError for fewer than two frames: there is no velocity.
        """
        if len(positions) < 2:
            raise InvalidInputError(f"expected 2 frames or more, got {len(positions)}.")
        exact = positions.double()
        angle = heading_angle(exact, self.skeleton)
        back = rotations.yaw_matrix(-angle)[:, None]
        root = exact[:, :1] * exact.new_tensor([1.0, 0.0, 1.0])
        velocities = forward_difference(exact, self.fps, dim=0)
        local = (back @ (exact - root)[..., None])[..., 0]
        turned = (back @ velocities[..., None])[..., 0]
        rate = forward_difference(rotations.unwrap_angle(angle), self.fps, dim=0)
        parts = (rate[:, None], turned[:, 0][:, GROUND], local.flatten(1), turned.flatten(1))
        return torch.cat(parts, dim=1).to(positions.dtype)
