"""The formats of motion files: their names, suffixes, and where their readers and writers are.

Packages that only one format needs load with its reader or writer, not before.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError
from marey.io.npy_archive import array_names
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77, Skeleton


@dataclass(frozen=True, kw_only=True)
class MotionFormat:
    """A way to keep a motion in a file."""

    name: str
    suffixes: tuple[str, ...]
    summary: str
    reader: str = ""
    """``module:function`` that reads such a file; empty where marey only writes it."""
    writer: str = ""
    """``module:function`` that writes such a file; empty where marey only reads it."""
    arrays: tuple[str, ...] = ()
    """Arrays of which such an NPZ holds at least one, and an NPZ of another format none."""
    reading: tuple[str, ...] = ()
    """Options of the reader."""
    skeletons: tuple[Skeleton, ...] = ()
    """The bodies that such a file can hold, the first by preference; () for any."""
    fps: float | None = None
    """Frame rate of such files, which do not hold it; None where they do."""
    any_rate: bool = False
    """Whether such a file may have another frame rate, which its reader is told."""

    def holds(self, skeleton: Skeleton) -> bool:
        """Return whether such a file can hold motions of a body; bone lengths may differ."""
        names = [each.joint_names for each in self.skeletons]
        return not names or skeleton.joint_names in names

    def read(self, path: str | Path, **options: Any) -> Motion:
        """Call the format's reader. Raises InvalidInputError if it has none, FileFormatError."""
        reader = self._function("reader", "read")
        try:
            return reader(path, **options)
        except FileFormatError as error:
            self._check_content(Path(path), error)
            raise

    def _check_content(self, path: Path, error: FileFormatError) -> None:
        """Raise FileFormatError, from another, if a file has the content of another format."""
        try:
            with path.open("rb") as file:
                start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        except (OSError, ValueError):
            return
        for mark, suffix in _MARKS.items():
            own = [each for each in FORMATS if suffix in each.suffixes]
            if start.startswith(mark) and self.reader not in [each.reader for each in own]:
                name = " or ".join(each.name for each in own)
                raise FileFormatError(
                    path,
                    "file",
                    expected=f"the content of format {self.name!r}",
                    got=f"what looks like {suffix[1:].upper()}",
                    fix=f"Rename it to {suffix}, or say --from {name} (format= in Python).",
                ) from error

    def write(self, motion: Motion, path: str | Path, **options: Any) -> None:
        """Call the format's writer. Raises InvalidInputError if it has none."""
        self._function("writer", "written")(motion, path, **options)

    def _function(self, kind: str, verb: str) -> Callable[..., Any]:
        target: str = getattr(self, kind)
        if not target:
            able = ", ".join(each.name for each in FORMATS if getattr(each, kind))
            raise InvalidInputError(
                f"Expected a format that can be {verb}, got {self.name!r}; these can: {able}."
            )
        module, function = target.split(":")
        return getattr(importlib.import_module(module), function)


_MARKS = {
    b"HIERARCHY": ".bvh",
    b"Kaydara FBX Binary": ".fbx",
    b"glTF": ".glb",
    b"PK\x03\x04": ".npz",
    b"\x93NUMPY": ".npy",
}
"""What files start with, and the suffix that they should have."""

FORMATS: tuple[MotionFormat, ...] = (
    MotionFormat(
        name="bvh",
        suffixes=(".bvh",),
        summary="Biovision hierarchy",
        reader="marey.io.bvh:read_bvh",
        writer="marey.io.bvh:write_bvh",
        reading=("unit", "up", "translations"),
    ),
    MotionFormat(
        name="marey",
        suffixes=(".npz",),
        summary="all of a motion, bit for bit",
        reader="marey.io.npz:read_npz",
        writer="marey.io.npz:write_npz",
        arrays=("marey_format",),
    ),
    MotionFormat(
        name="kimodo",
        suffixes=(".npz",),
        summary="positions and rotations as Kimodo writes them",
        reader="marey.io.kimodo:read_kimodo",
        writer="marey.io.kimodo:write_kimodo",
        arrays=("posed_joints", "joints_pos", "global_rot_mats", "local_rot_mats", "joints_rot"),
        reading=("fps",),
        skeletons=(SOMA30, SOMA77, G1_34, BODY22),  # the writer adds relaxed fingers to the first
        fps=30.0,
    ),
    MotionFormat(
        name="amass",
        suffixes=(".npz",),
        summary="rotations of SMPL's joints, as AMASS has them",
        reader="marey.io.amass:read_amass",
        writer="marey.io.amass:write_amass",
        arrays=("poses", "pose_body", "root_orient"),
        reading=("rest", "source_fps"),
        skeletons=(BODY22,),
    ),
    MotionFormat(
        name="humanml3d",
        suffixes=(".npy",),
        summary="joint positions or features of HumanML3D and KIT-ML",
        reader="marey.io.humanml3d:read_humanml3d",
        writer="marey.io.humanml3d:write_humanml3d",
        reading=("fps", "rest"),
        skeletons=(BODY22,),
        fps=20.0,
    ),
    MotionFormat(
        name="g1",
        suffixes=(".csv",),
        summary="MuJoCo poses of the Unitree G1",
        reader="marey.io.mujoco_csv:read_mujoco_csv",
        writer="marey.io.mujoco_csv:write_mujoco_csv",
        reading=("fps", "quaternions"),
        skeletons=(G1_34,),
        fps=30.0,
        any_rate=True,
    ),
    MotionFormat(
        name="fbx",
        suffixes=(".fbx",),
        summary="binary FBX 7.4: joints and animation",
        reader="marey.io.fbx_reader:read_fbx",
        writer="marey.io.fbx:write_fbx",
        reading=("translations",),
    ),
    MotionFormat(
        name="glb",
        suffixes=(".glb",),
        summary="binary glTF: joints, body, animation",
        reader="marey.io.glb_reader:read_glb",
        writer="marey.io.glb:write_glb",
        reading=("translations",),
    ),
    MotionFormat(
        name="gltf",
        suffixes=(".vrm", ".gltf"),
        summary="VRM characters, and glTF that holds its data itself",
        reader="marey.io.glb_reader:read_glb",
        reading=("translations",),
    ),
    MotionFormat(
        name="usd",
        suffixes=(".usda", ".usdc", ".usd"),
        summary="USD: joints and animation (extra usd)",
        writer="marey.io.usd:write_usd",
    ),
    MotionFormat(
        name="preview",
        suffixes=(".png", ".webp", ".gif", ".mp4"),
        summary="contact sheet, animation, video",
        writer="marey.io.render:render_file",
    ),
)
"""Every format; of several with one suffix the first is the default when writing."""


def format_named(name: str) -> MotionFormat:
    """Return a format by name. Raises InvalidInputError that lists the names."""
    for each in FORMATS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in FORMATS)
    raise InvalidInputError(f"Unknown format {name!r}; the formats are {names}.")


def suffixes(kind: str) -> tuple[str, ...]:
    """Return the suffixes of the formats that have a ``reader`` or a ``writer``."""
    found = (suffix for each in FORMATS if getattr(each, kind) for suffix in each.suffixes)
    return tuple(dict.fromkeys(found))


def format_of(path: str | Path, kind: str, name: str | None = None) -> MotionFormat:
    """Return the format of a file to read (``reader``), or to be written (``writer``).

    ``name`` decides, or else the suffix; which of the NPZ formats a file to read has, the names of
    its arrays do. Raises InvalidInputError for an unknown name or suffix and for a file that would
    be written in a format with other suffixes, FileFormatError for an NPZ of no known format.
    """
    suffix = Path(path).suffix.lower()
    if name is not None:
        chosen = format_named(name)
        if kind == "writer" and suffix not in chosen.suffixes:
            raise InvalidInputError(
                f"{path}: expected a name that ends in {', '.join(chosen.suffixes)} for format "
                f"{name!r}, got {suffix or 'no suffix'}."
            )
        return chosen
    found = [each for each in FORMATS if suffix in each.suffixes and getattr(each, kind)]
    if kind == "reader" and Path(path).is_dir():
        raise InvalidInputError(f"{path}: expected a motion file, got a folder.")
    if not found:
        verb = {"reader": "read", "writer": "written"}[kind]
        raise InvalidInputError(
            f"{path}: expected a name that ends in {', '.join(suffixes(kind))}, got "
            f"{suffix or 'no suffix'}; no other motion file can be {verb}."
        )
    if kind == "writer" or len(found) == 1:
        return found[0]
    names = set(array_names(Path(path)))
    for each in found:
        if names.intersection(each.arrays):
            return each
    raise FileFormatError(
        path,
        "file",
        expected="; or ".join(f"{each.arrays[0]!r} ({each.name})" for each in found),
        got=f"arrays named {', '.join(sorted(names)) or 'nothing'}"[:200],
        fix="Export the motion in one of these layouts.",
    )
