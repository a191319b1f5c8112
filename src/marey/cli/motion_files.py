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
    source_quaternions: Literal["wxyz", "xyzw"] = "wxyz"
    """Order of the root's quaternion in a CSV file."""
    rest: Path | None = None
    """File with the body's joints at rest, for AMASS and NPY: a body model or a table of joints."""


AS_IS = ReadingFlags()
Reading = Annotated[ReadingFlags, tyro.conf.OmitArgPrefixes]
"""``--from``, ``--source-fps``, ``--unit`` and the others."""

_OPTIONS = {"source_fps": "fps", "source_quaternions": "quaternions"}
"""Flags whose readers call them otherwise."""


def read_motion(path: Path, flags: ReadingFlags = AS_IS, *, of_many: bool = False) -> "Motion":
    """Read a motion file, and tell on stderr what the reader had to guess.

    That is the body of an AMASS file, and a BVH file that plainly has another axis up.
    Raises InvalidInputError for flags that the file's format does not know; for one ``of_many``
    files of different formats they are meant for others.
    """
    from marey.io.bvh_up import is_z_up
    from marey.io.formats import format_named

    form = format_named(format_read(path, flags))
    motion = form.read(path, **_options(path, form, flags, of_many))
    if form.name == "bvh" and flags.up == AS_BVH.up and is_z_up(motion):
        print(
            f"warning: {path}: the body lies along Z, as in a file with Z up. If it should "
            "stand, read it with --up Z.",
            file=sys.stderr,
        )
    if form.name == "amass" and motion.metadata["rest"].startswith("body22"):
        print(
            f"note: {path}: the file holds no rest joints, so that the body has body22's "
            "proportions. Give the person's own with --rest FILE.",
            file=sys.stderr,
        )
    return motion


def format_read(path: Path, flags: ReadingFlags = AS_IS) -> str:
    """Return the name of the format in which a file is read."""
    from marey.io.formats import format_of

    return flags.source_format or format_of(path, "reader").name


def _options(
    path: Path, form: "MotionFormat", flags: ReadingFlags, of_many: bool
) -> dict[str, Any]:
    """Return the flags that were given as arguments of the format's reader."""
    from marey.errors import InvalidInputError
    from marey.io.formats import FORMATS

    names = [field.name for field in fields(flags) if field.name != "source_format"]
    given = [name for name in names if getattr(flags, name) != getattr(AS_IS, name)]
    if of_many:
        given = [name for name in given if _option(name, form) in form.reading]
    for name in given:
        option = _option(name, form)
        if option not in form.reading:
            able = ", ".join(each.name for each in FORMATS if option in each.reading)
            raise InvalidInputError(
                f"{path}: --{name.replace('_', '-')} can be said of {able} files, this one is "
                f"{form.name}. Leave it out."
            )
    return {_option(name, form): getattr(flags, name) for name in given}


def _option(flag: str, form: "MotionFormat") -> str:
    """Return what the format's reader calls a flag."""
    return flag if flag in form.reading else _OPTIONS.get(flag, flag)


def own_skeletons() -> "dict[str, Skeleton]":
    """Return marey's own skeletons by the names that commands know them by."""
    from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77

    return {"body22": BODY22, "soma30": SOMA30, "soma77": SOMA77, "g1": G1_34}


def read_skeleton(text: str) -> "Skeleton":
    """Return one of marey's own skeletons by name, or that of a motion file.

    Raises InvalidInputError that lists the names if there is no such file either, and for a rig
    that stands in the file's first frame only.
    """
    from marey.errors import InvalidInputError
    from marey.rigs import standing_pose

    rig = read_rig(text)
    if standing_pose(rig) is not None:
        raise InvalidInputError(
            f"{text}: expected a rig that stands in its rest pose; the bones of this one have axes "
            "of their own. Make the motion without --skeleton, then put it on the rig: "
            f"marey convert MOTION.npz OUT.bvh --skeleton {text}."
        )
    return rig.skeleton


def read_rig(text: str) -> "Motion":
    """Return the motion of a file, or one of marey's own skeletons in its rest pose.

    Raises InvalidInputError that lists the names if there is no such file either.
    """
    import torch

    from marey.errors import InvalidInputError
    from marey.motion import Motion

    own = own_skeletons()
    if text not in own and not Path(text).exists():
        raise InvalidInputError(
            f"Expected a motion file or one of {', '.join(own)}, got {text!r}, which is neither."
        )
    if text not in own:
        return read_motion(Path(text))
    skeleton = own[text]
    return Motion(
        root_positions=torch.zeros(1, 3),
        local_rotations=torch.eye(3).repeat(1, skeleton.num_joints, 1, 1),
        fps=30.0,
        skeleton=skeleton,
    )


def write_motion(
    motion: "Motion", path: Path, *, target_format: str | None = None, force: bool = False
) -> tuple["Motion", list[str]]:
    """Write a motion on a body and at a frame rate that the format can hold.

    Returns what was written, and what had to be changed for it, in a user's words.
    """
    from marey.io.formats import format_of

    form = format_of(path, "writer", target_format)
    notes: list[str] = []
    if form.fps is not None and motion.fps != form.fps:
        notes.append(f"{path}: resampled from {motion.fps:g} to {form.fps:g} fps")
        motion = motion.resample(form.fps)
    if form.name == "g1":
        return motion, notes + _write_robot(motion, path, force=force)
    if not form.holds(motion.skeleton):
        from marey.rigs import put_on_rig

        skeleton = form.skeletons[0]
        notes.append(f"{path}: retargeted from {motion.skeleton.name} to {skeleton.name}")
        motion = put_on_rig(motion, skeleton).motion
    form.write(motion, path, force=force)
    return motion, notes


def _write_robot(motion: "Motion", path: Path, *, force: bool) -> list[str]:
    """Write a motion for the G1 and return what that cost."""
    from marey.cli.robot import outcome_line
    from marey.robots import Exported, ExportOptions, export_motion

    details = export_motion(motion, path, options=ExportOptions(fps=None), force=force)
    row = Exported(source="", target=str(path), status="written", details=details)
    return [outcome_line(row)]
