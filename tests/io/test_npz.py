"""The NPZ format: exact round trips, and every damage told by name without unpickling."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io import read_npz, write_npz
from marey.motion import Motion
from marey.skeleton import BODY22
from marey.skeleton.serialization import skeleton_from_json, skeleton_to_json


@pytest.fixture
def motion(generator: torch.Generator) -> Motion:
    vectors = torch.randn(5, 22, 3, generator=generator)
    return Motion(
        root_positions=torch.randn(5, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=29.97,
        skeleton=BODY22,
        contacts=torch.rand(5, 4, generator=generator) > 0.5,
        metadata={"text": "läuft 走る", "seed": 7, "nested": {"list": [1, None, True]}},
    )


@pytest.fixture
def path(motion: Motion, tmp_path: Path) -> Path:
    write_npz(motion, tmp_path / "clip.npz")
    return tmp_path / "clip.npz"


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def rewrite(path: Path, **changes: Any) -> None:
    """Write the file anew with some arrays changed, or dropped where None."""
    arrays = {**arrays_of(path), **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_everything_comes_back_bit_for_bit(motion: Motion, path: Path) -> None:
    back = read_npz(path)
    assert torch.equal(back.root_positions, motion.root_positions)
    assert torch.equal(back.local_rotations, motion.local_rotations)
    assert back.contacts is not None
    assert motion.contacts is not None
    assert torch.equal(back.contacts, motion.contacts)
    assert (back.fps, back.skeleton, back.metadata) == (29.97, BODY22, motion.metadata)
    assert back.skeleton.name == "body22"


def test_contacts_are_optional(motion: Motion, tmp_path: Path) -> None:
    bare = Motion(
        root_positions=motion.root_positions,
        local_rotations=motion.local_rotations,
        fps=20.0,
        skeleton=BODY22,
    )
    write_npz(bare, tmp_path / "bare.npz")
    assert read_npz(tmp_path / "bare.npz").contacts is None


def test_the_same_motion_gives_the_same_bytes(motion: Motion, path: Path) -> None:
    write_npz(motion, path.with_name("again.npz"))
    assert path.with_name("again.npz").read_bytes() == path.read_bytes()


def test_numpy_opens_it_without_unpickling(path: Path) -> None:
    arrays = arrays_of(path)
    assert int(arrays["marey_format"]) == 1
    assert arrays["local_rotations"].dtype == np.float32
    assert json.loads(str(arrays["metadata"]))["seed"] == 7


def test_skeletons_survive_json() -> None:
    data = json.loads(json.dumps(skeleton_to_json(BODY22)))
    assert skeleton_from_json(data) == BODY22


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("parents", [0.5] * 22, r"parents\[0\]: expected a whole number"),
        ("parents", "abc", "parents: expected a list"),
        ("rest_offsets", [[0, 1]] * 22, r"rest_offsets\[0\]: expected three finite"),
        ("rest_offsets", [[0, 0, 1e300]] * 22, r"rest_offsets\[0\]"),
        ("joint_names", [True] * 22, r"joint_names\[0\]: expected a printable string"),
        ("roles", {"tail": "x"}, "roles: expected an object"),
        ("roles", {"head": 3}, "roles.head: expected a string"),
        ("roles", {"head": "tail"}, "roles name joints that do not exist: tail"),
        ("end_sites", [[1]], r"end_sites\[0\]"),
        ("name", None, "name: expected a string"),
        ("extra", 1, "expected the fields"),
    ],
)
def test_wrong_skeleton_fields_are_named(field: str, value: Any, message: str, path: Path) -> None:
    data = {**skeleton_to_json(BODY22), field: value}
    with pytest.raises(InvalidInputError, match=message):
        skeleton_from_json(data)
    rewrite(path, skeleton=np.array(json.dumps(data)))
    with pytest.raises(FileFormatError, match=message):
        read_npz(path)


def nan_at(array: np.ndarray, *index: int) -> np.ndarray:
    array = array.copy()
    array[index] = np.nan
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"marey_format": None}, "marey_format: expected an array 'marey_format'.*got none"),
        ({"marey_format": np.array(2)}, "version 1, got 2.*Update marey"),
        ({"fps": None}, "fps: expected this array"),
        ({"fps": np.array(np.nan)}, "fps: expected 0.01 to 1e5"),
        ({"fps": np.array("30")}, "fps: expected float with 0 axes"),
        ({"root_positions": np.zeros((4, 3), "f4")}, r"local_rotations: expected shape \(4, 22"),
        ({"root_positions": np.zeros((5, 2), "f4")}, r"root_positions: expected shape \(5, 3\)"),
        ({"root_positions": nan_at(np.zeros((5, 3), "f4"), 3, 1)}, "root_positions, frame 3"),
        ({"local_rotations": np.zeros((5, 22, 3, 3), "f4")}, "frame 0, joint 0: .*rotation"),
        ({"local_rotations": -np.eye(3, dtype="f4") + np.zeros((5, 22, 1, 1), "f4")}, "joint 0"),
        ({"contacts": np.zeros((5, 4), "f4")}, "contacts: expected bool"),
        ({"metadata": np.array("{")}, "metadata: expected JSON"),
        ({"metadata": np.array('{"a": NaN}')}, "metadata: expected JSON"),
        ({"metadata": np.array('{"a": 1e999}')}, "metadata: expected JSON"),
        ({"metadata": np.array("[]")}, "metadata: expected a JSON object"),
        ({"skeleton": np.array("[" * 5000)}, "skeleton: expected JSON"),
        ({"extra": np.array([{}], dtype=object)}, "'extra'.*unpickled and are not.*allow_pickle"),
        ({"extra": np.zeros(2, dtype=[("a", "f4")])}, "'extra': expected a plain array header"),
    ],
)
def test_faults_are_named(path: Path, changes: dict[str, Any], message: str) -> None:
    rewrite(path, **changes)
    with pytest.raises(FileFormatError, match=message):
        read_npz(path)


def test_zero_frames_are_refused(path: Path) -> None:
    empty = {"root_positions": np.zeros((0, 3), "f4"), "contacts": np.zeros((0, 4), bool)}
    rewrite(path, **empty, local_rotations=np.zeros((0, 22, 3, 3), "f4"))
    with pytest.raises(FileFormatError, match="at least one frame"):
        read_npz(path)


def test_pickles_are_never_run(path: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):  # type: ignore[override]
            return (Path.touch, (tmp_path / "boom",))

    rewrite(path, root_positions=np.array([Bomb()], dtype=object))
    with pytest.raises(FileFormatError, match="unpickled"):
        read_npz(path)
    assert not (tmp_path / "boom").exists()


def replace_member(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, old in members.items():
            archive.writestr(member, content if member == f"{name}.npy" else old)


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("shape", ["(999999999, 3)", "(99999999999999, 99999999999999)"])
def test_absurd_shapes_are_refused_before_memory_is_taken(path: Path, shape: str) -> None:
    replace_member(path, "root_positions", npy_header(shape))
    with pytest.raises(FileFormatError, match=r"'root_positions': expected .* bytes, got 128"):
        read_npz(path)


def test_zip_bombs_are_refused_before_they_unpack(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marey.io.npz.MAX_BYTES", 2**20)
    rewrite(path)
    replace_member(path, "root_positions", npy_header("(1000000, 3)") + bytes(12_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="at most 1 MiB in all, got 11 MiB"):
        read_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", bytes(range(256)) * 9])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="expected an NPZ"):
        read_npz(path)


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        read_npz(tmp_path / "none.npz")


def test_older_numpy_layouts_are_read(motion: Motion, path: Path) -> None:
    """Fortran order, big-endian and the other header versions are plain data too."""
    fortran = np.asfortranarray(motion.local_rotations.numpy())
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, motion.root_positions.numpy().astype(">f8"), version=(2, 0))
    rewrite(path, local_rotations=fortran)
    replace_member(path, "root_positions", buffer.getvalue())
    back = read_npz(path)
    assert torch.equal(back.root_positions, motion.root_positions)
    assert torch.equal(back.local_rotations, motion.local_rotations)


def test_metadata_must_be_json(motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="metadata must be JSON"):
        write_npz(motion.with_metadata(odd={1, 2}), tmp_path / "a.npz")
    with pytest.raises(InvalidInputError, match="metadata must be JSON"):
        write_npz(motion.with_metadata(odd=float("nan")), tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())
