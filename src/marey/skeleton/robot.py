"""Robot: a skeleton whose joints are hinges, each turning about one axis between two angles."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.skeleton.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True, eq=False)
class Robot:
    """A skeleton and its hinges; the root moves freely, joints without a hinge are fixed.

    All numbers are float64. Raises InvalidInputError for a hinge at the root or two at one joint,
    axes that are not of unit length, or limits in the wrong order.
    """

    name: str
    skeleton: Skeleton
    hinge_names: tuple[str, ...]
    """In the order of the robot's own files."""
    hinge_joints: tuple[int, ...]
    """The joint that each hinge turns."""
    axes: Float[Tensor, "hinges 3"]
    """Unit axis of each hinge, in the frame of its joint."""
    zero_rotations: Float[Tensor, "joints 3 3"]
    """Local rotation of each joint where all angles are 0."""
    lower: Float[Tensor, " hinges"]
    """Radians."""
    upper: Float[Tensor, " hinges"]
    """Radians."""

    def __post_init__(self) -> None:
        joints = self.hinge_joints
        if 0 in joints or len(set(joints)) < len(joints):
            raise InvalidInputError(
                f"Robot {self.name!r}: each hinge needs a joint of its own that is not the root, "
                f"got {joints}."
            )
        if not torch.allclose(self.axes.norm(dim=-1), torch.ones(len(joints)).double()):
            raise InvalidInputError(f"Robot {self.name!r}: axes must be of unit length.")
        if not bool((self.lower < self.upper).all()):
            raise InvalidInputError(f"Robot {self.name!r}: lower limits must be below upper ones.")

    @property
    def num_hinges(self) -> int:
        return len(self.hinge_names)


def hinge_rotations(
    angles: Float[Tensor, "*batch hinges"], robot: Robot
) -> Float[Tensor, "*batch joints 3 3"]:
    """Return local rotations from hinge angles, radians; the root's is the identity."""
    zero = robot.zero_rotations
    local = zero.expand(*angles.shape[:-1], *zero.shape).clone()
    turn = rotations.rotation_vector_to_matrix(angles.double()[..., None] * robot.axes)
    joints = list(robot.hinge_joints)
    local[..., joints, :, :] = zero[joints] @ turn
    return local


def hinge_angles(
    local_rotations: Float[Tensor, "*batch joints 3 3"], robot: Robot
) -> tuple[Float[Tensor, "*batch hinges"], Float[Tensor, "*batch joints"]]:
    """Return the twist about every hinge's own axis, and what is left of each joint's rotation.

    The angles are radians in (-π, π]; limits are not looked at. The rest is the angle in [0, π]
    of the rotation that no hinge can make (all of it for fixed joints, 0 for the free root).
    """
    joints, zero = list(robot.hinge_joints), robot.zero_rotations
    turned = zero.transpose(-1, -2) @ local_rotations.double()
    angles = rotations.twist_angle(turned[..., joints, :, :], robot.axes)
    possible = hinge_rotations(angles, robot)
    rest = rotations.geodesic_distance(possible, local_rotations.double())
    rest[..., 0] = 0
    return angles, rest
