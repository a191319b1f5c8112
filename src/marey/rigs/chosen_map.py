"""The map that a user chose for a rig: none, a file, or a preset by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marey.errors import InvalidInputError
from marey.rigs.map_file import load_rig_map
from marey.rigs.matching import match_rig
from marey.rigs.naming import Naming, naming, namings, shipped_namings
from marey.rigs.rig_map import RigMap
from marey.skeleton import Skeleton


def chosen_map(
    skeleton: Skeleton,
    choice: str | Path | None = None,
    *,
    notes: Mapping[str, Any] | None = None,
) -> RigMap:
    """Return the map of a rig: matched, read from a .json file, or matched by one preset's names.

    ``notes`` are the metadata of the rig's file: where they hold ``vrm_bones``, as of VRM files,
    these name the joints. Raises InvalidInputError for a preset that there is not, or whose names
    the rig does not have, and FileFormatError for a file that is no map of this rig.
    """
    if choice is None:
        return match_rig(skeleton, known=[*_stated(notes or {}), *namings().values()])
    if str(choice).endswith(".json"):
        return load_rig_map(choice, skeleton)
    preset = naming(str(choice))
    found = match_rig(skeleton, known=[preset])
    if found.naming != preset.name:
        first = next(iter(preset.joints.values()))[0]
        raise InvalidInputError(
            f"Expected a rig with the names of preset {preset.name!r} (such as {first!r}), got "
            f"{', '.join(skeleton.joint_names[:6])} …. Leave the preset out, or write a map with "
            "'marey rig match'."
        )
    return found


def _stated(notes: Mapping[str, Any]) -> list[Naming]:
    """Return the naming that a VRM file states of itself, if it does."""
    bones = notes.get("vrm_bones")
    if not isinstance(bones, Mapping):
        return []
    joints = {
        follows: (str(bones[bone]),)
        for bone, follows in shipped_namings()["vrm"].read([str(bone) for bone in bones]).items()
    }
    return [Naming(name="VRM file", title="stated by the file", joints=joints)] if joints else []
