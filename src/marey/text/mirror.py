"""Sentences of a mirrored motion: left and right, clockwise and counterclockwise, swapped."""

import re
from collections.abc import Iterator, Mapping

from marey.skeleton.parts import mirrored_slot

_SIDES = {"left": "right", "right": "left"}

_TURN = r"(?P<turn>(?:counter|anti)[- ]?clockwise|clockwise)"
_SIDE = (
    r"(?P<side>left|right)"
    r"(?P<tail>wards?|most|y|ies?|s|hand(?:ed(?:ly)?|ers?)?|foot(?:ed)?|side)?"
)
_WORD = re.compile(rf"(?<![a-z])(?:{_TURN}|{_SIDE})(?![a-z])", re.IGNORECASE)

_PLACES = (
    "room|house|home|building|scene|place|area|stage|table|chair|seat|office|car|spot|gym|"
    "kitchen|stairs|field|court|line|group|party"
)
_NO_SIDE_BEFORE = re.compile(r"\b(?:all|has|have|had|having|'s|’s)\s+$", re.IGNORECASE)
_NO_SIDE_AFTER = re.compile(r"\s+(?:away|angles?|angled)\b", re.IGNORECASE)
_VERB_OBJECT = re.compile(
    rf"\s+(?:the|a|an|his|her|their|its|this|that|my|your)\s+(?:{_PLACES})\b", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"\s*(?:$|[.,;:!?])|\s+(?:the|a|his|her|their|its|for|at|to|and)\b")


def mirror_text(text: str) -> str:
    """The text with every side and every turning direction swapped, its letter case kept.

    Whole words only ("upright" and "bright" stay). A word that is plainly no side stays too:
    "left the room", "has left.", "right away", "right angle". The same contexts protect both
    words, so mirroring twice gives the text back, with one exception: "anticlockwise" and its
    hyphenated kin come back as "counterclockwise".
    """
    return _WORD.sub(_mirror_word, text)


def sides_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield "left" or "right" and the end of each word that mirroring swaps.

    Clockwise, seen from above, is right.
    """
    for found in _WORD.finditer(text):
        if found["turn"] is not None:
            yield "right" if found["turn"].lower() == "clockwise" else "left", found.end()
        elif found["tail"] is not None or not _is_no_side(text, found.start(), found.end()):
            yield found["side"].lower(), found.end()


def mirrored_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts by slot as they are of the mirrored motion."""
    return {mirrored_slot(slot): mirror_text(text) for slot, text in texts.items()}


def _mirror_word(found: re.Match[str]) -> str:
    word = found.group()
    if found["turn"] is not None:
        other = "counterclockwise" if found["turn"].lower() == "clockwise" else "clockwise"
        return _in_case_of(word, other)
    if found["tail"] is None and _is_no_side(found.string, found.start(), found.end()):
        return word
    side = found["side"]
    return _in_case_of(side, _SIDES[side.lower()]) + word[len(side) :]


def _is_no_side(text: str, start: int, end: int) -> bool:
    after = text[end : end + 40]
    if _NO_SIDE_AFTER.match(after) or _VERB_OBJECT.match(after):
        return True
    before = _NO_SIDE_BEFORE.search(text[max(0, start - 12) : start])
    return before is not None and _CLAUSE_END.match(after) is not None


def _in_case_of(model: str, word: str) -> str:
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[0].isupper() else word
