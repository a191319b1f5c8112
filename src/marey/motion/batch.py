"""MotionBatch: several motions padded to one length, for models, metrics and post-processing."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion.motion import Motion
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionBatch:
    """Motions of one skeleton and frame rate; padding repeats each motion's last frame."""

    root_positions: Float[Tensor, "batch frames 3"]
    local_rotations: Float[Tensor, "batch frames joints 3 3"]
    mask: Bool[Tensor, "batch frames"]
    """True where a frame is real."""
    fps: float
    skeleton: Skeleton

    @classmethod
    def from_motions(cls, motions: Sequence[Motion]) -> "MotionBatch":
        """Pad motions to the longest. Raises InvalidInputError if they do not fit together."""
        if not motions:
            raise InvalidInputError("A batch needs at least one motion.")
        first = motions[0]
        if any(m.skeleton != first.skeleton or m.fps != first.fps for m in motions):
            raise InvalidInputError("Motions of one batch must share skeleton and frame rate.")
        lengths = torch.tensor([m.num_frames for m in motions])
        frame = torch.arange(int(lengths.max()))
        take = torch.minimum(frame[None], lengths[:, None] - 1)
        return cls(
            root_positions=torch.stack(
                [m.root_positions[t] for m, t in zip(motions, take, strict=True)]
            ),
            local_rotations=torch.stack(
                [m.local_rotations[t] for m, t in zip(motions, take, strict=True)]
            ),
            mask=frame[None] < lengths[:, None],
            fps=first.fps,
            skeleton=first.skeleton,
        )

    @property
    def lengths(self) -> list[int]:
        """Number of real frames of each motion."""
        return self.mask.sum(1).tolist()

    def joint_positions(self) -> Float[Tensor, "batch frames joints 3"]:
        """World position of each joint, metres."""
        turned = kinematics.global_rotations(self.local_rotations, self.skeleton)
        return kinematics.joint_positions(self.root_positions, turned, self.skeleton)

    def to_motions(self) -> list[Motion]:
        """Return the motions without padding."""
        return [
            Motion(
                root_positions=self.root_positions[i, :n],
                local_rotations=self.local_rotations[i, :n],
                fps=self.fps,
                skeleton=self.skeleton,
            )
            for i, n in enumerate(self.lengths)
        ]
