"""Rig maps as JSON files that people edit: one line per joint, in the rig's order.

    {
      "marey_rig_map": 1,
      "rig": "hero",
      "naming": "mixamo",
      "joints": {
        "mixamorig:Hips": {"follows": "pelvis", "confidence": 0.99, "reason": "name (mixamo)"},
        "mixamorig:LeftHandThumb1": null
      }
    }

``null`` lets a joint go with its parent, and ``"mixamorig:Hips": "pelvis"`` is short for an entry
made by hand.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.io.json_object import parse_object
from marey.io.text_lines import read_text
from marey.rigs.close_names import close
from marey.rigs.doubts import doubts
from marey.rigs.rig_map import BY_HAND, RigEntry, RigMap
from marey.skeleton import BODY22, Skeleton

FORMAT_VERSION = 1
_MAX_BYTES = 4 * 2**20
_FIX = "Write a map anew with 'marey rig match FILE -o map.json' and edit that."


def save_rig_map(rig_map: RigMap, path: str | Path, *, force: bool = False) -> None:
    """Write a rig map as JSON. Raises InvalidInputError if the file exists and not ``force``."""
    rows = [f"    {json.dumps(e.joint)}: {json.dumps(_entry(e))}" for e in rig_map.entries]
    rows += [f"    {json.dumps(joint)}: null" for joint in rig_map.free]
    text = (
        f'{{\n  "marey_rig_map": {FORMAT_VERSION},\n  "rig": {json.dumps(rig_map.rig)},\n'
        f'  "naming": {json.dumps(rig_map.naming)},\n  "joints": {{\n'
        + ",\n".join(rows)
        + "\n  }\n}\n"
    )
    with atomic_path(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def load_rig_map(path: str | Path, skeleton: Skeleton | None = None) -> RigMap:
    """Read a rig map; with ``skeleton``, one whose joints it has, with what does not fit it.

    Joints of the skeleton that the file does not name go with their parents.
    Raises FileFormatError that names the line and the entry, and suggests names near to those
    that do not exist.
    """
    path = Path(path)
    text = read_text(path, max_bytes=_MAX_BYTES, fix=_FIX)
    data = parse_object(path, text, fix=_FIX)
    lines = _Lines(path, text)
    if data.get("marey_rig_map") != FORMAT_VERSION:
        got = repr(data.get("marey_rig_map", "none"))[:40]
        raise lines.fault("marey_rig_map", f"version {FORMAT_VERSION}", got)
    joints = data.get("joints")
    if not isinstance(joints, dict):
        raise lines.fault("joints", "an object with an entry per joint", type(joints).__name__)
    entries = []
    for joint, value in joints.items():
        if skeleton is not None and joint not in skeleton.joint_names:
            raise lines.fault(
                joint,
                f"a joint of skeleton {skeleton.name!r}",
                repr(joint)[:80],
                fix=close(joint, skeleton.joint_names).strip() or "Remove the entry.",
            )
        if (entry := _read_entry(lines, joint, value)) is not None:
            entries.append(entry)
    followed = {entry.joint for entry in entries}
    named = joints if skeleton is None else skeleton.joint_names
    try:
        found = RigMap(
            rig=str(data.get("rig", path.stem))[:200],
            naming=str(data.get("naming", ""))[:200],
            entries=tuple(entries),
            free=tuple(joint for joint in named if joint not in followed),
        )
    except InvalidInputError as error:
        raise lines.fault("joints", "a valid map", str(error)) from error
    return found if skeleton is None else replace(found, warnings=doubts(skeleton, found))


def _entry(entry: RigEntry) -> dict[str, Any]:
    return {
        "follows": entry.follows,
        "confidence": round(entry.confidence, 3),
        "reason": entry.reason,
    }


class _Lines:
    """A file's text, for messages that name the line of an entry."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._lines = path, text.splitlines()

    def fault(self, key: str, expected: str, got: str, *, fix: str = _FIX) -> FileFormatError:
        quoted = json.dumps(key)
        starts = (row.lstrip().startswith(quoted) for row in self._lines)
        line = next((i for i, here in enumerate(starts, 1) if here), None)
        place = f"entry {key!r}" if line is None else f"line {line}, entry {key!r}"
        return FileFormatError(self.path, place, expected=expected, got=got.rstrip("."), fix=fix)


def _read_entry(lines: _Lines, joint: str, value: Any) -> RigEntry | None:
    """Return the entry of a joint; None where it goes with its parent."""
    row: Mapping[str, Any] = value if isinstance(value, dict) else {"follows": value}
    follows = row.get("follows")
    if follows is None:
        return None
    if follows not in BODY22.joint_names:
        fix = close(follows, BODY22.joint_names).strip() if isinstance(follows, str) else _FIX
        raise lines.fault(joint, "a joint of body22, or null", repr(follows)[:80], fix=fix)
    sure, reason = row.get("confidence", 1.0), row.get("reason", BY_HAND)
    if not isinstance(sure, int | float) or isinstance(sure, bool) or not 0 <= sure <= 1:
        raise lines.fault(joint, "a confidence from 0 to 1", repr(sure)[:40])
    if not isinstance(reason, str):
        raise lines.fault(joint, "a reason in words", repr(reason)[:40])
    return RigEntry(joint=joint, follows=follows, confidence=float(sure), reason=reason)
