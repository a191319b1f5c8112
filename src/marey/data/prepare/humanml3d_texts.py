"""HumanML3D's text files: one caption a line, with its words tagged and its time in the clip.

A line is ``caption#word/TAG word/TAG …#from#to`` with seconds; 0.0 and 0.0, or not-a-number, mean
the whole clip, and an end of 0.0 the clip's. Lines of a caption alone are read too.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from marey.errors import InvalidInputError
from marey.io.text_lines import read_lines
from marey.text import mirror_text

SPLIT_FILES = {"train": "train.txt", "val": "val.txt", "test": "test.txt"}
"""Lists of clips by split."""


@dataclass(frozen=True, kw_only=True)
class TimedCaption:
    """A sentence about a clip or about a stretch of it."""

    text: str
    words: str = ""
    """The words with their tags, as in the file."""
    start: float = 0.0
    """Seconds."""
    end: float = 0.0
    """Seconds; 0 = the clip's end."""

    @property
    def line(self) -> str:
        """The caption as a line of a text file."""
        return f"{self.text}#{self.words}#{self.start!r}#{self.end!r}"

    def mirrored(self) -> "TimedCaption":
        """Return the caption of the mirrored clip: left and right exchanged."""
        return replace(self, text=mirror_text(self.text), words=mirror_text(self.words))

    def within(self, start: float, end: float) -> "TimedCaption | None":
        """Return the caption for a stretch of the clip, seconds; None if it is about another one.

        A caption of the whole clip is one of every stretch.
        """
        if self.start == self.end == 0:
            return self
        first = max(self.start, start) - start
        last = min(self.end or math.inf, end) - start
        return replace(self, start=first, end=last) if first < last else None


def caption_of(line: str) -> TimedCaption:
    """Read a line. Raises InvalidInputError if it holds no sentence or no stretch of time."""
    text, *fields = (field.strip() for field in line.split("#"))
    text = " ".join(text.split())
    if not text:
        raise InvalidInputError(f"expected a sentence, got {line[:40]!r}.")
    if len(fields) not in (0, 3):
        raise InvalidInputError(f"expected caption#words#from#to, got {line[:80]!r}.")
    words, start, end = fields if fields else ("", "0", "0")
    first, last = _seconds(start), _seconds(end)
    if 0 < last <= first:
        raise InvalidInputError(f"expected an end after the start, got {first:g} to {last:g} s.")
    return TimedCaption(text=text, words=words, start=first, end=last)


def read_captions(path: Path) -> tuple[list[TimedCaption], list[str]]:
    """Return the captions of a text file, and what is wrong with its other lines.

    Raises FileFormatError if the file cannot be read or holds no text.
    """
    captions: list[TimedCaption] = []
    faults: list[str] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            captions.append(caption_of(line))
        except InvalidInputError as error:
            faults.append(f"{path.name}, line {number}: {error}")
    return captions, faults


def read_names(path: Path) -> list[str]:
    """Return the names of a list of clips, each once; an empty file is a list of none.

    Raises FileFormatError if there is no such file, or if it is no text.
    """
    if path.is_file() and not path.stat().st_size:
        return []
    return list(dict.fromkeys(line.strip() for line in read_lines(path) if line.strip()))


def _seconds(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise InvalidInputError(f"expected seconds, got {cell[:20]!r}.") from None
    if math.isnan(value):
        return 0.0
    if not 0 <= value < 1e5:
        raise InvalidInputError(f"expected seconds from the clip's start, got {value}.")
    return value
