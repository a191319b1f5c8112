"""Sides: which sides and directions a sentence names, so that only like is taken for like."""

import re
from dataclasses import dataclass

from marey.text import mirror_text

_SIDE = re.compile(
    r"\b(?P<side>left|right|clockwise|counterclockwise)\b"
    r"(?: (?P<what>hand|arm|fist|elbow|wrist|leg|foot|knee|thigh))?"
)
_LIMB = {
    **dict.fromkeys(("hand", "arm", "fist", "elbow", "wrist"), "arm"),
    **dict.fromkeys(("leg", "foot", "knee", "thigh"), "leg"),
}
_WAYS = {"backward": r"\b(?:backwards?|back)\b", "up": r"\bup\b", "down": r"\bdown\b"}


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The sides of limbs, the sides that are ways, and the other ways of a sentence."""

    limbs: frozenset[tuple[str, str]]
    """Side and limb ("arm", "leg", or "" for a way to that side)."""
    ways: frozenset[str]
    """Of backward, up and down; forward is what nobody needs to say."""

    @classmethod
    def of(cls, sentence: str) -> "Sides":
        """Return those that a sentence names."""
        text = sentence.lower()
        named = ((m["side"], _LIMB.get(m["what"] or "", "")) for m in _SIDE.finditer(text))
        ways = frozenset(way for way, words in _WAYS.items() if re.search(words, text))
        return cls(limbs=frozenset(named), ways=ways)


def adjusted(sentence: str, caption: str) -> bool | None:
    """Say whether a caption must be mirrored to name what a sentence names; None if neither does.

    A sentence that names no side may have any.
    """
    wanted, found = Sides.of(sentence), Sides.of(caption)
    if wanted.ways != found.ways:
        return None
    if not wanted.limbs or wanted.limbs == found.limbs:
        return False
    return True if wanted.limbs == Sides.of(mirror_text(caption)).limbs else None
