"""Reading FBX: marey's own files exactly, other programs' habits by files that have them."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from marey import rotations
from marey.errors import FileFormatError
from marey.io.bvh import read_bvh
from marey.io.fbx import fbx_bytes, write_fbx
from marey.io.fbx_binary import PackedArray, Record, decode, encode
from marey.io.fbx_reader import read_fbx
from marey.io.fbx_scene import TICKS, FbxScene, properties
from marey.io.glb_reader import read_glb
from marey.motion import Motion
from marey.skeleton import BODY22, G1_34, SOMA77, Skeleton


def assert_equal(found: Motion, motion: Motion, atol: float = 2e-6) -> None:
    """Same skeleton, but for the root's own offset, and same poses."""
    assert found.skeleton.joint_names == motion.skeleton.joint_names
    assert found.skeleton.parents == motion.skeleton.parents
    assert found.fps == motion.fps
    for ours, theirs in (
        (found.skeleton.rest_offsets[1:], motion.skeleton.rest_offsets[1:]),
        (found.local_rotations, motion.local_rotations),
        (found.joint_positions, motion.joint_positions),
    ):
        torch.testing.assert_close(ours, theirs, atol=atol, rtol=0)


@pytest.mark.parametrize("skeleton", [BODY22, SOMA77, G1_34], ids=lambda s: s.name)
@pytest.mark.parametrize("unit", ["cm", "m"])
def test_own_files_come_back(
    skeleton: Skeleton, unit: Any, wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    motion = wander(skeleton, 50)
    write_fbx(motion, tmp_path / "walk.fbx", unit=unit)
    found = read_fbx(tmp_path / "walk.fbx")
    assert_equal(found, motion)
    ends = [sorted(m.skeleton.end_sites) for m in (found, motion)]
    assert [joint for joint, _ in ends[0]] == [joint for joint, _ in ends[1]]
    for (_, tip), (_, wanted) in zip(*ends, strict=True):
        assert tip == pytest.approx(wanted, abs=1e-6)
    assert found.skeleton.name == "walk"
    assert found.metadata == {
        "source": "walk.fbx",
        "take": "motion",
        "text": "a person wanders “here” – 左",
        "seed": 7,
    }


def test_captured_motion_comes_back(shared_data: Path, tmp_path: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu/08_05.bvh")
    write_fbx(motion, tmp_path / "walk.fbx")
    found = read_fbx(tmp_path / "walk.fbx")
    assert_equal(found, motion)
    assert found.skeleton.roles == motion.skeleton.roles
    assert found.skeleton.mirror == motion.skeleton.mirror


@pytest.mark.parametrize("suffix", [".fbx", ".glb"])
def test_files_of_blender_are_read(
    suffix: str,
    blender: Callable[..., Any],
    wander: Callable[[Skeleton, int], Motion],
    tmp_path: Path,
) -> None:
    """Blender gives bones axes of their own, and FBX a group that scales and turns them."""
    motion = replace(wander(BODY22, 40), fps=30.0)
    write_fbx(motion, tmp_path / "in.fbx")
    made = tmp_path / f"out{suffix}"
    blender(tmp_path / "in.fbx", 40, 30.0, made)
    found = read_fbx(made) if suffix == ".fbx" else read_glb(made)
    assert (found.fps, found.num_frames) == (30.0, 40)
    order = found.skeleton.indices(BODY22.joint_names)
    assert len(order) == found.skeleton.num_joints
    torch.testing.assert_close(
        found.joint_positions[:, order], motion.joint_positions, atol=2e-5, rtol=0
    )
    parents = [found.skeleton.joint_names[p] if p >= 0 else "" for p in found.skeleton.parents]
    wanted = [BODY22.joint_names[p] if p >= 0 else "" for p in BODY22.parents]
    assert [parents[i] for i in order] == wanted


# --- habits of other programs ------------------------------------------------------------------


def changed(
    content: bytes, change: Callable[[Record], Record | None], *, top: str = "Objects"
) -> bytes:
    """Pass every object (or every record of another top-level one) through a function."""
    made = [_unpacked(record) for record in decode(Path("x"), content).children]
    for i, record in enumerate(made):
        if record.name == top:
            kept = tuple(new for child in record.children if (new := change(child)))
            made[i] = replace(record, children=kept)
    return encode(made)


def _unpacked(record: Record) -> Record:
    """A read record as it is written: arrays unpacked, 64-bit numbers told apart by their size."""
    values = tuple(
        value.unpack()
        if isinstance(value, PackedArray)
        else np.int64(value)
        if type(value) is int and _is_long(record, value)
        else value
        for value in record.values
    )
    return Record(record.name, values, tuple(map(_unpacked, record.children)))


def _is_long(record: Record, value: int) -> bool:
    return abs(value) >= 2**31 or record.name in ("C", "Node") or len(record.values) == 3


def with_rows(record: Record, *rows: tuple[Any, ...]) -> Record:
    """Put rows into a property table in place of those of the same names."""
    names = {row[0] for row in rows}
    table = record.first("Properties70")
    kept = [row for row in table.children if row.values[0] not in names]
    new = replace(table, children=(*kept, *properties(*rows).children))
    rest = tuple(child for child in record.children if child is not table)
    return replace(record, children=(new, *rest))


def read_bytes(content: bytes, folder: Path, **options: Any) -> Motion:
    (folder / "motion.fbx").write_bytes(content)
    return read_fbx(folder / "motion.fbx", **options)


def is_bone(record: Record) -> bool:
    return record.name == "Model" and record.values[2] == "LimbNode"


def test_axes_and_unit_are_those_of_the_file(
    wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    """A file in metres with Z up that faces -Y says the same as one in centimetres with Y up."""
    motion = wander(BODY22, 5)
    axes = {"UpAxis": 2, "FrontAxis": 1, "FrontAxisSign": -1, "CoordAxis": 0}

    def settings(record: Record) -> Record:
        if record.name != "Properties70":
            return record
        table = Record("GlobalSettings", (), (record,))
        rows = [(name, "int", value) for name, value in axes.items()]
        return with_rows(table, *rows, ("UnitScaleFactor", "double", 100.0)).children[0]

    content = changed(fbx_bytes(motion, unit="m"), settings, top="GlobalSettings")
    found = read_bytes(content, tmp_path)
    x, y, z = motion.joint_positions.unbind(-1)
    wanted = torch.stack((x, z, -y), dim=-1)
    torch.testing.assert_close(found.joint_positions, wanted, atol=2e-6, rtol=0)
    # In other axes the rest pose is another one, but it is again that of identity rotations.
    offsets = motion.skeleton.rest_offsets[1:, [0, 2, 1]] * torch.tensor([1.0, 1.0, -1.0])
    torch.testing.assert_close(found.skeleton.rest_offsets[1:], offsets, atol=1e-6, rtol=0)


def two_bones(tmp_path: Path, *rows: tuple[Any, ...], angles: list[list[float]]) -> Motion:
    """A root with a child 1 m above it and a grandchild 1 m along x; the child has the rows."""
    scene = FbxScene()
    root = scene.add_bone("root", np.zeros(3), None, size=1.0)
    child = scene.add_bone("child", np.array([0.0, 100.0, 0.0]), root, size=1.0)
    scene.add_bone("tip", np.array([100.0, 0.0, 0.0]), child, size=1.0)
    times = (np.arange(len(angles)) * (TICKS / 30)).astype(np.int64)
    scene.add_take("take", times[-1])
    scene.add_curves(child, "Lcl Rotation", times, np.array(angles))

    def change(record: Record) -> Record:
        return (
            with_rows(record, *rows) if is_bone(record) and "child" in record.values[1] else record
        )

    content = changed(encode(scene.records()), change)
    return read_bytes(content, tmp_path)


ANGLES = [[0.0, 0.0, 0.0], [10.0, 40.0, -70.0], [100.0, -20.0, 5.0]]


@pytest.mark.parametrize(
    ("number", "axes"), list(enumerate(["xyz", "xzy", "yzx", "yxz", "zxy", "zyx"]))
)
def test_rotation_orders_turn_about_the_first_axis_first(
    number: int, axes: str, tmp_path: Path
) -> None:
    rows = [("RotationOrder", "enum", number), ("RotationActive", "enum", 1)]
    found = two_bones(tmp_path, *rows, angles=ANGLES)
    order = ["xyz".index(axis) for axis in axes]
    wanted = Rotation.from_euler(axes, np.array(ANGLES)[:, order], degrees=True).as_matrix()
    np.testing.assert_allclose(found.local_rotations[:, 1], wanted, atol=1e-6)


def test_pre_rotation_belongs_to_the_rest_pose(tmp_path: Path) -> None:
    """As rigs of Maya and Mixamo have it: the tip's rest place is the turned one."""
    rows = [("PreRotation", "rotation", 0.0, 0.0, 90.0), ("RotationActive", "enum", 1)]
    found = two_bones(tmp_path, *rows, angles=ANGLES)
    torch.testing.assert_close(found.skeleton.rest_offsets[2], torch.tensor([0.0, 1.0, 0.0]))
    before = Rotation.from_euler("z", 90, degrees=True)
    moved = before * Rotation.from_euler("xyz", ANGLES, degrees=True)
    places = np.array([0.0, 1.0, 0.0]) + moved.apply([1.0, 0.0, 0.0])
    np.testing.assert_allclose(found.joint_positions[:, 2], places, atol=1e-6)
    np.testing.assert_allclose(found.local_rotations[0, 1], np.eye(3), atol=1e-6)


def test_pivots_are_folded_in(tmp_path: Path) -> None:
    """A pivot 1 m beside the child: it goes around that, and so moves below its root."""
    rows = [("RotationPivot", "rotation", 100.0, 0.0, 0.0)]
    found = two_bones(tmp_path, *rows, angles=ANGLES)
    assert found.skeleton.joint_names == ("child", "tip")
    turns = Rotation.from_euler("xyz", ANGLES, degrees=True)
    places = np.array([1.0, 1.0, 0.0]) - turns.apply([1.0, 0.0, 0.0])
    np.testing.assert_allclose(found.root_positions, places, atol=1e-6)


def test_groups_above_the_bones_enter_the_root(
    wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    """As Blender exports: bones in another unit and other axes below a scaled, turned group."""
    motion = wander(BODY22, 5)
    group = np.int64(77)
    model = Record(
        "Model",
        (group, "Armature\0\1Model", "Null"),
        (
            properties(
                ("Lcl Rotation", "rotation", -90.0, 0.0, 0.0),
                ("Lcl Scaling", "rotation", 100.0, 100.0, 100.0),
            ),
        ),
    )
    content = changed(fbx_bytes(motion), lambda r: None if r.name in ("Pose", "Deformer") else r)
    records = [_unpacked(record) for record in decode(Path("x"), content).children]
    for i, record in enumerate(records):
        if record.name == "Objects":
            records[i] = replace(record, children=(model, *record.children))
        if record.name == "Connections":
            links = tuple(
                replace(link, values=("OO", link.values[1], group)) if link.values[2] == 0 else link
                for link in record.children
            )
            top = Record("C", ("OO", group, np.int64(0)))
            records[i] = replace(record, children=(top, *links))
    found = read_bytes(encode(records), tmp_path)
    x, y, z = (100 * motion.joint_positions).unbind(-1)
    wanted = torch.stack((x, z, -y), dim=-1)
    torch.testing.assert_close(found.joint_positions, wanted, atol=2e-4, rtol=0)


def test_file_without_animation_gives_the_rest_pose(
    wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    content = fbx_bytes(wander(BODY22, 5))
    found = read_bytes(
        changed(content, lambda r: None if r.name.startswith("Animation") else r), tmp_path
    )
    assert found.num_frames == 1
    torch.testing.assert_close(found.local_rotations, torch.eye(3).expand(1, 22, 3, 3))
    assert float(found.root_positions[0, 1]) > 0.8


def test_sparse_keys_are_read_at_the_frame_rate(tmp_path: Path) -> None:
    """Two keys one second apart make 31 frames at 30 fps, straight between."""
    scene = FbxScene()
    root = scene.add_bone("root", np.zeros(3), None, size=1.0)
    scene.add_bone("tip", np.array([0.0, 100.0, 0.0]), root, size=1.0)
    scene.add_take("take", np.int64(TICKS))
    times = np.array([0, TICKS])
    scene.add_curves(root, "Lcl Rotation", times, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 90.0]]))
    found = read_bytes(encode(scene.records()), tmp_path)
    assert (found.num_frames, found.fps) == (31, 30.0)
    turn = rotations.matrix_to_rotation_vector(found.local_rotations[:, 0])
    torch.testing.assert_close(turn[:, 2].rad2deg(), torch.linspace(0, 90, 31), atol=1e-4, rtol=0)


def tangled(motion: Motion, generator: torch.Generator) -> bytes:
    """A file whose bones have pre- and post-rotations, orders and scales of their own."""

    def change(record: Record) -> Record:
        if not is_bone(record):
            return record
        before, after = (60 * torch.randn(2, 3, generator=generator)).tolist()
        scale = [1 + float(torch.rand(1, generator=generator))] * 3
        order = int(torch.randint(6, (1,), generator=generator))
        rows = (
            Record("P", ("RotationActive", "bool", "", "", 1)),
            Record("P", ("RotationOrder", "enum", "", "", order)),
            Record("P", ("PreRotation", "Vector3D", "Vector", "", *before)),
            Record("P", ("PostRotation", "Vector3D", "Vector", "", *after)),
            Record("P", ("Lcl Scaling", "Lcl Scaling", "", "A", *scale)),
        )
        names = {row.values[0] for row in rows}
        table = record.first("Properties70")
        kept = (row for row in table.children if row.values[0] not in names)
        rest = (child for child in record.children if child is not table)
        return replace(record, children=(replace(table, children=(*kept, *rows)), *rest))

    return changed(fbx_bytes(motion), change)


@pytest.mark.parametrize("program", ["three", "blender"])
def test_other_programs_agree_where_the_bones_are(
    program: str,
    request: pytest.FixtureRequest,
    wander: Callable[[Skeleton, int], Motion],
    generator: torch.Generator,
    tmp_path: Path,
) -> None:
    see = request.getfixturevalue(program)
    motion = replace(wander(BODY22, 12), fps=30.0)
    found = read_bytes(tangled(motion, generator), tmp_path)
    path = tmp_path / "motion.fbx"
    seen = see(path, [i / 30 for i in range(12)]) if program == "three" else see(path, 12, 30.0)
    order = [seen["names"].index(name) for name in found.skeleton.joint_names]
    places = torch.tensor(seen["positions"])[:, order]
    assert float((motion.joint_positions - places).norm(dim=-1).max()) > 1  # tangled indeed
    torch.testing.assert_close(found.joint_positions, places, atol=2e-5, rtol=0)


def test_stepped_keys_hold_until_the_next(tmp_path: Path) -> None:
    def stepped(record: Record) -> Record:
        if record.name != "AnimationCurve":
            return record
        kept = tuple(c for c in record.children if c.name != "KeyAttrFlags")
        return replace(record, children=(*kept, Record("KeyAttrFlags", (np.array([2], np.int32),))))

    scene = FbxScene()
    root = scene.add_bone("root", np.zeros(3), None, size=1.0)
    scene.add_bone("tip", np.array([0.0, 100.0, 0.0]), root, size=1.0)
    scene.add_take("take", np.int64(TICKS))
    places = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 90.0]])
    scene.add_curves(root, "Lcl Translation", np.array([0, TICKS]), places)
    found = read_bytes(changed(encode(scene.records()), stepped), tmp_path)
    assert found.root_positions[:, 2].tolist() == pytest.approx([0.0] * 30 + [0.9])


# --- files that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"; FBX 7.4.0 project file\nFBXHeaderExtension:  {\n", "ASCII FBX.*binary"),
        (b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", 6100), "6100"),
        (b"PK\x03\x04", "binary FBX"),
        (b"", "binary FBX"),
        (encode([Record("Objects")]), "bones"),
    ],
)
def test_other_files_are_refused_by_name(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_bytes(content, tmp_path)


def test_lying_arrays_are_refused_without_unpacking(
    wander: Callable[[Skeleton, int], Motion], tmp_path: Path
) -> None:
    content = bytearray(fbx_bytes(wander(BODY22, 50)))
    at = content.index(b"KeyTimel") + len("KeyTimel")
    content[at : at + 4] = struct.pack("<I", 2**31)  # 16 GiB of times
    with pytest.raises(FileFormatError, match="in proportion"):
        read_bytes(bytes(content), tmp_path)


def test_a_day_between_two_keys_is_refused(tmp_path: Path) -> None:
    scene = FbxScene()
    root = scene.add_bone("root", np.zeros(3), None, size=1.0)
    scene.add_take("take", np.int64(86_400 * TICKS))
    times = np.array([0, 86_400 * TICKS])
    scene.add_curves(root, "Lcl Rotation", times, np.zeros((2, 3)))
    with pytest.raises(FileFormatError, match="2 keys"):
        read_bytes(encode(scene.records()), tmp_path)
