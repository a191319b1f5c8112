"""``marey convert``: a motion file in another format, frame rate or skeleton."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import AS_BVH, BvhReading, check_outputs, read_motion

if TYPE_CHECKING:
    from marey.motion import Motion


def convert(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IN")],
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    fps: float | None = None,
    bvh: BvhReading = AS_BVH,
    skeleton: Path | None = None,
    force: bool = False,
) -> None:
    """Turn a motion file into another format; the suffixes decide: BVH, NPZ, GLB, previews.

    Args:
        source: Motion to read (.bvh, .npz).
        target: File to write (.bvh, .npz, .glb; .png, .webp, .gif or .mp4 for a preview).
        fps: Frame rate of the result; the motion's own if not given.
        bvh: How to read IN, if it is a BVH file.
        skeleton: BVH file whose skeleton the motion is put on (retargeting).
        force: Overwrite OUT if it exists.
    """
    from marey.io import WRITE_SUFFIXES, save_motion

    check_outputs((target,), WRITE_SUFFIXES, force=force)
    motion = read_motion(source, bvh)
    if skeleton is not None:
        motion = put_on_skeleton(motion, skeleton)
    if fps is not None:
        motion = motion.resample(fps)
    save_motion(motion, target, force=force)
    print(
        f"{target}: {motion.num_frames} frames at {motion.fps:g} fps, {motion.seconds:.2f} s, "
        f"{motion.skeleton.num_joints} joints"
    )


def put_on_skeleton(motion: "Motion", path: Path) -> "Motion":
    """Retarget to the skeleton of a BVH file and print which of its joints stay at rest.

    Raises InvalidInputError if the two have nothing in common.
    """
    from marey.io import read_bvh
    from marey.motion.retarget import retarget

    result = retarget(motion, read_bvh(path).skeleton)
    report = result.report
    if report.unmapped:
        print(f"{path}: no counterpart for {', '.join(report.unmapped)}; they stay at rest")
    return result.motion
