"""Prepare a folder in HumanML3D's or KIT-ML's layout: its clips on body22, with their captions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from marey.data.balance import actions_of, window_weights
from marey.data.prepare.humanml3d_folder import REPORT
from marey.data.prepare.humanml3d_texts import SPLIT_FILES, TimedCaption, read_captions, read_names
from marey.data.prepare.job import Progress, fingerprint, sizes
from marey.data.prepare.measured import measured_records
from marey.data.prepare.report import PrepareReport, report_of, write_report
from marey.data.records import ClipRecord, Drop, WindowRecord, WindowText
from marey.data.writer import StoreSpec, StoreWriter
from marey.errors import FileFormatError, InvalidInputError
from marey.io.body_model import read_body_model
from marey.io.humanml3d import read_humanml3d
from marey.motion.retarget import retarget
from marey.skeleton import BODY22, Skeleton
from marey.skeleton.library.body22 import TOE_HEIGHT

_MOTIONS = ("new_joints", "new_joint_vecs")


@dataclass(frozen=True, kw_only=True)
class HumanML3DOptions:
    """How a folder becomes a store."""

    fps: float = 20.0
    """Frame rate of the store."""
    source_fps: float | None = None
    """Frame rate of the files; None is the rate in the folder's report, else the data set's."""
    mirrored: bool = False
    """Whether the mirror images M… enter the store; training makes its own."""
    min_seconds: float = 1.0
    """Shorter windows are dropped."""
    measured: bool = False
    """Whether training clips also get windows with measured texts (see ``data.measured``)."""

    def __post_init__(self) -> None:
        rates = [self.fps] if self.source_fps is None else [self.fps, self.source_fps]
        if not (all(0 < rate < 1000 for rate in rates) and self.min_seconds >= 0):
            raise InvalidInputError(
                f"HumanML3DOptions needs positive rates and min_seconds >= 0, got {self}."
            )


@dataclass(frozen=True, kw_only=True)
class _ClipPlan:
    """A clip before its frames are read."""

    name: str
    split: str
    file: Path
    captions: tuple[TimedCaption, ...]
    drops: tuple[Drop, ...]


def prepare_humanml3d(
    folder: str | Path,
    out: str | Path,
    *,
    rest: str | Path | None = None,
    options: HumanML3DOptions | None = None,
    progress: Progress | None = None,
) -> PrepareReport:
    """Fill the store ``out`` with the clips that train.txt, val.txt and test.txt name.

    Motions are those of new_joints, where it has them, else of new_joint_vecs; their rotations are
    estimated (see ``io.humanml3d``), and they are put on body22, 2 cm higher: HumanML3D's floor is
    the lowest joint, body22's lies below its toe joints. ``rest`` is the body model whose rest pose
    the clips' bodies have, else it is body22's. Clips that cannot be used are left
    out and counted by reason. A run that was stopped goes on where it stopped; a finished store is
    left as it is. Raises FileFormatError for a folder without these lists, InvalidInputError if no
    clip of them can be used.
    """
    options, folder = options or HumanML3DOptions(), Path(folder)
    plans, drops = _plans(folder, options)
    notes = {**asdict(options), "source": "humanml3d", "source_fps": _source_fps(folder, options)}
    like = None if rest is None else read_body_model(rest).skeleton()
    texts = [folder / "texts" / f"{plan.name}.txt" for plan in plans]
    listed = [folder / file for file in SPLIT_FILES.values()]
    named = [(p.relative_to(folder).as_posix(), p) for p in (*listed, *texts) if p.is_file()]
    named += [] if rest is None else [("rest", Path(rest))]
    # The content of the motions is gigabytes.
    motions = sizes([(f"{plan.file.parent.name}/{plan.name}", plan.file) for plan in plans])
    print_of = fingerprint(named, {**notes, "motions": motions})
    spec = StoreSpec(fps=options.fps, skeleton=BODY22, fingerprint=print_of, options=notes)
    writer = StoreWriter.open(out, spec)
    if not writer.is_complete:
        if not writer.is_done("lists"):
            writer.settle("lists", drops)
        weights = _weights(plans)
        for number, plan in enumerate(plans, start=1):
            if not writer.is_done(plan.name):
                _add(writer, plan, like, options, notes["source_fps"], weights)
            if progress is not None:
                progress(number, len(plans), plan.name)
        if not writer.num_clips:
            last = f": {writer.drops[-1].reason}" if writer.drops else ""
            writer.abandon()
            raise InvalidInputError(f"No clip of {folder} can be used{last}.")
    report = report_of(writer.finish())
    write_report(report)
    return report


def _plans(folder: Path, options: HumanML3DOptions) -> tuple[list[_ClipPlan], list[Drop]]:
    _check_folder(folder)
    lists = {split: read_names(folder / file) for split, file in SPLIT_FILES.items()}
    known = {name for names in lists.values() for name in names}
    plans: dict[str, _ClipPlan] = {}
    drops: list[Drop] = []
    for split, names in lists.items():
        for name in names:
            if reason := _left_out(name, known, plans, options):
                drops.append(Drop(kind="clip", reason=reason, place=f"{name} ({split})"))
                continue
            file = _motion_file(folder, name)
            if file is None:
                drops.append(Drop(kind="clip", reason="no motion file", place=f"{name} ({split})"))
                continue
            captions, faults = _captions(folder / "texts" / f"{name}.txt", name)
            plans[name] = _ClipPlan(
                name=name, split=split, file=file, captions=tuple(captions), drops=tuple(faults)
            )
    return list(plans.values()), drops


def _check_folder(folder: Path) -> None:
    """Raise FileFormatError, with what to do about it, for a folder without lists of clips."""
    file = folder / SPLIT_FILES["train"]
    if not file.exists():
        fix = "Give a folder with train.txt, val.txt and test.txt."
        if next(folder.rglob("*.npz"), None) is not None:
            fix = "These look like AMASS's files: run marey data prepare amass on them first."
        raise FileFormatError(file, "file", expected="a list of clips", got="no such file", fix=fix)


def _left_out(
    name: str, known: set[str], plans: Mapping[str, _ClipPlan], options: HumanML3DOptions
) -> str | None:
    if Path(name).name != name or name.startswith("."):
        return "the name is no name of a file"
    if name in plans:
        return "in two lists"
    if name.startswith("M") and name[1:] in known and not options.mirrored:
        return "a mirror image; training makes its own"
    return None


def _motion_file(folder: Path, name: str) -> Path | None:
    files = (folder / place / f"{name}.npy" for place in _MOTIONS)
    return next((file for file in files if file.is_file()), None)


def _captions(file: Path, name: str) -> tuple[list[TimedCaption], list[Drop]]:
    if not file.is_file():
        return [], [Drop(kind="text", reason="no text file (clip kept)", place=name)]
    try:
        captions, faults = read_captions(file)
    except FileFormatError as error:
        place = f"{name}: {error.place}"
        return [], [Drop(kind="text", reason="unreadable (clip kept)", place=place)]
    return captions, [
        Drop(kind="text", reason="no usable caption in a line", place=f) for f in faults
    ]


def _source_fps(folder: Path, options: HumanML3DOptions) -> float | None:
    """The files' rate where the user or marey's own report of the folder states one."""
    report = folder / REPORT
    if options.source_fps is not None or not report.is_file():
        return options.source_fps
    try:
        return float(json.loads(report.read_text(encoding="utf-8"))["fps"])
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            report,
            "fps",
            expected="frames per second",
            got=repr(error)[:80],
            fix="State the rate (source_fps), or remove the file.",
        ) from error


def _by_span(plan: _ClipPlan) -> dict[tuple[float, float], tuple[str, ...]]:
    """Distinct captions by the stretch they are about."""
    found: dict[tuple[float, float], dict[str, None]] = {}
    for each in plan.captions:
        found.setdefault((each.start, each.end), {})[each.text] = None
    return {span: tuple(texts) for span, texts in found.items()}


def _weights(plans: Sequence[_ClipPlan]) -> dict[tuple[str, tuple[float, float]], float]:
    """How often training draws each stretch."""
    keys, windows = [], []
    for plan in plans:
        for span, texts in _by_span(plan).items() if plan.split == "train" else ():
            keys.append((plan.name, span))
            windows.append(_window(plan, 0, 1, texts))
    if not windows:
        return {}
    return dict(zip(keys, window_weights(windows).tolist(), strict=True))


def _window(plan: _ClipPlan, start: int, end: int, texts: Sequence[str]) -> WindowRecord:
    actions = actions_of(texts[0])
    return WindowRecord(
        clip_id=plan.name,
        start=start,
        end=end,
        split=plan.split,
        texts=tuple(WindowText(text=text, source="caption") for text in texts),
        action=actions[0] if actions else None,
    )


def _add(
    writer: StoreWriter,
    plan: _ClipPlan,
    like: Skeleton | None,
    options: HumanML3DOptions,
    source_fps: float | None,
    weights: Mapping[tuple[str, tuple[float, float]], float],
) -> None:
    try:
        source = read_humanml3d(plan.file, fps=source_fps, rest=like)
        motion = retarget(source, BODY22).motion.translate(torch.tensor([0.0, TOE_HEIGHT, 0.0]))
        motion = motion.resample(options.fps)
    except (FileFormatError, InvalidInputError) as error:
        place = error.place if isinstance(error, FileFormatError) else str(error)
        drop = Drop(kind="clip", reason="unreadable", place=f"{plan.name}: {place}")
        writer.settle(plan.name, (*plan.drops, drop))
        return
    coarse = source.fps < options.fps
    windows, drops = [], list(plan.drops)
    for span, texts in _by_span(plan).items():
        start = round(span[0] * options.fps)
        end = min(round(span[1] * options.fps) or motion.num_frames, motion.num_frames)
        if end - start < max(1, options.min_seconds * options.fps):
            reason, place = f"shorter than {options.min_seconds:g} s", f"{plan.name} {span}"
            drops.append(Drop(kind="window", reason=reason, place=place))
            continue
        weight = round(weights.get((plan.name, span), 1.0), 6)
        window = _window(plan, start, end, texts)
        windows.append(replace(window, coarse=coarse, weight=weight))
    record = ClipRecord(
        clip_id=plan.name,
        shard=0,
        start=0,
        length=motion.num_frames,
        source_fps=source.fps,
        split=plan.split,
    )
    if options.measured and plan.split == "train":
        windows += measured_records(motion, record, windows)
    writer.append(plan.name, motion, record=record, windows=windows, drops=drops)
