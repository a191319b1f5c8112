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
    source_fps: Annotated[float | None, tyro.conf.arg(metavar="FPS")] = None
    """Frame rate of a file that does not hold it: CSV, NPY and Kimodo's NPZ."""
    source_quaternions: Literal["wxyz", "xyzw"] = "wxyz"
    """Order of the root's quaternion in a CSV file."""
    rest: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
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
    motion: "Motion", path: Path, *, fps: float | None = None, force: bool = False
) -> list[str]:
    """Write a motion by its suffix, on a body and at a frame rate that such a file can hold.

    That is ``fps`` for files that may have any. Returns what had to be changed, in a user's words.
    """
    from marey.io.formats import format_of

    form = format_of(path, "writer")
    motion, notes = fitted(motion, form, fps=fps if form.any_rate else None)
    write_fitted(motion, path, form, force=force)
    return [f"{path}: {note}" for note in notes]


def fitted(
    motion: "Motion", form: "MotionFormat", *, fps: float | None = None
) -> tuple["Motion", list[str]]:
    """Return a motion on a body and at a frame rate that a format can hold: ``fps``, or its own.

    And what had to be changed for that, in a user's words. Raises InvalidInputError for a frame
    rate that such files cannot have.
    """
    from marey.errors import InvalidInputError

    notes: list[str] = []
    if fps not in (None, form.fps) and form.fps is not None and not form.any_rate:
        raise InvalidInputError(
            f"--fps {fps:g}: {form.name} files have {form.fps:g} frames per second. Leave it out."
        )
    rate = form.fps if fps is None else fps
    if rate is not None and motion.fps != rate:
        if fps is None:
            notes.append(f"resampled from {motion.fps:g} to {rate:g} fps")
        motion = motion.resample(rate)
    if form.holds(motion.skeleton):
        return motion, notes
    if form.name == "g1":
        motion, note = _on_robot(motion)
        return motion, [*notes, note]
    from marey.rigs import put_on_rig

    skeleton = form.skeletons[0]
    notes.append(f"retargeted from {motion.skeleton.name} to {skeleton.name}")
    return put_on_rig(motion, skeleton).motion, notes


def _on_robot(motion: "Motion") -> tuple["Motion", str]:
    """Return what the G1 makes of a motion, and what that cost."""
    from marey.cli.robot import fit_words
    from marey.rigs.standing import upright
    from marey.robots import to_robot

    made, report = to_robot(upright(motion))
    return made.motion(), f"put on the G1: {', '.join(fit_words(report['retargeting']))}"


def write_fitted(motion: "Motion", path: Path, form: "MotionFormat", *, force: bool = False) -> str:
    """Write a motion that a format can hold, and return what is in the file.

    What leaves the robot's limits (a closed loop may) is projected into them.
    """
    frames, joints = motion.num_frames, motion.skeleton.num_joints
    if form.name == "g1":
        from marey.io.mujoco_csv import write_mujoco_csv
        from marey.robots import to_robot

        write_mujoco_csv(to_robot(motion)[0], path, force=force)
    else:
        form.write(motion, path, force=force)
    if form.name == "humanml3d":  # its features are of steps from frame to frame
        frames -= 1
    if form.name == "kimodo":
        joints = 77 if joints == 30 else joints
    seconds = frames / motion.fps
    return f"{path}: {frames} frames at {motion.fps:g} fps, {seconds:.2f} s, {joints} joints"
