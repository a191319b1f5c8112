"""Motions by file name: the suffix decides the format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from marey.errors import InvalidInputError
from marey.io.bvh import read_bvh, write_bvh
from marey.io.npz import read_npz, write_npz
from marey.motion import Motion

READ_SUFFIXES: tuple[str, ...] = (".bvh", ".npz")
"""Files that ``load_motion`` reads."""
WRITE_SUFFIXES: tuple[str, ...] = (".bvh", ".npz", ".glb", ".png", ".webp", ".gif", ".mp4")
"""Files that ``save_motion`` writes; the last four are previews."""


def load_motion(path: str | Path) -> Motion:
    """Read a motion file.

    Raises InvalidInputError for a suffix outside READ_SUFFIXES, FileFormatError for a file that
    cannot be read.
    """
    suffix = _suffix(path, READ_SUFFIXES, "read")
    return read_bvh(path) if suffix == ".bvh" else read_npz(path)


def save_motion(motion: Motion, path: str | Path, *, force: bool = False) -> None:
    """Write a motion in the format of the suffix, with that format's defaults.

    Raises InvalidInputError for a suffix outside WRITE_SUFFIXES or, unless ``force``, for a file
    that exists; MissingExtraError where a preview needs an optional package.
    """
    suffix = _suffix(path, WRITE_SUFFIXES, "written")
    _writer(suffix)(motion, path, force=force)


def _writer(suffix: str) -> Callable[..., Any]:
    """Return the writer of a suffix; packages that only previews or GLB need load here."""
    if suffix == ".bvh":
        return write_bvh
    if suffix == ".npz":
        return write_npz
    if suffix == ".glb":
        from marey.io.glb import write_glb

        return write_glb
    from marey.io.render import render_file

    return render_file


def _suffix(path: str | Path, valid: tuple[str, ...], verb: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in valid:
        raise InvalidInputError(
            f"{path}: expected a name that ends in {', '.join(valid)}, got {suffix or 'no suffix'}"
            f"; no other motion file can be {verb}."
        )
    return suffix
