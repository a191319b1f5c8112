"""Prepare the CMU pack: resampled clips, captioned windows, weights for balanced training."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from marey.data.balance import actions_of, window_weights
from marey.data.prepare.job import Progress, fingerprint
from marey.data.prepare.measured import measured_records
from marey.data.prepare.report import PrepareReport, report_of, write_report
from marey.data.records import ClipRecord, Drop, WindowRecord, WindowText
from marey.data.writer import StoreSpec, StoreWriter
from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuClip, CmuPack, CmuSegment
from marey.skeleton import BODY22

_FILES = ("motions.npz", "clips.jsonl", "segments.jsonl")


@dataclass(frozen=True, kw_only=True)
class CmuOptions:
    """How the pack becomes a store."""

    fps: float = 20.0
    include_12hz: bool = True
    """Whether clips of fewer frames per second than the store enter it; they carry ``coarse``."""
    include_kit: bool = True
    """Whether KIT sentences enter the store; such a store is not for redistribution."""
    kit_min_share: float = 0.5
    """A KIT sentence describes a whole clip; windows that cover less of it do not get it."""
    min_seconds: float = 1.0
    """Shorter windows are dropped."""
    measured: bool = True
    """Whether training clips also get windows with measured texts (see ``data.measured``)."""

    def __post_init__(self) -> None:
        if not (0 < self.fps < float("inf") and self.min_seconds >= 0):
            raise InvalidInputError(
                f"CmuOptions needs a positive fps and min_seconds >= 0, got {self}."
            )


@dataclass(frozen=True, kw_only=True)
class _ClipPlan:
    """What of one clip enters the store, settled before a frame is decoded."""

    clip: CmuClip
    windows: tuple[WindowRecord, ...]
    drops: tuple[Drop, ...]
    keep: bool = True


def prepare_cmu(
    pack: str | Path,
    out: str | Path,
    *,
    options: CmuOptions | None = None,
    clips: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> PrepareReport:
    """Fill the store ``out`` with the pack, or with some of its clips, and report on it.

    A run that was stopped goes on where it stopped; a finished store is left as it is. Raises
    FileFormatError for a damaged pack, and InvalidInputError if ``out`` holds something else.
    """
    options = options or CmuOptions()
    opened = CmuPack.open(pack)
    chosen = opened.clips if clips is None else tuple(opened.clip(name) for name in clips)
    notes = {**asdict(options), "source": "cmu", "clips": None if clips is None else list(clips)}
    print_of = fingerprint([(name, opened.folder / name) for name in _FILES], notes)
    spec = StoreSpec(fps=options.fps, skeleton=BODY22, fingerprint=print_of, options=notes)
    writer = StoreWriter.open(out, spec)
    if not writer.is_complete:
        _fill(writer, opened, _plan(opened, chosen, options), options, progress)
    report = report_of(writer.finish())
    write_report(report)
    return report


def _fill(
    writer: StoreWriter,
    pack: CmuPack,
    plans: Sequence[_ClipPlan],
    options: CmuOptions,
    progress: Progress | None,
) -> None:
    for number, plan in enumerate(plans, start=1):
        name = plan.clip.name
        if not writer.is_done(name):
            if plan.keep:
                motion = pack.motion(name).resample(writer.spec.fps)
                record = _record(plan.clip, motion.num_frames, writer.spec.fps)
                windows = list(plan.windows)
                if options.measured and record.split == "train":
                    windows += measured_records(motion, record, plan.windows)
                writer.append(name, motion, record=record, windows=windows, drops=plan.drops)
            else:
                writer.settle(name, plan.drops)
        if progress is not None:
            progress(number, len(plans), name)


def _record(clip: CmuClip, frames: int, fps: float) -> ClipRecord:
    ratio = fps / clip.fps
    flips = sorted({min(frames - 1, round(frame * ratio)) for frame in clip.flips})
    return ClipRecord(
        clip_id=clip.name,
        shard=0,
        start=0,
        length=frames,
        source_fps=clip.fps,
        split=clip.split,
        subject=clip.subject,
        flips=tuple(flips),
        repaired_frames=clip.repaired_frames,
    )


def _plan(pack: CmuPack, clips: Sequence[CmuClip], options: CmuOptions) -> tuple[_ClipPlan, ...]:
    segments: dict[str, list[CmuSegment]] = {clip.name: [] for clip in clips}
    for segment in pack.segments:
        if segment.clip in segments:
            segments[segment.clip].append(segment)
    plans = [_plan_clip(clip, segments[clip.name], options) for clip in clips]
    train = [w for plan in plans for w in plan.windows if w.split == "train"]
    weights = dict(zip(map(id, train), window_weights(train).tolist(), strict=True))
    return tuple(_weighted(plan, weights) for plan in plans)


def _weighted(plan: _ClipPlan, weights: Mapping[int, float]) -> _ClipPlan:
    windows = (replace(w, weight=round(weights.get(id(w), 1.0), 6)) for w in plan.windows)
    return replace(plan, windows=tuple(windows))


def _plan_clip(clip: CmuClip, segments: Sequence[CmuSegment], options: CmuOptions) -> _ClipPlan:
    if clip.fps < options.fps and not options.include_12hz:
        reason = f"recorded at {clip.fps:g} fps, left out by include_12hz=False"
        drop = Drop(kind="clip", reason=reason, place=clip.name)
        return _ClipPlan(clip=clip, windows=(), drops=(drop,), keep=False)
    length = int((clip.frames - 1) * options.fps / clip.fps + 1e-6) + 1
    windows: list[WindowRecord] = []
    drops: list[Drop] = []
    for segment in segments or _whole_clip(clip, drops):
        window = _window(clip, segment, length, options, drops)
        if window.num_frames < max(1, options.min_seconds * options.fps):
            reason = f"shorter than {options.min_seconds:g} s"
            drops.append(Drop(kind="window", reason=reason, place=_place(segment)))
        elif not window.texts:
            drops.append(Drop(kind="window", reason="no text", place=_place(segment)))
        else:
            windows.append(window)
    return _ClipPlan(clip=clip, windows=tuple(windows), drops=tuple(drops))


def _whole_clip(clip: CmuClip, drops: list[Drop]) -> list[CmuSegment]:
    """A segment over a clip that has none; its text is what the recorders wrote."""
    text = _sentence(clip.trial_text or "")
    if not text:
        reason = "no caption, and the recorders' description says nothing (clip kept)"
        drops.append(Drop(kind="window", reason=reason, place=clip.name))
        return []
    return [
        CmuSegment(
            clip=clip.name,
            start=0.0,
            end=clip.frames / clip.fps,
            split=clip.split,
            captions=(),
            flip=bool(clip.flips),
        )
    ]


def _window(
    clip: CmuClip, segment: CmuSegment, length: int, options: CmuOptions, drops: list[Drop]
) -> WindowRecord:
    start = round(segment.start * options.fps)
    end = min(length, round(segment.end * options.fps))
    texts = [WindowText(text=text, source="caption") for text in segment.captions]
    if not segment.captions:
        texts.append(WindowText(text=_sentence(clip.trial_text or ""), source="trial"))
    if clip.kit_sentence and options.include_kit:
        if (end - start) / length >= options.kit_min_share:
            texts.append(WindowText(text=clip.kit_sentence.strip(), source="kit"))
        else:
            reason = (
                f"KIT sentence of a clip that is longer than window / {options.kit_min_share:g}"
            )
            drops.append(Drop(kind="text", reason=reason, place=_place(segment)))
    first_of = {text.text.lower(): text for text in reversed(texts)}
    unique = tuple(t for t in texts if t.text and first_of[t.text.lower()] is t)
    actions = actions_of(unique[0].text) if unique else ()
    return WindowRecord(
        clip_id=clip.name,
        start=start,
        end=end,
        split=clip.split,
        texts=unique,
        flip=segment.flip,
        off_floor=segment.off_floor,
        coarse=clip.fps < options.fps,
        action=actions[0] if actions else None,
    )


def _place(segment: CmuSegment) -> str:
    return f"{segment.clip} {segment.start:.2f}-{segment.end:.2f} s"


def _sentence(text: str) -> str:
    """The recorders' note in plain words: "RunningTighterRight" becomes "running tighter right"."""
    plain = re.sub(r"\(2 subjects[^)]*\)|CleanedGRS", "", text).replace("/", " or ")
    words = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower().split())
    return "" if words == "unknown" else words
