"""Binary FBX as a tree of records, written (version 7400) and read (7000 and later).

A record has a name, typed values and children. Up to version 7400 its lengths are 32-bit numbers,
from 7500 on 64-bit ones; arrays may be compressed. The layout has no public specification: it is
known from the files that programs write and accept.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from marey.errors import FileFormatError

VERSION = 7400
"""What marey writes: FBX 2014/2015, which every program in use reads."""
CREATION_TIME = "1970-01-01 10:00:00:000"
"""A fixed time, so that the same motion gives the same bytes; the identifiers belong to it."""
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")

_MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
_FOOT_ID = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
_END = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
_OLDEST, _WIDE, _NEWEST = 7000, 7500, 7999
_MAX_RECORDS, _MAX_DEPTH = 1_000_000, 32
_COMPRESS_FROM = 128
# Written even where there are no children: programs expect it.
_ALWAYS_CLOSED = {"AnimationStack", "AnimationLayer"}

_SCALARS = {"Y": "<h", "C": "<B", "B": "<B", "I": "<i", "F": "<f", "D": "<d", "L": "<q"}
_ARRAYS = {
    "f": np.dtype("<f4"),
    "d": np.dtype("<f8"),
    "l": np.dtype("<i8"),
    "i": np.dtype("<i4"),
    "b": np.dtype("<u1"),
    "c": np.dtype("<u1"),
}
_ARRAY_CODES = {_ARRAYS[code].newbyteorder("="): code for code in "fdli"}


@dataclass(frozen=True)
class Record:
    """A node of the file: ``Model: 1000, "hips", "LimbNode" { … }``."""

    name: str
    values: tuple[Any, ...] = ()
    """bool, int (32 bits), numpy.int64, float, str, bytes or an array; read: `PackedArray`."""
    children: tuple["Record", ...] = ()

    def all(self, name: str) -> list["Record"]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "Record":
        """Return the first child of a name, or an empty record."""
        return next((child for child in self.children if child.name == name), Record(name))


@dataclass(frozen=True)
class PackedArray:
    """An array as it lies in the file; nothing is unpacked before it is asked for."""

    dtype: np.dtype
    count: int
    compressed: bool
    data: memoryview

    @property
    def num_bytes(self) -> int:
        """Size when unpacked, as the file states it."""
        return self.count * self.dtype.itemsize

    def unpack(self) -> np.ndarray:
        """Return the array. Raises ValueError where the data do not hold what is stated."""
        content: bytes | memoryview = self.data
        if self.compressed:
            try:
                content = zlib.decompressobj().decompress(self.data, self.num_bytes + 1)
            except zlib.error as error:
                raise ValueError(f"damaged compression ({error})") from error
        if len(content) != self.num_bytes:
            raise ValueError(f"{len(content)} bytes or more where {self.num_bytes} are stated")
        return np.frombuffer(content, self.dtype).astype(self.dtype.newbyteorder("="))


# --- writing -----------------------------------------------------------------------------------


def encode(records: Sequence[Record]) -> bytes:
    """Return the content of a binary FBX file of these top-level records."""
    head = _MAGIC + struct.pack("<I", VERSION)
    body = _encode_all(records, len(head)) + bytes(13)
    foot = _FOOT_ID + bytes(4)
    padding = 16 - (len(head) + len(body) + len(foot)) % 16
    return b"".join(
        (head, body, foot, bytes(padding), struct.pack("<I", VERSION), bytes(120), _END)
    )


def _encode_all(records: Sequence[Record], start: int) -> bytes:
    parts: list[bytes] = []
    for i, record in enumerate(records):
        parts.append(_encode_record(record, start, is_last=i == len(records) - 1))
        start += len(parts[-1])
    return b"".join(parts)


def _encode_record(record: Record, start: int, *, is_last: bool) -> bytes:
    name = record.name.encode()
    values = b"".join(map(_encode_value, record.values))
    head = 13 + len(name)
    children = _encode_all(record.children, start + head + len(values))
    closed = record.children or record.name in _ALWAYS_CLOSED
    if closed or (not record.values and not is_last):
        children += bytes(13)
    end = start + head + len(values) + len(children)
    numbers = struct.pack("<IIIB", end, len(record.values), len(values), len(name))
    return numbers + name + values + children


def _encode_value(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, str | bytes):
        code, content = (b"S", value.encode()) if isinstance(value, str) else (b"R", value)
        return code + struct.pack("<I", len(content)) + content
    kinds = {bool: "C", np.int64: "L", int: "I", float: "D"}
    code = kinds[type(value)]
    return code.encode() + struct.pack(_SCALARS[code], value)


def _encode_array(array: np.ndarray) -> bytes:
    code = _ARRAY_CODES[array.dtype]
    data = array.astype(_ARRAYS[code]).tobytes()
    packed = zlib.compress(data, 6) if len(data) >= _COMPRESS_FROM else data
    numbers = struct.pack("<III", array.size, packed is not data, len(packed))
    return code.encode() + numbers + packed


# --- reading -----------------------------------------------------------------------------------


def decode(path: Path, content: bytes) -> Record:
    """Return a record without name whose children are the file's top-level records.

    Raises FileFormatError for ASCII FBX, versions before 7000, other files and damaged ones.
    """
    if not content.startswith(_MAGIC[:21]):
        raise _not_binary(path, content)
    if len(content) < 27:
        raise fault(path, f"byte {len(content)}", "a version", "the end of the file")
    (version,) = struct.unpack_from("<I", content, 23)
    if not _OLDEST <= version <= _NEWEST:
        fix = "Export it again as FBX 2011 or later (binary)."
        raise fault(path, "header", f"version {_OLDEST} to {_NEWEST}", f"{version}", fix=fix)
    return Record("", (), _Decoder(path, content, wide=version >= _WIDE).records(27))


class _Decoder:
    """Reads records and believes no length that leads outside the record that holds it."""

    def __init__(self, path: Path, content: bytes, *, wide: bool) -> None:
        self.path, self.content, self.view = path, content, memoryview(content)
        self.head = struct.Struct("<QQQB" if wide else "<IIIB")
        self.count = 0

    def records(self, start: int) -> tuple[Record, ...]:
        return self._children(start, len(self.content), depth=0)

    def _children(self, start: int, end: int, *, depth: int) -> tuple[Record, ...]:
        """Records from ``start`` up to the empty record that closes the list."""
        if depth > _MAX_DEPTH:
            raise self._fault(start, f"at most {_MAX_DEPTH} levels of records", "more")
        found: list[Record] = []
        while start < end:
            if start + self.head.size > end:
                raise self._fault(start, "a record", "the end of the list that holds it")
            stop, count, length, name = self.head.unpack_from(self.content, start)
            if stop == 0:
                break
            first = start + self.head.size + name
            if not first + length <= stop <= end:
                raise self._fault(start, "a record within the one that holds it", "a longer one")
            found.append(self._record(start, (first, first + length, stop), count, depth))
            start = stop
        return tuple(found)

    def _record(self, start: int, places: tuple[int, int, int], count: int, depth: int) -> Record:
        self.count += 1
        if self.count > _MAX_RECORDS:
            raise self._fault(start, f"at most {_MAX_RECORDS} records", "more")
        first, last, stop = places
        name = self.content[start + self.head.size : first].decode("utf-8", "replace")
        return Record(
            name,
            self._values(first, last, count),
            self._children(last, stop, depth=depth + 1),
        )

    def _values(self, start: int, end: int, count: int) -> tuple[Any, ...]:
        values: list[Any] = []
        at = start
        for _ in range(count):
            if at + 2 > end:
                raise self._fault(start, f"{count} values", f"room for {len(values)}")
            value, at = self._value(at, end)
            values.append(value)
        return tuple(values)

    def _value(self, at: int, end: int) -> tuple[Any, int]:
        code = chr(self.content[at])
        if code in _SCALARS:
            size = struct.calcsize(_SCALARS[code])
            stop = at + 1 + size
            self._check(at, stop, end)
            (value,) = struct.unpack_from(_SCALARS[code], self.content, at + 1)
            return (bool(value & 1) if code == "C" else value), stop
        if code in "SR":
            self._check(at, at + 5, end)
            (length,) = struct.unpack_from("<I", self.content, at + 1)
            stop = at + 5 + length
            self._check(at, stop, end)
            content = self.content[at + 5 : stop]
            return (content.decode("utf-8", "replace") if code == "S" else content), stop
        if code in _ARRAYS:
            self._check(at, at + 13, end)
            size, compressed, length = struct.unpack_from("<III", self.content, at + 1)
            stop = at + 13 + length
            self._check(at, stop, end)
            data = self.view[at + 13 : stop]
            return PackedArray(_ARRAYS[code], size, bool(compressed), data), stop
        raise self._fault(at, "a type of value", repr(code))

    def _check(self, at: int, stop: int, end: int) -> None:
        if stop > end:
            raise self._fault(at, "a value within its record", "a longer one")

    def _fault(self, at: int, expected: str, got: str) -> FileFormatError:
        return fault(self.path, f"byte {at}", expected, got)


def _not_binary(path: Path, content: bytes) -> FileFormatError:
    if b"FBXHeaderExtension" in content[:4096] or content[:5] == b"; FBX":
        fix = "Export it again as binary FBX, or convert it with Autodesk's FBX Converter."
        return fault(path, "file", "binary FBX", "ASCII FBX", fix=fix)
    return fault(path, "file", "binary FBX", f"{content[:16]!r}")


def fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or was cut off: export it again.",
) -> FileFormatError:
    """Return the error of a place in a file."""
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
