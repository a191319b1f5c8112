"""Reading glTF: marey's own files, and rigs as other programs make them, built here by hand."""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from marey import rotations
from marey.errors import FileFormatError
from marey.io.bvh import read_bvh
from marey.io.glb import write_glb
from marey.io.glb_reader import read_glb
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA77, Skeleton

HALF = Rotation.from_euler("xyz", [0, 0, 90], degrees=True)


@pytest.mark.parametrize("skeleton", [BODY22, SOMA77, G1_34], ids=lambda s: s.name)
def test_own_files_come_back(
    skeleton: Skeleton, wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    motion = wander(skeleton, 50)
    write_glb(motion, tmp_path / "walk.glb")
    found = read_glb(tmp_path / "walk.glb")
    assert found.skeleton.joint_names == skeleton.joint_names
    assert found.skeleton.parents == skeleton.parents
    assert (found.fps, found.num_frames) == (30.0, 50)
    assert found.metadata == {**motion.metadata, "source": "walk.glb"}
    assert sorted(found.skeleton.end_sites) == sorted(skeleton.end_sites)
    for ours, theirs in (
        (found.skeleton.rest_offsets[1:], skeleton.rest_offsets[1:]),
        (found.local_rotations, motion.local_rotations),
        (found.joint_positions, motion.joint_positions),
    ):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)


def test_captured_motion_comes_back(shared_data: Path, tmp_path: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu/08_05.bvh")
    write_glb(motion, tmp_path / "walk.glb")
    found = read_glb(tmp_path / "walk.glb")
    torch.testing.assert_close(found.joint_positions, motion.joint_positions, atol=2e-6, rtol=0)
    assert found.skeleton.roles == motion.skeleton.roles


# --- rigs of other programs --------------------------------------------------------------------


class Rig:
    """A root, an arm whose axes are turned by 90 degrees about z, and a hand 1 m along its x."""

    def __init__(self) -> None:
        self.binary = bytearray()
        self.json: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "nodes": [
                {"name": "root", "children": [1]},
                {"name": "arm", "translation": [0, 1, 0], "children": [2]},
                {"name": "hand", "translation": [1, 0, 0]},
            ],
            "skins": [{"joints": [0, 1, 2]}],
            "bufferViews": [],
            "accessors": [],
        }
        self.json["nodes"][1]["rotation"] = HALF.as_quat().tolist()

    def accessor(self, values: Any) -> int:
        data = np.asarray(values, np.float32)
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": data.nbytes}
        self.binary += data.tobytes()
        self.json["bufferViews"].append(view)
        kind = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}[data.shape[1]]
        row = {"bufferView": len(self.json["bufferViews"]) - 1, "componentType": 5126}
        self.json["accessors"].append(row | {"count": len(data), "type": kind})
        return len(self.json["accessors"]) - 1

    def animate(self, node: int, path: str, times: Any, values: Any, mode: str = "LINEAR") -> None:
        animation = self.json.setdefault("animations", [{"channels": [], "samplers": []}])[0]
        times, values = self.accessor(np.reshape(times, (-1, 1))), self.accessor(values)
        animation["samplers"].append({"input": times, "output": values, "interpolation": mode})
        target = {"node": node, "path": path}
        sampler = len(animation["samplers"]) - 1
        animation["channels"].append({"sampler": sampler, "target": target})

    def read(self, folder: Path, suffix: str = ".glb", **options: Any) -> Motion:
        buffer: dict[str, Any] = {"byteLength": len(self.binary)}
        if suffix == ".gltf":
            data = base64.b64encode(bytes(self.binary)).decode()
            buffer["uri"] = f"data:application/octet-stream;base64,{data}"
        self.json["buffers"] = [buffer]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        content = text
        if suffix != ".gltf":
            chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
            chunks += struct.pack("<II", len(self.binary), 0x004E4942) + bytes(self.binary)
            content = struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks
        path = folder / f"rig{suffix}"
        path.write_bytes(content)
        return read_glb(path, **options)


@pytest.mark.parametrize("suffix", [".glb", ".gltf", ".vrm"])
def test_rest_axes_become_the_worlds(suffix: str, tmp_path: Path) -> None:
    """The arm's rest axes are turned; the hand turns the same way in the world."""
    rig = Rig()
    turn = Rotation.from_euler("xyz", [30, 0, 0], degrees=True)  # about the arm's own x: the sky
    rig.animate(1, "rotation", [0, 1 / 30], [HALF.as_quat(), (HALF * turn).as_quat()])
    found = rig.read(tmp_path, suffix)
    assert found.skeleton.joint_names == ("root", "arm", "hand")
    torch.testing.assert_close(found.skeleton.rest_offsets[2], torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(found.local_rotations[0], torch.eye(3).expand(3, 3, 3))
    world = Rotation.from_euler("y", 30, degrees=True).as_matrix()
    np.testing.assert_allclose(found.local_rotations[1, 1], world, atol=1e-6)
    np.testing.assert_allclose(found.local_rotations[1, 2], np.eye(3), atol=1e-6)


def test_group_above_the_joints_enters_the_root(tmp_path: Path) -> None:
    """As Mixamo converted to glTF has it: centimetres, in a group scaled by a hundredth."""
    rig = Rig()
    rig.json["nodes"].append({"name": "Armature", "scale": [0.01] * 3, "children": [0]})
    rig.json["nodes"][3]["rotation"] = (
        Rotation.from_euler("x", -90, degrees=True).as_quat().tolist()
    )
    rig.json["nodes"][1]["translation"] = [0, 100, 0]
    rig.json["nodes"][2]["translation"] = [100, 0, 0]
    rig.animate(0, "translation", [0, 0.5], [[0, 0, 90], [0, 50, 90]])
    found = rig.read(tmp_path)
    np.testing.assert_allclose(found.root_positions[0], [0, 0.9, 0], atol=1e-6)
    np.testing.assert_allclose(found.root_positions[-1], [0, 0.9, -0.5], atol=1e-6)
    np.testing.assert_allclose(found.joint_positions[0, 2], [0, 0.9, -2], atol=1e-6)
    np.testing.assert_allclose(found.local_rotations[0], np.tile(np.eye(3), (3, 1, 1)), atol=1e-6)


@pytest.mark.parametrize("frame", ["world", "group", "mesh"])
def test_rest_pose_is_the_one_that_meshes_are_bound_to(frame: str, tmp_path: Path) -> None:
    """The nodes hold the first frame of the animation; the skin knows the T-pose."""
    rig = Rig()
    group = np.diag([0.1, 0.1, 0.1, 1.0])
    group[:3, :3] = Rotation.from_euler("x", -90, degrees=True).as_matrix() * 0.1
    rig.json["nodes"].append({"children": [0], "matrix": group.T.ravel().tolist()})
    worlds = [group]
    for node in rig.json["nodes"][:3]:
        local = np.eye(4)
        local[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix()
        local[:3, 3] = node.get("translation", [0, 0, 0])
        worlds.append(worlds[-1] @ local)
    mesh = np.eye(4)
    if frame == "mesh":
        mesh[:3, 3] = (0.3, 0.1, 0.2)
        rig.json["nodes"].append({"skin": 0, "mesh": 0, "translation": [0.3, 0.1, 0.2]})
    stands = {"world": np.eye(4), "group": group, "mesh": mesh}[frame]
    inverse = np.array([(np.linalg.inv(world) @ stands).T.ravel() for world in worlds[1:]])
    rig.json["skins"][0]["inverseBindMatrices"] = rig.accessor(inverse)
    bent = HALF * Rotation.from_euler("y", 50, degrees=True)
    rig.json["nodes"][1]["rotation"] = bent.as_quat().tolist()
    rig.animate(1, "rotation", [0, 1 / 30], [bent.as_quat(), HALF.as_quat()])
    found = rig.read(tmp_path)
    places = np.array([world[:3, 3] for world in worlds[1:]])
    np.testing.assert_allclose(found.skeleton.rest_offsets[1:], np.diff(places, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.joint_positions[1], places, atol=1e-6)
    np.testing.assert_allclose(found.local_rotations[1], np.tile(np.eye(3), (3, 1, 1)), atol=1e-6)
    assert float((found.local_rotations[0, 1] - torch.eye(3)).abs().max()) > 0.5


def test_rig_without_animation_gives_its_rest_pose(tmp_path: Path) -> None:
    found = Rig().read(tmp_path)
    assert found.num_frames == 1
    np.testing.assert_allclose(
        found.joint_positions[0], [[0, 0, 0], [0, 1, 0], [0, 2, 0]], atol=1e-6
    )


@pytest.mark.parametrize("version", [0, 1])
def test_vrm_names_human_bones_and_faces_us(version: int, tmp_path: Path) -> None:
    rig = Rig()
    rig.json["nodes"][1]["translation"] = [0.5, 1, 0.25]
    names = {"hips": 0, "leftUpperLeg": 1, "leftFoot": 2}
    if version == 1:
        bones: Any = {name: {"node": node} for name, node in names.items()}
        rig.json["extensions"] = {"VRMC_vrm": {"humanoid": {"humanBones": bones}}}
    else:
        bones = [{"bone": name, "node": node} for name, node in names.items()]
        rig.json["extensions"] = {"VRM": {"humanoid": {"humanBones": bones}}}
    found = rig.read(tmp_path, ".vrm")
    assert found.metadata["vrm_bones"] == {
        "hips": "root",
        "leftUpperLeg": "arm",
        "leftFoot": "hand",
    }
    assert (found.skeleton.roles.left_hip, found.skeleton.roles.left_toe) == ("arm", "hand")
    sign = 1 if version == 1 else -1
    np.testing.assert_allclose(found.joint_positions[0, 1], [0.5 * sign, 1, 0.25 * sign], atol=1e-6)


def test_sparse_keys_turn_along_the_arc(tmp_path: Path) -> None:
    """Linear keys one second apart: even turning; and a spline with slopes of its own."""
    rig = Rig()
    end = Rotation.from_euler("y", 80, degrees=True).as_quat()
    rig.animate(0, "rotation", [0, 1], [[0, 0, 0, 1], -end])  # the same turn, other hemisphere
    spline = [[0, 0, 0], [0, 0, 0], [0, 0, 3], [0, 0, 0], [0, 0, 2], [0, 0, 0]]
    rig.animate(0, "translation", [0, 1], spline, "CUBICSPLINE")
    rig.json["scenes"] = [{"extras": {"fps": 10}}]
    found = rig.read(tmp_path)
    assert (found.fps, found.num_frames) == (10.0, 11)
    turns = rotations.matrix_to_rotation_vector(found.local_rotations[:, 0])[:, 1].rad2deg()
    torch.testing.assert_close(turns, torch.linspace(0, 80, 11), atol=1e-3, rtol=0)
    t = np.linspace(0, 1, 11)
    cubic = (t**3 - 2 * t**2 + t) * 3 + (3 * t**2 - 2 * t**3) * 2
    np.testing.assert_allclose(found.root_positions[:, 2], cubic, atol=1e-6)


@pytest.mark.parametrize(
    ("times", "fps"),
    [
        (np.arange(40) / 20, 20.0),
        (np.arange(40) / 29.97, 29.97),
        (np.array([0, 7, 9, 30]) / 24, 24.0),
        (np.array([0, 7, 9, 30]) / 30, 30.0),
        (np.array([0, 0.5, 1.0]), 24.0),
    ],
)
def test_frame_rate_is_that_of_the_keys(times: np.ndarray, fps: float, tmp_path: Path) -> None:
    rig = Rig()
    rig.animate(0, "translation", times, np.zeros((len(times), 3)))
    found = rig.read(tmp_path)
    assert found.fps == pytest.approx(fps, rel=1e-4)
    assert found.num_frames == round(times[-1] * fps) + 1


def test_long_motions_are_read_at_their_keys(generator: torch.Generator, tmp_path: Path) -> None:
    """Key times have 32 bits, which after half an hour are a hundredth of a frame apart."""
    rig = Rig()
    times = 2000 + np.arange(200) / 120
    path = torch.randn(200, 3, generator=generator).numpy()
    rig.animate(0, "translation", times, path)
    np.testing.assert_array_equal(rig.read(tmp_path).root_positions, path)


def test_moving_bones_are_refused_or_kept_rigid(tmp_path: Path) -> None:
    rig = Rig()
    rig.animate(2, "translation", [0, 0.5, 1], [[1, 0, 0], [1.5, 0, 0], [1, 0, 0]])
    with pytest.raises(FileFormatError, match=r"'hand'.*500\.0 mm.*translations='drop'"):
        rig.read(tmp_path)
    found = rig.read(tmp_path, translations="drop")
    lengths = (found.joint_positions[:, 2] - found.joint_positions[:, 1]).norm(dim=-1)
    assert float(np.ptp(lengths.numpy())) < 1e-6


def game_rig() -> Rig:
    """Hips that move below a root, with a bone for inverse kinematics beside them."""
    rig = Rig()
    rig.animate(1, "translation", [0, 0.5, 1], [[0, 1, 0], [0, 1, 2], [0, 1, 4]])
    return rig


def test_hips_that_move_below_a_root_become_the_root(tmp_path: Path) -> None:
    found = game_rig().read(tmp_path)
    assert found.skeleton.joint_names == ("arm", "hand")
    np.testing.assert_allclose(found.root_positions[-1], [0, 1, 4], atol=1e-6)


def test_what_hangs_beside_moving_hips_is_only_left_out_on_demand(tmp_path: Path) -> None:
    rig = game_rig()
    rig.json["nodes"].append({"name": "ik_hand"})
    rig.json["nodes"][0]["children"].append(3)
    rig.json["nodes"][2]["children"] = [4]
    rig.json["nodes"].append({"name": "finger", "translation": [0.1, 0, 0]})
    rig.json["skins"][0]["joints"] = [0, 1, 2, 3, 4]
    with pytest.raises(FileFormatError, match=r"'arm'.*translations='drop'"):
        rig.read(tmp_path)
    found = rig.read(tmp_path, translations="drop")
    assert found.skeleton.joint_names == ("arm", "hand", "finger")
    np.testing.assert_allclose(found.root_positions[-1], [0, 1, 4], atol=1e-6)


def break_it(rig: Rig, kind: str) -> None:
    nodes = rig.json["nodes"]
    if kind == "cycle":
        nodes[2]["children"] = [0]
    elif kind == "two parents":
        nodes[0]["children"] = [1, 2]
    elif kind == "no joints":
        rig.json["skins"] = []
    elif kind == "index":
        nodes[2]["children"] = [10**9]
    elif kind == "external":
        rig.animate(0, "translation", [0, 1], np.zeros((2, 3)))
        rig.json["bufferViews"][0]["buffer"] = 1
    elif kind == "count":
        rig.animate(0, "translation", [0, 1], np.zeros((2, 3)))
        rig.json["accessors"][0]["count"] = 10**12
    elif kind == "flat":
        nodes[1]["scale"] = [1, 0, 1]
    elif kind == "bind":
        rig.json["skins"][0]["inverseBindMatrices"] = rig.accessor(np.zeros((3, 16)))
    elif kind == "long":
        rig.animate(0, "translation", [0, 9e5], np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cycle", "circles"),
        ("two parents", "one parent"),
        ("no joints", "a skin"),
        ("index", "index below 3"),
        ("external", "index below 1"),
        ("count", "within its buffer view"),
        ("flat", "scale of zero"),
        ("bind", "with an inverse"),
        ("long", "2 keys"),
    ],
)
def test_broken_files_say_what_is_wrong(kind: str, message: str, tmp_path: Path) -> None:
    rig = Rig()
    break_it(rig, kind)
    with pytest.raises(FileFormatError, match=message):
        rig.read(tmp_path)


def test_curves_that_share_their_bytes_do_not_fill_the_memory(tmp_path: Path) -> None:
    rig = Rig()
    rig.animate(0, "scale", np.arange(3000), np.ones((3000, 3)))
    nodes, channels = rig.json["nodes"], rig.json["animations"][0]["channels"]
    nodes[2]["children"] = list(range(3, 1500))
    nodes += [{} for _ in range(3, 1500)]
    channels += [{"sampler": 0, "target": {"node": i, "path": "scale"}} for i in range(1500)]
    with pytest.raises(FileFormatError, match="in proportion"):
        rig.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "binary glTF"),
        (b"PK\x03\x04" + bytes(40), "binary glTF"),
        (struct.pack("<III", 0x46546C67, 1, 20) + bytes(8), "GLB version 2"),
        (b'{"asset": {"version": "1.0"}}', "glTF version 2"),
        (b"[" * 100_000, "binary glTF"),
        (b'{"a":' * 100_000, "glTF document"),
        (b'{"asset": {"version": "2.0"}, "nodes": {}}', "list of objects"),
    ],
)
def test_other_files_are_refused_by_name(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rig.glb"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_glb(path)
