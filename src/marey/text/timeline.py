"""Timelines: sentences with start, end and body parts, one a line, as STMC's files write them."""

import re
from pathlib import Path

from marey.errors import InvalidInputError
from marey.io.text_lines import read_lines
from marey.skeleton.parts import GLOBAL_SLOT, PARTS
from marey.text.script import Statement, TextScript

_PARTS_OF = {
    "legs": ("left_leg", "right_leg"),
    "arms": ("left_arm", "right_arm"),
    "spine": ("torso",),
    **{part: (part,) for part in PARTS},
}
_LIMB = re.compile(r"\b(left|right)\s+(arm|leg)\b")
_FORMAT = "text # start # end # body parts"


def load_timeline(path: str | Path) -> TextScript:
    """Read a timeline file [Petrovich2024]: ``text # start # end # body parts`` in each line.

    Times are seconds. Body parts are separated by spaces or commas; none at all, or all of them,
    mean the whole body. "spine" is the torso, "legs" and "arms" are both of them. Empty lines and
    those that begin with # are skipped. Raises InvalidInputError with the file and the line, and
    FileFormatError for a file that is no text.
    """
    path = Path(path)
    statements: list[Statement] = []
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                statements += _statements(line)
            except InvalidInputError as error:
                raise InvalidInputError(f"{path}, line {number}: {error}") from error
    if not statements:
        raise InvalidInputError(f"{path}: expected lines of the form {_FORMAT!r}, got none.")
    return TextScript(tuple(statements))


def _statements(line: str) -> list[Statement]:
    fields = [field.strip() for field in line.split("#")]
    if not 3 <= len(fields) <= 4:
        raise InvalidInputError(f"expected {_FORMAT!r}, got {line.strip()!r:.80}.")
    text, start, end = fields[0], _seconds(fields[1]), _seconds(fields[2])
    slots = _slots(fields[3] if len(fields) == 4 else "")
    return [Statement(text, slot, start=start, end=end) for slot in slots]


def _seconds(field: str) -> float:
    try:
        return float(field)
    except ValueError:
        raise InvalidInputError(f"expected seconds, got {field!r:.40}.") from None


def _slots(field: str) -> tuple[str, ...]:
    """Return what the statement is about: the whole body, or parts of it."""
    chosen: set[str] = set()
    for word in _LIMB.sub(r"\1_\2", field.lower()).replace(",", " ").split():
        if word not in _PARTS_OF:
            raise InvalidInputError(
                f"expected body parts among {', '.join(_PARTS_OF)}, got {word!r:.40}."
            )
        chosen |= set(_PARTS_OF[word])
    if len(chosen) in (0, len(PARTS)):
        return (GLOBAL_SLOT,)
    return tuple(part for part in PARTS if part in chosen)
