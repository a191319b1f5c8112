"""Shards of an index: the windows of some files, and which files these were.

    00003-1f2e3d4c.safetensors  embeddings: fp16 [rows, width], of unit length;
                                spans: float32 [rows, 2], start and end in seconds
    00003-1f2e3d4c.jsonl        {"files", "rows", "checksum"}, then one FileRecord a line

The second is written last: without it there is no shard, whatever else lies there. A shard never
changes. Of two records of one file the one in the later shard counts, so that any shard may be
deleted: the next update finds that its files are missing or old.
"""

import json
import re
import secrets
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float, Float16
from torch import Tensor

from marey.errors import FileFormatError
from marey.io import atomic_path
from marey.io.tensor_file import read_tensors, write_tensors

KIND, VERSION = "marey-motion-index-shard", "1"
_NAME = re.compile(r"(\d{5,})-[0-9a-f]{8}")


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """A motion file, or a clip of a store, as it was when it was read."""

    name: str
    stamp: str
    """What was looked at to see whether it has changed."""
    digest: str = ""
    """Hash of its content."""
    rows: int = 0
    """How many windows it has."""
    error: str | None = None
    """Why it could not be used."""
    gone: bool = False
    """Whether the source has it no longer."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The files of a shard, in the order of their rows."""

    path: Path
    """Of the tensor file."""
    records: tuple[FileRecord, ...]
    checksum: int

    @property
    def number(self) -> int:
        return int(self.path.stem.partition("-")[0])

    def tensors(self, width: int) -> tuple[Float16[Tensor, "rows width"], Float[Tensor, "rows 2"]]:
        """Read embeddings and spans. Raises FileFormatError for a damaged shard."""
        fix = _fix(self.path)
        tensors, _ = read_tensors(self.path, kind=KIND, version=VERSION, fix=fix)
        rows = sum(record.rows for record in self.records)
        expected = {"embeddings": (rows, width), "spans": (rows, 2)}
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if shapes != expected:
            raise FileFormatError(
                self.path, "tensors", expected=str(expected), got=str(shapes), fix=fix
            )
        embeddings, spans = tensors["embeddings"], tensors["spans"]
        if (found := checksum(embeddings, spans)) != self.checksum:
            raise FileFormatError(
                self.path, "checksum", expected=str(self.checksum), got=str(found), fix=fix
            )
        return embeddings, spans


def read_shards(folder: Path) -> tuple[Shard, ...]:
    """Return the finished shards in the order of writing; their tensors are not read yet.

    Raises FileFormatError for a damaged one.
    """
    return tuple(_read(file) for file in sorted(folder.glob("*.jsonl")) if _NAME.match(file.stem))


def write_shard(
    folder: Path,
    number: int,
    records: Sequence[FileRecord],
    embeddings: Float[Tensor, "rows width"],
    spans: Float[Tensor, "rows 2"],
) -> None:
    """Write a shard under a name that nobody else takes, not even a second process."""
    name = f"{number:05d}-{secrets.token_hex(4)}"
    tensors = {"embeddings": embeddings.half(), "spans": spans.float()}
    write_tensors(folder / f"{name}.safetensors", tensors, {}, kind=KIND, version=VERSION)
    head = {"files": len(records), "rows": len(spans), "checksum": checksum(*tensors.values())}
    lines = [head, *({k: v for k, v in asdict(each).items() if v} for each in records)]
    with atomic_path(folder / f"{name}.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def newest(shards: Sequence[Shard]) -> dict[str, FileRecord]:
    """Return what counts of each file that the source still has."""
    records = {record.name: record for shard in shards for record in shard.records}
    return {name: record for name, record in records.items() if not record.gone}


def _read(file: Path) -> Shard:
    try:
        head, *rows = _objects(file)
        records = tuple(FileRecord(**row) for row in rows)
        counts = {"files": len(records), "rows": sum(record.rows for record in records)}
        if {name: head[name] for name in counts} != counts:
            raise ValueError(f"{counts} of {head}")
        checksum = int(head["checksum"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileFormatError(
            file, "lines", expected="the files of a shard", got=str(error), fix=_fix(file)
        ) from error
    return Shard(path=file.with_suffix(".safetensors"), records=records, checksum=checksum)


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError(f"{type(value).__name__} in place of an object")
        yield value


def checksum(*tensors: Tensor) -> int:
    """CRC-32 of the bytes of some tensors."""
    total = 0
    for tensor in tensors:
        total = zlib.crc32(tensor.contiguous().numpy().data, total)
    return total


def _fix(file: Path) -> str:
    return (
        f"Delete {file.stem}.* there and run `marey search index` again: it reads the motions of "
        "this shard anew, and no others."
    )
