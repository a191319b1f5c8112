"""WorldFacts: what is known of a motion in the world, frame by frame and joint by joint.

Every constraint type compiles to this one record; every representation observes it. A mask, not
a value, says what is known: a target at zero is a target.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class WorldFacts:
    """Targets in world coordinates (metres, Y up) with a mask for each kind."""

    joint_positions: Float[Tensor, "frames joints 3"]
    joint_position_mask: Bool[Tensor, "frames joints"]
    global_rotations: Float[Tensor, "frames joints 3 3"]
    global_rotation_mask: Bool[Tensor, "frames joints"]
    root_path: Float[Tensor, "frames 2"]
    """Smoothed ground path of the root: x and z."""
    root_path_mask: Bool[Tensor, " frames"]
    root_height: Float[Tensor, " frames"]
    root_height_mask: Bool[Tensor, " frames"]
    heading: Float[Tensor, " frames"]
    """Direction the hips face, radians; 0 = +Z."""
    heading_mask: Bool[Tensor, " frames"]
    contacts: Bool[Tensor, "frames 4"]
    contact_mask: Bool[Tensor, "frames 4"]

    @classmethod
    def empty(cls, frames: int, joints: int) -> "WorldFacts":
        """Return facts that know nothing."""

        def nothing(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=torch.bool)

        return cls(
            joint_positions=torch.zeros(frames, joints, 3),
            joint_position_mask=nothing(frames, joints),
            global_rotations=torch.eye(3).repeat(frames, joints, 1, 1),
            global_rotation_mask=nothing(frames, joints),
            root_path=torch.zeros(frames, 2),
            root_path_mask=nothing(frames),
            root_height=torch.zeros(frames),
            root_height_mask=nothing(frames),
            heading=torch.zeros(frames),
            heading_mask=nothing(frames),
            contacts=nothing(frames, 4),
            contact_mask=nothing(frames, 4),
        )
