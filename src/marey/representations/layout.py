"""FeatureLayout: which channels of a feature vector belong to which block and joint."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from marey.errors import InvalidInputError
from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class Block:
    """A named run of channels: ``width`` numbers for each of its joints, in order."""

    name: str
    width: int
    joints: tuple[int, ...] = ()
    """Joints that own ``width`` channels each; () = the block belongs to the whole body."""

    @property
    def size(self) -> int:
        return self.width * max(1, len(self.joints))


@dataclass(frozen=True, kw_only=True)
class FeatureLayout:
    """Blocks laid end to end."""

    blocks: tuple[Block, ...]

    @cached_property
    def _starts(self) -> dict[str, int]:
        starts, at = {}, 0
        for block in self.blocks:
            starts[block.name] = at
            at += block.size
        return starts

    @property
    def size(self) -> int:
        """Number of channels."""
        return sum(block.size for block in self.blocks)

    def block(self, name: str) -> Block:
        """Return a block. Raises InvalidInputError that lists the blocks."""
        for block in self.blocks:
            if block.name == name:
                return block
        names = ", ".join(b.name for b in self.blocks)
        raise InvalidInputError(f"The layout has no block {name!r}; its blocks are {names}.")

    def slice(self, name: str) -> slice:
        """Return the channels of a block as a slice."""
        block = self.block(name)
        return slice(self._starts[name], self._starts[name] + block.size)

    def channels(self, name: str, joints: Sequence[int] | None = None) -> list[int]:
        """Return the channels of a block, or of some of its joints (in the order asked).

        Raises InvalidInputError if the block does not hold one of the joints.
        """
        block, start = self.block(name), self._starts[name]
        if joints is None:
            return list(range(start, start + block.size))
        missing = [j for j in joints if j not in block.joints]
        if missing:
            raise InvalidInputError(f"Block {name!r} holds no channels of joints {missing}.")
        rows = [block.joints.index(j) for j in joints]
        return [start + row * block.width + k for row in rows for k in range(block.width)]

    def joint_channels(self, joints: Sequence[int]) -> list[int]:
        """Return every channel that belongs to one of the joints, over all blocks, ascending."""
        wanted = set(joints)
        return [
            channel
            for block in self.blocks
            for joint in block.joints
            if joint in wanted
            for channel in self.channels(block.name, [joint])
        ]

    def part_channels(self, part: str, skeleton: Skeleton) -> list[int]:
        """Return the channels of a kinematic part, such as ``"left_arm"``.

        The torso also owns the blocks of the whole body, so that the six parts cover every
        channel once.
        """
        own = self.joint_channels(skeleton.part_indices(part))
        if part != "torso":
            return own
        whole = [c for b in self.blocks if not b.joints for c in self.channels(b.name)]
        return sorted(whole + own)
