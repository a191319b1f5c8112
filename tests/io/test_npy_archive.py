"""Arrays of untrusted files: single ones, and some of many beside others that are not looked at."""

from pathlib import Path

import numpy as np
import pytest

from marey.errors import FileFormatError
from marey.io.npy_archive import array_names, read_array, read_arrays

OBJECTS = np.array([{"a": 1}], dtype=object)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(3, dtype=">i2"),
        np.array([True, False]),
        np.zeros((0, 5), dtype=np.float32),
        np.array(7.0),
    ],
)
def test_a_single_array_is_read(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    found = read_array(tmp_path / "a.npy", max_bytes=1000)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")


def test_texts_are_read_of_either_kind_and_shape(tmp_path: Path) -> None:
    texts = {"a": np.array("né"), "b": np.array(["née"]), "c": np.array("né".encode())}
    np.savez(tmp_path / "a.npz", **texts)
    found = read_arrays(tmp_path / "a.npz", names=("a", "b", "c"), max_bytes=1000)
    assert {name: str(text) for name, text in found.items()} == {"a": "né", "b": "née", "c": "né"}
    np.savez(tmp_path / "b.npz", a=np.array(["one", "two"]), b=np.array(b"\xff"))
    for name in ("a", "b"):
        with pytest.raises(FileFormatError, match="text"):
            read_arrays(tmp_path / "b.npz", names=(name,), max_bytes=1000)


def test_objects_are_refused_unless_they_need_not_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, good=np.arange(3), bad=OBJECTS)
    assert set(array_names(path)) == {"good", "bad"}
    with pytest.raises(FileFormatError, match="unpickled"):
        read_arrays(path, names=("good",), max_bytes=1000)
    found = read_arrays(path, names=("good",), max_bytes=1000, check_others=False)
    np.testing.assert_array_equal(found["good"], np.arange(3))
    with pytest.raises(FileFormatError, match="unpickled"):
        read_arrays(path, names=("bad",), max_bytes=1000, check_others=False)
    np.save(tmp_path / "b.npy", OBJECTS)
    with pytest.raises(FileFormatError, match="unpickled"):
        read_array(tmp_path / "b.npy", max_bytes=1000)


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1000))
    with pytest.raises(FileFormatError, match="at most"):
        read_array(path, max_bytes=1000)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"(1000,)", b"(9999,)"))
    with pytest.raises(FileFormatError, match="bytes for shape"):
        read_array(path, max_bytes=10**6)
    path.write_bytes(b"PK")
    with pytest.raises(FileFormatError, match=r"an \.npy array"):
        read_array(path, max_bytes=10**6)
    with pytest.raises(FileFormatError, match="no such file"):
        read_array(tmp_path / "none.npy", max_bytes=10**6)
