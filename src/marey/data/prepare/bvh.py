"""Prepare a user's own library: a folder of BVH files and a table of what happens in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from marey.data.balance import actions_of, window_weights
from marey.data.prepare.job import Progress, fingerprint
from marey.data.prepare.report import PrepareReport, report_of, write_report
from marey.data.prepare.table import Row, read_table
from marey.data.records import ClipRecord, Drop, WindowRecord, WindowText
from marey.data.writer import StoreSpec, StoreWriter
from marey.errors import FileFormatError, InvalidInputError
from marey.io.bvh import read_bvh
from marey.motion import Motion
from marey.motion.retarget import RetargetResult, retarget
from marey.rigs.standing import upright
from marey.skeleton import BODY22

END_TOLERANCE = 0.1
"""Seconds by which a window may end after its file; it then ends with the file."""

Span = tuple[float, float | None]


@dataclass(frozen=True, kw_only=True)
class BvhOptions:
    """How a library becomes a store."""

    fps: float = 20.0
    unit: Literal["auto", "cm", "m", "mm"] = "auto"
    """Unit of length of the files."""
    up: Literal["Y", "Z"] = "Y"
    """Axis of the files that points up."""
    translations: Literal["refuse", "drop"] = "refuse"
    """What to do with files whose bones change length."""
    min_seconds: float = 1.0
    """Shorter windows are dropped."""
    strict: bool = False
    """Whether one bad line or file stops the preparation."""

    def __post_init__(self) -> None:
        if not (0 < self.fps < float("inf") and self.min_seconds >= 0):
            raise InvalidInputError(
                f"BvhOptions needs a positive fps and min_seconds >= 0, got {self}."
            )


@dataclass(frozen=True, kw_only=True)
class _FilePlan:
    """What the table says of one file: texts and weight of each stretch, and its split."""

    file: str
    split: str
    texts: Mapping[Span, tuple[Row, ...]]
    weights: Mapping[Span, float]


def prepare_bvh(
    folder: str | Path,
    texts_csv: str | Path,
    out: str | Path,
    *,
    options: BvhOptions | None = None,
    progress: Progress | None = None,
) -> PrepareReport:
    """Fill the store ``out`` with the files that the table names, and report on it.

    Bad lines and files are left out and counted by reason; with ``strict`` the first of them, and
    in any case a library of which nothing can be used, raises InvalidInputError. A run that was
    stopped goes on where it stopped; a finished store is left as it is. Raises FileFormatError
    for a table that is no table.
    """
    options, folder, table = options or BvhOptions(), Path(folder), Path(texts_csv)
    if not folder.is_dir():
        raise InvalidInputError(f"Expected a folder of BVH files, got {folder}, which is none.")
    rows, drops = read_table(table, folder)
    plans, more = _plans(rows)
    unnamed = _unnamed(folder, {row.file for row in rows})
    drops = (*drops, *more)
    _refuse(drops, strict=options.strict)
    files = sorted({row.file for row in rows})
    notes = {**asdict(options), "source": "bvh"}
    job = {**notes, "unnamed": [drop.place for drop in unnamed]}
    print_of = fingerprint([("", table), *((name, folder / name) for name in files)], job)
    spec = StoreSpec(fps=options.fps, skeleton=BODY22, fingerprint=print_of, options=notes)
    writer = StoreWriter.open(out, spec)
    if not writer.is_complete:
        if not writer.is_done("table"):
            writer.settle("table", (*drops, *unnamed))
        _fill(writer, folder, plans, options, progress)
        if not writer.num_clips:
            reasons = _reasons(writer.drops)
            writer.abandon()
            raise InvalidInputError(f"Nothing of {folder} can be used: {reasons}.")
    report = report_of(writer.finish())
    write_report(report)
    return report


def _fill(
    writer: StoreWriter,
    folder: Path,
    plans: Sequence[_FilePlan],
    options: BvhOptions,
    progress: Progress | None,
) -> None:
    for number, plan in enumerate(plans, start=1):
        if not writer.is_done(plan.file):
            _add(writer, folder, plan, options)
        if progress is not None:
            progress(number, len(plans), plan.file)


def _add(writer: StoreWriter, folder: Path, plan: _FilePlan, options: BvhOptions) -> None:
    try:
        source, result = _read(folder / plan.file, options)
    except (FileFormatError, InvalidInputError) as error:
        place = _relative(str(error), folder, plan.file)
        drop = Drop(kind="file", reason=f"unreadable ({type(error).__name__})", place=place)
        _refuse((drop,), strict=options.strict)
        writer.settle(plan.file, (drop,))
        return
    motion = result.motion
    windows, drops = _windows(plan, source, motion, options)
    if not windows:
        drops.append(Drop(kind="file", reason="no window of it can be used", place=plan.file))
    _refuse(drops, strict=options.strict)
    if not windows:
        writer.settle(plan.file, drops)
        return
    if result.report.unmapped:
        reason = "the file has none such; it keeps its rest pose"
        place = f"{plan.file}: {', '.join(result.report.unmapped)}"
        drops.append(Drop(kind="joint", reason=reason, place=place))
    record = ClipRecord(
        clip_id=windows[0].clip_id,
        shard=0,
        start=0,
        length=motion.num_frames,
        source_fps=source.fps,
        split=plan.split,
    )
    writer.append(plan.file, motion, record=record, windows=windows, drops=drops)


def _read(path: Path, options: BvhOptions) -> tuple[Motion, RetargetResult]:
    """The file's motion, on a rig that stands in rest pose, and on body22 at the store's rate."""
    source = read_bvh(path, unit=options.unit, up=options.up, translations=options.translations)
    source = upright(source)
    result = retarget(source, BODY22)
    return source, replace(result, motion=result.motion.resample(options.fps))


def _windows(
    plan: _FilePlan, source: Motion, motion: Motion, options: BvhOptions
) -> tuple[list[WindowRecord], list[Drop]]:
    windows, drops = [], []
    for span, rows in plan.texts.items():
        start, end = span[0], source.seconds if span[1] is None else span[1]
        first = round(start * options.fps)
        last = min(round(end * options.fps), motion.num_frames)
        reason = None
        if end > source.seconds + END_TOLERANCE:
            reason = "ends after the file"
        elif last - first < max(1, options.min_seconds * options.fps):
            reason = f"shorter than {options.min_seconds:g} s"
        if reason:
            lines = ", ".join(str(row.line) for row in rows)
            place = f"{plan.file}, line {lines} ({start:g} to {end:g} of {source.seconds:.2f} s)"
            drops.append(Drop(kind="window", reason=reason, place=place))
            continue
        window = _described(plan.file, plan.split, rows)
        coarse = source.fps < options.fps
        weight = round(plan.weights[span], 6)
        windows.append(replace(window, start=first, end=last, coarse=coarse, weight=weight))
    return windows, drops


def _plans(rows: Sequence[Row]) -> tuple[tuple[_FilePlan, ...], tuple[Drop, ...]]:
    """Group the lines by file and stretch; a file in two splits would leak, so it is dropped."""
    by_file: dict[str, list[Row]] = {}
    for row in rows:
        by_file.setdefault(row.file, []).append(row)
    drops = tuple(
        Drop(kind="file", reason="its windows are in different splits", place=file)
        for file, own in by_file.items()
        if len({row.split for row in own}) > 1
    )
    for drop in drops:
        del by_file[drop.place]
    spans: dict[tuple[str, Span], list[Row]] = {}
    for file, own in by_file.items():
        for row in own:
            spans.setdefault((file, (row.start, row.end)), []).append(row)
    weights = _weights(spans)
    plans = []
    for file, own in sorted(by_file.items()):
        stretches = dict.fromkeys((row.start, row.end) for row in own)
        texts = {span: tuple(spans[file, span]) for span in stretches}
        shares = {span: weights[file, span] for span in stretches}
        plans.append(_FilePlan(file=file, split=own[0].split, texts=texts, weights=shares))
    return tuple(plans), drops


def _weights(spans: Mapping[tuple[str, Span], Sequence[Row]]) -> dict[tuple[str, Span], float]:
    weights = dict.fromkeys(spans, 1.0)
    train = {key: rows for key, rows in spans.items() if rows[0].split == "train"}
    windows = [_described(key[0], "train", rows) for key, rows in train.items()]
    return weights | dict(zip(train, window_weights(windows).tolist(), strict=True))


def _described(file: str, split: str, rows: Sequence[Row]) -> WindowRecord:
    """A window whose frames are not known yet."""
    texts = tuple(dict.fromkeys(row.text for row in rows))
    actions = actions_of(texts[0])
    return WindowRecord(
        clip_id=file.removesuffix(Path(file).suffix),
        start=0,
        end=1,
        split=split,
        texts=tuple(WindowText(text=text, source="user") for text in texts),
        action=actions[0] if actions else None,
    )


def _unnamed(folder: Path, named: set[str]) -> tuple[Drop, ...]:
    """BVH files of the folder that no line names."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() == ".bvh")
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    reason = "no line of the table names it"
    return tuple(Drop(kind="file", reason=reason, place=n) for n in names if n not in named)


def _refuse(drops: Sequence[Drop], *, strict: bool) -> None:
    if strict and drops:
        raise InvalidInputError(
            f"strict: {len(drops)} lines or files cannot be used; the first: {drops[0].reason}: "
            f"{drops[0].place} Mend them, or leave strict out to go on without them."
        )


def _reasons(drops: Sequence[Drop]) -> str:
    counts = Counter(f"{drop.kind}: {drop.reason}" for drop in drops)
    last = f" (the last: {drops[-1].place})" if drops else ""
    return "; ".join(f"{n} × {reason}" for reason, n in counts.items()) + last


def _relative(message: str, folder: Path, file: str) -> str:
    """An error's message with the path inside the library, so that a store tells no whereabouts."""
    return message.replace(str(folder / file), file)
