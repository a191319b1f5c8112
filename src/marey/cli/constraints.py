"""``marey constraints``: constraint files taken from motions, checked and described."""

import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from marey.cli.arguments import InputFile, check_outputs
from marey.cli.control import read_constraints
from marey.cli.motion_files import read_skeleton

Kind = Literal[
    "full_body",
    "joint",
    "root_waypoint",
    "root_path",
    "heading",
    "pelvis_height",
    "foot_contact",
]


def extract(
    motion: InputFile,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")],
    kinds: tuple[Kind, ...] = ("full_body",),
    every: int = 20,
    joints: tuple[str, ...] = (),
    rotations: bool = True,
    fps: float | None = None,
    force: bool = False,
) -> None:
    """Write what a motion does as a constraint file, for another motion to meet.

    Args:
        motion: Motion to read (.bvh, .npz).
        output: Constraint file to write (.json).
        kinds: What to pin. Paths are pinned in every frame, contacts throughout, the rest at keys.
        every: Frames from one key to the next; the first is frame 0.
        joints: Joints that "joint" pins; hands and feet if none is named.
        rotations: Pin rotations of whole bodies and joints beside their positions.
        fps: Frame rate of the clip that is to meet them; the motion's own if not given.
        force: Overwrite an existing file.
    """
    from marey.constraints import constraints_from_motion, constraints_to_text
    from marey.io import atomic_path, load_motion

    check_outputs((output,), (".json",), force=force)
    source = load_motion(motion)
    if fps is not None:
        source = source.resample(fps)
    found = constraints_from_motion(source, kinds, every=every, joints=joints, rotations=rotations)
    with atomic_path(output, force=force) as temporary:
        temporary.write_text(constraints_to_text(found), encoding="utf-8")
    print(
        f"{output}: {len(found)} constraints for {source.num_frames} frames at {source.fps:g} fps "
        f"({source.seconds:.2f} s) of skeleton {source.skeleton.name!r}"
    )


def check(
    file: InputFile,
    *,
    seconds: float,
    fps: float = 20.0,
    skeleton: Annotated[str | None, tyro.conf.arg(metavar="FILE|NAME")] = None,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Tell what is wrong with a constraint file for a clip; exit code 2 if it cannot be met.

    Args:
        file: Constraint file to read, marey's own or Kimodo's.
        seconds: Length of the clip.
        fps: Frame rate of the clip.
        skeleton: File with the clip's skeleton, or one of marey's own by name; body22 if not given.
        as_json: Print JSON instead of text.
    """
    from marey.constraints import Clip, check_constraints

    body = read_skeleton(skeleton or "body22")
    clip = Clip(skeleton=body, fps=fps, frames=max(1, round(seconds * fps)))
    read = read_constraints(file, clip)
    findings = check_constraints(read.constraints, clip)
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        content = {"findings": [each.to_json() for each in findings], "notes": read.notes}
        print(json.dumps(content))
        return 2 if errors else 0
    for note in read.notes:
        print(note)
    for each in findings:
        print(f"{each.severity}: {each}")
    print(
        f"{file}: {_count(len(read.constraints), 'constraint')} for {clip.frames} frames at "
        f"{clip.fps:g} fps: {_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"
    )
    return 2 if errors else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def schema() -> None:
    """Print the JSON schema of constraint files."""
    from marey.constraints import json_schema

    print(json.dumps(json_schema(), indent=2))
