"""Motion files that commands read and write: how a file is read, and on which body it is kept."""

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from marey.cli.arguments import AS_BVH, BvhFlags

if TYPE_CHECKING:
    from marey.io.formats import MotionFormat
    from marey.motion import Motion
    from marey.skeleton import Skeleton


@dataclass(frozen=True, kw_only=True)
class ReadingFlags(BvhFlags):
    """How a motion file is read, where it does not say itself."""

    source_format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """Format of the file, where its suffix does not tell; see docs/howto/formats.md."""
    source_fps: float | None = None
    """Frame rate of a file that does not hold it: CSV, NPY and Kimodo's NPZ."""
    quaternions: Literal["wxyz", "xyzw"] = "wxyz"
    """Order of the root's quaternion in a CSV file."""
    rest: Path | None = None
    """File with the body's joints at rest, for AMASS: a body model or a table of joints."""


AS_IS = ReadingFlags()
Reading = Annotated[ReadingFlags, tyro.conf.OmitArgPrefixes]
"""``--from``, ``--source-fps``, ``--unit`` and the others."""

_OPTIONS = {"source_fps": "fps"}
"""Flags whose readers call them otherwise."""


def read_motion(path: Path, flags: ReadingFlags = AS_IS) -> "Motion":
    """Read a motion file, and warn on stderr of a BVH file that plainly has another axis up.

    Raises InvalidInputError for flags that the file's format does not know.
    """
    from marey.io.bvh_up import is_z_up
    from marey.io.formats import format_named, format_of

    chosen = flags.source_format
    form = format_named(chosen) if chosen else format_of(path, "reader")
    motion = form.read(path, **_options(path, form, flags))
    if form.name == "bvh" and flags.up == AS_BVH.up and is_z_up(motion):
        print(
            f"warning: {path}: the body lies along Z, as in a file with Z up. If it should "
            "stand, read it with --up Z.",
            file=sys.stderr,
        )
    return motion


def _options(path: Path, form: "MotionFormat", flags: ReadingFlags) -> dict[str, Any]:
    """Return the flags that were given as arguments of the format's reader."""
    from marey.errors import InvalidInputError
    from marey.io.formats import FORMATS

    names = [field.name for field in fields(flags) if field.name != "source_format"]
    given = [name for name in names if getattr(flags, name) != getattr(AS_IS, name)]
    for name in given:
        option = _OPTIONS.get(name, name)
        if option not in form.reading:
            able = ", ".join(each.name for each in FORMATS if option in each.reading)
            raise InvalidInputError(
                f"{path}: --{name.replace('_', '-')} can be said of {able} files, this one is "
                f"{form.name}. Leave it out."
            )
    return {_OPTIONS.get(name, name): getattr(flags, name) for name in given}


def read_skeleton(text: str) -> "Skeleton":
    """Return one of marey's own skeletons by name, or that of a motion file.

    Raises InvalidInputError that lists the names if there is no such file either.
    """
    from marey.errors import InvalidInputError
    from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77

    own = {"body22": BODY22, "soma30": SOMA30, "soma77": SOMA77, "g1": G1_34}
    if text in own:
        return own[text]
    if not Path(text).exists():
        raise InvalidInputError(
            f"Expected a motion file or one of {', '.join(own)}, got {text!r}, which is neither."
        )
    return read_motion(Path(text)).skeleton
