"""Making and updating an index: only what is new or has changed is embedded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from marey.errors import InvalidInputError, MareyError
from marey.models.alignment import AlignmentModel
from marey.motion import Motion
from marey.retrieval.index import HEADER, SHARDS, IndexHeader, IndexSettings
from marey.retrieval.index_shards import FileRecord, newest, read_shards, write_shard
from marey.retrieval.sources import Source

ROWS_PER_SHARD = 2048
"""At most so many windows, and those of one file, are lost when the process is killed."""

Progress = Callable[[int, int, str], None]
"""Called with the number of files done, of all files, and the name of the one just done."""


@dataclass(frozen=True, kw_only=True)
class IndexReport:
    """What an update did."""

    files: int
    """Files in the index, those that cannot be used included."""
    windows: int
    new: int
    changed: int
    removed: int
    errors: Mapping[str, str]
    """Why a file cannot be used, by name; found now or before."""


@dataclass(kw_only=True)
class _Writer:
    """Gathers what was embedded into shards."""

    folder: Path
    number: int
    width: int
    limit: int
    records: list[FileRecord] = field(default_factory=list)
    points: list[Tensor] = field(default_factory=list)
    spans: list[Tensor] = field(default_factory=list)

    def add(
        self, record: FileRecord, points: Tensor | None = None, spans: Tensor | None = None
    ) -> None:
        """Take a file, with its windows if it has any."""
        self.records.append(record)
        if points is not None and spans is not None:
            self.points.append(points)
            self.spans.append(spans)
        if sum(map(len, self.spans)) >= self.limit:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self.records:
            points = torch.cat([torch.empty(0, self.width), *self.points])
            spans = torch.cat([torch.empty(0, 2), *self.spans])
            write_shard(self.folder, self.number, self.records, points, spans)
        self.records, self.points, self.spans = [], [], []
        self.number += 1


def update_index(
    path: str | Path,
    source: Source,
    model: AlignmentModel,
    *,
    seconds: float = 4.0,
    stride: float = 2.0,
    moved: bool = False,
    rows_per_shard: int = ROWS_PER_SHARD,
    progress: Progress | None = None,
) -> IndexReport:
    """Make an index of the source, or bring it up to date; an update that was killed goes on.

    Files that cannot be read do not stop it: they are in the report, and tried again once they
    change. ``moved`` says that the source of the index is at another place now. Raises
    InvalidInputError for a source without motions, or for an index of other settings or of
    another source; FileFormatError for a damaged index.
    """
    path = Path(path)
    stamps = source.stamps()
    if not stamps:
        raise InvalidInputError(f"{source.root}: expected motions (.bvh, .npz, a store), got none.")
    settings = IndexSettings.of(model, seconds=seconds, stride=stride, bvh=source.bvh)
    _prepare(path, source, settings, moved=moved)
    shards = read_shards(path / SHARDS)
    known = newest(shards)
    number = 1 + max((shard.number for shard in shards), default=-1)
    writer = _Writer(
        folder=path / SHARDS, number=number, width=settings.width, limit=rows_per_shard
    )
    counts, unread = {"new": 0, "changed": 0}, dict[str, str]()
    try:
        for done, (name, stamp) in enumerate(stamps.items(), start=1):
            try:
                record = _outdated(source, name, stamp, known.get(name))
                if record is not None:
                    _embed(writer, source, model, settings, record)
                    counts["changed" if name in known else "new"] += 1
            except OSError as error:  # may be readable the next time: nothing is noted of it
                unread[name] = str(error)
            if progress is not None:
                progress(done, len(stamps), name)
        removed = sorted(known.keys() - stamps.keys())
        for name in removed:
            writer.add(FileRecord(name=name, stamp=known[name].stamp, gone=True))
    finally:  # also when the user interrupts: what was embedded stays
        writer.flush()
    return _report(path, counts, len(removed), unread)


def windows(motion: Motion, seconds: float, stride: float) -> list[tuple[int, int]]:
    """Return first frame and frame after the last of every window; the last ends with the motion.

    A motion no longer than a window is one.
    """
    width, step = round(seconds * motion.fps), max(1, round(stride * motion.fps))
    last = motion.num_frames - width
    if last <= 0:
        return [(0, motion.num_frames)]
    return [(start, start + width) for start in (*range(0, last, step), last)]


def embed_windows(
    motion: Motion, model: AlignmentModel, settings: IndexSettings
) -> tuple[Float[Tensor, "rows width"], Float[Tensor, "rows 2"]]:
    """Return the points of a motion's windows, of unit length, and their spans in seconds.

    Raises InvalidInputError for a motion too short to be looked at.
    """
    shown = motion.resample(settings.fps)
    frames = windows(shown, settings.seconds, settings.stride)
    points = model.embed_motions([shown.crop(*each) for each in frames])
    return F.normalize(points, dim=-1), torch.tensor(frames) / settings.fps


def _prepare(path: Path, source: Source, settings: IndexSettings, *, moved: bool) -> None:
    """Make the folder of the index, or check that it fits."""
    root = source.root.resolve()
    header = IndexHeader(settings=settings, kind=source.kind, root=root)
    if not (path / HEADER).exists():
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InvalidInputError(
                f"{path} exists and is no index of motions. Choose another name with -o."
            )
        header.write(path)
        return
    old = IndexHeader.read(path)
    differing = [
        f"{name} {before!r} instead of {now!r}"
        for name, now in vars(settings).items()
        if (before := getattr(old.settings, name)) != now
    ]
    if differing or old.kind != source.kind:
        what = "; ".join(differing) or f"a {old.kind} instead of a {source.kind}"
        raise InvalidInputError(
            f"{path}: an index made with {what} cannot be updated so. Give what it was made with, "
            "or choose another folder with -o."
        )
    if old.root != root:
        if not moved:
            raise InvalidInputError(
                f"{path} is the index of {old.root}, got {root}. If that folder was moved there, "
                "say --moved; else choose another folder with -o."
            )
        header.write(path, force=True)


def _outdated(source: Source, name: str, stamp: str, known: FileRecord | None) -> FileRecord | None:
    """Return a record to fill if a file has to be read; None if it is as it was."""
    if known is not None and known.stamp == stamp:
        return None
    digest = source.digest(name)
    if known is not None and known.digest == digest and known.error is None:
        return None
    return FileRecord(name=name, stamp=stamp, digest=digest)


def _embed(
    writer: _Writer,
    source: Source,
    model: AlignmentModel,
    settings: IndexSettings,
    record: FileRecord,
) -> None:
    name, stamp, digest = record.name, record.stamp, record.digest
    try:
        points, spans = embed_windows(source.motion(name), model, settings)
    except MareyError as error:
        # As JSON Lines keep it, and free of the place where the source is today.
        reason = " ".join(str(error).replace(f"{source.root}/", "").split())
        writer.add(FileRecord(name=name, stamp=stamp, digest=digest, error=reason))
        return
    made = FileRecord(name=name, stamp=stamp, digest=digest, rows=len(spans))
    writer.add(made, points, spans)


def _report(
    path: Path, counts: Mapping[str, int], removed: int, unread: Mapping[str, str]
) -> IndexReport:
    files = newest(read_shards(path / SHARDS)).values()
    errors = {each.name: each.error for each in files if each.error is not None}
    return IndexReport(
        files=len(files),
        windows=sum(each.rows for each in files),
        new=counts["new"],
        changed=counts["changed"],
        removed=removed,
        errors=dict(sorted((errors | dict(unread)).items())),
    )
