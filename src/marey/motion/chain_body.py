"""ChainBody: how HumanML3D and KIT-ML lay a body out for their features [Guo2022].

Bones are listed in chains, and each has a raw direction: that of the bone at identity in the
features' rotation block. These directions are no rest pose (arms and legs point down, the head
forward), and the rotations of that block know no twist: they are not rotations of a skeleton.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.skeleton import HUMANML3D22, KIT21, Skeleton

_LEFT, _RIGHT = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)
_UP, _DOWN, _AHEAD = (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChainBody:
    """Everything in which the layouts of HumanML3D and KIT-ML differ.

    Raises InvalidInputError unless every joint but the first ends one bone of the chains.
    """

    name: str
    skeleton: Skeleton
    """Names, tree, and the bone lengths to which every body is scaled."""
    chains: tuple[tuple[int, ...], ...]
    """Joints from the trunk outwards; every chain begins with the rotation of the root."""
    directions: tuple[tuple[float, float, float], ...]
    """Raw direction of the bone that ends in each joint."""
    fps: float
    metres_per_unit: float
    """Unit of length of the files."""
    facing: tuple[int, int, int, int]
    """Right hip, left hip, right shoulder, left shoulder."""
    size_bones: tuple[int, int]
    """The two bones, by the joints they end in, whose lengths tell the size of a body."""
    feet: tuple[int, int, int, int]
    """Joints of the contact channels: two of the left foot, two of the right."""
    contact_limit: float
    """A foot joint touches the ground where it moves less than the root of this in a frame:
    square of the files' unit per frame."""

    def __post_init__(self) -> None:
        ends = sorted(joint for chain in self.chains for joint in chain[1:])
        if ends != list(range(1, self.num_joints)):
            raise InvalidInputError(
                f"The chains of {self.name!r} must end one bone in each of the joints 1 to "
                f"{self.num_joints - 1}, got {ends}."
            )

    @property
    def num_joints(self) -> int:
        return self.skeleton.num_joints

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Bones as (start, end), parents before children; the start is the joint before."""
        return tuple((a, b) for chain in self.chains for a, b in pairwise(chain))

    @cached_property
    def bone_lengths(self) -> Float[Tensor, " joints"]:
        """Length of the bone that ends in each joint, metres."""
        return self.skeleton.rest_offsets.double().norm(dim=-1)

    @cached_property
    def widths(self) -> dict[str, int]:
        """Number of channels of every block of the features, in their order."""
        bones = self.num_joints - 1
        return {
            "root_yaw_velocity": 1,
            "root_velocity": 2,
            "root_height": 1,
            "joint_positions": 3 * bones,
            "rotations": 6 * bones,
            "velocities": 3 * self.num_joints,
            "contacts": 4,
        }

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Channels of every block of the features."""
        found, at = {}, 0
        for name, width in self.widths.items():
            found[name] = slice(at, at + width)
            at += width
        return found

    @property
    def num_feats(self) -> int:
        """263 for HumanML3D, 251 for KIT-ML."""
        return sum(self.widths.values())


HUMANML3D_BODY = ChainBody(
    name="humanml3d",
    skeleton=HUMANML3D22,
    chains=(
        (0, 2, 5, 8, 11),
        (0, 1, 4, 7, 10),
        (0, 3, 6, 9, 12, 15),
        (9, 14, 17, 19, 21),
        (9, 13, 16, 18, 20),
    ),
    directions=(
        *((0.0, 0.0, 0.0), _LEFT, _RIGHT, _UP, _DOWN, _DOWN, _UP, _DOWN, _DOWN, _UP, _AHEAD),
        *(_AHEAD, _UP, _LEFT, _RIGHT, _AHEAD, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN),
    ),
    fps=20.0,
    metres_per_unit=1.0,
    facing=(2, 1, 17, 16),
    size_bones=(5, 8),
    feet=(7, 10, 8, 11),
    contact_limit=0.002,
)
"""HumanML3D: 22 joints, 263 channels."""

KIT_BODY = ChainBody(
    name="kit",
    skeleton=KIT21,
    chains=(
        (0, 11, 12, 13, 14, 15),
        (0, 16, 17, 18, 19, 20),
        (0, 1, 2, 3, 4),
        (3, 5, 6, 7),
        (3, 8, 9, 10),
    ),
    directions=(
        *((0.0, 0.0, 0.0), _UP, _UP, _UP, _UP, _LEFT, _DOWN, _DOWN, _RIGHT, _DOWN, _DOWN),
        *(_LEFT, _DOWN, _DOWN, _AHEAD, _AHEAD, _RIGHT, _DOWN, _DOWN, _AHEAD, _AHEAD),
    ),
    fps=12.5,
    metres_per_unit=0.001,
    facing=(11, 16, 5, 8),
    size_bones=(17, 18),
    feet=(19, 20, 14, 15),
    contact_limit=0.05,
)
"""KIT-ML in the same layout: 21 joints, 251 channels, millimetres. The uniform bone lengths of the
published files are not known here (KIT21 has body22's), and no file of it was at hand to check
against; positions and features of such files carry their own lengths."""
