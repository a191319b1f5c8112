"""Naming: what a program calls the joints of a body, as data; shipped ones and the user's own."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.io.json_object import parse_object
from marey.io.text_lines import read_text
from marey.rigs.close_names import close
from marey.rigs.rig_map import RigMap
from marey.skeleton import BODY22

FOLDER_VARIABLE = "MAREY_RIGS"
"""Environment variable that names another folder for the user's own namings."""
_PREFIX = re.compile(r"^mixamorig\d*_?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MAX_BYTES = 2**20
_FIX = "Write it anew with 'marey rig save'."


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Names of joints by the joint of ``body22`` that they stand for; several are alternatives."""

    name: str
    title: str
    joints: Mapping[str, tuple[str, ...]]

    def read(self, joint_names: Sequence[str]) -> dict[str, str]:
        """Return the joint of ``body22`` by the joints that this naming knows.

        Names are compared without namespace, case and punctuation. Of alternatives the first
        that no joint further out has taken counts.
        """
        own = {plain(name): name for name in reversed(joint_names)}
        found: dict[str, str] = {}
        for follows in reversed(BODY22.joint_names):  # outwards in: spine_03 may be the chest
            for name in self.joints.get(follows, ()):
                joint = own.get(plain(name))
                if joint is not None and joint not in found:
                    found[joint] = follows
                    break
        return found

    @classmethod
    def of(cls, name: str, rig_map: RigMap) -> "Naming":
        """Return the naming of a map's joints. Raises InvalidInputError for an odd name."""
        if not _NAME.fullmatch(name):
            raise InvalidInputError(
                "Expected a preset name of up to 64 letters, digits, '-' and '_', got "
                f"{name[:80]!r}."
            )
        joints: dict[str, list[str]] = {}
        for entry in rig_map.entries:
            joints.setdefault(entry.follows, []).append(entry.joint)
        ordered = {j: tuple(joints[j]) for j in BODY22.joint_names if j in joints}
        return cls(name=name, title=f"saved from {rig_map.rig}", joints=ordered)


def plain(name: str) -> str:
    """Return a joint name without namespace, case and punctuation."""
    bare = _PREFIX.sub("", re.split(r"[:|]", name)[-1])
    return "".join(c for c in bare.casefold() if c.isalnum())


def namings() -> dict[str, Naming]:
    """Return the namings by name: the shipped ones, and the user's, which come before them.

    Files of the user's that are damaged are left out; see ``damaged_namings``.
    """
    mine = {name: one for name, one in _own().items() if isinstance(one, Naming)}
    return {**mine, **{n: one for n, one in shipped_namings().items() if n not in mine}}


def damaged_namings() -> dict[str, FileFormatError]:
    """Return what is wrong with the user's own namings that cannot be read, by name."""
    return {name: one for name, one in _own().items() if isinstance(one, FileFormatError)}


def _own() -> dict[str, Naming | FileFormatError]:
    """Return the user's namings by name, or why they cannot be read."""
    folder = user_folder()
    found: dict[str, Naming | FileFormatError] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            found[path.stem] = read_naming(path)
        except FileFormatError as error:
            found[path.stem] = error
    return found


def naming(name: str) -> Naming:
    """Return a naming by name.

    Raises InvalidInputError that suggests others, FileFormatError if the user's is damaged.
    """
    if (error := damaged_namings().get(name)) is not None:
        raise error
    known = namings()
    if name not in known:
        raise InvalidInputError(
            f"Expected a preset of 'marey rig presets', got {name!r}.{close(name, list(known))}"
        )
    return known[name]


def user_folder() -> Path:
    """Return the folder of the user's own namings, whether it exists or not.

    That is ``MAREY_RIGS``, or ``marey/rigs`` where the platform keeps settings.
    """
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or "~/AppData/Roaming"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "marey" / "rigs"


def save_naming(own: Naming, *, force: bool = False) -> Path:
    """Write a naming into the user's folder and return its path.

    Raises InvalidInputError, unless ``force``, if it exists or a shipped one has its name.
    """
    if own.name in shipped_namings() and not force:
        raise InvalidInputError(
            f"Preset {own.name!r} is shipped with marey, and one of your own would come before it. "
            "Choose another name, or pass --force (force=True in Python)."
        )
    path = user_folder() / f"{own.name}.json"
    rows = [f"    {json.dumps(j)}: {json.dumps(list(n))}" for j, n in own.joints.items()]
    head = f'  "naming": {json.dumps(own.name)},\n  "title": {json.dumps(own.title)},\n'
    text = f'{{\n{head}  "joints": {{\n' + ",\n".join(rows) + "\n  }\n}\n"
    with atomic_path(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def read_naming(path: Path) -> Naming:
    """Read a naming that ``save_naming`` wrote. Raises FileFormatError that names the entry."""
    text = read_text(path, max_bytes=_MAX_BYTES, fix=_FIX)
    return _naming(path, parse_object(path, text, fix=_FIX))


@cache
def shipped_namings() -> Mapping[str, Naming]:
    """Return the namings by name that come with marey."""
    folder = files("marey.rigs").joinpath("presets")
    texts = sorted(
        (file.name, file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".json")
    )
    return {
        name.removesuffix(".json"): _naming(Path(name), json.loads(text)) for name, text in texts
    }


def _naming(path: Path, data: Mapping[str, Any]) -> Naming:
    """Check the JSON of a naming."""
    joints = data.get("joints")
    if not isinstance(joints, dict) or not joints:
        raise FileFormatError(
            path, "joints", expected="an object of names by joint of body22", got="none", fix=_FIX
        )
    for joint, names in joints.items():
        if joint not in BODY22.joint_names:
            fix = f"Name one of body22's.{close(joint, BODY22.joint_names)}"
            raise FileFormatError(
                path, f"joints, {joint!r}", expected="a joint of body22", got="another", fix=fix
            )
        if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
            raise FileFormatError(
                path, f"joints, {joint!r}", expected="a list of names", got="others", fix=_FIX
            )
    return Naming(
        name=path.stem,
        title=str(data.get("title", path.stem))[:200],
        joints={joint: tuple(names) for joint, names in joints.items()},
    )
