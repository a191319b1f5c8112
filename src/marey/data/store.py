"""MotionStore: motions and their texts on disk, opened at once and read frame by frame.

A store is a folder. ``store.json`` is written last, so a folder without it is unfinished:

    store.json      format version, fps, skeleton, fingerprint, options, shards, statistics
    clips.jsonl     one ClipRecord a line
    windows.jsonl   one WindowRecord a line
    drops.jsonl     one Drop a line
    shards/00000_root_positions.npy   float32 [frames, 3], metres
    shards/00000_rotations.npy        float32 [frames, joints, 4], local quaternions wxyz
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from marey import rotations
from marey.data.records import SPLITS, ClipRecord, Drop, WindowRecord
from marey.errors import FileFormatError, InvalidInputError
from marey.motion import Motion
from marey.skeleton import Skeleton
from marey.skeleton.serialization import skeleton_from_json

FORMAT = "marey-motion-store"
VERSION = 1
INDEX = "store.json"
JOURNAL = "journal"
"""Folder that exists while a store is being written."""

Record = TypeVar("Record", ClipRecord, WindowRecord, Drop)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One pair of memory-mapped arrays: the frames of several clips, one after the other."""

    name: str
    frames: int

    def paths(self, folder: Path) -> tuple[Path, Path]:
        """Files of root positions and rotations."""
        shards = folder / "shards"
        return shards / f"{self.name}_root_positions.npy", shards / f"{self.name}_rotations.npy"


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionStore:
    """A finished store. Everything but the frames is in memory; frames are memory-mapped."""

    path: Path
    fps: float
    skeleton: Skeleton
    fingerprint: str
    """Hash of the inputs and options that the store was made of."""
    options: Mapping[str, Any]
    shards: tuple[Shard, ...]
    clips: tuple[ClipRecord, ...]
    windows: tuple[WindowRecord, ...]
    drops: tuple[Drop, ...] = ()
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """Clips, windows and seconds by split, and windows by flag."""

    @classmethod
    def open(cls, path: str | Path) -> "MotionStore":
        """Open a store. Raises FileFormatError for a folder that is none, is unfinished, is of
        another format version, or lacks a shard."""
        path = Path(path)
        index = read_index(path)
        clips = tuple(_read_records(path / "clips.jsonl", ClipRecord.from_json))
        store = cls(
            path=path,
            fps=float(index["fps"]),
            skeleton=skeleton_from_json(index["skeleton"]),
            fingerprint=index["fingerprint"],
            options=index["options"],
            shards=tuple(Shard(**row) for row in index["shards"]),
            clips=clips,
            windows=tuple(_read_records(path / "windows.jsonl", WindowRecord.from_json)),
            drops=tuple(_read_records(path / "drops.jsonl", Drop.from_json)),
            statistics=index["statistics"],
        )
        _check_shards(store)
        _check_clips(store)
        _check_windows(store)
        return store

    def clip(self, clip_id: str) -> ClipRecord:
        """Return a clip's record. Raises InvalidInputError if the store has none of it."""
        if clip_id not in self._clip_of:
            example = f"such as {self.clips[0].clip_id!r}" if self.clips else "and holds none"
            raise InvalidInputError(
                f"The store {self.path} has no clip {clip_id!r}; it has {len(self.clips)} clips, "
                f"{example}."
            )
        return self._clip_of[clip_id]

    def motion(self, clip_id: str, start: int = 0, end: int | None = None) -> Motion:
        """Read frames ``start`` to ``end - 1`` of a clip; all by default.

        Raises InvalidInputError for an unknown clip or frames outside it.
        """
        clip = self.clip(clip_id)
        end = clip.length if end is None else end
        if not 0 <= start < end <= clip.length:
            raise InvalidInputError(
                f"Clip {clip_id!r} has frames 0 to {clip.length}, got {start} to {end}."
            )
        root, quaternions = self._arrays[clip.shard]
        span = slice(clip.start + start, clip.start + end)
        local = rotations.quaternion_to_matrix(torch.from_numpy(np.array(quaternions[span])))
        return Motion(
            root_positions=torch.from_numpy(np.array(root[span])),
            local_rotations=local,
            fps=self.fps,
            skeleton=self.skeleton,
            metadata={"clip": clip_id, "split": clip.split},
        )

    def window_motion(self, window: WindowRecord) -> Motion:
        """Read the frames of a window."""
        return self.motion(window.clip_id, window.start, window.end)

    def windows_of(self, split: str) -> tuple[WindowRecord, ...]:
        """Return the windows of a split. Raises InvalidInputError for an unknown split."""
        if split not in SPLITS:
            raise InvalidInputError(f"Unknown split {split!r}; the splits are {', '.join(SPLITS)}.")
        return tuple(window for window in self.windows if window.split == split)

    @cached_property
    def _clip_of(self) -> dict[str, ClipRecord]:
        return {clip.clip_id: clip for clip in self.clips}

    @cached_property
    def _arrays(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        pairs = (shard.paths(self.path) for shard in self.shards)
        return tuple((_map(root), _map(turns)) for root, turns in pairs)


def read_index(path: Path) -> dict[str, Any]:
    """Return the content of ``store.json``. Raises FileFormatError where it is none of ours."""
    file = path / INDEX
    if not file.is_file():
        unfinished = (path / JOURNAL).is_dir()
        raise FileFormatError(
            path,
            INDEX,
            expected="a finished motion store",
            got="one that is unfinished" if unfinished else "no such file",
            fix="Run the same `marey data prepare` again; it goes on where it stopped."
            if unfinished
            else "Make a store with `marey data prepare`, or give the folder of one.",
        )
    index = _parse(file, 1, file.read_text(encoding="utf-8"))
    if index.get("format") != FORMAT or index.get("version") != VERSION:
        raise FileFormatError(
            file,
            "version",
            expected=f"{FORMAT} {VERSION}",
            got=f"{index.get('format')} {index.get('version')}",
            fix="Prepare the data again with this version of marey, into a new folder.",
        )
    fields = ("fps", "skeleton", "fingerprint", "options", "shards", "statistics")
    missing = [name for name in fields if name not in index]
    if missing:
        raise _damaged(file, "fields", f"{', '.join(fields)}", f"none of {', '.join(missing)}")
    return index


def read_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of a JSONL file. Raises FileFormatError naming the line."""
    if not file.is_file():
        raise _damaged(file, "file", "one JSON object a line", "no such file")
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            yield number, _parse(file, number, line)


def _read_records(file: Path, from_json: Callable[[Mapping[str, Any]], Record]) -> Iterator[Record]:
    for number, row in read_lines(file):
        try:
            yield from_json(row)
        except (TypeError, KeyError) as error:
            raise _damaged(file, f"line {number}", "the record's fields", str(error)) from error


def _parse(file: Path, number: int, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise _damaged(file, f"line {number}", "JSON", str(error)) from error
    if not isinstance(value, dict):
        raise _damaged(file, f"line {number}", "a JSON object", type(value).__name__)
    return value


def _damaged(file: Path, place: str, expected: str, got: str) -> FileFormatError:
    return FileFormatError(
        file,
        place,
        expected=expected,
        got=got,
        fix="The store is damaged; prepare the data again into a new folder.",
    )


def _map(file: Path) -> np.ndarray:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(file, "array", "a memory-mapped .npy file", str(error)) from error


def _check_shards(store: MotionStore) -> None:
    for shard in store.shards:
        shapes = ((shard.frames, 3), (shard.frames, store.skeleton.num_joints, 4))
        for file, shape in zip(shard.paths(store.path), shapes, strict=True):
            if not file.is_file():
                raise _damaged(file, "shard", f"{shard.frames} frames", "no such file")
            array = _map(file)
            if array.shape != shape or array.dtype != np.float32:
                raise _damaged(file, "shard", f"float32 {shape}", f"{array.dtype} {array.shape}")


def _check_clips(store: MotionStore) -> None:
    file = store.path / "clips.jsonl"
    ids = {clip.clip_id for clip in store.clips}
    if len(ids) != len(store.clips):
        raise _damaged(file, "clips", "names that differ", "one name twice")
    for number, clip in enumerate(store.clips, start=1):
        known = 0 <= clip.shard < len(store.shards)
        frames = store.shards[clip.shard].frames if known else 0
        if not (clip.start >= 0 < clip.length and clip.start + clip.length <= frames):
            raise _damaged(
                file,
                f"line {number}",
                f"frames inside the {frames} of shard {clip.shard}",
                f"{clip.length} from {clip.start}",
            )


def _check_windows(store: MotionStore) -> None:
    file = store.path / "windows.jsonl"
    clips = {clip.clip_id: clip for clip in store.clips}
    for number, window in enumerate(store.windows, start=1):
        clip = clips.get(window.clip_id)
        if clip is None:
            raise _damaged(file, f"line {number}", "a clip of the store", repr(window.clip_id))
        if window.split != clip.split:
            raise _damaged(file, f"line {number}", f"split {clip.split!r}", repr(window.split))
        if not 0 <= window.start < window.end <= clip.length:
            raise _damaged(
                file,
                f"line {number}",
                f"frames inside the {clip.length} of clip {clip.clip_id}",
                f"{window.start} to {window.end}",
            )
