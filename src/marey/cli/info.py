"""``marey info``: what is in a motion file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from marey.cli.arguments import InputFile
from marey.cli.motion_files import AS_IS, Reading, format_read, read_motion

if TYPE_CHECKING:
    from marey.motion import Motion


def info(
    file: InputFile,
    *,
    reading: Reading = AS_IS,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Tell what is in a motion file; lengths are in metres whatever the file's unit.

    Args:
        file: Motion to read.
        reading: How to read FILE.
        as_json: Print JSON instead of text.
    """
    facts = motion_facts(read_motion(file, reading), file, format_read(file, reading))
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(facts)))


def motion_facts(motion: "Motion", path: Path, format: str) -> dict[str, Any]:
    """Return the facts as JSON-like values; metres, seconds, metres per second.

    Foot skate is that of feet in contact where the file holds contacts, else of toes near y = 0;
    null where the skeleton names no toes or none touches.
    """
    from marey.metrics import foot_skate_from_contacts, foot_skate_from_height, path_length

    ground = motion.root_positions[:, [0, 2]]
    places, skeleton, skate = motion.joint_positions, motion.skeleton, None
    if skeleton.roles.left_toe and skeleton.roles.right_toe:
        if motion.contacts is None:
            skate = foot_skate_from_height(places, skeleton, motion.fps)
        else:
            skate = foot_skate_from_contacts(places, motion.contacts, skeleton, motion.fps)
    return {
        "file": str(path),
        "format": format,
        "skeleton": motion.skeleton.name,
        "joints": motion.skeleton.num_joints,
        "frames": motion.num_frames,
        "fps": motion.fps,
        "seconds": motion.seconds,
        "unit": "m",
        "path_length": path_length(ground),
        "net_displacement": float((ground[-1] - ground[0]).norm()),
        "foot_skate": skate.mean if skate is not None and skate.count else None,
        "contacts": motion.contacts is not None,
        "metadata": dict(motion.metadata),
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    skate = facts["foot_skate"]
    judged = "feet in contact" if facts["contacts"] else "toes near the ground"
    rows = {
        "file": facts["file"],
        "format": facts["format"],
        "skeleton": f"{facts['skeleton']}, {facts['joints']} joints",
        "length": f"{facts['frames']} frames at {facts['fps']:g} fps = {facts['seconds']:.2f} s",
        "path": f"{facts['path_length']:.2f} m, net {facts['net_displacement']:.2f} m",
        "foot skate": "unknown" if skate is None else f"{100 * skate:.1f} cm/s, of {judged}",
        "contacts": "yes" if facts["contacts"] else "no",
        **{key: _short(value) for key, value in facts["metadata"].items()},
    }
    width = max(map(len, rows)) + 2
    return [f"{key:{width}}{value}" for key, value in rows.items()]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"
