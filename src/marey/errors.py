"""Every error that marey raises on purpose.

    MareyError
    ├── InvalidInputError   a value or argument that cannot be used
    ├── FileFormatError     a file that cannot be read or written
    ├── MissingExtraError   an optional dependency that is not installed
    └── Cancelled           the caller asked a long operation to stop

A message says what was expected, what was found, and what to do about it.
"""

from pathlib import Path


class MareyError(Exception):
    """Root of all errors raised on purpose by marey."""


class InvalidInputError(MareyError, ValueError):
    """An argument or value is outside what the operation accepts."""


class FileFormatError(MareyError, ValueError):
    """A file's content does not fit its format; the message names the place and the fix."""

    def __init__(self, path: str | Path, place: str, *, expected: str, got: str, fix: str) -> None:
        self.path, self.place = Path(path), place
        super().__init__(f"{path}: {place}: expected {expected}, got {got}. {fix}")


class MissingExtraError(MareyError, ImportError):
    """An optional dependency is needed; the message holds the command that installs it."""

    def __init__(self, feature: str, *, extra: str) -> None:
        super().__init__(f"{feature} needs an optional part: pip install 'marey[{extra}]'")


class Cancelled(MareyError):
    """A progress callback asked the operation to stop."""
