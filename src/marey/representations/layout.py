"""FeatureLayout: which channels of a feature vector belong to which block and joint."""

from collections import Counter
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
        """Number of channels."""
        return self.width * max(1, len(self.joints))


@dataclass(frozen=True, kw_only=True)
class FeatureLayout:
    """Blocks laid end to end.

    Raises InvalidInputError if two blocks share a name or a block has no channels.
    """

    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        twice = [name for name, n in Counter(b.name for b in self.blocks).items() if n > 1]
        if twice:
            raise InvalidInputError(f"Blocks need different names, got {', '.join(twice)} twice.")
        empty = [block.name for block in self.blocks if block.width < 1]
        if empty:
            raise InvalidInputError(f"A block needs a width of 1 or more; not so {empty}.")

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

    def span(self, first: str, last: str) -> slice:
        """Return the channels from one block's first to another's last as a slice."""
        end = self.block(last)
        return slice(self._starts[self.block(first).name], self._starts[last] + end.size)

    def slice(self, name: str) -> slice:
        """Return the channels of a block as a slice."""
        return self.span(name, name)

    def channels(self, name: str, joints: Sequence[int] | None = None) -> list[int]:
        """Return the channels of a block, or of some of its joints (in the order asked).

        Raises InvalidInputError if the block does not hold one of the joints.
        """
        block, start = self.block(name), self._starts[name]
        if joints is None:
            return list(range(start, start + block.size))
        missing = [j for j in joints if j not in block.joints]
        if missing:
            raise InvalidInputError(
                f"Block {name!r} holds no channels of joints {missing}; its joints are "
                f"{list(block.joints) or 'none: it belongs to the whole body'}."
            )
        # A joint may own several rows: one joint can be both heel and toe of a foot.
        rows = [row for j in joints for row, own in enumerate(block.joints) if own == j]
        return [start + row * block.width + k for row in rows for k in range(block.width)]

    def joint_channels(self, joints: Sequence[int]) -> list[int]:
        """Return every channel that belongs to one of the joints, over all blocks, ascending."""
        return sorted(
            channel
            for block in self.blocks
            for joint in set(joints) & set(block.joints)
            for channel in self.channels(block.name, [joint])
        )

    def part_channels(self, part: str, skeleton: Skeleton) -> list[int]:
        """Return the channels of a kinematic part, such as ``"left_arm"``, ascending.

        The torso also owns the blocks of the whole body, so that the six parts cover every
        channel once. Raises InvalidInputError for an unknown part, or if the skeleton assigns
        its joints to no parts.
        """
        if not skeleton.parts:
            raise InvalidInputError(
                f"Skeleton {skeleton.name!r} does not say which part a joint belongs to; give one "
                "part per joint in Skeleton.parts."
            )
        own = self.joint_channels(skeleton.part_indices(part))
        if part != "torso":
            return own
        whole = [c for b in self.blocks if not b.joints for c in self.channels(b.name)]
        return sorted(whole + own)
