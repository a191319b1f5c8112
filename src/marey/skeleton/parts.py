"""The body in six kinematic parts and their fifteen pairs [Zhang2025, §3.1].

The partition is LGTM's: every joint belongs to one part, the pelvis to the torso.
"""

from itertools import combinations

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
