"""AnnotationFile: annotations of a store's windows, one JSON object a line, only ever appended to.

A line is written by one call, so that a run may be killed at any moment: at worst the last line
is half written, which the next run notices, cuts off and counts. Where a window has several
lines (another prompt, say), the last one counts.
"""

import json
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from marey.annotation.annotation import Annotation
from marey.errors import FileFormatError, InvalidInputError


@dataclass(frozen=True, kw_only=True)
class AnnotatedWindow:
    """A line of the file."""

    window_id: str
    key: str
    """Hash of everything that the annotation was made from."""
    prompt: str
    """Version of the prompt; "" for geometric annotations."""
    annotation: Annotation

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary that `from_json` turns back into an equal line."""
        return {
            "window": self.window_id,
            "key": self.key,
            "prompt": self.prompt,
            "annotation": self.annotation.to_json(),
        }

    @classmethod
    def from_json(cls, row: Any) -> "AnnotatedWindow":
        """Return the line that `to_json` wrote. Raises InvalidInputError for anything else."""
        names = ("window", "key", "prompt", "annotation")
        if not isinstance(row, dict) or any(name not in row for name in names):
            raise InvalidInputError(f"expected an object with {', '.join(names)}, got {row!r:.60}.")
        return cls(
            window_id=row["window"],
            key=row["key"],
            prompt=row["prompt"],
            annotation=Annotation.from_json(row["annotation"]),
        )


def annotation_path(folder: str | Path, author: str) -> Path:
    """Return the file of an author's annotations in a folder."""
    plain = re.sub(r"[^\w.-]+", "-", author).strip("-.") or "model"
    return Path(folder) / f"annotations.{plain}.jsonl"


def read_annotations(path: str | Path) -> dict[str, AnnotatedWindow]:
    """Return the last line of every window; one that is half written is left out.

    Raises InvalidInputError where there is no such file, and FileFormatError naming a wrong line.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInputError(
            f"{path}: expected annotations, found no such file. Make them with `marey annotate`."
        )
    return _parsed(path, path.read_bytes().split(b"\n")[:-1])


def read_part_texts(path: str | Path) -> dict[str, dict[str, str]]:
    """Return the texts of parts and pairs, by slot and window id; see `read_annotations`."""
    return {
        window: {**line.annotation.parts, **line.annotation.interactions}
        for window, line in read_annotations(path).items()
    }


@final
class AnnotationFile:
    """The file, open for appending by one process; a context manager. Threads may share it.

    Raises InvalidInputError where another process is writing to it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _claim(self._file, self.path)
            *whole, rest = self.path.read_bytes().split(b"\n")
            self.lines = _parsed(self.path, whole)
            """The last line of every window."""
            self.discarded_lines = int(rest != b"")
            """1 where the last run was killed while it wrote."""
            if rest:
                os.ftruncate(self._file, sum(len(line) + 1 for line in whole))
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> "AnnotationFile":
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)

    def append(self, line: AnnotatedWindow) -> None:
        """Add a line, by one call of the operating system."""
        data = (json.dumps(line.to_json(), ensure_ascii=False) + "\n").encode()
        with self._lock:
            written = os.write(self._file, data)
            if written != len(data):  # a full disk
                raise OSError(f"{self.path}: {written} of {len(data)} bytes could be written")
            self.lines[line.window_id] = line


def _parsed(path: Path, lines: list[bytes]) -> dict[str, AnnotatedWindow]:
    found: dict[str, AnnotatedWindow] = {}
    for number, line in enumerate(lines, start=1):
        try:
            row = AnnotatedWindow.from_json(json.loads(line))
        except ValueError as error:  # InvalidInputError, JSONDecodeError, UnicodeDecodeError
            raise FileFormatError(
                path,
                f"line {number}",
                expected="an annotated window",
                got=str(error),
                fix="Remove the line; `marey annotate` makes it again.",
            ) from error
        found[row.window_id] = row
    return found


def _claim(file: int, path: Path) -> None:
    """Hold the file for this process until it is closed, where the system can do that."""
    if os.name != "posix":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InvalidInputError(
            f"{path}: another run is writing to it. Wait for it, or choose another --out."
        ) from error
