"""``marey rig``: which joint of a rig follows which of the body, and presets of namings."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import InputFile
from marey.cli.motion_files import AS_IS, Reading, read_motion

if TYPE_CHECKING:
    from marey.motion import Motion
    from marey.rigs import FitReport, RigMap

Map = Annotated[str | None, tyro.conf.arg(name="map", metavar="FILE.json|PRESET")]
"""A map file, or the name of a preset."""
SUNK = 0.005
"""Soles that are deeper below the ground, in metres, are worth a line."""
PresetName = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]


def match(
    file: InputFile,
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="MAP.json")] = None,
    rig_map: Map = None,
    reading: Reading = AS_IS,
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False,
    force: bool = False,
) -> None:
    """Tell which joint of body22 each joint of a rig follows, how sure that is, and why.

    Args:
        file: Motion or skeleton file of the rig.
        output: Write the map as a file to edit.
        rig_map: Check this map, or use the names of this preset only.
        reading: How to read FILE.
        as_json: Print JSON instead of text.
        force: Overwrite MAP.json if it exists.
    """
    from marey.rigs import save_rig_map

    _warn_of_damaged_presets()
    found = map_of(read_motion(file, reading), rig_map)
    if output is not None:
        save_rig_map(found, output, force=force)
    if as_json:
        facts = asdict(found) | {"confidence": found.confidence, "missing": list(found.missing)}
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
        if output is not None:
            print(f"{output}: edit what it follows, then use it with --map {output}")


def presets() -> None:
    """List the namings that are known, the shipped ones and your own."""
    from marey.rigs import namings, user_folder
    from marey.rigs.naming import shipped_namings

    _warn_of_damaged_presets()
    shipped = shipped_namings()
    for name, one in namings().items():
        print(f"{name:12}{one.title}{'' if one is shipped.get(name) else ' (yours)'}")
    print(f"your own are kept in {user_folder()}")


def show(name: PresetName) -> None:
    """Print the joint names of a preset.

    Args:
        name: A preset of 'marey rig presets'.
    """
    from marey.rigs import naming

    for joint, names in naming(name).joints.items():
        print(f"{joint:16}{', '.join(names)}")


def save(
    name: PresetName,
    file: InputFile,
    *,
    reading: Reading = AS_IS,
    force: bool = False,
) -> None:
    """Keep the joint names of a map, or of a rig as it is matched, as a preset of your own.

    Args:
        name: Name of the preset: letters, digits, - and _.
        file: A map (.json), or a motion or skeleton file of the rig.
        reading: How to read FILE, if it is no map.
        force: Overwrite the preset if it exists, or put one before a shipped one of that name.
    """
    from marey.rigs import Naming, load_rig_map, save_naming

    if file.suffix.lower() == ".json":
        found = load_rig_map(file)
    else:
        found = map_of(read_motion(file, reading), None)
    path = save_naming(Naming.of(name, found), force=force)
    print(f"{path}: {len(found.entries)} joints")


def _warn_of_damaged_presets() -> None:
    """Say on stderr which of the user's presets are left out, and why."""
    from marey.rigs import damaged_namings

    for error in damaged_namings().values():
        print(f"warning: preset left out: {error}", file=sys.stderr)


def map_of(rig: "Motion", choice: str | None) -> "RigMap":
    """Return the chosen map of the rig that a file holds; see ``rigs.chosen_map``."""
    from marey.rigs import chosen_map, standing_pose
    from marey.rigs.standing import stood_up

    rest = standing_pose(rig)
    skeleton = rig.skeleton if rest is None else stood_up(rig.skeleton, rest)
    return chosen_map(skeleton, choice, notes=rig.metadata)


def fit_lines(report: "FitReport") -> Iterator[str]:
    """Yield what fitting to a rig did, in a user's words."""

    def cm(value: float | None) -> str:
        return "unknown" if value is None else f"{100 * value:.1f} cm"

    if report.skate_before is not None and report.skate_after is not None:
        yield (
            f"foot skate {cm(report.skate_before)}/s before, {cm(report.skate_after)}/s after "
            f"(rotations alone: {cm(report.skate_plain)}/s)"
        )
    if report.foot_correction is not None:
        feet, hands = cm(report.foot_correction), cm(report.hand_correction)
        yield f"feet moved by up to {feet}, hands by {hands}"
    if report.sunk_after is not None and report.sunk_after > SUNK:
        sunk, before = cm(report.sunk_after), cm(report.sunk_before)
        yield f"soles sink by {sunk}, those of the source by {before}"
    for limb, frames, error in (
        ("feet", report.feet_missed, report.foot_error),
        ("hands", report.hands_missed, report.hand_error),
    ):
        if frames:
            yield f"{limb} out of reach of their goals in {frames} frames, by up to {cm(error)}"
    if report.retargeting.unmapped:
        yield f"{len(report.retargeting.unmapped)} joints go with their parents"


def _lines(found: "RigMap") -> Iterator[str]:
    naming = found.naming or "none that is known"
    yield f"rig         {found.rig}"
    yield f"naming      {naming}"
    yield f"confidence  {found.confidence:.2f}, {22 - len(found.missing)} of 22 joints"
    width = max((len(entry.joint) for entry in found.entries), default=0) + 2
    for entry in found.entries:
        yield (f"  {entry.joint:{width}}{entry.follows:16}{entry.confidence:.2f}  {entry.reason}")
    if found.free:
        shown = ", ".join(found.free[:8]) + (" …" if len(found.free) > 8 else "")
        yield f"{len(found.free)} joints go with their parents: {shown}"
    for warning in found.warnings:
        yield f"warning: {warning}"
