"""The skeleton: a tree of named joints with rest offsets, left/right pairs and roles."""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.skeleton.parts import PARTS


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Names of the joints that algorithms must find; empty where a skeleton has none."""

    left_hip: str = ""
    right_hip: str = ""
    left_hand: str = ""
    right_hand: str = ""
    left_heel: str = ""
    left_toe: str = ""
    right_heel: str = ""
    right_toe: str = ""
    head: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Skeleton:
    """A tree of joints in T-pose: identity rotations everywhere give the rest pose.

    Joint 0 is the root and parents come before their children. Raises InvalidInputError for
    anything else. Two skeletons are equal if all their fields but the name are.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    """Index of each joint's parent; -1 for the root, which is joint 0."""
    rest_offsets: Float[Tensor, "joints 3"]
    """Position of each joint in its parent's frame, metres; the root's own row is kept but
    does not enter forward kinematics."""
    mirror: tuple[int, ...] = ()
    """Joint that takes a joint's place when left and right are exchanged; () = each its own."""
    roles: Roles = field(default_factory=Roles)
    parts: tuple[str, ...] = ()
    """The kinematic part of each joint (see ``marey.skeleton.parts``); () if not assigned."""
    end_sites: tuple[tuple[int, tuple[float, float, float]], ...] = ()
    """Tips of leaf joints for display and export: (joint, offset in metres)."""

    def __post_init__(self) -> None:
        if not self.mirror:
            object.__setattr__(self, "mirror", tuple(range(len(self.joint_names))))
        _validate(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Skeleton):
            return NotImplemented
        return self._key == other._key and torch.equal(self.rest_offsets, other.rest_offsets)

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return (self.joint_names, self.parents, self.mirror, self.roles, self.parts, self.end_sites)

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.joint_names)}

    def index(self, joint: str) -> int:
        """Return a joint's index. Raises InvalidInputError that lists the joints."""
        if joint not in self._index:
            raise InvalidInputError(
                f"Skeleton {self.name!r} has no joint {joint!r}; its joints are "
                f"{', '.join(self.joint_names)}."
            )
        return self._index[joint]

    def indices(self, joints: tuple[str, ...]) -> list[int]:
        """Return the indices of several joints."""
        return [self.index(joint) for joint in joints]

    def role(self, role: str) -> int:
        """Return the index of the joint with a role. Raises InvalidInputError if none has it."""
        joint = getattr(self.roles, role)
        if not joint:
            raise InvalidInputError(
                f"Skeleton {self.name!r} names no joint for the role {role!r}; "
                "give it in Skeleton.roles."
            )
        return self.index(joint)

    @property
    def foot_indices(self) -> list[int]:
        """Indices of left heel, left toe, right heel, right toe."""
        return [self.role(r) for r in ("left_heel", "left_toe", "right_heel", "right_toe")]

    def part_indices(self, part: str) -> list[int]:
        """Return the joints of a kinematic part. Raises InvalidInputError for an unknown part."""
        if part not in PARTS:
            raise InvalidInputError(f"Unknown part {part!r}; the parts are {', '.join(PARTS)}.")
        return [i for i, own in enumerate(self.parts) if own == part]

    def part_root(self, part: str) -> int:
        """Return the joint with which a kinematic part begins: where it hangs on the others.

        Where several joints of the part hang on other parts it is the one that carries the most
        joints. Raises InvalidInputError for an unknown part, or one without joints.
        """
        own = self.part_indices(part)
        if not own:
            raise InvalidInputError(
                f"Skeleton {self.name!r} has no joint of the part {part!r}; its parts are "
                f"{', '.join(p for p in PARTS if p in self.parts) or 'not assigned'}."
            )
        carried = dict.fromkeys(own, 1)
        for joint in reversed(own):
            if self.parents[joint] in carried:
                carried[self.parents[joint]] += carried[joint]
        roots = [joint for joint in own if self.parents[joint] not in carried]
        return max(roots, key=carried.__getitem__)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Indices of each joint's children."""
        lists: list[list[int]] = [[] for _ in self.parents]
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                lists[parent].append(joint)
        return tuple(tuple(row) for row in lists)


def _validate(skeleton: Skeleton) -> None:
    names, parents = skeleton.joint_names, skeleton.parents
    count = len(names)

    def require(condition: bool, message: str) -> None:
        if not condition:
            raise InvalidInputError(f"Skeleton {skeleton.name!r}: {message}")

    require(count > 0, "expected at least one joint, got none.")
    twice = sorted({n for n in names if names.count(n) > 1})
    require(not twice, f"joint names must differ, got {', '.join(twice)} more than once.")
    require(len(parents) == count, f"expected {count} parents, got {len(parents)}.")
    require(parents[0] == -1, f"joint 0 must be the root (parent -1), got {parents[0]}.")
    for joint, parent in enumerate(parents[1:], start=1):
        require(
            0 <= parent < joint,
            f"parent of joint {joint} ({names[joint]}) must lie in [0, {joint - 1}], got {parent}.",
        )
    shape = tuple(skeleton.rest_offsets.shape)
    require(shape == (count, 3), f"expected rest_offsets of shape ({count}, 3), got {shape}.")
    require(bool(skeleton.rest_offsets.isfinite().all()), "rest_offsets must be finite.")
    mirror = skeleton.mirror
    pairs = len(mirror) == count and all(0 <= m < count for m in mirror)
    require(
        pairs and all(mirror[mirror[j]] == j for j in range(count)),
        f"mirror must pair every joint with one that points back, got {mirror}.",
    )
    wrong = [p for p in skeleton.parts if p not in PARTS]
    require(not wrong, f"unknown parts {wrong}; the parts are {', '.join(PARTS)}.")
    require(len(skeleton.parts) in (0, count), f"expected {count} parts, one per joint.")
    missing = [j for j in vars(skeleton.roles).values() if j and j not in names]
    require(not missing, f"roles name joints that do not exist: {', '.join(missing)}.")
    require(all(0 <= j < count for j, _ in skeleton.end_sites), "an end site has no such joint.")
