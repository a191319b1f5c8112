"""The body in six kinematic parts and their fifteen pairs [Zhang2025, §3.1].

The partition is LGTM's: every joint belongs to one part, the pelvis to the torso.
"""

from itertools import combinations

from marey.errors import InvalidInputError

PARTS: tuple[str, ...] = ("torso", "head", "left_arm", "right_arm", "left_leg", "right_leg")
"""Names of the six parts, in the order that every table and slot uses."""

PART_PAIRS: tuple[tuple[str, str], ...] = tuple(combinations(PARTS, 2))
"""The fifteen unordered pairs, in the order of ``itertools.combinations``."""

CONNECTED_PAIRS: tuple[tuple[str, str], ...] = tuple(p for p in PART_PAIRS if p[0] == "torso")
"""The five pairs that share a joint: the torso with each other part."""

MIRRORED_PART: dict[str, str] = {
    "torso": "torso",
    "head": "head",
    "left_arm": "right_arm",
    "right_arm": "left_arm",
    "left_leg": "right_leg",
    "right_leg": "left_leg",
}
"""The part that a part becomes when left and right are exchanged."""

GLOBAL_SLOT = "global"
"""The slot of statements about the whole body."""

PAIR_SLOTS: tuple[str, ...] = tuple(f"{a}+{b}" for a, b in PART_PAIRS)
"""The slots of the fifteen pairs, in the order of `PART_PAIRS`."""

SLOTS: tuple[str, ...] = (GLOBAL_SLOT, *PARTS, *PAIR_SLOTS)
"""What a statement can be about; a slot's index is its position here."""


def canonical_slot(name: str) -> str:
    """The slot of that name; the two parts of a pair may come in either order.

    Raises InvalidInputError for any other name.
    """
    flipped = "+".join(reversed(name.split("+")))
    for candidate in (name, flipped):
        if candidate in SLOTS:
            return candidate
    raise InvalidInputError(
        f"expected a slot, got {name!r}. Choose one of {', '.join(SLOTS)}"
        " (a pair may be written in either order)."
    )


def mirrored_slot(slot: str) -> str:
    """The slot that a slot becomes when left and right are exchanged."""
    if slot == GLOBAL_SLOT:
        return slot
    return canonical_slot("+".join(MIRRORED_PART[part] for part in slot.split("+")))
