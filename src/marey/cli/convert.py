"""``marey convert``: a motion file in another format, frame rate or skeleton."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import check_outputs
from marey.cli.motion_files import AS_IS, Reading, read_motion, read_skeleton

if TYPE_CHECKING:
    from marey.motion import Motion


def convert(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IN")],
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    fps: float | None = None,
    reading: Reading = AS_IS,
    skeleton: Annotated[str | None, tyro.conf.arg(metavar="FILE|NAME")] = None,
    force: bool = False,
) -> None:
    """Turn a motion file into another format; the suffixes decide.

    Args:
        source: Motion to read.
        target: File to write.
        fps: Frame rate of the result; the motion's own if not given.
        reading: How to read IN.
        skeleton: File whose skeleton the motion is put on (retargeting), or one of marey's own.
        force: Overwrite OUT if it exists.
    """
    from marey.io import WRITE_SUFFIXES, save_motion

    check_outputs((target,), WRITE_SUFFIXES, force=force)
    motion = read_motion(source, reading)
    if skeleton is not None:
        motion = put_on_skeleton(motion, skeleton)
    if fps is not None:
        motion = motion.resample(fps)
    save_motion(motion, target, force=force)
    print(
        f"{target}: {motion.num_frames} frames at {motion.fps:g} fps, {motion.seconds:.2f} s, "
        f"{motion.skeleton.num_joints} joints"
    )


def put_on_skeleton(motion: "Motion", name: str) -> "Motion":
    """Retarget to a skeleton and print which of its joints stay at rest.

    Raises InvalidInputError if the two have nothing in common.
    """
    from marey.motion.retarget import retarget

    result = retarget(motion, read_skeleton(name))
    report = result.report
    if report.unmapped:
        print(f"{name}: no counterpart for {', '.join(report.unmapped)}; they stay at rest")
    return result.motion
