"""The table of a user's motion library: which stretch of which file is what, in words.

A CSV file in UTF-8 with a header: ``file,start,end,text,split``. ``start`` and ``end`` are
seconds from the start of the file and may be empty (the file's start and end); ``split`` may be
empty or missing (train). Several lines with one stretch give it several texts.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marey.data.records import SPLITS, Drop
from marey.errors import FileFormatError

_REQUIRED = ("file", "text")
_COLUMNS = ("file", "start", "end", "text", "split")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One usable line of the table."""

    line: int
    file: str
    """Path relative to the library's folder, with forward slashes."""
    start: float
    """Seconds."""
    end: float | None
    """Seconds; None = the file's end."""
    text: str
    split: str


class _BadRowError(Exception):
    """Why a line cannot be used."""


def read_table(path: Path, folder: Path) -> tuple[tuple[Row, ...], tuple[Drop, ...]]:
    """Return the usable lines of a table, and the others with the reason.

    Raises FileFormatError if the file is no CSV in UTF-8, has no header, lacks a column or has
    an unknown one.
    """
    rows: list[Row] = []
    drops: list[Drop] = []
    for line, cells in _lines(path):
        try:
            rows.append(_row(line, cells, folder))
        except _BadRowError as reason:
            drops.append(Drop(kind="row", reason=str(reason), place=f"{path.name}, line {line}"))
    return tuple(rows), tuple(drops)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", restval="", strict=True)
            _check_header(path, tuple(name.strip() for name in reader.fieldnames or ()))
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(
            path,
            "table",
            expected="a CSV file in UTF-8",
            got=str(error),
            fix="Export it as CSV (UTF-8), with quotes around texts that hold commas.",
        ) from error


def _check_header(path: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [name for name in names if name not in _COLUMNS]
    if missing or unknown or len(set(names)) != len(names):
        raise FileFormatError(
            path,
            "line 1",
            expected=f"the columns {','.join(_COLUMNS)} ({' and '.join(_REQUIRED)} at least)",
            got=",".join(names) or "an empty file",
            fix="Mend the header.",
        )


def _row(line: int, cells: dict[str, str], folder: Path) -> Row:
    if "" in cells:
        raise _BadRowError("more cells than columns; quote texts that hold commas")
    text = " ".join(cells["text"].split())
    split = cells.get("split", "").strip() or "train"
    start = _seconds(cells.get("start", ""), "start")
    end = _seconds(cells.get("end", ""), "end")
    if not text:
        raise _BadRowError("no text")
    if split not in SPLITS:
        raise _BadRowError(f"split is none of {', '.join(SPLITS)}")
    if end is not None and end <= (start or 0.0):
        raise _BadRowError("end does not lie after start")
    file = _file(cells["file"], folder)
    return Row(line=line, file=file, start=start or 0.0, end=end, text=text, split=split)


def _seconds(cell: str, name: str) -> float | None:
    if not cell.strip():
        return None
    try:
        value = float(cell)
    except ValueError:
        raise _BadRowError(f"{name} is no number of seconds") from None
    if not math.isfinite(value) or value < 0:
        raise _BadRowError(f"{name} is no number of seconds from the file's start")
    return value


def _file(cell: str, folder: Path) -> str:
    name = cell.strip().replace("\\", "/")
    if not name:
        raise _BadRowError("no file name")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise _BadRowError("the file lies outside the folder")
    if not path.is_file():
        raise _BadRowError("the folder has no such file")
    return path.relative_to(folder.resolve()).as_posix()
