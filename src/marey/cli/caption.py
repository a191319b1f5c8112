"""``marey caption``: a motion file in words."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import InputFile, Outputs, check_outputs, require_named_joints
from marey.cli.motion_files import AS_IS, Reading, read_motion

if TYPE_CHECKING:
    from marey.motion import Motion
    from marey.text import MotionCaption


def caption(
    file: InputFile,
    output: Outputs = (),
    *,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    reading: Reading = AS_IS,
    force: bool = False,
) -> None:
    """Put a motion into words: the whole body, six parts, fifteen pairs, events and keyframes.

    Words come from geometry alone, with no language model: the same file, the same words.

    Args:
        file: Motion to read.
        output: File to write besides (.json, .txt, or .png for poses over a timeline of events).
        as_json: Print JSON instead of text.
        reading: How to read FILE.
        force: Overwrite files that exist.
    """
    from marey.io import atomic_path
    from marey.text import caption as caption_of

    if output:
        check_outputs(output, (".json", ".txt", ".png"), force=force)
    motion = read_motion(file, reading)
    require_named_joints(file, motion.skeleton)
    said = caption_of(motion)
    as_text = json.dumps(said.to_json(), ensure_ascii=False, indent=2)
    for path in output:
        with atomic_path(path, force=force) as temporary:
            if path.suffix.lower() == ".png":
                _draw(motion, said, temporary)
            else:
                is_json = path.suffix.lower() == ".json"
                temporary.write_text((as_text if is_json else said.prose()) + "\n", "utf-8")
    print(as_text if as_json else said.prose())


def _draw(motion: "Motion", said: "MotionCaption", path: Path) -> None:
    """Write poses, and below them the events of every part."""
    from marey.io.render import contact_sheet, stacked
    from marey.io.timeline_strip import TimelineBar, timeline_strip
    from marey.skeleton.parts import SLOTS
    from marey.text import event_phrase

    sheet = contact_sheet(motion, caption=said.body)
    bars = [
        TimelineBar(
            row=event.slot.replace("_", " ").replace("+", " + "),
            label=event_phrase(event),
            start=event.start,
            end=event.end,
        )
        for event in sorted(said.events, key=lambda each: SLOTS.index(each.slot))
    ]
    stacked([sheet, timeline_strip(bars, motion.seconds, sheet.width)]).save(path)
