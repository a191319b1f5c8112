"""Reading glTF: the joints of a .glb, .vrm or .gltf file and its first animation become a Motion.

Joints are the nodes that skins name and what lies between them, of several trees the largest;
without skins, the nodes that the animation turns. The rest pose is the one to which meshes are
bound, else that of the nodes. glTF has no frame rate: it is the one that marey noted, else the
spacing of the keys, else 30. VRM files name the bones of a human, whose nodes hold the T-pose;
those before version 1 face -Z and are turned around.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from marey.errors import InvalidInputError
from marey.io.gltf_bind import bind_pose
from marey.io.gltf_file import GltfFile, is_number
from marey.io.gltf_tracks import Track, frame_rate, read_track
from marey.io.notes import read_notes
from marey.io.rig_motion import RigTransforms, check_frames, rig_motion, unique_names
from marey.motion import Motion
from marey.motion.motion import MAX_FPS
from marey.skeleton import Roles

_DEFAULTS: dict[str, list[float]] = {
    "translation": [0.0, 0.0, 0.0],
    "rotation": [0.0, 0.0, 0.0, 1.0],
    "scale": [1.0, 1.0, 1.0],
}
_MIN_FPS = 0.01
_MAX_DEPTH, _MAX_SKINS, _MAX_NAMES = 256, 1000, 50
_TURN_AROUND = np.diag([-1.0, 1.0, -1.0, 1.0])
_ROLES = {"hip": "UpperLeg", "hand": "Hand", "heel": "Foot", "toe": "Toes"}

Tracks = dict[tuple[int, str], Track]


def read_glb(path: str | Path, *, translations: Literal["refuse", "drop"] = "refuse") -> Motion:
    """Read a glTF file; without animation it gives one frame, the rest pose.

    ``translations="drop"`` keeps bones rigid where the file stretches them by more than a
    millimetre. The metadata's ``vrm_bones`` maps a VRM file's human bones to joints.
    Raises FileFormatError, InvalidInputError for an unknown option.
    """
    if translations not in ("refuse", "drop"):
        raise InvalidInputError(f"translations must be refuse or drop, got {translations!r}.")
    file = GltfFile(Path(path))
    parents = _parents(file)
    tracks = _tracks(file)
    joints = _joints(file, parents, tracks)
    human, faces_back = _human_bones(file)
    rig = _transforms(file, parents, tracks, joints, human=bool(human))
    if faces_back:
        rig = replace(rig, rest=_TURN_AROUND @ rig.rest, frames=_TURN_AROUND @ rig.frames)
    names = {node: name for node, name in zip(joints, rig.names, strict=True)}
    bones = {bone: names[node] for bone, node in human.items() if node in names}
    metadata = read_notes(_extras(file)) | ({"vrm_bones": bones} if bones else {})
    if others := [str(row.get("name", "")) for row in file.rows("animations")[1:]]:
        metadata["other_takes"] = others[:_MAX_NAMES]
    drop = translations == "drop"
    motion = rig_motion(file.path, rig, drop_translations=drop, metadata=metadata)
    motion = _with_tips(file, motion, names)
    return _with_roles(motion, bones) if bones else motion


def _extras(file: GltfFile) -> dict[str, Any]:
    scenes = file.rows("scenes")
    extras = scenes[0].get("extras") if scenes else None
    return extras if isinstance(extras, dict) else {}


def _parents(file: GltfFile) -> list[int]:
    """Parent of each node, -1 at the top. Raises FileFormatError if the nodes form no tree."""
    nodes = file.rows("nodes")
    parents = [-1] * len(nodes)
    for i, node in enumerate(nodes):
        for child in file.indices(node, "children", "nodes"):
            if parents[child] >= 0:
                raise file.fault(f"node {child}", "one parent", f"{parents[child]} and {i}")
            parents[child] = i
    if len(_from_the_top(file, parents)) < len(nodes):
        raise file.fault("nodes", f"a tree of at most {_MAX_DEPTH} levels", "circles, or more")
    return parents


def _from_the_top(file: GltfFile, parents: list[int]) -> list[int]:
    """Nodes level by level, as far as there may be levels."""
    level = [node for node, parent in enumerate(parents) if parent < 0]
    found: list[int] = []
    for _ in range(_MAX_DEPTH):
        found += level
        level = [i for node in level for i in file.rows("nodes")[node].get("children", ())]
    return found


def _tracks(file: GltfFile) -> Tracks:
    """Curves of the first animation, by node and what they move."""
    animations = file.rows("animations")
    found: Tracks = {}
    if not animations:
        return found
    samplers = file.records(animations[0], "samplers")
    for channel in file.records(animations[0], "channels"):
        target = file.object(channel, "target")
        node, moved = target.get("node"), str(target.get("path"))
        if node is None or moved not in _DEFAULTS:
            continue
        sampler = channel.get("sampler")
        if not isinstance(sampler, int) or not 0 <= sampler < len(samplers):
            raise file.fault("animation", f"a sampler below {len(samplers)}", repr(sampler)[:40])
        width = len(_DEFAULTS[moved])
        track = read_track(file, samplers[sampler], width)
        found.setdefault((file.index("nodes", node), moved), track)
    return found


def _joints(file: GltfFile, parents: list[int], tracks: Tracks) -> list[int]:
    """Nodes of the largest tree of joints, parents first, with all that lies between joints."""
    named = {
        joint for skin in file.rows("skins") for joint in file.indices(skin, "joints", "nodes")
    }
    named = named or {node for node, moved in tracks if moved == "rotation"}
    if not named:
        fix = "Export the skeleton too, with a mesh skinned to it."
        raise file.fault("file", "a skin with joints, or animated nodes", "neither", fix=fix)
    used: set[int] = set()
    for node in named:
        while node >= 0 and node not in used:
            used.add(node)
            node = parents[node]
    top: dict[int, int] = {}
    for node in _parents_first(file, parents):
        if node in used and (parents[node] in top or node in named):
            top[node] = top.get(parents[node], node)
    ((largest, _),) = Counter(top.values()).most_common(1)
    return [node for node in top if top[node] == largest]


def _parents_first(file: GltfFile, parents: list[int]) -> list[int]:
    """Nodes in the order of the file where it lists parents first, else level by level."""
    if all(parent < node for node, parent in enumerate(parents)):
        return list(range(len(parents)))
    return _from_the_top(file, parents)


def _transforms(
    file: GltfFile, parents: list[int], tracks: Tracks, joints: list[int], *, human: bool
) -> RigTransforms:
    """World transforms of the joints at rest and over time; nodes above them enter both.

    The rest pose is the one to which meshes are bound, of a ``human`` of VRM that of the nodes.
    """
    above = _above(parents, joints[0])
    chain = [*above, *joints]
    own = len(above)
    nodes = set(chain)
    tracks = {key: track for key, track in tracks.items() if key[0] in nodes}
    fps, times = _times(file, tracks, len(chain))
    rest = _worlds(file, parents, chain, {}, None)[0]
    if not human:
        rest = _bound(file, parents, chain, rest, own)
    frames = _worlds(file, parents, chain, tracks, times) if len(times) else rest[None]
    labels = [file.row("nodes", node).get("name") for node in joints]
    place = {node: i for i, node in enumerate(joints)}
    return RigTransforms(
        names=unique_names([name if isinstance(name, str) else "" for name in labels]),
        parents=tuple(place.get(parents[node], -1) for node in joints),
        rest=rest[own:],
        frames=frames[:, own:],
        fps=fps,
    )


def _above(parents: list[int], node: int) -> list[int]:
    """Nodes on which a node hangs, from the top on."""
    found: list[int] = []
    while (node := parents[node]) >= 0:
        found.append(node)
    return found[::-1]


def _worlds(
    file: GltfFile,
    parents: list[int],
    chain: list[int],
    tracks: Tracks,
    times: Float[np.ndarray, " frames"] | None,
) -> Float[np.ndarray, "#frames joints 4 4"]:
    """World transforms of nodes, parents first from the top on, at the times or in rest if None."""
    place = {node: i for i, node in enumerate(chain)}
    found = np.empty((1 if times is None else len(times), len(chain), 4, 4))
    for i, node in enumerate(chain):
        local = _local(file, node, tracks, times)
        parent = place.get(parents[node])
        found[:, i] = local if parent is None else found[:, parent] @ local
    return found


def _bound(
    file: GltfFile,
    parents: list[int],
    chain: list[int],
    rest: Float[np.ndarray, "joints 4 4"],
    own: int,
) -> Float[np.ndarray, "joints 4 4"]:
    """Put the joints, from ``own`` on, where skins bind them, others where their parents lead."""
    skins = file.rows("skins")
    if len(skins) > _MAX_SKINS:
        raise file.fault("skins", f"at most {_MAX_SKINS}", f"{len(skins)}")
    carriers: dict[int, int] = {}
    for node, row in enumerate(file.rows("nodes")):
        if "skin" in row:
            carriers.setdefault(file.index("skins", row["skin"]), node)
    meshes: list[np.ndarray] = []
    for skin in range(len(skins)):
        line = [*_above(parents, carriers[skin]), carriers[skin]] if skin in carriers else []
        meshes.append(_worlds(file, parents, line, {}, None)[0, -1] if line else np.eye(4))
    group = rest[own - 1] if own else np.eye(4)
    bound = bind_pose(file, dict(zip(chain[own:], rest[own:], strict=True)), meshes, group)
    place = {node: i for i, node in enumerate(chain)}
    found = rest.copy()
    for i, node in enumerate(chain[own:], start=own):
        if node in bound:
            found[i] = bound[node]
        elif i > own:
            found[i] = found[place[parents[node]]] @ _local(file, node, {}, None)[0]
    return found


def _times(file: GltfFile, tracks: Tracks, joints: int) -> tuple[float, np.ndarray]:
    """Frame rate and the frames' times in seconds; none where nothing is animated."""
    check_frames(file.path, 1, joints, 1)
    noted = _extras(file).get("fps")
    known = float(noted) if is_number(noted) and _MIN_FPS <= noted <= MAX_FPS else None
    if not tracks:
        return known or 30.0, np.zeros(0)
    densest = max((track.times for track in tracks.values()), key=len)
    fps = known or frame_rate(densest)
    first = min(float(track.times[0]) for track in tracks.values())
    last = max(float(track.times[-1]) for track in tracks.values())
    count = int((last - first) * fps + 1e-3) + 1
    check_frames(file.path, count, joints, len(densest))
    times = first + np.arange(count) / fps
    # Keys are stored in 32 bits: after minutes, what lies between them would be read.
    keyed = len(densest) == count and np.abs(densest - times).max() * fps < 0.05
    return fps, densest if keyed else times


def _local(
    file: GltfFile, node: int, tracks: Tracks, times: Float[np.ndarray, " frames"] | None
) -> Float[np.ndarray, "#frames 4 4"]:
    """Transform of a node in its parent's frame at the times, or in rest if None."""
    row = file.row("nodes", node)
    if "matrix" in row:
        columns = file.numbers(row, "matrix", np.eye(4).ravel().tolist())
        return columns.reshape(1, 4, 4).swapaxes(1, 2)
    parts = {}
    for name, default in _DEFAULTS.items():
        track = tracks.get((node, name)) if times is not None else None
        still = file.numbers(row, name, default)[None]
        parts[name] = still if track is None or times is None else track.at(times)
    if not (np.linalg.norm(parts["rotation"], axis=-1) > 1e-6).all():
        raise file.fault(f"node {node}", "rotations", "a quaternion of zeros")
    turns = Rotation.from_quat(parts["rotation"]).as_matrix()
    found = np.zeros((max(map(len, parts.values())), 4, 4))
    found[:, :3, :3] = turns * parts["scale"][:, None]
    found[:, :3, 3] = parts["translation"]
    found[:, 3, 3] = 1
    return found


def _human_bones(file: GltfFile) -> tuple[dict[str, int], bool]:
    """Return the nodes of a VRM file's human bones, and whether it faces -Z (before version 1)."""
    extensions = file.object(file.root, "extensions")
    new, old = (file.object(extensions, name) for name in ("VRMC_vrm", "VRM"))
    found: dict[str, int] = {}
    if new:
        bones = file.object(file.object(new, "humanoid"), "humanBones")
        rows = [(name, file.object(bones, name).get("node")) for name in bones]
    else:
        bones = file.records(file.object(old, "humanoid"), "humanBones")
        rows = [(row.get("bone"), row.get("node")) for row in bones]
    for name, node in rows:
        if isinstance(name, str):
            found[name] = file.index("nodes", node)
    return found, bool(old) and not new


def _with_tips(file: GltfFile, motion: Motion, names: dict[int, str]) -> Motion:
    """Add the ends of leaf bones, which marey's own writer notes beside its joints."""
    if not str(file.object(file.root, "asset").get("generator")).startswith("marey "):
        return motion
    found: list[tuple[int, tuple[float, float, float]]] = []
    for node, name in names.items():
        extras = file.row("nodes", node).get("extras")
        tips = extras.get("tips") if isinstance(extras, dict) else None
        if name in motion.skeleton.joint_names and isinstance(tips, list):
            for i in range(len(tips)):
                x, y, z = file.numbers({"tips": tips[i]}, "tips", [0.0, 0.0, 0.0]).tolist()
                found.append((motion.skeleton.index(name), (x, y, z)))
    return replace(motion, skeleton=replace(motion.skeleton, end_sites=tuple(found)))


def _with_roles(motion: Motion, bones: dict[str, str]) -> Motion:
    """Take the roles from the human bones, which VRM states, not from the joints' names."""
    found = {"head": bones.get("head", "")}
    for side in ("left", "right"):
        for role, bone in _ROLES.items():
            found[f"{side}_{role}"] = bones.get(f"{side}{bone}", "")
        found[f"{side}_toe"] = found[f"{side}_toe"] or found[f"{side}_heel"]
    return replace(motion, skeleton=replace(motion.skeleton, roles=Roles(**found)))
