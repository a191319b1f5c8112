"""Motions by file name: the suffix decides the format, see ``formats``."""

from pathlib import Path

from marey.io.formats import format_of, suffixes
from marey.motion import Motion

READ_SUFFIXES: tuple[str, ...] = suffixes("reader")
"""Files that ``load_motion`` reads."""
WRITE_SUFFIXES: tuple[str, ...] = suffixes("writer")
"""Files that ``save_motion`` writes."""


def load_motion(path: str | Path, *, format: str | None = None) -> Motion:
    """Read a motion file, with its format's defaults; ``format`` names one of ``FORMATS``.

    Raises InvalidInputError for a suffix outside READ_SUFFIXES, FileFormatError for a file that
    cannot be read.
    """
    return format_of(path, "reader", format).read(path)


def save_motion(
    motion: Motion, path: str | Path, *, format: str | None = None, force: bool = False
) -> None:
    """Write a motion, with its format's defaults; ``format`` names one of ``FORMATS``.

    Raises InvalidInputError for a suffix outside WRITE_SUFFIXES, for a body that the format does
    not hold or, unless ``force``, for a file that exists; MissingExtraError where a format needs
    an optional package.
    """
    format_of(path, "writer", format).write(motion, path, force=force)
