"""Arrays out of an untrusted NPZ or NPY: headers first, sizes checked, nothing unpickled.

``numpy.load`` allocates what a header asks for before it reads; here the header must agree with
the zip's entry, and both must stay below a limit.
"""

import lzma
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marey.errors import FileFormatError
from marey.io.text_lines import check_file

_MAX_ENTRIES = 1000
_MAX_HEADER = 65536
_HEADER = re.compile(
    r"\{'descr': '(?P<dtype>[^']{1,20})', 'fortran_order': (?P<fortran>False|True), "
    r"'shape': \((?P<shape>(?:\d{1,15}(?:, ?|,?(?=\))))*)\),? ?\}\s*"
)
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, OSError),
    # zipfile raises these for encrypted entries, unknown compression and odd names.
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, IndexError, KeyError),
)


@dataclass(frozen=True, kw_only=True)
class _Header:
    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    size: int
    """Bytes of the header in the file."""


def read_arrays(
    path: Path, *, names: tuple[str, ...], max_bytes: int, check_others: bool = True
) -> dict[str, np.ndarray]:
    """Return those of the named arrays that an NPZ holds.

    The other arrays are not read; unless ``check_others`` is false, their headers are.
    Raises FileFormatError if the file is no zip or damaged, if any of the arrays that are looked at
    holds Python objects, or if the named arrays take more than ``max_bytes``.
    """
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_archive(path, archive, names, max_bytes, check_others)
    except FileFormatError:
        raise
    except _DAMAGED as error:
        got = str(error) or type(error).__name__
        raise _fault(path, "file", "an NPZ (a zip of arrays)", got) from error


def read_array(path: Path, *, max_bytes: int) -> np.ndarray:
    """Return the array of an NPY file.

    Raises FileFormatError if the file is none or damaged, if it holds Python objects, or if it is
    larger than ``max_bytes``.
    """
    check_file(path)
    size = path.stat().st_size
    if size > max_bytes:
        expected, got = f"at most {max_bytes // 2**20} MiB", f"{size // 2**20} MiB"
        raise _fault(path, "file", expected, got, fix="Split the motion into shorter ones.")
    try:
        with path.open("rb") as file:
            header = _header(path, "array", file.read, size)
            return _decoded(path, "array", file.read(size - header.size), header)
    except FileFormatError:
        raise
    except _DAMAGED as error:
        got = str(error) or type(error).__name__
        raise _fault(path, "file", "an NPY (one array)", got) from error


def array_names(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in an NPZ. Raises FileFormatError if it is none."""
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist()[:_MAX_ENTRIES])
    except _DAMAGED as error:
        got = str(error) or type(error).__name__
        raise _fault(path, "file", "an NPZ (a zip of arrays)", got) from error


def _read_archive(
    path: Path,
    archive: zipfile.ZipFile,
    names: tuple[str, ...],
    max_bytes: int,
    check_others: bool,
) -> dict[str, np.ndarray]:
    entries = archive.infolist()
    if len(entries) > _MAX_ENTRIES or len({e.filename for e in entries}) < len(entries):
        got = f"{len(entries)}, some twice or too many"
        raise _fault(path, "file", f"at most {_MAX_ENTRIES} different arrays", got)
    found = {_place(entry): entry for entry in entries}
    wanted = {name: found[name] for name in names if name in found}
    headers: dict[str, _Header] = {}
    for name, entry in (found if check_others else wanted).items():
        with archive.open(entry) as file:
            headers[name] = _header(path, f"array {name!r}", file.read, entry.file_size)
    total = sum(entry.file_size for entry in wanted.values())
    if total > max_bytes:
        raise _fault(
            path,
            "file",
            f"arrays of at most {max_bytes // 2**20} MiB in all",
            f"{total // 2**20} MiB",
            fix="Split the motion into shorter ones.",
        )
    return {name: _array(path, archive, wanted[name], headers[name]) for name in wanted}


def _place(entry: zipfile.ZipInfo) -> str:
    return entry.filename.removesuffix(".npy")


def _header(path: Path, place: str, read: Callable[[int], bytes], file_size: int) -> _Header:
    """Read the header at the start of a file of that size, and check that the two agree."""
    start = read(12)
    if start[:6] != b"\x93NUMPY" or len(start) < 12 or start[6] not in (1, 2, 3):
        raise _fault(path, place, "an .npy array", f"{start[:8]!r}")
    length = int.from_bytes(start[8:10] if start[6] == 1 else start[8:12], "little")
    size = length + (10 if start[6] == 1 else 12)
    if length > _MAX_HEADER:
        raise _fault(path, place, f"a header below {_MAX_HEADER} bytes", f"{length}")
    rest = read(size - 12)
    text = (start + rest)[10 if start[6] == 1 else 12 :].decode("latin-1")
    if re.search(r"'descr': '?[<>|=]?O", text):
        raise _fault(
            path,
            place,
            "plain numbers or text",
            "Python objects, which would have to be unpickled and are not, for that can run code",
            fix="Save it again with plain arrays (allow_pickle=False).",
        )
    found = _HEADER.fullmatch(text)
    if not found:
        raise _fault(path, place, "a plain array header", f"{text[:60]!r}")
    shape = tuple(int(axis) for axis in re.findall(r"\d+", found["shape"]))
    header = _Header(
        dtype=_dtype(path, place, found["dtype"]),
        shape=shape,
        fortran=found["fortran"] == "True",
        size=size,
    )
    stated = size + math.prod(shape) * header.dtype.itemsize
    if stated != file_size:
        got = f"{file_size} bytes for shape {shape}"
        raise _fault(path, place, f"{stated} bytes", got)
    return header


def _dtype(path: Path, place: str, text: str) -> np.dtype:
    if not re.fullmatch(r"[<>|=]?(?:[biuf]\d{1,2}|[US]\d{1,9})", text):
        raise _fault(path, place, "numbers, booleans or text", f"type {text!r}")
    try:
        return np.dtype(text)
    except TypeError as error:
        raise _fault(path, place, "a type that numpy knows", f"{text!r}") from error


def _array(
    path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, header: _Header
) -> np.ndarray:
    with archive.open(entry) as file:
        file.read(header.size)
        content = file.read(entry.file_size - header.size)
    return _decoded(path, f"array {_place(entry)!r}", content, header)


def _decoded(path: Path, place: str, content: bytes, header: _Header) -> np.ndarray:
    expected = math.prod(header.shape) * header.dtype.itemsize
    if len(content) != expected:
        raise _fault(path, place, f"{expected} bytes", f"{len(content)}")
    if header.dtype.kind in "US":
        return _text(path, place, content, header)
    array = np.frombuffer(bytearray(content), dtype=header.dtype)
    if header.dtype.kind == "b":
        # A damaged bool may be any byte; comparing makes it one of the two.
        array = array.view(np.uint8) != 0
    array = array.reshape(header.shape, order="F" if header.fortran else "C")
    return array.astype(header.dtype.newbyteorder("="), copy=False)


def _text(path: Path, place: str, content: bytes, header: _Header) -> np.ndarray:
    """Decode strictly: numpy would build strings of characters that do not exist."""
    if math.prod(header.shape) != 1:
        raise _fault(path, place, "one text", f"an array of shape {header.shape}")
    encoding = "utf-32-be" if header.dtype.byteorder == ">" else "utf-32-le"
    try:
        text = content.decode("utf-8" if header.dtype.kind == "S" else encoding)
    except UnicodeDecodeError as error:
        raise _fault(path, place, "text", str(error)) from error
    return np.array(text.rstrip("\0"))


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or was cut off: export it again.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
