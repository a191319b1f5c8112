"""Atomic output: a file appears whole or not at all, and never over another by accident."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marey.errors import InvalidInputError


@contextmanager
def atomic_path(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a free path beside ``path``; what was written there becomes ``path`` at the end.

    Missing parent folders are made. The temporary path has the suffix of ``path`` and does not
    exist yet, so that writers may be nested. When the block raises, ``path`` stays as it was and
    the temporary file goes. Raises InvalidInputError if ``path`` exists and ``force`` is false,
    if it is a folder, or if it cannot be written.
    """
    target = Path(path)
    _refuse_existing(target, force=force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(target, error) from error
    temporary = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(8)}{target.suffix}")
    try:
        yield temporary
        # Somebody else may have made the file while this one was being written.
        _refuse_existing(target, force=force)
        os.replace(temporary, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_existing(target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise InvalidInputError(f"Cannot write {target}: expected a file name, got a folder.")
    if target.exists() and not force:
        raise InvalidInputError(
            f"{target} exists and is not overwritten. Choose another name, or pass --force "
            "(force=True in Python)."
        )


def _cannot_write(target: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(
        f"Cannot write {target}: {error.strerror or error}. Choose a folder that you may write to."
    )
