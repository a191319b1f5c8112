"""Flags that make clips for games: loops, root motion apart, few keys."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import check_outputs

if TYPE_CHECKING:
    from marey.motion import Motion, SplitMotion

MOST_REDUCTION = 0.1
"""Metres; what loses more is no longer the motion."""
POOR_SEAM = 0.15
"""Where joints are off by more metres than this before a loop is closed, it holds no round."""


@dataclass(frozen=True, kw_only=True)
class GameFlags:
    """What a game engine wants of a clip."""

    loop: bool = False
    """Cut the best round out of a repeated motion, and close it."""
    straight: bool = False
    """Take turning out of the loop, so that it leads straight on."""
    in_place: bool = False
    """Take the way over the ground out of the motion."""
    root_motion: Annotated[Path | None, tyro.conf.arg(metavar="FILE.json")] = None
    """File for what --in-place takes out."""
    reduce: Annotated[float | None, tyro.conf.arg(metavar="METRES")] = None
    """Keep only keys (of a .glb) such that no joint is further off than this."""

    def check(self, target: Path, *, force: bool) -> None:
        """Raise InvalidInputError for flags that do not fit each other or the file to write."""
        from marey.errors import InvalidInputError

        if self.straight and not self.loop:
            raise InvalidInputError("--straight is said of loops; give --loop as well.")
        if self.reduce is not None and target.suffix.lower() != ".glb":
            raise InvalidInputError(
                "--reduce writes sparse keys, which of marey's formats only .glb holds, got "
                f"{target}."
            )
        if self.reduce is not None and not 0 < self.reduce <= MOST_REDUCTION:
            raise InvalidInputError(
                f"--reduce: expected metres, more than 0 and at most {MOST_REDUCTION:g}, got "
                f"{self.reduce:g}; 0.005 is half a centimetre."
            )
        if self.root_motion is not None:
            if not self.in_place:
                raise InvalidInputError(
                    "--root-motion holds what --in-place takes out; give that as well."
                )
            check_outputs((self.root_motion,), (".json",), force=force)

    def applied(self, motion: "Motion") -> tuple["Motion", list[str]]:
        """Return the clip as the flags want it, and what is worth telling about it.

        Writes the file of the root motion, which ``check`` found free.
        """
        from marey.io import atomic_path
        from marey.motion import join_root_motion, split_root_motion

        notes: list[str] = []
        if not (self.loop or self.in_place):
            return motion, notes
        split = self._loop(motion, notes) if self.loop else split_root_motion(motion)
        if self.root_motion is not None:
            with atomic_path(self.root_motion, force=True) as temporary:
                track = split.root.to_json(fps=motion.fps)
                temporary.write_text(json.dumps(track), encoding="utf-8")
        whole = split.in_place if self.in_place else join_root_motion(split.root, split.in_place)
        return whole, notes

    def _loop(self, motion: "Motion", notes: list[str]) -> "SplitMotion":
        from marey.motion import make_loop

        made = make_loop(motion, straight=self.straight)
        way = made.displacement
        notes.append(
            f"loop: frames {made.start} to {made.end - 1}, and the first again; a round leads "
            f"{way.forward:.2f} m forward, {way.left:.2f} m to the left and turns "
            f"{math.degrees(way.turn):.0f}°; joints are off by {100 * made.after.place:.1f} cm at "
            f"the seam ({100 * made.before.place:.1f} cm before, {100 * made.usual.place:.1f} cm "
            "elsewhere)"
        )
        if made.before.place > POOR_SEAM:
            notes.append(
                "loop: the motion holds no whole round, so limbs are bent to close it; give a "
                "longer clip, or one of an even gait"
            )
        return made.closed()


def write_reduced(motion: "Motion", target: Path, tolerance: float, *, force: bool) -> str:
    """Write a GLB file of few keys, and tell how few."""
    from marey.io.glb import write_glb
    from marey.motion import reduce_keyframes

    reduced = reduce_keyframes(motion, tolerance=tolerance)
    write_glb(reduced, target, force=force)
    return (
        f"{target}: {motion.num_frames} frames at {motion.fps:g} fps, {motion.seconds:.2f} s; "
        f"{reduced.keys} of {reduced.most_keys} keys, joints off by at most "
        f"{1000 * reduced.place_error:.1f} mm"
    )
