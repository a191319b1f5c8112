"""WorldFacts: what is known of a motion in the world, frame by frame and joint by joint.

Every constraint type compiles to this one record; every representation observes it. A mask, not
a value, says what is known: a target at zero is a target.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.errors import InvalidInputError

_JOINTS = -1  # stands for the number of joints in the shapes below

_KINDS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    # values: their mask, its shape per frame, the shape of one value
    "joint_positions": ("joint_position_mask", (_JOINTS,), (3,)),
    "global_rotations": ("global_rotation_mask", (_JOINTS,), (3, 3)),
    "root_path": ("root_path_mask", (), (2,)),
    "root_height": ("root_height_mask", (), ()),
    "heading": ("heading_mask", (), ()),
    "contacts": ("contact_mask", (4,), ()),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class WorldFacts:
    """Targets in world coordinates (metres, Y up) with a mask for each kind.

    Raises InvalidInputError for no frames, shapes that do not agree, or a known value that is
    not finite; what lies under a mask that is False does not matter.
    """

    joint_positions: Float[Tensor, "frames joints 3"]
    joint_position_mask: Bool[Tensor, "frames joints"]
    global_rotations: Float[Tensor, "frames joints 3 3"]
    global_rotation_mask: Bool[Tensor, "frames joints"]
    root_path: Float[Tensor, "frames 2"]
    """Smoothed ground path of the root: x and z."""
    root_path_mask: Bool[Tensor, " frames"]
    root_height: Float[Tensor, " frames"]
    """Height of the root joint itself, metres."""
    root_height_mask: Bool[Tensor, " frames"]
    heading: Float[Tensor, " frames"]
    """Direction the hips face, radians; 0 = +Z."""
    heading_mask: Bool[Tensor, " frames"]
    contacts: Bool[Tensor, "frames 4"]
    """Ground contact of left heel, left toe, right heel, right toe."""
    contact_mask: Bool[Tensor, "frames 4"]

    def __post_init__(self) -> None:
        if self.joint_position_mask.ndim != 2 or self.num_frames == 0:
            raise InvalidInputError(
                "WorldFacts.joint_position_mask must have shape (frames, joints) with at least "
                f"one frame, got {tuple(self.joint_position_mask.shape)}."
            )
        for name, (mask_name, per_frame, of_value) in _KINDS.items():
            per_frame = tuple(self.num_joints if n == _JOINTS else n for n in per_frame)
            self._require_shape(mask_name, (self.num_frames, *per_frame))
            self._require_shape(name, (self.num_frames, *per_frame, *of_value))
            self._require_finite(name, mask_name)

    @property
    def num_frames(self) -> int:
        return self.joint_position_mask.shape[0]

    @property
    def num_joints(self) -> int:
        return self.joint_position_mask.shape[1]

    def _require_shape(self, name: str, expected: tuple[int, ...]) -> None:
        shape = tuple(getattr(self, name).shape)
        if shape != expected:
            raise InvalidInputError(
                f"WorldFacts.{name} must have shape {expected} for {self.num_frames} frames and "
                f"{self.num_joints} joints, got {shape}."
            )

    def _require_finite(self, name: str, mask_name: str) -> None:
        mask = getattr(self, mask_name)
        wrong = mask & ~getattr(self, name).isfinite().reshape(*mask.shape, -1).all(-1)
        if bool(wrong.any()):
            frame = int(wrong.nonzero()[0, 0])
            raise InvalidInputError(
                f"WorldFacts.{name} is not finite in frame {frame}, where its mask says that it "
                "is known."
            )

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
