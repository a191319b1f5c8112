"""JointLimit: hinges that turn about one axis only, between two angles."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True, eq=False)
class JointLimit:
    """A hinge: the joint turns about ``axis`` only, by an angle between two limits.

    The angle counts from the skeleton's rest pose, in which it is 0, and right-handed about the
    axis. Raises InvalidInputError for an axis without a direction or limits in the wrong order.
    """

    axis: Float[Tensor, "3"]
    """Direction of the hinge in the joint's own frame, of any length."""
    lower: float
    """Radians."""
    upper: float
    """Radians."""

    def __post_init__(self) -> None:
        if not (bool(self.axis.isfinite().all()) and float(self.axis.norm()) > 0):
            raise InvalidInputError(
                f"JointLimit.axis: expected a direction, got {self.axis.tolist()}."
            )
        if not -torch.pi <= self.lower <= self.upper <= torch.pi:
            raise InvalidInputError(
                "JointLimit: expected -π <= lower <= upper <= π radians, got "
                f"{self.lower:g} and {self.upper:g}."
            )


class Hinges:
    """The limited joints of a skeleton, all together."""

    def __init__(self, limits: Mapping[str, JointLimit], skeleton: Skeleton) -> None:
        """Raises InvalidInputError for a joint that the skeleton does not have."""
        self.joints = [skeleton.index(name) for name in limits]
        axes = [limit.axis.double() / limit.axis.double().norm() for limit in limits.values()]
        self.axes = torch.stack(axes) if axes else torch.zeros(0, 3, dtype=torch.float64)
        self.lower = torch.tensor([limit.lower for limit in limits.values()]).double()
        self.upper = torch.tensor([limit.upper for limit in limits.values()]).double()

    def among(self, joints: Sequence[int]) -> "Hinges":
        """Return the hinges of some joints, called by their place among these."""
        kept = [k for k, joint in enumerate(self.joints) if joint in joints]
        own = copy(self)
        own.joints = [joints.index(self.joints[k]) for k in kept]
        own.axes, own.lower, own.upper = self.axes[kept], self.lower[kept], self.upper[kept]
        return own

    def clamped(
        self, local: Float[Tensor, "frames joints 3 3"]
    ) -> Float[Tensor, "frames joints 3 3"]:
        """Take out what is no turn about the hinge, and bring its angle between the limits.

        A rotation that keeps to its limit up to rounding stays as it is.
        """
        if not self.joints:
            return local
        own = local[:, self.joints].double()
        angle = rotations.twist_angle(own, self.axes).clamp(self.lower, self.upper)
        turned = rotations.rotation_vector_to_matrix(angle[..., None] * self.axes)
        off = (turned - own).abs().amax((-1, -2), keepdim=True) > 1e-6
        kept = local.clone()
        kept[:, self.joints] = torch.where(off, turned, own).to(local)
        return kept

    def would_leave(
        self,
        own: Float[Tensor, "frames some 3 3"],
        turns: Float[Tensor, "frames some 3"],
        which: Sequence[int],
    ) -> Bool[Tensor, "frames some"]:
        """Say which of some hinges a further turn, in the parent's frame, leads out of limits."""
        axes = self.axes[which]
        angle = rotations.twist_angle(own, axes) + (turns * axes).sum(-1)
        return (angle < self.lower[which] - 1e-9) | (angle > self.upper[which] + 1e-9)
