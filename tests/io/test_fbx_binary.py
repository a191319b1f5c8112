"""The records of binary FBX: what is written is read, and no length is believed."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marey.errors import FileFormatError
from marey.io.fbx_binary import PackedArray, Record, decode, encode

TREE = (
    Record("Empty"),
    Record("Scalars", (True, False, 7, -(2**31), np.int64(2**62), 0.1, "näme\0\1Class", b"\0\xff")),
    Record(
        "Arrays",
        (
            np.arange(5, dtype=np.int32),
            np.arange(1000, dtype=np.int64),  # long enough to be compressed
            np.linspace(0, 1, 300),
            np.linspace(0, 1, 3).astype(np.float32),
            np.zeros(0, np.float32),
        ),
    ),
    Record("Deep", ("x",), (Record("A", (), (Record("B", (1,)), Record("B", (2,)))), Record("C"))),
    Record("AnimationLayer", (np.int64(1),)),
)


def plain(value: Any) -> Any:
    array = value.unpack() if isinstance(value, PackedArray) else value
    return (array.dtype.str, array.tolist()) if isinstance(array, np.ndarray) else array


def flat(record: Record) -> Any:
    return record.name, [plain(v) for v in record.values], [flat(c) for c in record.children]


def test_records_come_back() -> None:
    content = encode(TREE)
    assert [flat(r) for r in decode(Path("x"), content).children] == [flat(r) for r in TREE]


def test_children_are_found_by_name() -> None:
    deep = TREE[3].first("A")
    assert [record.values for record in deep.all("B")] == [(1,), (2,)]
    assert deep.first("D") == Record("D")


def test_a_file_that_is_cut_within_a_record_is_refused() -> None:
    content = encode(TREE)
    ends = {27}
    while content[max(ends) : max(ends) + 4] != bytes(4):
        ends.add(int.from_bytes(content[max(ends) : max(ends) + 4], "little"))
    for stop in set(range(max(ends))) - ends:
        with pytest.raises(FileFormatError):
            decode(Path("x"), content[:stop])


def test_no_array_unpacks_to_more_than_it_states() -> None:
    """A bomb: a megabyte of zeros in a thousand bytes that calls itself three numbers."""
    record = Record("A", (np.zeros(2**17),))
    value = decode(Path("x"), encode([record])).first("A").values[0]
    assert len(value.data) < 2000
    with pytest.raises(ValueError, match="24 are stated"):
        PackedArray(value.dtype, 3, value.compressed, value.data).unpack()


def test_wide_records_are_read() -> None:
    found = decode(Path("x"), _wide(encode(TREE)))
    assert [flat(r) for r in found.children] == [flat(r) for r in TREE]


def _wide(content: bytes) -> bytes:
    """The same file in version 7500, whose records count in 64 bits."""
    stop = content.rindex(bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e"))

    def widened(start: int, end: int, at: int) -> bytes:
        parts = []
        while start < end:
            last, count, length, name = struct.unpack_from("<IIIB", content, start)
            if last == 0:
                parts.append(bytes(25))
                break
            head = content[start + 13 : start + 13 + name + length]
            body = widened(start + 13 + name + length, last, at + 25 + len(head))
            whole = 25 + len(head) + len(body)
            parts.append(struct.pack("<QQQB", at + whole, count, length, name) + head + body)
            at, start = at + whole, last
        return b"".join(parts)

    return content[:23] + struct.pack("<I", 7500) + widened(27, stop, 27) + content[stop:]
