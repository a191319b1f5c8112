"""``marey convert``: a motion file in another format, frame rate or skeleton, or as a loop."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import check_outputs
from marey.cli.motion_files import AS_IS, Reading, read_motion, read_rig, write_motion

if TYPE_CHECKING:
    from marey.motion import Motion


def convert(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IN")],
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    reading: Reading = AS_IS,
    target_format: Annotated[str | None, tyro.conf.arg(name="to", metavar="FORMAT")] = None,
    fps: float | None = None,
    skeleton: Annotated[str | None, tyro.conf.arg(metavar="FILE|NAME")] = None,
    rig_map: Annotated[str | None, tyro.conf.arg(name="map", metavar="FILE.json|PRESET")] = None,
    free_limbs: bool = False,
    loop: bool = False,
    in_place: bool = False,
    root_motion: Annotated[Path | None, tyro.conf.arg(metavar="FILE.json")] = None,
    reduce: Annotated[float | None, tyro.conf.arg(metavar="METRES")] = None,
    force: bool = False,
) -> None:
    """Turn a motion file into another format; the suffixes decide.

    Args:
        source: Motion to read.
        target: File to write.
        reading: How to read IN.
        target_format: Format of OUT, where several have its suffix.
        fps: Frame rate of the result; the motion's own if not given.
        skeleton: File whose skeleton the motion is put on (retargeting), or one of marey's own.
        rig_map: Which joint follows which: a file of `marey rig match`, or a preset's name.
        free_limbs: Let feet and hands end where rotations take them, instead of planting them.
        loop: Cut the best round out of a repeated motion, and close it.
        in_place: Take the way over the ground out of the motion.
        root_motion: File for what --in-place takes out.
        reduce: Keep only keys (of a .glb) such that no joint is further off than this.
        force: Overwrite files that exist.
    """
    from marey.io import WRITE_SUFFIXES

    check_outputs((target,), WRITE_SUFFIXES, force=force)
    _check_flags(target, skeleton=skeleton, rig_map=rig_map, reduce=reduce)
    if root_motion is not None:
        _check_root_motion(root_motion, in_place=in_place, force=force)
    motion = read_motion(source, reading)
    notes: list[str] = []
    if skeleton is not None:
        motion = _on_rig(motion, skeleton, rig_map, free_limbs=free_limbs, notes=notes)
    if fps is not None:
        motion = motion.resample(fps)
    if loop or in_place:
        motion = _for_games(motion, notes, loop=loop, in_place=in_place, root=root_motion)
    if reduce is None:
        motion, told = write_motion(motion, target, target_format=target_format, force=force)
        notes += told
    else:
        notes.append(_write_reduced(motion, target, reduce, force=force))
    for note in notes:
        print(note)
    print(
        f"{target}: {motion.num_frames} frames at {motion.fps:g} fps, {motion.seconds:.2f} s, "
        f"{motion.skeleton.num_joints} joints"
    )


def _check_flags(
    target: Path, *, skeleton: str | None, rig_map: str | None, reduce: float | None
) -> None:
    from marey.errors import InvalidInputError

    if rig_map is not None and skeleton is None:
        raise InvalidInputError("--map says how to follow --skeleton; give that as well.")
    if reduce is not None and target.suffix.lower() != ".glb":
        raise InvalidInputError(
            f"--reduce writes sparse keys, which of marey's formats only .glb holds, got {target}."
        )


def _check_root_motion(path: Path, *, in_place: bool, force: bool) -> None:
    from marey.errors import InvalidInputError

    if not in_place:
        raise InvalidInputError("--root-motion holds what --in-place takes out; give that as well.")
    check_outputs((path,), (".json",), force=force)


def _on_rig(
    motion: "Motion", name: str, rig_map: str | None, *, free_limbs: bool, notes: list[str]
) -> "Motion":
    """Put the motion on a rig. Raises InvalidInputError if the two have nothing in common."""
    from marey.cli.rig import fit_lines, map_of
    from marey.rigs import put_on_rig, standing_pose

    rig = read_rig(name)
    result = put_on_rig(
        motion,
        rig.skeleton,
        rig_map=map_of(rig, rig_map),
        rest=standing_pose(rig),
        feet=not free_limbs,
        hands=not free_limbs,
    )
    notes += [f"{name}: {line}" for line in fit_lines(result.report)]
    return result.motion


def _for_games(
    motion: "Motion", notes: list[str], *, loop: bool, in_place: bool, root: Path | None
) -> "Motion":
    """Cut a loop, take the way over the ground out, or both; write that way where it is wanted."""
    from marey.io import atomic_path
    from marey.motion.looping import make_loop
    from marey.motion.root_motion import join_root_motion, split_root_motion

    if loop:
        made = make_loop(motion)
        way = made.displacement
        notes.append(
            f"loop: frames {made.start} to {made.end - 1}, and the first again; a round leads "
            f"{way.forward:.2f} m forward, {way.left:.2f} m to the left and turns "
            f"{math.degrees(way.turn):.0f}°; joints are off by {100 * made.after.place:.1f} cm at "
            f"the seam ({100 * made.before.place:.1f} cm before, {100 * made.usual.place:.1f} cm "
            "elsewhere)"
        )
        split = made.closed()
        motion = join_root_motion(split.root, split.in_place)
    else:
        split = split_root_motion(motion)
    if root is not None:
        track = split.root.to_json(fps=motion.fps)
        with atomic_path(root, force=True) as temporary:  # checked before
            temporary.write_text(json.dumps(track), encoding="utf-8")
    return split.in_place if in_place else motion


def _write_reduced(motion: "Motion", target: Path, tolerance: float, *, force: bool) -> str:
    """Write a GLB file of few keys, and tell how few."""
    from marey.io.glb import write_glb
    from marey.motion.keyframe_reduction import reduce_keyframes

    reduced = reduce_keyframes(motion, tolerance=tolerance)
    write_glb(reduced, target, force=force)
    return (
        f"keys: {reduced.keys} of {reduced.most_keys}; joints are off by at most "
        f"{1000 * reduced.place_error:.1f} mm"
    )
