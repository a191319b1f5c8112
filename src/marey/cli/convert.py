"""``marey convert``: a motion file in another format, frame rate or skeleton, or as a loop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import check_outputs
from marey.cli.games import GameFlags, write_reduced
from marey.cli.motion_files import AS_IS, Reading, fitted, read_motion, read_rig, write_fitted

if TYPE_CHECKING:
    from marey.motion import Motion

UNCHANGED = GameFlags()


def convert(
    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IN")],
    target: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    reading: Reading = AS_IS,
    target_format: Annotated[str | None, tyro.conf.arg(name="to", metavar="FORMAT")] = None,
    fps: Annotated[float | None, tyro.conf.arg(metavar="FPS")] = None,
    skeleton: Annotated[str | None, tyro.conf.arg(metavar="FILE|NAME")] = None,
    rig_map: Annotated[str | None, tyro.conf.arg(name="map", metavar="FILE.json|PRESET")] = None,
    free_limbs: bool = False,
    games: Annotated[GameFlags, tyro.conf.OmitArgPrefixes] = UNCHANGED,
    force: bool = False,
) -> None:
    """Turn a motion file into another format; the suffixes decide.

    Args:
        source: Motion to read.
        target: File to write.
        reading: How to read IN.
        target_format: Format of OUT, where several have its suffix.
        fps: Frame rate of the result: the motion's own, or the format's (NPY 20; CSV, Kimodo 30).
        skeleton: File whose skeleton the motion is put on (retargeting), or one of marey's own.
        rig_map: Which joint follows which: a file of `marey rig match`, or a preset's name.
        free_limbs: Let feet and hands end where rotations take them, instead of planting them.
        games: Loops, root motion, few keys.
        force: Overwrite files that exist.
    """
    from marey.errors import InvalidInputError
    from marey.io import WRITE_SUFFIXES
    from marey.io.formats import format_of

    check_outputs((target,), WRITE_SUFFIXES, force=force)
    form = format_of(target, "writer", target_format)
    games.check(target, force=force)
    if skeleton is None and (rig_map is not None or free_limbs):
        raise InvalidInputError(
            "--map and --free-limbs say how to follow --skeleton; give that as well."
        )
    motion, notes = read_motion(source, reading), []
    if skeleton is not None:
        motion, notes = _on_rig(motion, skeleton, rig_map, free_limbs=free_limbs)
    motion, told = fitted(motion, form, fps=fps)  # first: a loop that is resampled jumps again
    notes += told
    motion, told = games.applied(motion)
    notes += told
    if games.reduce is None:
        written = write_fitted(motion, target, form, force=force)
    else:
        written = write_reduced(motion, target, games.reduce, force=force)
    for line in (*notes, written):
        print(line)


def _on_rig(
    motion: "Motion", name: str, rig_map: str | None, *, free_limbs: bool
) -> tuple["Motion", list[str]]:
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
    lines = [f"warning: {warning}" for warning in result.rig_map.warnings]
    lines += fit_lines(result.report)
    return result.motion, [f"{name}: {line}" for line in lines]
