"""Flags by which ``marey generate`` is told what the motion must meet."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from marey.constraints import Clip, Constraint
    from marey.constraints.kimodo import KimodoConstraints
    from marey.constraints.kimodo_mapping import ModelConstraints
    from marey.motion import Motion
    from marey.text import TextScript

_THEN = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*s?\s*:?\s+(\S.*)$", re.DOTALL)
_END_FRAMES = 4
"""Frames of a motion that the clip starts from or ends with: enough to tell its speed."""


@dataclass(frozen=True, kw_only=True)
class ControlFlags:
    """What to pin, and what to do with the motion afterwards."""

    constraints: Path | None = None
    """JSON file of constraints, marey's own or Kimodo's."""
    start_from: Path | None = None
    """Motion file whose last pose the motion starts from."""
    end_with: Path | None = None
    """Motion file whose first pose the motion ends with."""
    continue_from: Path | None = None
    """Motion file that the motion goes on from, without repeating it."""
    then: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="'SECONDS SENTENCE'")
    ] = ()
    """What comes next and for how long, such as --then "3 a person sits down"; may be repeated."""
    timeline: Path | None = None
    """Text file with a line for each sentence: text # start # end # body parts, in seconds."""
    loop: bool = False
    """Lead the end back to the beginning."""
    in_place: bool = False
    """Take the way over the ground out."""
    best: bool = False
    """Of several samples write only the one that met the constraints best, then slid least."""
    no_postprocess: bool = False
    """Leave the motion as the model made it: feet may slide, constraints are met roughly."""
    base: Path | None = None
    """Earlier result of the same sentences, of which --regenerate draws one anew."""
    regenerate: int | None = None
    """Number of the sentence to draw anew, from 0."""

    def request_fields(self) -> dict[str, Any]:
        """Return the fields of a request that are said directly."""
        return {
            "postprocess": not self.no_postprocess,
            "best": self.best,
            "loop": self.loop,
            "in_place": self.in_place,
            "continue_from": None if self.continue_from is None else str(self.continue_from),
            "base": None if self.base is None else str(self.base),
            "regenerate": self.regenerate,
        }


NO_CONTROL = ControlFlags()


def script_with(
    script: "TextScript", seconds: float | None, control: ControlFlags
) -> "tuple[TextScript, float | None]":
    """Return what is said in all, and how long it takes, with ``--then`` and ``--timeline``.

    Raises InvalidInputError if the first sentence has no length, or for a line that says none.
    """
    from marey.errors import InvalidInputError
    from marey.text import Statement, TextScript, load_timeline

    statements = list(script.statements)
    if control.timeline is not None:
        statements += load_timeline(control.timeline).statements
    if not control.then:
        return TextScript(tuple(statements)), seconds
    if seconds is None and script.prompt:
        raise InvalidInputError("--then: say with --seconds how long the first sentence lasts.")
    reached, timed = 0.0, []
    for text, length in [(script.prompt, seconds or 0.0), *map(_then, control.then)]:
        if text:
            timed.append(Statement(text, start=reached, end=reached + length))
        reached += length
    others = [each for each in statements if each.slot != "global" or each.span is not None]
    return TextScript((*timed, *others)), reached


def _then(words: str) -> tuple[str, float]:
    from marey.errors import InvalidInputError

    match = _THEN.match(words)
    if match is None or float(match[1]) <= 0:
        raise InvalidInputError(
            f'--then: expected seconds and a sentence, such as "3 a person sits down", got '
            f"{words!r}."
        )
    return match[2], float(match[1])


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """Constraints that flags ask for, and what is to be said about how they were read."""

    constraints: "tuple[Constraint, ...]" = ()
    notes: tuple[str, ...] = ()


def constraints_for(control: ControlFlags, clip: "Clip") -> Pinned:
    """Return the constraints that flags ask of a clip.

    Raises InvalidInputError for a file that is none, or a clip too short for what is to be at its
    ends.
    """
    from marey.constraints import between

    read = Pinned() if control.constraints is None else read_constraints(control.constraints, clip)
    start, end = _on_clip(control.start_from, clip), _on_clip(control.end_with, clip)
    given = [motion.num_frames for motion in (start, end) if motion is not None]
    if not given:
        return read
    overlap = max(1, min(_END_FRAMES, *given, clip.frames // len(given)))
    poses = between(start, end, clip, overlap=overlap)
    return Pinned(constraints=(*read.constraints, *poses), notes=read.notes)


def read_constraints(path: Path, clip: "Clip") -> Pinned:
    """Read a file of constraints, marey's own or Kimodo's, for a clip's skeleton and frame rate.

    Raises InvalidInputError that names the file and the field.
    """
    from marey.constraints import load_constraints
    from marey.constraints.kimodo import kimodo_constraints_from_json
    from marey.constraints.kimodo_mapping import to_model
    from marey.errors import InvalidInputError

    content = _json_list(path)
    if content is None:
        return Pinned(constraints=load_constraints(path))
    try:
        read = kimodo_constraints_from_json(content)
        moved = to_model(read, clip.skeleton, fps=clip.fps)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    return Pinned(
        constraints=moved.constraints,
        notes=tuple(f"{path}: {note}" for note in _mapping_notes(read, moved)),
    )


def _mapping_notes(read: "KimodoConstraints", moved: "ModelConstraints") -> Iterator[str]:
    """Say what became of a Kimodo file's joints, entries and times."""
    report = moved.report
    if read.skeleton is not None:
        joints = ", ".join(f"{theirs} → {own}" for theirs, own in report.joint_map.items())
        yield f"made for {read.skeleton.name}; sizes × {report.scale:.2f}; {joints}"
    yield from (f"{joint} is left out: {why}" for joint, why in report.dropped.items())
    yield from (f"left out: {line}" for line in read.report.dropped)
    if report.merged:
        yield f"{report.merged} times left out, which fall in one frame with a nearer one"


def _json_list(path: Path) -> list[Any] | None:
    """Return a file's content if it is a JSON list, as Kimodo's are; others are marey's to read."""
    from marey.constraints.files import MAX_BYTES

    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, list) else None


def _on_clip(path: Path | None, clip: "Clip") -> "Motion | None":
    from marey.io import load_motion
    from marey.motion import retarget

    if path is None:
        return None
    moved = retarget(load_motion(path), clip.skeleton).motion
    return replace(moved, skeleton=clip.skeleton).resample(float(clip.fps))
