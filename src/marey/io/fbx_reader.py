"""Reading FBX: the bones of a binary file and its first take become a Motion.

The joints are the models of sort LimbNode, Limb or Root, and what lies between them; of several
trees the largest is read. Rest pose is the one to which a mesh is bound, else what the file calls
its bind pose, else the pose of PreRotations alone, else the models' own values. Curves are taken as
straight lines between keys, or steps; exporters write a key per frame. Sources: Autodesk, FBX SDK
documentation, "Computing transformation matrices"; files of several programs.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.fbx import CUSTOM_RATE, FRAME_RATES
from marey.io.fbx_binary import decode, fault
from marey.io.fbx_objects import Curve, Model, Scene, read_scene
from marey.io.fbx_scene import TICKS
from marey.io.notes import read_notes
from marey.io.rig_motion import RigTransforms, check_frames, rig_motion, unique_names
from marey.io.text_lines import check_file
from marey.motion import Motion
from marey.motion.motion import MAX_FPS

_BONES = {"LimbNode", "Limb", "Root"}
# FBX names orders by what turns first about fixed axes: its XYZ is the intrinsic ZYX.
_ORDERS = ("ZYX", "YZX", "XZY", "ZXY", "YXZ", "XYZ")
# Two more are drop-frame counts of 30 and 29.97, which change numbers on a clock, not the rate.
_RATES = {number: rate for rate, number in FRAME_RATES.items()} | {
    7: 30.0,
    8: 30000 / 1001,
    18: 120000 / 1001,
}
_DEFAULT_FPS = 30.0
MIN_FPS = 0.01


def read_fbx(path: str | Path, *, translations: Literal["refuse", "drop"] = "refuse") -> Motion:
    """Read a binary FBX file of version 7; without animation it gives one frame, the rest pose.

    Units and axes are those that the file states. ``translations="drop"`` keeps bones rigid where
    the file stretches them by more than a millimetre.
    Raises FileFormatError, InvalidInputError for an unknown option.
    """
    if translations not in ("refuse", "drop"):
        raise InvalidInputError(f"translations must be refuse or drop, got {translations!r}.")
    path = Path(path)
    check_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise fault(path, "file", "a readable file", str(error)) from error
    scene = read_scene(path, decode(path, content), len(content))
    joints = _joints(path, scene)
    metadata = _notes(scene) | ({"take": scene.takes[0]} if scene.takes else {})
    if len(scene.takes) > 1:
        metadata["other_takes"] = list(scene.takes[1:])
    rig = _transforms(path, scene, joints)
    drop = translations == "drop"
    return rig_motion(path, rig, drop_translations=drop, metadata=metadata)


def _notes(scene: Scene) -> dict[str, Any]:
    """What marey's own writer noted of the motion."""
    try:
        notes = json.loads(scene.notes)
    except (ValueError, RecursionError):
        return {}
    return read_notes(notes)


def _joints(path: Path, scene: Scene) -> list[int]:
    """Models of the largest tree of bones, parents first, with all that lies between bones."""
    used: set[int] = set()
    for identifier, model in scene.models.items():
        if model.sort in _BONES:
            while identifier and identifier not in used:
                used.add(identifier)
                identifier = scene.models[identifier].parent
    top: dict[int, int] = {}
    for identifier, model in scene.models.items():
        if identifier in used and (model.parent in top or model.sort in _BONES):
            top[identifier] = top.get(model.parent, identifier)
    if not top:
        fix = "Export the skeleton too, as bones or joints."
        raise fault(path, "file", "bones (models of the sort LimbNode)", "none", fix=fix)
    ((largest, _),) = Counter(top.values()).most_common(1)
    return [identifier for identifier in top if top[identifier] == largest]


def _transforms(path: Path, scene: Scene, joints: list[int]) -> RigTransforms:
    """World transforms of the joints at rest and over time; models above them enter both."""
    above: list[int] = []
    parent = scene.models[joints[0]].parent
    while parent:
        above.append(parent)
        parent = scene.models[parent].parent
    above.reverse()
    chain = [scene.models[identifier] for identifier in (*above, *joints)]
    place = {identifier: i for i, identifier in enumerate((*above, *joints))}
    parents = [place.get(model.parent, -1) for model in chain]
    fps, times = _times(path, scene, chain)
    rest = _rest(scene, place, parents)
    frames = rest[None]
    if len(times):
        frames = np.empty((len(times), len(chain), 4, 4))
        for i, (model, parent) in enumerate(zip(chain, parents, strict=True)):
            local = _local(model, times)
            frames[:, i] = frames[:, parent] @ local if parent >= 0 else local
    turn, own = _to_y_up_metres(path, scene), len(above)
    return RigTransforms(
        names=unique_names([model.name for model in chain[own:]]),
        parents=tuple(max(parent - own, -1) for parent in parents[own:]),
        rest=turn @ rest[own:],
        frames=turn @ frames[:, own:],
        fps=fps,
    )


def _times(path: Path, scene: Scene, chain: list[Model]) -> tuple[float, np.ndarray]:
    """Frame rate and the frames' times in ticks; none where nothing is animated.

    The rate is the file's own, but for a curve that has keys more often.
    """
    fps = _stated_rate(scene)
    tracks = [track for model in chain for axes in model.curves.values() for track in axes.values()]
    curves = [track for track in tracks if isinstance(track, Curve)]
    densest = max(curves, key=lambda curve: len(curve.times), default=None)
    check_frames(path, 1, len(chain), 1)
    if densest is None:
        return fps, np.zeros(0)
    if len(densest.times) > 1:
        rate = TICKS / max(float(np.median(np.diff(densest.times))), 1.0)
        if 1.01 * fps < rate <= MAX_FPS:
            fps = min((*FRAME_RATES, rate), key=lambda usual: (abs(usual / rate - 1) > 1e-4, usual))
    first = min(int(curve.times[0]) for curve in curves)
    last = max(int(curve.times[-1]) for curve in curves)
    if scene.span and first < scene.span[1] and scene.span[0] < last:
        first, last = max(first, scene.span[0]), min(last, scene.span[1])
    count = math.floor((last - first) * fps / TICKS + 1e-3) + 1
    check_frames(path, count, len(chain), len(densest.times))
    return fps, first + np.arange(count) * (TICKS / fps)


def _stated_rate(scene: Scene) -> float:
    mode = int(scene.setting("TimeMode", 0.0))
    rate = scene.setting("CustomFrameRate", 0.0) if mode == CUSTOM_RATE else _RATES.get(mode, 0.0)
    return rate if MIN_FPS <= rate <= MAX_FPS else _DEFAULT_FPS


def _rest(
    scene: Scene, place: dict[int, int], parents: list[int]
) -> Float[np.ndarray, "joints 4 4"]:
    """World transforms in rest pose, in the file's unit and axes."""
    oriented = any(any(scene.models[i].vector("PreRotation")) for i in place)
    rest = np.empty((len(place), 4, 4))
    for identifier, i in place.items():
        local = _local(scene.models[identifier], None, unturned=oriented)[0]
        follows = rest[parents[i]] @ local if parents[i] >= 0 else local
        rest[i] = scene.rest.get(identifier, follows)
    return rest


def _local(
    model: Model, times: Float[np.ndarray, " frames"] | None, *, unturned: bool = False
) -> Float[np.ndarray, "frames 4 4"]:
    """Transforms in the parent's frame at the times, or from the model's own values if None.

    ``T Roff Rp Rpre R Rpost⁻¹ Rp⁻¹ Soff Sp S Sp⁻¹``, where R is left out if ``unturned``.
    """
    move = _track(model, "Lcl Translation", times)
    scale = _track(model, "Lcl Scaling", times)
    turn = _track(model, "Lcl Rotation", times) * (not unturned)
    active = model.whole("RotationActive")
    order = _ORDERS[model.whole("RotationOrder") % 6] if active else _ORDERS[0]
    matrix = _euler(turn, order)
    if active:
        before, after = (
            _euler(_row(model, name), _ORDERS[0]) for name in ("PreRotation", "PostRotation")
        )
        matrix = before @ matrix @ after.swapaxes(-1, -2)
    pivot, middle = _row(model, "RotationPivot"), _row(model, "ScalingPivot")
    inner = _row(model, "ScalingOffset") - pivot + middle - scale * middle
    found = np.zeros((len(move), 4, 4))
    found[:, :3, :3] = matrix * scale[:, None]
    found[:, :3, 3] = move + _row(model, "RotationOffset") + pivot
    found[:, :3, 3] += (matrix @ inner[..., None])[..., 0]
    found[:, 3, 3] = 1
    return found


def _row(model: Model, name: str) -> Float[np.ndarray, "1 3"]:
    return np.array([model.vector(name)])


def _track(
    model: Model, name: str, times: Float[np.ndarray, " frames"] | None
) -> Float[np.ndarray, "frames 3"]:
    still = model.vector(name, 1.0 if name == "Lcl Scaling" else 0.0)
    if times is None:
        return np.array([still])
    found = np.repeat(np.array([still]), len(times), axis=0)
    for axis, track in model.curves.get(name, {}).items():
        found[:, axis] = track.at(times) if isinstance(track, Curve) else track
    return found


def _euler(degrees: Float[np.ndarray, "frames 3"], order: str) -> Float[np.ndarray, "frames 3 3"]:
    angles = torch.from_numpy(np.radians(degrees[:, ["XYZ".index(axis) for axis in order]]))
    return rotations.euler_to_matrix(angles, order).numpy()


def _to_y_up_metres(path: Path, scene: Scene) -> Float[np.ndarray, "4 4"]:
    """Transform from the file's axes and unit."""
    matrix = np.eye(4)
    for row, (name, default) in enumerate((("Coord", 0.0), ("Up", 1.0), ("Front", 2.0))):
        axis = int(scene.setting(f"{name}Axis", default)) % 3
        matrix[row, :3] = 0
        matrix[row, axis] = 1 if scene.setting(f"{name}AxisSign", 1.0) >= 0 else -1
    if np.linalg.det(matrix) < 0.5:
        raise fault(path, "GlobalSettings", "three different, right-handed axes", "others")
    metres = scene.setting("UnitScaleFactor", 1.0) / 100
    if not 1e-9 < metres < 1e6:
        raise fault(path, "UnitScaleFactor", "the unit in centimetres", f"{100 * metres:g}")
    matrix[:3] *= metres
    return matrix
