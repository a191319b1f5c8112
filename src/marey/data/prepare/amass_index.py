"""Which stretch of which AMASS file is which clip: HumanML3D's index, and its rule of preambles.

The index is a CSV file with the columns ``source_path, start_frame, end_frame, new_name``. Frames
count at the data set's rate after the preamble of the recording was cut off; an end of −1 leaves
the last frame out, as a Python slice does. Folders of AMASS that were renamed since are found too.
"""

import csv
import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from marey.data.records import Drop
from marey.errors import FileFormatError
from marey.io.text_lines import check_file

COLUMNS = ("source_path", "start_frame", "end_frame", "new_name")
_PREAMBLES = {
    "eyesjapan": 3.0,
    "hdm05": 3.0,
    "totalcapture": 1.0,
    "mpilimits": 1.0,
    "poseprior": 1.0,
    "transitions": 0.5,
}
"""Seconds at the start of a recording in which the person stands in T-pose, by part of AMASS."""
_LONGEST_STEM = 90
"""Characters; a name with the number of its piece still fits an index and a file system."""
_RENAMED = {
    "BioMotionLab_NTroje": "BMLrub",
    "DFaust_67": "DFaust",
    "Eyes_Japan_Dataset": "EyesJapanDataset",
    "MPI_HDM05": "HDM05",
    "MPI_Limits": "PosePrior",
    "MPI_mosh": "MoSh",
    "SSM_synced": "SSM",
    "TCD_handMocap": "TCDHands",
    "Transitions_mocap": "Transitions",
}


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One clip: a stretch of a source."""

    source: str
    """Path inside the tree, with forward slashes."""
    start: int
    """First frame after the preamble, at the rate of the result."""
    end: int
    """Frame after the last; negative counts from the end."""
    name: str


def preamble(source: str) -> float:
    """Return how many seconds at the start of a recording are no motion."""
    folder = re.sub(r"[^a-z0-9]", "", PurePosixPath(source).parts[0].lower())
    return next((s for name, s in _PREAMBLES.items() if name in folder), 0.0)


def read_index(path: Path, tree: Path) -> tuple[tuple[Cut, ...], tuple[Drop, ...]]:
    """Return the cuts whose sources the tree holds, and the other lines with the reason.

    Raises FileFormatError if the file is no such table, or has no lines.
    """
    cuts: list[Cut] = []
    drops: list[Drop] = []
    taken: set[str] = set()
    for line, cells in _lines(path):
        place = f"{path.name}, line {line}: {cells['source_path']}"
        cut = _cut(cells, tree)
        if isinstance(cut, str):
            drops.append(Drop(kind="row", reason=cut, place=place))
        elif taken & set(_claimed(cut.name)):
            again = "a name for the second time, or one of a mirror image"
            drops.append(Drop(kind="row", reason=again, place=place))
        else:
            taken.update(_claimed(cut.name))
            cuts.append(cut)
    if not cuts and not drops:
        raise _fault(path, "table", "at least one line", "none")
    return tuple(cuts), tuple(drops)


def clip_stems(sources: Sequence[str]) -> dict[str, str]:
    """Return what the names of each source's clips start with: its path in plain letters.

    Where that is not the source's alone, or too long, a hash of the path makes it so.
    """
    plain = {s: re.sub(r"[^A-Za-z0-9-]+", "_", s.rpartition(".")[0]) for s in sources}
    claims = Counter(name for stem in plain.values() for name in _claimed(stem))
    return {
        source: stem
        if len(stem) <= _LONGEST_STEM and all(claims[name] == 1 for name in _claimed(stem))
        else f"{stem[: _LONGEST_STEM - 11]}_{hashlib.sha256(source.encode()).hexdigest()[:10]}"
        for source, stem in plain.items()
    }


def _claimed(name: str) -> tuple[str, str]:
    """The names of a clip and of its mirror image; many file systems do not tell a from A."""
    return name.casefold(), f"m{name.casefold()}"


def even_cuts(source: str, stem: str, frames: int, longest: int) -> list[Cut]:
    """Cut a recording of so many frames into pieces of equal length, none above ``longest``.

    They are called ``stem``_00, ``stem``_01 and so on.
    """
    count = max(1, math.ceil(frames / longest))
    ends = [round(frames * i / count) for i in range(count + 1)]
    return [
        Cut(source=source, start=ends[i], end=ends[i + 1], name=f"{stem}_{i:02d}")
        for i in range(count)
    ]


def _lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    check_file(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="", restval="", strict=True)
            names = tuple(name.strip() for name in reader.fieldnames or ())
            if not set(COLUMNS) <= set(names):
                got = f"{','.join(names)[:60]!r}"
                raise _fault(path, "line 1", f"the columns {','.join(COLUMNS)}", got)
            reader.fieldnames = list(names)
            return [(reader.line_num, cells) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _fault(path, "table", "a CSV file in UTF-8", str(error)) from error


def _cut(cells: dict[str, str], tree: Path) -> Cut | str:
    """Return the cut of a line, or why it is none."""
    try:
        start, end = int(float(cells["start_frame"])), int(float(cells["end_frame"]))
    except (ValueError, OverflowError):
        return "start or end is no number of frames"
    name = cells["new_name"].strip()
    name = name.removesuffix(".npy")
    if not re.fullmatch(r"[\w-]{1,100}", name):
        return "new_name is no name of a file"
    if start < 0 or 0 <= end <= start:
        return "end does not lie after start"
    source = _source(cells["source_path"], tree)
    if source is None:
        return "the tree has no such file"
    return Cut(source=source, start=start, end=end, name=name)


def _source(cell: str, tree: Path) -> str | None:
    """Return the file of the tree that a line means; the index names joint files made from it."""
    path = PurePosixPath(cell.strip().replace("\\", "/"))
    parts = [part for part in path.parts if part not in (".", "/", "pose_data")]
    if len(parts) < 2 or ".." in parts:
        return None
    stem = re.sub(r"\.(npy|npz)$", "", parts[-1])
    stageii = re.sub(r"_poses$", "_stageii", stem)
    for first in dict.fromkeys((parts[0], _RENAMED.get(parts[0], parts[0]))):
        for last in dict.fromkeys((stem, stageii)):
            found = PurePosixPath(first, *parts[1:-1], f"{last}.npz").as_posix()
            if (tree / found).is_file():
                return found
    return None


def _fault(path: Path, place: str, expected: str, got: str) -> FileFormatError:
    fix = "Give HumanML3D's index.csv, or a table like it."
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
