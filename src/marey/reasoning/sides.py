"""Sides: whether a caption must be mirrored to name the sides that a sentence names."""

from marey.text import mirror_text, stated_sides, stated_ways

_WAYS = frozenset(("backward", "up", "down"))
"""The ways that decide; forward is what nobody needs to say."""


def adjusted(sentence: str, caption: str) -> bool | None:
    """Say whether a caption must be mirrored to name what a sentence names; None if neither does.

    A sentence that names no side may have any.
    """
    if stated_ways(sentence) & _WAYS != stated_ways(caption) & _WAYS:
        return None
    wanted, found = set(stated_sides(sentence)), set(stated_sides(caption))
    if not wanted or wanted == found:
        return False
    return True if wanted == set(stated_sides(mirror_text(caption))) else None
