"""FBX: binary 7.4 with a skeleton, a solid body skinned to it and one animation.

FBX counts in centimetres, right-handed, Y up; angles are degrees, and its Euler order XYZ turns
about X first: ``R = Rz Ry Rx``. Joints are ``LimbNode`` models whose axes are the world's in rest
pose, each end site is a leaf bone ``<joint>_end``, and the rest pose, standing on the ground, is
the bind pose. Curves have one key per frame and straight lines between.
"""

import json
import re
from pathlib import Path
from typing import Literal

import numpy as np

from marey import __version__
from marey.errors import InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.euler_tracks import euler_tracks
from marey.io.fbx_binary import CREATION_TIME, FILE_ID, VERSION, Record, encode
from marey.io.fbx_scene import TICKS, FbxScene, properties
from marey.io.notes import notes_of
from marey.io.stick_body import SIDE_COLOURS, octahedra, standing_positions, stick_bones
from marey.motion import Motion
from marey.skeleton import Skeleton

FRAME_RATES: dict[float, int] = {
    24.0: 11,
    25.0: 10,
    30.0: 6,
    48.0: 5,
    50.0: 4,
    60.0: 3,
    72.0: 16,
    96.0: 15,
    100.0: 2,
    120.0: 1,
    1000.0: 12,
    24000 / 1001: 13,
    30000 / 1001: 9,
    60000 / 1001: 17,
}
"""Frame rates that FBX numbers; any other is ``CUSTOM_RATE`` with the rate beside it."""
CUSTOM_RATE = 14

_PER_METRE = {"cm": 100.0, "m": 1.0}
_SCENE_NAME = "motion"


def write_fbx(
    motion: Motion,
    path: str | Path,
    *,
    unit: Literal["cm", "m"] = "cm",
    force: bool = False,
) -> None:
    """Write a motion as binary FBX; an existing file is kept unless ``force`` is given.

    ``unit`` is that of the numbers in the file, which states it. In joint names, characters other
    than letters, digits and ``_ - . :`` become ``_``.
    Raises InvalidInputError for another unit, or if the file exists and ``force`` is False.
    """
    content = fbx_bytes(motion, unit=unit)
    with atomic_path(path, force=force) as temporary:
        temporary.write_bytes(content)


def fbx_bytes(motion: Motion, *, unit: str = "cm") -> bytes:
    """Return the content of an FBX file; the same motion gives the same bytes.

    Raises InvalidInputError for another unit.
    """
    if unit not in _PER_METRE:
        raise InvalidInputError(f"unit must be one of {', '.join(_PER_METRE)}, got {unit!r}.")
    scale = _PER_METRE[unit]
    scene = FbxScene()
    joints = _add_bones(scene, motion.skeleton, scale)
    _add_animation(scene, motion, joints, scale)
    stop = _ticks(motion)[-1]
    return encode(
        [
            _header(motion),
            Record("FileId", (FILE_ID,)),
            Record("CreationTime", (CREATION_TIME,)),
            Record("Creator", (f"marey {__version__}",)),
            _settings(motion.fps, scale, stop),
            _documents(),
            Record("References"),
            *scene.records(),
            _takes(stop),
        ]
    )


def bone_names(skeleton: Skeleton) -> list[str]:
    """Names of the bones in the file, all different: joints first, then end sites."""
    names: list[str] = []

    def add(wanted: str) -> None:
        name, number = wanted, 2
        while name in names:
            name, number = f"{wanted}{number}", number + 1
        names.append(name)

    for joint in skeleton.joint_names:
        add(_clean(joint))
    for joint, _ in skeleton.end_sites:
        add(f"{names[joint]}_end")
    return names


def _clean(name: str) -> str:
    """A name that FBX and the programs that read it take; FBX itself forbids ``::`` and NUL."""
    return re.sub(r"[^\w\-.:]|:(?=:)", "_", name) or "_"


def _add_bones(scene: FbxScene, skeleton: Skeleton, scale: float) -> list[np.int64]:
    """Add a bone per joint and end site, the body and the bind pose; return the joints."""
    names = bone_names(skeleton)
    rest = standing_positions(skeleton).double().numpy() * scale
    bones: list[np.int64] = []
    for joint, parent in enumerate(skeleton.parents):
        step = rest[joint] - rest[parent] if parent >= 0 else rest[joint]
        above = bones[parent] if parent >= 0 else None
        bones.append(scene.add_bone(names[joint], step, above, size=0.03 * scale))
    places = list(rest)
    for (joint, tip), name in zip(skeleton.end_sites, names[len(rest) :], strict=True):
        step = np.array(tip) * scale
        bones.append(scene.add_bone(name, step, bones[joint], size=0.02 * scale))
        places.append(rest[joint] + step)
    joints = bones[: len(rest)]
    _add_body(scene, skeleton, joints, scale)
    scene.add_bind_pose(bones, places)
    return joints


def _add_body(scene: FbxScene, skeleton: Skeleton, joints: list[np.int64], scale: float) -> None:
    """Add the mesh of one octahedron per bone, each bound to one joint."""
    rest = standing_positions(skeleton).double().numpy()
    owners, sides, tips = stick_bones(skeleton)
    corners, normals = octahedra(tips)
    corners = (corners + rest[owners][:, None]) * scale
    colours = [side for side in SIDE_COLOURS if (sides == side).any()]
    materials = np.repeat([colours.index(side) for side in sides], corners.shape[1] // 3)
    scene.add_mesh(
        _clean(f"{skeleton.name}_body"),
        corners.reshape(-1, 3),
        normals.reshape(-1, 3),
        materials.astype(np.int32),
    )
    for side in colours:
        scene.add_material(side, SIDE_COLOURS[side])
    names = bone_names(skeleton)
    bound = np.repeat(owners, corners.shape[1])
    for joint in np.unique(owners):
        own = np.flatnonzero(bound == joint)
        scene.add_cluster(names[joint], joints[joint], own, rest[joint] * scale)


def _ticks(motion: Motion) -> np.ndarray:
    """Time of each frame in FBX units; whole, for all usual rates divide them."""
    return np.rint(np.arange(motion.num_frames) * (TICKS / motion.fps)).astype(np.int64)


def _add_animation(scene: FbxScene, motion: Motion, joints: list[np.int64], scale: float) -> None:
    """Add the curves: the root's place and every joint's angles."""
    times = _ticks(motion)
    scene.add_take(_SCENE_NAME, times[-1])
    path = motion.root_positions.detach().cpu().double().numpy() * scale
    scene.add_curves(joints[0], "Lcl Translation", times, path)
    # Intrinsic ZYX is FBX's XYZ, which turns about the fixed X axis first.
    angles = euler_tracks(motion.local_rotations, "ZYX").rad2deg().numpy()[..., ::-1]
    for joint, bone in enumerate(joints):
        scene.add_curves(bone, "Lcl Rotation", times, angles[:, joint])


# --- records about the file --------------------------------------------------------------------


def _header(motion: Motion) -> Record:
    """What wrote the file, and the notes of the motion as JSON in the scene's comment."""
    notes = notes_of(motion.metadata)
    texts = {"Title": _SCENE_NAME, "Subject": motion.skeleton.name, "Comment": json.dumps(notes)}
    fields = ("Title", "Subject", "Author", "Keywords", "Revision", "Comment")
    scene = (
        Record("Type", ("UserData",)),
        Record("Version", (100,)),
        Record(
            "MetaData",
            (),
            (Record("Version", (100,)), *(Record(f, (texts.get(f, ""),)) for f in fields)),
        ),
    )
    return Record(
        "FBXHeaderExtension",
        (),
        (
            Record("FBXHeaderVersion", (1003,)),
            Record("FBXVersion", (VERSION,)),
            Record("EncryptionType", (0,)),
            Record("Creator", (f"marey {__version__}",)),
            Record("SceneInfo", ("GlobalInfo\0\1SceneInfo", "UserData"), scene),
        ),
    )


def _settings(fps: float, scale: float, stop: np.int64) -> Record:
    """Axes (Y up, Z towards the viewer), unit in centimetres, frame rate and time span."""
    axes = {"UpAxis": 1, "FrontAxis": 2, "CoordAxis": 0, "OriginalUpAxis": 1}
    signed = [row for name, axis in axes.items() for row in ((name, axis), (f"{name}Sign", 1))]
    table = properties(
        *((name, "int", value) for name, value in signed),
        ("UnitScaleFactor", "double", 100 / scale),
        ("OriginalUnitScaleFactor", "double", 100 / scale),
        ("TimeMode", "enum", FRAME_RATES.get(fps, CUSTOM_RATE)),
        ("TimeSpanStart", "time", np.int64(0)),
        ("TimeSpanStop", "time", stop),
        ("CustomFrameRate", "double", float(fps)),
    )
    return Record("GlobalSettings", (), (Record("Version", (1000,)), table))


def _documents() -> Record:
    table = properties(("SourceObject", "object"), ("ActiveAnimStackName", "text", _SCENE_NAME))
    root = Record("RootNode", (np.int64(0),))
    document = Record("Document", (np.int64(1), "", "Scene"), (table, root))
    return Record("Documents", (), (Record("Count", (1,)), document))


def _takes(stop: np.int64) -> Record:
    span = (np.int64(0), stop)
    take = Record(
        "Take",
        (_SCENE_NAME,),
        (
            Record("FileName", (f"{_SCENE_NAME}.tak",)),
            Record("LocalTime", span),
            Record("ReferenceTime", span),
        ),
    )
    return Record("Takes", (), (Record("Current", (_SCENE_NAME,)), take))
