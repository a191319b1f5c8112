"""A glTF 2.0 file as checked JSON and arrays: .glb, .vrm, or .gltf with its buffers inside.

No number, index or length of the file is believed: arrays are views of the bytes that are there.
Source: Khronos, glTF 2.0 specification, revision 2.0.1.
"""

import base64
import binascii
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from marey.errors import FileFormatError
from marey.io.text_lines import check_file

_MAGIC, _JSON, _BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942
_KINDS = {
    "5120": np.dtype("<i1"),
    "5121": np.dtype("<u1"),
    "5122": np.dtype("<i2"),
    "5123": np.dtype("<u2"),
    "5126": np.dtype("<f4"),
}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_UNREADABLE = ("EXT_meshopt_compression", "KHR_meshopt_compression")
_DATA = "data:"
_SPARE_BYTES, _TIMES_FILE = 2**26, 40


class GltfFile:
    """The tables of a file by name; rows are objects, whatever the file holds."""

    def __init__(self, path: Path) -> None:
        """Read a file. Raises FileFormatError if it is no glTF 2.0, damaged, or needs others."""
        self.path = path
        self._tables: dict[str, list[dict[str, Any]]] = {}
        self._buffers: dict[int, memoryview] = {}
        check_file(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise self.fault("file", "a readable file", str(error)) from error
        # What arrays may take in all: many may lie in the same bytes.
        self._budget = _SPARE_BYTES + _TIMES_FILE * len(content)
        text, self._binary = self._chunks(content)
        try:
            self._json = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.fault("JSON", "a glTF document", str(error)[:100]) from error
        if not isinstance(self._json, dict):
            raise self.fault("JSON", "an object", type(self._json).__name__)
        version = str(self.object(self._json, "asset").get("version", "none"))
        if not version.startswith("2"):
            raise self.fault("asset", "glTF version 2", version[:20])
        needed = self._json.get("extensionsRequired", [])
        lacking = [name for name in _UNREADABLE if isinstance(needed, list) and name in needed]
        if lacking:
            fix = "Export it without compression of animations."
            raise self.fault("extensionsRequired", "plain buffers", lacking[0], fix=fix)

    @property
    def root(self) -> Mapping[str, Any]:
        """The whole document."""
        return self._json

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return a table of the document: a list of objects, empty where there is none."""
        if name not in self._tables:
            rows = self._json.get(name, [])
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self.fault(name, "a list of objects", type(rows).__name__)
            self._tables[name] = rows
        return self._tables[name]

    def object(self, row: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return an object in a row, empty where there is none."""
        value = row.get(name, {})
        if not isinstance(value, dict):
            raise self.fault(name, "an object", repr(value)[:40])
        return value

    def records(self, row: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        """Return a list of objects in a row, empty where there is none."""
        found = row.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self.fault(name, "a list of objects", repr(found)[:40])
        return found

    def index(self, name: str, value: Any) -> int:
        """Return an index into a table. Raises FileFormatError if there is no such row."""
        count = len(self.rows(name))
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
            raise self.fault(name, f"an index below {count}", repr(value)[:40])
        return value

    def row(self, name: str, index: Any) -> dict[str, Any]:
        """Return a row of a table. Raises FileFormatError if there is no such row."""
        return self.rows(name)[self.index(name, index)]

    def indices(self, row: Mapping[str, Any], name: str, table: str) -> list[int]:
        """Return a list of indices into a table, checked."""
        found = row.get(name, [])
        if not isinstance(found, list):
            raise self.fault(name, "a list", repr(found)[:40])
        return [self.index(table, index) for index in found]

    def numbers(self, row: Mapping[str, Any], name: str, default: list[float]) -> np.ndarray:
        """Return a vector of a row, as long as ``default``."""
        found = row.get(name, default)
        good = isinstance(found, list) and len(found) == len(default)
        if not good or not all(is_number(value) for value in found):
            raise self.fault(name, f"{len(default)} finite numbers", repr(found)[:40])
        return np.array(found, np.float64)

    def array(self, accessor: Any) -> np.ndarray:
        """Return the values of an accessor, [count, width] in float64; whole numbers as −1 to 1."""
        row = self.row("accessors", accessor)
        place = f"accessor {accessor}"
        dtype = _KINDS.get(str(row.get("componentType")))
        width = _WIDTHS.get(str(row.get("type")))
        if dtype is None or width is None or "sparse" in row or "bufferView" not in row:
            kinds = "a plain array of numbers, vectors or 4x4 matrices"
            raise self.fault(place, kinds, f"{row.get('type')} of {row.get('componentType')}")
        data, stride = self._view(row["bufferView"], place)
        size = width * dtype.itemsize
        stride = stride or size
        count, offset = self._whole(row, "count", place), self._whole(row, "byteOffset", place)
        if not count or stride < size or offset + (count - 1) * stride + size > len(data):
            got = f"{count} rows of {stride} bytes from byte {offset} of {len(data)}"
            raise self.fault(place, "rows within its buffer view", got)
        self._budget -= 8 * count * width
        if self._budget < 0:
            fix = "Export the joints and their animation alone."
            raise self.fault(place, "arrays in proportion to the file", "larger ones", fix=fix)
        values = np.ndarray((count, width), dtype, data, offset, (stride, dtype.itemsize))
        if dtype.kind == "f":
            found = values.astype(np.float64)
        else:
            found = np.maximum(values / np.iinfo(dtype).max, -1.0)
        if not np.isfinite(found).all():
            raise self.fault(place, "finite numbers", "others")
        return found

    def fault(self, place: str, expected: str, got: str, *, fix: str = "") -> FileFormatError:
        """Return the error of a place in the file."""
        fix = fix or "The file is damaged or beyond what marey reads: export it again."
        return FileFormatError(self.path, place, expected=expected, got=got, fix=fix)

    def _chunks(self, content: bytes) -> tuple[bytes, memoryview]:
        """Split a GLB into its JSON and its binary part; a .gltf is all JSON."""
        if content[:1].strip() == b"{" or content[:3] == b"\xef\xbb\xbf":
            return content, memoryview(b"")
        if len(content) < 20 or struct.unpack_from("<I", content)[0] != _MAGIC:
            raise self.fault("file", "binary glTF, or JSON", f"{content[:8]!r}")
        (version,) = struct.unpack_from("<I", content, 4)
        if version != 2:
            raise self.fault("header", "GLB version 2", f"{version}")
        found: dict[int, memoryview] = {}
        at = 12
        while at + 8 <= len(content):
            length, kind = struct.unpack_from("<II", content, at)
            if at + 8 + length > len(content):
                raise self.fault(f"byte {at}", "a whole chunk", "the end of the file")
            found.setdefault(kind, memoryview(content)[at + 8 : at + 8 + length])
            at += 8 + length
        if _JSON not in found:
            raise self.fault("file", "a JSON chunk", "none")
        return bytes(found[_JSON]), found.get(_BINARY, memoryview(b""))

    def _view(self, index: Any, place: str) -> tuple[memoryview, int]:
        """Return the bytes of a buffer view and its stride, 0 for none."""
        row = self.row("bufferViews", index)
        buffer = self._buffer(row.get("buffer"))
        start, length = self._whole(row, "byteOffset", place), self._whole(row, "byteLength", place)
        if start + length > len(buffer):
            got = f"bytes {start} to {start + length} of {len(buffer)}"
            raise self.fault(f"bufferView {index}", "bytes within its buffer", got)
        return buffer[start : start + length], self._whole(row, "byteStride", place)

    def _buffer(self, index: Any) -> memoryview:
        row = self.row("buffers", index)
        if index not in self._buffers:
            self._buffers[index] = self._loaded(index, row.get("uri"))
        return self._buffers[index]

    def _loaded(self, index: int, uri: Any) -> memoryview:
        if uri is None and index == 0:
            return self._binary
        if not isinstance(uri, str) or not uri.startswith(_DATA) or ";base64," not in uri[:200]:
            fix = "Export it as .glb, or with its buffers embedded."
            raise self.fault(f"buffer {index}", "bytes in the file", repr(uri)[:60], fix=fix)
        try:
            return memoryview(base64.b64decode(uri.split(",", 1)[1], validate=True))
        except (binascii.Error, ValueError) as error:
            raise self.fault(f"buffer {index}", "base64", str(error)) from error

    def _whole(self, row: Mapping[str, Any], name: str, place: str) -> int:
        value = row.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
            raise self.fault(place, f"{name}: a whole number from 0 on", repr(value)[:40])
        return value


def is_number(value: Any) -> TypeGuard[float]:
    """Say whether a JSON value is a finite number below 1e9."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) < 1e9 and math.isfinite(value)
