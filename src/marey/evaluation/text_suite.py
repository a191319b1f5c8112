"""The text suite: do motions generated from captions fit them, and are they like real ones?

Every caption of the manifest is generated at the length of its window. Columns: the real motions,
the model, its motions judged with the captions of others, the training motion of the most similar
caption, the model without text, and the same network with random weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import torch
from torch import Tensor

from marey.data import MotionStore
from marey.evaluation.clips import ClipStore, Progress
from marey.evaluation.embedding_measures import (
    EMBEDDING_MEASURES,
    fit_to_texts,
    floor,
    likeness,
    variety,
)
from marey.evaluation.estimates import over_repeats
from marey.evaluation.evaluator import Evaluator, evaluators
from marey.evaluation.facts_said import facts_held
from marey.evaluation.lines import QUALITY_LINES, Line, Seen, Values, quality_seen, table_of
from marey.evaluation.manifest import Manifest, ManifestWindow
from marey.evaluation.report import Measure, SuiteReport, SuiteTable
from marey.evaluation.text_baselines import distances_to_training, nearest_in_training
from marey.evaluation.untrained import write_untrained
from marey.generate import GenerationRequest
from marey.models import load_diffusion_model
from marey.motion import ContactLimits, Motion
from marey.predicates import Event, find_events
from marey.text import MiniLMEncoder, TextScript, TextSimilarity

Row = TypeVar("Row")

REPEATS = 5
"""How often each caption is generated, with other seeds."""
VARIETY_TEXTS, VARIETY_DRAWS = 20, 5
"""Captions of MultiModality, and how often each is generated for it."""
MEMORISED = 32
"""Windows whose motions are compared with all training clips."""
REAL, SHUFFLED, NEAREST = "real", "shuffled text", "nearest in training"
FREE, UNTRAINED = "unconditional", "untrained"
FACTS = Measure(name="facts of the caption that hold", unit="%", better="higher")
DISTANCE = Measure(name="distance to the nearest training clip", unit="cm")


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """Motions for the captions of a suite, once for each repeat."""

    repeats: tuple[tuple[Motion, ...], ...]
    draws: tuple[tuple[Motion, ...], ...] = ()
    """Further motions for the first captions, for MultiModality; none where nothing is drawn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """What a suite is run on."""

    windows: tuple[ManifestWindow, ...]
    captions: tuple[str, ...]
    hits: Tensor
    """Which captions (columns) say the same as which (rows)."""
    order: Tensor
    """The caption that each motion is judged with where texts are shuffled."""
    progress: Progress | None

    def tell(self, what: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(what, done, total)


def text_suite(
    model: str,
    manifest: Manifest,
    store: MotionStore,
    clips: ClipStore,
    *,
    split: str = "test",
    count: int | None = None,
    repeats: int = REPEATS,
    steps: int | None = None,
    judges: Mapping[str, Evaluator] | None = None,
    memorisation: bool = True,
    progress: Progress | None = None,
) -> SuiteReport:
    """Generate, judge and compare: a table for each judge, and one without.

    By default the shipped evaluator judges. ``memorisation`` compares motions with all
    training clips, which takes minutes. Raises InvalidInputError for a store without the manifest's
    windows, or where there is no evaluator; whatever ``progress`` raises passes.
    """
    encoder = MiniLMEncoder()
    judges = judges or evaluators(encoder)
    windows = manifest.windows_of(split, count)
    records = manifest.records(store, windows)
    similarity = TextSimilarity(encoder)
    prepared = similarity.prepare([each.caption for each in windows])
    task = _Task(
        windows=windows,
        captions=tuple(each.caption for each in windows),
        hits=(prepared.similarity(prepared) >= manifest.same_above)
        | torch.eye(len(windows)).bool(),
        order=_deranged(len(windows)),
        progress=progress,
    )
    task.tell("looking for similar training captions", 0, 1)
    nearest = nearest_in_training(store, prepared, similarity)
    name = model_column(model)
    columns = {
        REAL: Column(repeats=(tuple(map(store.window_motion, records)),)),
        **_drawn_columns(model, manifest, task, clips, repeats=repeats, steps=steps),
        NEAREST: Column(repeats=(tuple(map(store.window_motion, nearest)),)),
    }
    columns = {each: columns[each] for each in (REAL, name, NEAREST, FREE, UNTRAINED)}
    limits = load_diffusion_model(model).representation.contact_limits
    tables = [_judged_table(by, each, task, name, columns) for by, each in judges.items()]
    bare = _bare_table(task, name, columns, limits)
    if memorisation:
        bare = _with_distances(bare, task, {each: columns[each] for each in (REAL, name)}, store)
    return SuiteReport(
        suite="text",
        model=model,
        manifest=manifest.fingerprint,
        settings={
            "split": split,
            "captions": len(windows),
            "repeats": repeats,
            "steps": steps or "of the model",
            "store": store.fingerprint,
        },
        tables=(*tables, bare),
        notes=(*_notes(task, judges, memorisation=memorisation), *_other_store(manifest, store)),
    )


def model_column(model: str) -> str:
    """Return the name of a model's column, which is none of the baselines'."""
    name = Path(model).resolve().name
    return f"model {name}" if name in (REAL, SHUFFLED, NEAREST, FREE, UNTRAINED) else name


# --- motions -------------------------------------------------------------------------------------


def _drawn_columns(
    model: str,
    manifest: Manifest,
    task: _Task,
    clips: ClipStore,
    *,
    repeats: int,
    steps: int | None,
) -> dict[str, Column]:
    """Generate what is not on disk yet: the model with and without text, and random weights."""
    untrained = clips.folder / UNTRAINED / "model"
    write_untrained(model, untrained)
    kinds = {model_column(model): (model, True), FREE: (model, False)}
    kinds[UNTRAINED] = (str(untrained), True)
    columns: dict[str, Column] = {}
    for name, (file, told) in kinds.items():
        rows: list[tuple[Motion, ...]] = []
        for repeat in range(max(repeats, VARIETY_DRAWS)):
            some = task.windows if repeat < repeats else task.windows[:VARIETY_TEXTS]
            requests = {
                each.window_id: _request(each, manifest.fps, file, told, repeat, steps)
                for each in some
            }
            rows.append(tuple(clips.motions(name, repeat, requests, progress=task.progress)))
        draws = tuple(row[:VARIETY_TEXTS] for row in rows[:VARIETY_DRAWS])
        columns[name] = Column(repeats=tuple(rows[:repeats]), draws=draws)
    return columns


def _request(
    window: ManifestWindow, fps: float, model: str, told: bool, repeat: int, steps: int | None
) -> GenerationRequest:
    return GenerationRequest(
        script=TextScript.from_prompt(window.caption) if told else TextScript(),
        seconds=window.num_frames / fps,
        seed=window.seed(repeat),
        model=model,
        steps=steps,
    )


def _deranged(count: int) -> Tensor:
    """Return another number for each, in an order drawn once; a single one keeps its own."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other


# --- with an evaluator ---------------------------------------------------------------------------


def _judged_table(
    by: str, judge: Evaluator, task: _Task, name: str, columns: Mapping[str, Column]
) -> SuiteTable:
    title = f"Judged by {by}"
    texts = judge.embed_sentences(task.captions)
    embedded = {}
    for done, (each, column) in enumerate(columns.items()):
        task.tell(title, done, len(columns))
        embedded[each] = _embedded(judge, column.repeats)
    (real,) = embedded[REAL]
    found = {
        each: fit_to_texts(texts, own, task.hits)
        | (floor(real) if each == REAL else likeness(own, real))
        for each, own in embedded.items()
    }
    for each in (name, FREE, UNTRAINED):
        found[each] |= variety(_embedded(judge, columns[each].draws))
    hits = task.hits[task.order][:, task.order]
    found[SHUFFLED] = fit_to_texts(texts[:, task.order], embedded[name], hits)
    task.tell(title, len(columns), len(columns))
    return SuiteTable(title=title, measures=EMBEDDING_MEASURES, columns=_in_order(found, name))


def _embedded(judge: Evaluator, repeats: Sequence[Sequence[Motion]]) -> list[Tensor]:
    return [judge.embed_positions(judge.positions(motions)) for motions in repeats]


def _in_order(found: Mapping[str, Row], name: str) -> dict[str, Row]:
    return {each: found[each] for each in (REAL, name, SHUFFLED, NEAREST, FREE, UNTRAINED)}


# --- without -------------------------------------------------------------------------------------


def _bare_table(
    task: _Task, name: str, columns: Mapping[str, Column], limits: ContactLimits
) -> SuiteTable:
    """Facts said, and what needs no text."""
    other = [task.captions[row] for row in task.order.tolist()]
    seen: dict[str, list[list[Seen]]] = {}
    for done, (each, column) in enumerate(columns.items()):
        task.tell("facts, feet and smoothness", done, len(columns))
        events = [[find_events(motion) for motion in own] for own in column.repeats]
        quality = [[quality_seen(motion, limits) for motion in own] for own in column.repeats]
        facts = [_facts_seen(task.captions, own) for own in events]
        seen[each] = [
            [{**said, **moved} for said, moved in zip(*rows, strict=True)]
            for rows in zip(facts, quality, strict=True)
        ]
        if each == name:
            seen[SHUFFLED] = [_facts_seen(other, own) for own in events]
    lines = (Line(measure=FACTS), *QUALITY_LINES)
    return table_of("Without an evaluator", lines, _in_order(seen, name))


def _facts_seen(captions: Sequence[str], events: Sequence[Sequence[Event]]) -> list[Seen]:
    told = facts_held(captions, events)
    return [{FACTS.name: Values.scaled(each, 100.0)} if each.count else {} for each in told]


def _with_distances(
    table: SuiteTable, task: _Task, columns: Mapping[str, Column], store: MotionStore
) -> SuiteTable:
    task.tell("comparing with training clips", 0, 1)
    first = {name: column.repeats[0][:MEMORISED] for name, column in columns.items()}
    apart = 100 * distances_to_training([m for own in first.values() for m in own], store)
    found = {name: dict(column) for name, column in table.columns.items()}
    for name, own in zip(first, apart.split([len(each) for each in first.values()]), strict=True):
        found[name][DISTANCE.name] = over_repeats([own.tolist()], fmean)
    return replace(table, measures=(*table.measures, DISTANCE), columns=found)


# --- words ---------------------------------------------------------------------------------------


def _notes(task: _Task, judges: Mapping[str, Evaluator], *, memorisation: bool) -> tuple[str, ...]:
    counts = [each.count for each in facts_held(task.captions, [()] * len(task.captions))]
    same = (int(task.hits.sum()) - len(task.windows)) // 2
    said = [
        "Intervals (95 %) are over repeats with other seeds (Student's t); those of real motions, "
        "of training motions, of MultiModality and of a single repeat are bootstraps over clips.",
        "KID is the measure to go by: below 1,000 motions FID depends on their number more than on "
        "the model. In the column `real` both are those of random halves of the real motions, the "
        "floor at half the number, with the range of the halves.",
        f"A motion also counts as found where its caption says the same: {same} pairs do. "
        f"{len(task.captions)} captions; batches of 32 are drawn 20 times.",
        f"Facts are those that predicates understand: {sum(counts)} in "
        f"{sum(map(bool, counts))} of the captions.",
        *(f"{title}: {_seen(judge)}." for title, judge in judges.items()),
    ]
    if memorisation:
        few = min(MEMORISED, len(task.windows))
        said.append(
            f"Distances to the nearest training clip are of the first {few} windows and repeat."
        )
    return tuple(said)


def _other_store(manifest: Manifest, store: MotionStore) -> tuple[str, ...]:
    if store.fingerprint == manifest.store:
        return ()
    return (
        f"The manifest was made of the store {manifest.store}, and not of this one: its windows "
        "are there, but motions and training captions may differ.",
    )


def _seen(judge: Evaluator) -> str:
    splits = dict.fromkeys(s for each in judge.models for s in each.notes.get("splits", ()))
    count = len(judge.models)
    told = f", which saw {', '.join(splits)}" if splits else ""
    return f"{count} model{'s' if count > 1 else ''}{told}"
