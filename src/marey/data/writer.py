"""StoreWriter: fills a MotionStore clip by clip, and goes on where a killed run stopped.

Clips are gathered in memory until a shard is full. A shard is committed by writing its arrays
and then, by one atomic rename, its entry in the journal; ``store.json`` closes the store. Only
what the journal knows counts, so that a run may be killed between any two instructions.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from marey import rotations
from marey.data.records import SPLITS, ClipRecord, Drop, WindowRecord
from marey.data.store import FORMAT, INDEX, JOURNAL, VERSION, MotionStore, Shard, read_index
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import Skeleton
from marey.skeleton.serialization import skeleton_to_json

SHARD_BYTES = 32 * 2**20
"""Size at which a shard is closed; what a killed run may have to do again."""


@dataclass(frozen=True, kw_only=True)
class StoreSpec:
    """What a store is made of and how: all that two runs must share to fill one folder."""

    fps: float
    skeleton: Skeleton
    fingerprint: str
    """Hash of inputs and options."""
    options: dict[str, Any]
    """The options, for the reader of the store; JSON-like."""


@dataclass
class _Pending:
    """The shard that is being gathered."""

    clips: list[ClipRecord] = field(default_factory=list)
    windows: list[WindowRecord] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    roots: list[np.ndarray] = field(default_factory=list)
    turns: list[np.ndarray] = field(default_factory=list)
    frames: int = 0


class StoreWriter:
    """Appends clips in order to one store. Open it with ``StoreWriter.open``."""

    def __init__(self, path: Path, spec: StoreSpec) -> None:
        self.path, self.spec = path, spec
        self._shard_frames = max(1, SHARD_BYTES // (4 * (3 + 4 * spec.skeleton.num_joints)))
        self._shards: list[Shard] = []
        self._committed: list[dict[str, Any]] = []
        self._done: set[str] = set()
        self._pending = _Pending()

    @classmethod
    def open(cls, path: str | Path, spec: StoreSpec) -> "StoreWriter":
        """Start or resume a store in a folder.

        Raises InvalidInputError if the folder holds a store of other inputs or options, or
        files that are no store.
        """
        path = Path(path)
        writer = cls(path, spec)
        if (path / INDEX).is_file():
            writer._require_same(read_index(path)["fingerprint"])
            writer._close_journal()
        elif (job := path / JOURNAL / "job.json").is_file():
            writer._require_same(json.loads(job.read_text(encoding="utf-8"))["fingerprint"])
            writer._resume()
        else:
            writer._start()
        return writer

    @property
    def is_complete(self) -> bool:
        """Whether the store was finished, by this or an earlier run."""
        return (self.path / INDEX).is_file()

    @property
    def num_clips(self) -> int:
        """Clips that this and earlier runs have added."""
        return len(self._rows("clips")) + len(self._pending.clips)

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What was dropped so far."""
        return (*map(Drop.from_json, self._rows("drops")), *self._pending.drops)

    def is_done(self, source_id: str) -> bool:
        """Whether an earlier run or this one has settled a source (kept or dropped)."""
        return source_id in self._done

    def append(
        self,
        source_id: str,
        motion: Motion,
        *,
        record: ClipRecord,
        windows: Sequence[WindowRecord] = (),
        drops: Sequence[Drop] = (),
    ) -> None:
        """Add a clip with its windows; shard, start and length of ``record`` are set here.

        Raises InvalidInputError if the motion has another skeleton or frame rate than the store,
        if the clip is already there, or if a window does not fit the clip or its split.
        """
        self._require_fit(source_id, motion, record, windows)
        pending = self._pending
        placed = replace(
            record, shard=len(self._shards), start=pending.frames, length=motion.num_frames
        )
        quaternions = rotations.matrix_to_quaternion(motion.local_rotations)
        pending.clips.append(placed)
        pending.windows.extend(windows)
        pending.roots.append(motion.root_positions.numpy().astype(np.float32))
        pending.turns.append(quaternions.numpy().astype(np.float32))
        pending.frames += motion.num_frames
        self.settle(source_id, drops)
        if pending.frames >= self._shard_frames:
            self._commit()

    def settle(self, source_id: str, drops: Sequence[Drop]) -> None:
        """Note that a source is dealt with, and what of it was dropped."""
        self._pending.drops.extend(drops)
        self._pending.done.append(source_id)
        self._done.add(source_id)

    def finish(self) -> MotionStore:
        """Close the store and open it for reading; a finished store is opened as it is."""
        if not self.is_complete:
            if self._pending.done:
                self._commit()
            rows = {name: self._rows(name) for name in ("clips", "windows", "drops")}
            for name, lines in rows.items():
                text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines)
                _write_atomically(self.path / f"{name}.jsonl", text.encode())
            _write_atomically(self.path / INDEX, _json_bytes(self._index(rows)))
            self._close_journal()
        return MotionStore.open(self.path)

    def abandon(self) -> None:
        """Take a store back into which no clip went. Raises InvalidInputError if one did."""
        if self.is_complete or self.num_clips:
            raise InvalidInputError(f"The store {self.path} holds clips; it is not taken back.")
        self._close_journal()
        (self.path / "shards").rmdir()

    def _start(self) -> None:
        # An empty journal is what a run leaves that was killed in this very function.
        foreign = self.path.is_dir() and any(self.path.iterdir())
        if foreign and not (self.path / JOURNAL).is_dir():
            raise InvalidInputError(
                f"{self.path} is neither empty nor a motion store; nothing is written into it. "
                "Give a folder that does not exist yet."
            )
        (self.path / JOURNAL).mkdir(parents=True, exist_ok=True)
        (self.path / "shards").mkdir(exist_ok=True)
        job = {"fingerprint": self.spec.fingerprint, "options": self.spec.options}
        _write_atomically(self.path / JOURNAL / "job.json", _json_bytes(job))

    def _resume(self) -> None:
        (self.path / "shards").mkdir(exist_ok=True)
        while (entry := self._entry(len(self._committed))).is_file():
            row = json.loads(entry.read_text(encoding="utf-8"))
            self._committed.append(row)
            self._done.update(row["done"])
            if row["shard"] is not None:
                self._shards.append(Shard(**row["shard"]))

    def _entry(self, number: int) -> Path:
        return self.path / JOURNAL / f"{number:05d}.json"

    def _commit(self) -> None:
        pending, shard = self._pending, None
        if pending.frames:
            shard = Shard(name=f"{len(self._shards):05d}", frames=pending.frames)
            roots, turns = shard.paths(self.path)
            _save_atomically(roots, np.concatenate(pending.roots))
            _save_atomically(turns, np.concatenate(pending.turns))
            self._shards.append(shard)
        row = {
            "shard": asdict(shard) if shard else None,
            "done": pending.done,
            "clips": [clip.to_json() for clip in pending.clips],
            "windows": [window.to_json() for window in pending.windows],
            "drops": [drop.to_json() for drop in pending.drops],
        }
        _write_atomically(self._entry(len(self._committed)), _json_bytes(row))
        self._committed.append(row)
        self._pending = _Pending()

    def _rows(self, name: str) -> list[dict[str, Any]]:
        return [record for row in self._committed for record in row[name]]

    def _index(self, rows: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "fps": self.spec.fps,
            "skeleton": skeleton_to_json(self.spec.skeleton),
            "fingerprint": self.spec.fingerprint,
            "options": self.spec.options,
            "shards": [asdict(shard) for shard in self._shards],
            "statistics": _statistics(rows["clips"], rows["windows"], self.spec.fps),
        }

    def _close_journal(self) -> None:
        journal = self.path / JOURNAL
        if journal.is_dir():
            for entry in sorted(journal.iterdir()):
                entry.unlink()
            journal.rmdir()

    def _require_same(self, fingerprint: str) -> None:
        if fingerprint != self.spec.fingerprint:
            raise InvalidInputError(
                f"{self.path} holds a store of other inputs or options: its fingerprint is "
                f"{fingerprint}, that of this call {self.spec.fingerprint}. Give another output "
                "folder, or the inputs and options that it was made with."
            )

    def _require_fit(
        self,
        source_id: str,
        motion: Motion,
        record: ClipRecord,
        windows: Sequence[WindowRecord],
    ) -> None:
        if self.is_complete:
            raise InvalidInputError(f"The store {self.path} is finished; no clip can be added.")
        if source_id in self._done:
            raise InvalidInputError(f"Clip {source_id!r} is already in the store {self.path}.")
        if motion.skeleton != self.spec.skeleton or motion.fps != self.spec.fps:
            raise InvalidInputError(
                f"The store {self.path} holds {self.spec.skeleton.name!r} at {self.spec.fps} fps, "
                f"got {motion.skeleton.name!r} at {motion.fps}; retarget and resample it first."
            )
        if record.split not in SPLITS:
            raise InvalidInputError(
                f"Clip {record.clip_id!r}: split must be one of {', '.join(SPLITS)}, "
                f"got {record.split!r}."
            )
        for window in windows:
            inside = 0 <= window.start < window.end <= motion.num_frames
            if not inside or (window.clip_id, window.split) != (record.clip_id, record.split):
                raise InvalidInputError(
                    f"Window {window.window_id} ({window.split}) does not fit clip "
                    f"{record.clip_id!r} ({record.split}) of {motion.num_frames} frames."
                )


def _statistics(
    clips: list[dict[str, Any]], windows: list[dict[str, Any]], fps: float
) -> dict[str, Any]:
    splits = {}
    for split in SPLITS:
        own = [clip for clip in clips if clip["split"] == split]
        described = [window for window in windows if window["split"] == split]
        splits[split] = {
            "clips": len(own),
            "seconds": round(sum(clip["length"] for clip in own) / fps, 2),
            "windows": len(described),
            "window_seconds": round(sum(w["end"] - w["start"] for w in described) / fps, 2),
            "texts": sum(len(window["texts"]) for window in described),
        }
    flags = {name: sum(w[name] for w in windows) for name in ("flip", "off_floor", "coarse")}
    return {"splits": splits, "flags": flags}


def _json_bytes(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _save_atomically(path: Path, array: np.ndarray) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _write_atomically(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
