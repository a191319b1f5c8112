"""Arguments that several commands share, and the reading of the motion file they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from marey.motion import Motion

InputFile = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
"""A file to read."""

Outputs = Annotated[
    tuple[Path, ...],
    tyro.conf.UseAppendAction,
    tyro.conf.arg(name="output", aliases=["-o"], metavar="FILE"),
]
"""Files to write: ``-o a.bvh -o b.glb``."""

Unit = Literal["auto", "cm", "m", "mm"]
"""Unit of lengths in a BVH file."""


def check_outputs(outputs: tuple[Path, ...], suffixes: tuple[str, ...], *, force: bool) -> None:
    """Raise InvalidInputError, before long work, for files that could not be written at its end.

    These are none at all, one named twice, another suffix, or one that exists without ``force``.
    """
    from importlib.util import find_spec

    from marey.errors import InvalidInputError, MissingExtraError

    valid = ", ".join(suffixes)
    if not outputs:
        raise InvalidInputError(f"Expected at least one -o FILE; the suffix is one of {valid}.")
    if len(set(outputs)) < len(outputs):
        raise InvalidInputError(f"A file is named twice: {', '.join(map(str, outputs))}.")
    for path in outputs:
        if path.suffix.lower() not in suffixes:
            raise InvalidInputError(
                f"{path}: expected a name that ends in {valid}, got {path.suffix or 'no suffix'}."
            )
        if path.suffix.lower() == ".mp4" and find_spec("av") is None:
            raise MissingExtraError("Writing .mp4", extra="video")
        if path.exists() and not force:
            raise InvalidInputError(
                f"{path} exists and is not overwritten. Choose another name, or pass --force."
            )


def read_motion(path: Path, unit: Unit = "auto") -> "Motion":
    """Read a motion file. Raises InvalidInputError if ``unit`` is given for one that is no BVH."""
    from marey.errors import InvalidInputError
    from marey.io import load_motion, read_bvh

    if unit == "auto":
        return load_motion(path)
    if path.suffix.lower() != ".bvh":
        raise InvalidInputError(f"{path}: --unit is for BVH files; this format is in metres.")
    return read_bvh(path, unit=unit)
