"""HumanML3DFolder: fills a folder in HumanML3D's layout, and goes on where a killed run stopped.

new_joint_vecs/NAME.npy   features; a clip's mirror image is MNAME
new_joints/NAME.npy       joint positions recovered from them
texts/NAME.txt            captions, where there are some
all.txt train.txt val.txt test.txt
Mean.npy Std.npy          of all features, averaged in groups
index.csv                 where every clip is from
job.jsonl                 what every source gave; a run that was stopped goes on after its end
report.json               counts, written last
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from marey.data.prepare.amass_index import COLUMNS, Cut
from marey.data.prepare.humanml3d_texts import SPLIT_FILES, TimedCaption
from marey.data.records import Drop
from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.humanml3d import MAX_BYTES
from marey.io.npy_archive import read_array
from marey.motion.chain_body import ChainBody
from marey.motion.chain_features import recovered_positions
from marey.motion.chain_statistics import chain_statistics

JOB = "job.jsonl"
REPORT = "report.json"
_ROW = {"source": str, "clips": list, "rest": str, "rate": str, "drops": list}
_CLIP = {
    "source": str,
    "start": int,
    "end": int,
    "name": str,
    "split": str,
    "frames": int,
    "prefixes": list,
    "captions": bool,
}
_DROP = {"kind": str, "reason": str, "place": str}
"""Kinds of the values in a line of a job, and of those in its lists."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FolderClip:
    """What of a clip goes into the folder."""

    cut: Cut
    split: str
    features: dict[str, Float[Tensor, "_ feats"]]
    """By prefix of the name: "" for the clip, "M" for its mirror image."""
    captions: dict[str, Sequence[TimedCaption]]
    """By the same prefix; nothing where there are none."""


@dataclass(frozen=True, kw_only=True)
class FolderReport:
    """What the folder holds and what was left out; the same for every run on the same data."""

    path: str
    fps: float
    clips: dict[str, int]
    """Clips by split, mirror images not counted."""
    seconds: dict[str, float]
    """Their duration."""
    mirrored: int
    captioned: int
    """Clips with captions."""
    interpolated: int
    """Clips of sources whose rate the folder's does not divide."""
    rest: dict[str, int]
    """Sources with clips by where their rest joints are from."""
    dropped: dict[str, int]
    """Number of drops by ``kind: reason``; ``job.jsonl`` names each place."""

    def to_json(self) -> dict[str, Any]:
        """Return the report without the folder, which is not the data's business."""
        return {name: value for name, value in asdict(self).items() if name != "path"}

    def table(self) -> str:
        """Return the report as lines of text."""
        rows = ["split     clips    hours"]
        rows += [
            f"{name:<8} {count:>6} {self.seconds[name] / 3600:>8.2f}"
            for name, count in self.clips.items()
        ]
        rows += [
            "",
            f"mirror images: {self.mirrored}",
            f"clips with captions: {self.captioned}",
            f"clips with interpolated frames: {self.interpolated}",
            *(f"rest joints of {count} files: {origin}" for origin, count in self.rest.items()),
            "",
            f"left out ({JOB} names each place):" if self.dropped else "left out:",
        ]
        rows += [f"  {count:>6}  {reason}" for reason, count in self.dropped.items()]
        rows += [] if self.dropped else ["  nothing"]
        return "\n".join(rows)


class HumanML3DFolder:
    """Adds sources one by one. Raises InvalidInputError for a folder of something else."""

    def __init__(self, path: Path, body: ChainBody, *, job: dict[str, Any]) -> None:
        self.path, self.body = path, body
        self._rows: list[dict[str, Any]] = []
        self._done: set[str] = set()
        self._names: set[str] = set()
        file = path / JOB
        if file.is_file():
            self._resume(file, job)
            return
        if path.is_dir() and any(path.iterdir()):
            raise InvalidInputError(
                f"{path} is neither empty nor a folder that this command began; nothing is written "
                "into it. Give a folder that does not exist yet."
            )
        for name in ("new_joint_vecs", "new_joints", "texts"):
            (path / name).mkdir(parents=True, exist_ok=True)
        self._append(job)

    @property
    def is_complete(self) -> bool:
        """Whether an earlier run wrote the report."""
        return (self.path / REPORT).is_file()

    def is_done(self, source: str) -> bool:
        """Whether a source has been dealt with."""
        return source in self._done

    def add(
        self,
        source: str,
        clips: Sequence[FolderClip],
        drops: Sequence[Drop],
        *,
        rest: str = "",
        rate: str = "",
    ) -> None:
        """Write the clips of a source, and note that it is dealt with and what was dropped.

        ``rest`` and ``rate`` are the reader's notes of rest joints and frame rate.
        Raises InvalidInputError if another clip has one of the names.
        """
        rows = []
        for clip in clips:
            for prefix, features in clip.features.items():
                name = f"{prefix}{clip.cut.name}"
                if name.casefold() in self._names:
                    raise InvalidInputError(
                        f"{name}: a clip of {source} has the name of another clip (letters' case "
                        "does not count). Rename one of them."
                    )
                self._names.add(name.casefold())
                self._write(name, features, clip.captions.get(prefix, ()))
            frames = len(next(iter(clip.features.values())))
            rows.append(
                {
                    **asdict(clip.cut),
                    "split": clip.split,
                    "frames": frames,
                    "prefixes": list(clip.features),
                    "captions": bool(clip.captions),
                }
            )
        told = {"rest": rest, "rate": rate, "drops": [drop.to_json() for drop in drops]}
        self._append({"source": source, "clips": rows, **told})

    def finish(self) -> FolderReport:
        """Write lists, statistics, index and report; a finished folder is reported as it is.

        Raises InvalidInputError if the folder holds no clip.
        """
        report = self._report()
        if self.is_complete:
            return report
        clips = self._clips
        if not clips:
            reasons = "; ".join(f"{n} × {reason}" for reason, n in report.dropped.items())
            raise InvalidInputError(f"No clip can be made of the sources: {reasons}.")
        names = {split: [] for split in SPLIT_FILES}
        for clip in clips:
            names[clip["split"]] += [f"{prefix}{clip['name']}" for prefix in clip["prefixes"]]
        self._write_text("all.txt", _lines([name for own in names.values() for name in own]))
        for split, file in SPLIT_FILES.items():
            self._write_text(file, _lines(names[split]))
        statistics = chain_statistics(self._features(), self.body)
        self._save("Mean.npy", statistics.mean)
        self._save("Std.npy", statistics.std)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([c["source"], c["start"], c["end"], c["name"]] for c in clips)
        self._write_text("index.csv", table.getvalue())
        self._write_text(REPORT, json.dumps(report.to_json(), indent=1) + "\n")
        return report

    @property
    def _clips(self) -> list[dict[str, Any]]:
        return [clip for row in self._rows for clip in row["clips"]]

    def _features(self) -> Iterator[Tensor]:
        for clip in self._clips:
            for prefix in clip["prefixes"]:
                file = self.path / "new_joint_vecs" / f"{prefix}{clip['name']}.npy"
                yield torch.from_numpy(read_array(file, max_bytes=MAX_BYTES))

    def _report(self) -> FolderReport:
        clips = self._clips
        drops = Counter(f"{d['kind']}: {d['reason']}" for row in self._rows for d in row["drops"])
        frames = Counter({split: 0 for split in SPLIT_FILES})
        for clip in clips:
            frames[clip["split"]] += clip["frames"]
        counts = Counter(clip["split"] for clip in clips)
        fps = self.body.fps
        return FolderReport(
            path=str(self.path),
            fps=fps,
            clips={split: counts[split] for split in SPLIT_FILES},
            seconds={split: round(frames[split] / fps, 2) for split in SPLIT_FILES},
            mirrored=sum("M" in clip["prefixes"] for clip in clips),
            captioned=sum(clip["captions"] for clip in clips),
            interpolated=sum(len(r["clips"]) for r in self._rows if "interpolated" in r["rate"]),
            rest=dict(sorted(Counter(r["rest"] for r in self._rows if r["clips"]).items())),
            dropped=dict(sorted(drops.items())),
        )

    def _write(self, name: str, features: Tensor, captions: Sequence[TimedCaption]) -> None:
        self._save(f"new_joint_vecs/{name}.npy", features)
        self._save(f"new_joints/{name}.npy", recovered_positions(features, self.body))
        if captions:
            self._write_text(f"texts/{name}.txt", _lines([each.line for each in captions]))

    def _save(self, name: str, values: Tensor) -> None:
        # What a killed run wrote but did not note is written again.
        with atomic_path(self.path / name, force=True) as temporary, temporary.open("wb") as file:
            np.save(file, values.float().numpy(), allow_pickle=False)

    def _write_text(self, name: str, text: str) -> None:
        with atomic_path(self.path / name, force=True) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _append(self, row: dict[str, Any]) -> None:
        with (self.path / JOB).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        if "source" in row:
            self._rows.append(row)
            self._done.add(row["source"])

    def _resume(self, file: Path, job: dict[str, Any]) -> None:
        *whole, rest = file.read_bytes().split(b"\n")
        found = [_row(file, number, line) for number, line in enumerate(whole, start=1)]
        if not found or found[0] != json.loads(json.dumps(job)):
            raise InvalidInputError(
                f"{self.path} was begun with other inputs or options. Give another folder, or the "
                "inputs and options that it was begun with."
            )
        if rest:  # a run was killed while it wrote the last line
            with atomic_path(file, force=True) as temporary:
                temporary.write_bytes(b"".join(line + b"\n" for line in whole))
        self._rows = found[1:]
        self._done = {row["source"] for row in self._rows}
        self._names = {f"{p}{c['name']}".casefold() for c in self._clips for p in c["prefixes"]}


def _row(file: Path, number: int, line: bytes) -> dict[str, Any]:
    """Read a line of a job: what the job is, then what every source gave."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not (isinstance(row, dict) and (number == 1 or _is_noted(row))):
        raise FileFormatError(
            file,
            f"line {number}",
            expected="what an earlier run noted",
            got=f"{line[:40].decode(errors='replace')!r}",
            fix="The file is damaged: give another folder.",
        )
    return row


def _is_noted(row: dict[str, Any]) -> bool:
    return (
        _holds(row, _ROW)
        and all(_holds(drop, _DROP) for drop in row["drops"])
        and all(_holds(clip, _CLIP) and _is_placed(clip) for clip in row["clips"])
    )


def _holds(row: Any, kinds: dict[str, type]) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(k), kinds[k]) for k in kinds)


def _is_placed(clip: dict[str, Any]) -> bool:
    """Whether a clip lies inside the folder."""
    prefixes = all(prefix in ("", "M") for prefix in clip["prefixes"])
    return prefixes and clip["split"] in SPLIT_FILES and bool(re.fullmatch(r"[\w-]+", clip["name"]))


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
