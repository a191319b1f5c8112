"""RigMap: which joint of the canonical body each joint of a rig follows, how sure, and why."""

from dataclasses import dataclass, replace

from marey.errors import InvalidInputError
from marey.rigs.close_names import close
from marey.skeleton import BODY22, Roles, Skeleton

BY_HAND = "by hand"
"""The reason of entries that people made; they are sure."""
SURE = 0.6
"""Entries with less confidence deserve a look."""


@dataclass(frozen=True, kw_only=True)
class RigEntry:
    """One joint of a rig and the joint of ``body22`` that it follows."""

    joint: str
    follows: str
    confidence: float = 1.0
    """From 0 to 1: 1 by hand, 0.99 where name and place agree, 0.5 by place alone."""
    reason: str = BY_HAND


@dataclass(frozen=True, kw_only=True)
class RigMap:
    """The joints of a rig that follow one of ``body22``; the others go with their parents.

    Raises InvalidInputError for a joint of ``body22`` that there is not, with the nearest names,
    and for a joint with two entries.
    """

    rig: str
    """Name of the rig."""
    naming: str = ""
    """Naming that was recognised (``namings``); empty if none was."""
    entries: tuple[RigEntry, ...]
    free: tuple[str, ...] = ()
    """Joints of the rig that go with their parents: twist bones, fingers, clothes."""
    warnings: tuple[str, ...] = ()
    """What does not fit, as sentences."""

    def __post_init__(self) -> None:
        joints = [entry.joint for entry in self.entries]
        if twice := sorted({joint for joint in joints if joints.count(joint) > 1}):
            raise InvalidInputError(
                f"Rig map {self.rig!r}: expected one entry per joint, got several for "
                f"{', '.join(twice)}. Remove all but one."
            )
        for entry in self.entries:
            if entry.follows not in BODY22.joint_names:
                raise InvalidInputError(
                    f"Rig map {self.rig!r}, joint {entry.joint!r}: expected a joint of body22, got "
                    f"{entry.follows!r}.{close(entry.follows, BODY22.joint_names)}"
                )

    @property
    def joint_map(self) -> dict[str, str]:
        """The joint of ``body22`` by the joint of the rig, as ``motion.retarget`` takes it."""
        return {entry.joint: entry.follows for entry in self.entries}

    @property
    def missing(self) -> tuple[str, ...]:
        """Joints of ``body22`` that no joint of the rig follows."""
        followed = set(self.joint_map.values())
        return tuple(name for name in BODY22.joint_names if name not in followed)

    @property
    def doubtful(self) -> tuple[RigEntry, ...]:
        """Entries with little confidence."""
        return tuple(entry for entry in self.entries if entry.confidence < SURE)

    @property
    def confidence(self) -> float:
        """Mean confidence over the joints of ``body22``; those that nothing follows count 0."""
        best = dict.fromkeys(BODY22.joint_names, 0.0)
        for entry in self.entries:
            best[entry.follows] = max(best[entry.follows], entry.confidence)
        return sum(best.values()) / len(best)

    @property
    def roles(self) -> Roles:
        """The rig's joints that play a role; a foot without a toe joint is heel and toe."""
        first: dict[str, str] = {}
        for entry in self.entries:
            first.setdefault(entry.follows, entry.joint)
        found = {role: first.get(joint, "") for role, joint in vars(BODY22.roles).items()}
        for side in ("left", "right"):
            found[f"{side}_toe"] = found[f"{side}_toe"] or found[f"{side}_heel"]
        return Roles(**found)

    def with_entry(self, joint: str, follows: str | None) -> "RigMap":
        """Return the map with one joint set by hand; None lets it go with its parent."""
        kept = tuple(entry for entry in self.entries if entry.joint != joint)
        free = tuple(name for name in self.free if name != joint)
        if follows is None:
            return replace(self, entries=kept, free=(*free, joint))
        return replace(self, entries=(*kept, RigEntry(joint=joint, follows=follows)), free=free)

    def check_joints(self, skeleton: Skeleton) -> None:
        """Raise InvalidInputError, with the nearest names, for joints that ``skeleton`` lacks."""
        for joint in (*self.joint_map, *self.free):
            if joint not in skeleton.joint_names:
                raise InvalidInputError(
                    f"Rig map {self.rig!r} names a joint {joint!r} that skeleton "
                    f"{skeleton.name!r} does not have.{close(joint, skeleton.joint_names)}"
                )
