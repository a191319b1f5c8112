"""GLB files: structure read back in pure Python, then Khronos' validator and three.js."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp

from marey import __version__
from marey.errors import MareyError
from marey.io.glb import glb_bytes, write_glb
from marey.motion import Motion
from marey.motion.keyframe_reduction import reduce_keyframes
from marey.skeleton import BODY22, Skeleton

COMPONENTS = {pygltflib.FLOAT: np.float32, pygltflib.UNSIGNED_BYTE: np.uint8}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
HAND = Skeleton(  # no twins, no end sites, a bone without length and a name with a space
    name="hand",
    joint_names=("wrist", "first finger", "nail", "ring"),
    parents=(-1, 0, 1, 1),
    rest_offsets=torch.tensor([[0.0, 9.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.04], [0.0] * 3]),
)


@pytest.fixture
def body_motion(wander: Callable[[Skeleton, int], Motion]) -> Motion:
    return wander(BODY22, 91)


def accessor(file: pygltflib.GLTF2, index: int | None) -> np.ndarray:
    assert index is not None
    found = file.accessors[index]
    view = file.bufferViews[found.bufferView]
    assert view.byteOffset % 4 == 0
    blob = file.binary_blob()
    data = np.frombuffer(
        blob[view.byteOffset : view.byteOffset + view.byteLength], COMPONENTS[found.componentType]
    ).reshape(found.count, WIDTHS[found.type])
    if found.min:
        assert (data.min(0).tolist(), data.max(0).tolist()) == (found.min, found.max)
    return data.copy()


def channels(file: pygltflib.GLTF2) -> dict[tuple[int, str], np.ndarray]:
    animation = file.animations[0]
    return {
        (c.target.node, c.target.path): accessor(file, animation.samplers[c.sampler].output)
        for c in animation.channels
    }


def positions_from_nodes(file: pygltflib.GLTF2) -> np.ndarray:
    """World position of each joint in each frame, by walking the nodes as a player would."""
    moved = channels(file)
    frames = len(moved[0, "rotation"])
    places = np.zeros((frames, len(file.skins[0].joints), 3))

    def walk(node: int, origin: np.ndarray, turn: Rotation) -> None:
        rest = np.tile(file.nodes[node].translation, (frames, 1))
        places[:, node] = origin + turn.apply(moved.get((node, "translation"), rest))
        turn = turn * Rotation.from_quat(moved[node, "rotation"])
        for child in file.nodes[node].children:
            walk(child, places[:, node], turn)

    walk(file.scenes[0].nodes[0], np.zeros((frames, 3)), Rotation.identity(frames))
    return places


def parsed(motion: Motion) -> pygltflib.GLTF2:
    file = pygltflib.GLTF2.load_from_bytes(glb_bytes(motion))
    assert file is not None
    return file


@pytest.mark.parametrize("skeleton", [BODY22, HAND], ids=lambda s: s.name)
def test_nodes_of_the_file_move_as_the_joints(
    skeleton: Skeleton, wander: Callable[[Skeleton, int], Motion]
) -> None:
    motion = wander(skeleton, 40)
    file = parsed(motion)
    assert [n.name for n in file.nodes[: skeleton.num_joints]] == list(skeleton.joint_names)
    np.testing.assert_allclose(positions_from_nodes(file), motion.joint_positions, atol=1e-5)


def test_key_times_are_frame_over_fps(body_motion: Motion) -> None:
    file = parsed(body_motion)
    inputs = {sampler.input for sampler in file.animations[0].samplers}
    assert len(inputs) == 1
    times = accessor(file, inputs.pop())[:, 0]
    np.testing.assert_array_equal(times, (np.arange(91) / 30).astype(np.float32))


def test_quaternions_are_unit_and_never_change_hemisphere(body_motion: Motion) -> None:
    for (_, path), values in channels(parsed(body_motion)).items():
        if path == "rotation":
            np.testing.assert_allclose(np.linalg.norm(values, axis=-1), 1, atol=1e-6)
            assert ((values[1:] * values[:-1]).sum(-1) > 0).all()


def test_rest_pose_stands_on_the_ground_and_binds_the_skin(body_motion: Motion) -> None:
    file = parsed(body_motion)
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(BODY22.parents):
        rest[joint] = np.array(file.nodes[joint].translation) + (rest[parent] if parent >= 0 else 0)
    steps = rest[1:] - rest[list(BODY22.parents[1:])]
    np.testing.assert_allclose(steps, BODY22.rest_offsets[1:], atol=1e-6)
    inverse = accessor(file, file.skins[0].inverseBindMatrices).reshape(-1, 4, 4)
    np.testing.assert_allclose(inverse[:, 3, :3], -rest, atol=1e-6)
    lowest = min(accessor(file, p.attributes.POSITION)[:, 1].min() for p in primitives(file))
    assert -0.02 < lowest <= 0


def primitives(file: pygltflib.GLTF2) -> list[pygltflib.Primitive]:
    return file.meshes[0].primitives


def test_body_is_coloured_by_side_and_faces_outwards(body_motion: Motion) -> None:
    file = parsed(body_motion)
    assert [m.name for m in file.materials] == ["centre", "left", "right"]
    for primitive, sign in zip(primitives(file), (0, 1, -1), strict=True):
        corners = accessor(file, primitive.attributes.POSITION).reshape(-1, 8, 3, 3)
        middle = corners.mean((1, 2))
        assert (np.sign(np.round(middle[:, 0], 3)) == sign).all()
        normals = accessor(file, primitive.attributes.NORMAL).reshape(-1, 8, 3, 3)
        outwards = corners.mean(2) - middle[:, None]
        assert ((normals[:, :, 0] * outwards).sum(-1) > 0).all()


def test_every_vertex_is_bound_to_one_joint(body_motion: Motion) -> None:
    file = parsed(body_motion)
    joints = [accessor(file, p.attributes.JOINTS_0) for p in primitives(file)]
    weights = [accessor(file, p.attributes.WEIGHTS_0) for p in primitives(file)]
    assert all((w == [255, 0, 0, 0]).all() for w in weights)
    assert all(file.accessors[p.attributes.WEIGHTS_0].normalized for p in primitives(file))
    bones = sum(len(row) // 24 for row in joints)
    assert bones == 21 + len(BODY22.end_sites)


def test_file_of_few_keys_plays_within_the_bound(
    body_motion: Motion, generator: torch.Generator
) -> None:
    reduction = reduce_keyframes(body_motion, tolerance=0.01)
    whole, few = glb_bytes(body_motion), glb_bytes(reduction)
    assert len(few) < 0.7 * len(whole)
    file = pygltflib.GLTF2.load_from_bytes(few)
    assert file is not None
    animation = file.animations[0]
    times = np.arange(91, dtype=np.float32) / np.float32(30)
    local = np.zeros((91, 22, 3, 3))
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        at, values = accessor(file, sampler.input)[:, 0], accessor(file, sampler.output)
        assert sampler.interpolation == "LINEAR"
        if channel.target.path == "translation":
            root = np.stack([np.interp(times, at, column) for column in values.T], axis=-1)
            continue
        turns = Rotation.from_quat(values)
        played = Slerp(at, turns)(times.clip(at[0], at[-1])) if len(at) > 1 else turns
        local[:, channel.target.node] = played.as_matrix()
    motion = replace(
        body_motion,
        root_positions=torch.from_numpy(root).float(),
        local_rotations=torch.from_numpy(local).float(),
    )
    apart = (motion.joint_positions - body_motion.joint_positions).norm(dim=-1)
    assert 0.001 < float(apart.max()) <= 0.01 + 1e-5
    # and the file lasts as long as the motion does
    assert max(file.accessors[s.input].max[0] for s in animation.samplers) == pytest.approx(3.0)


def test_scene_says_where_the_motion_comes_from(body_motion: Motion) -> None:
    file = parsed(body_motion)
    assert file.asset.generator == f"marey {__version__}"
    assert file.scenes[0].extras == {
        "fps": 30.0,
        "frames": 91,
        "skeleton": "body22",
        "text": "a person wanders “here” – 左",
        "seed": 7,
    }


def test_same_motion_gives_the_same_bytes(body_motion: Motion) -> None:
    assert glb_bytes(body_motion) == glb_bytes(body_motion)


def test_existing_file_is_kept_unless_forced(body_motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "walk.glb"
    path.write_bytes(b"mine")
    with pytest.raises(MareyError, match=r"walk\.glb"):
        write_glb(body_motion, path)
    assert path.read_bytes() == b"mine"
    write_glb(body_motion, path, force=True)
    assert path.read_bytes() == glb_bytes(body_motion)
    assert [p.name for p in tmp_path.iterdir()] == ["walk.glb"]


# --- other programs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skeleton", "frames"), [(BODY22, 91), (BODY22, 1), (HAND, 5)], ids=["body", "pose", "hand"]
)
@pytest.mark.parametrize("tolerance", [None, 0.02], ids=["every", "few"])
def test_validator_finds_nothing(
    skeleton: Skeleton,
    frames: int,
    tolerance: float | None,
    node: Callable[..., Any],
    wander: Callable[[Skeleton, int], Motion],
    tmp_path: Path,
) -> None:
    path = tmp_path / "motion.glb"
    motion = wander(skeleton, frames)
    write_glb(motion if tolerance is None else reduce_keyframes(motion, tolerance=tolerance), path)
    issues = node("validate.mjs", str(path))
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_three_js_shows_the_joints_within_a_tenth_of_a_millimetre(
    body_motion: Motion, three: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "motion.glb"
    write_glb(body_motion, path)
    frames = [0, 1, 37, 60, 90]
    seen = three(path, [frame / 30 for frame in frames])
    assert seen["complaints"] == []
    order = [seen["names"].index(name) for name in BODY22.joint_names]
    assert len(order) == len(seen["names"])
    assert seen["duration"] == pytest.approx(3.0, abs=1e-6)
    places = torch.tensor(seen["positions"])[:, order]
    error = (places - body_motion.joint_positions[frames]).norm(dim=-1)
    assert float(error.max()) < 1e-4
    assert seen["bodyError"] < 1e-4  # the skin follows the joints
    assert seen["painted"] > 0.01  # something is drawn
    assert seen["notes"]["seed"] == 7


def test_three_js_plays_few_keys_within_the_bound(
    body_motion: Motion, three: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "motion.glb"
    write_glb(reduce_keyframes(body_motion, tolerance=0.01), path)
    frames = [0, 1, 7, 37, 53, 60, 90]
    seen = three(path, [frame / 30 for frame in frames])
    assert seen["complaints"] == []
    assert seen["duration"] == pytest.approx(3.0, abs=1e-6)
    order = [seen["names"].index(name) for name in BODY22.joint_names]
    places = torch.tensor(seen["positions"])[:, order]
    error = (places - body_motion.joint_positions[frames]).norm(dim=-1)
    assert 1e-4 < float(error.max()) < 0.01 + 1e-4
