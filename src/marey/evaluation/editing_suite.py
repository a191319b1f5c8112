"""The editing suite: one part is to do something else, and all others are to stay as they are.

marey edits by what it has: the joints of all other parts are pinned to the source in every frame
and the text says what the edited part does. Whether it does it is judged by predicates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from marey.data import MotionStore
from marey.evaluation.clips import ClipStore, Progress
from marey.evaluation.editing_cases import EDITS, EditCase, SourceWindows
from marey.evaluation.lines import QUALITY_LINES, Line, Seen, Values, quality_seen, table_of, worst
from marey.evaluation.manifest import Manifest
from marey.evaluation.report import Measure, SuiteReport, SuiteTable
from marey.evaluation.untrained import write_untrained
from marey.metrics import (
    Estimate,
    kept_joints,
    part_similarity,
    position_errors,
    preservation_error,
    wilson_interval,
)
from marey.models import load_diffusion_model
from marey.models.alignment import PartAlignmentModel
from marey.motion import ContactLimits, Motion
from marey.predicates import find_events
from marey.sampling import Guidance
from marey.text import TextEncoder

COUNT, REPEATS = 6, 3
"""Sources of each edit, and how often each is drawn."""
EDITING = Guidance(text=4.0, constraints=0.5, mode="separated")
"""Chosen on `val`: beside pins of nearly all joints a model hardly heeds the text. With the usual
guidance `small` did 1 of 16 edits, at a text weight of 8 none of 12, and with these weights 13 of
24, three of each kind, as well preserved."""
SOURCE = "real source"
DONE = Measure(name="edit done", unit="%", better="higher")
MOVED = Measure(name="kept joints moved against the root", unit="cm", better="lower")
MOST = Measure(name="kept joints moved against the root, worst", unit="cm", better="lower")
STRAYED = Measure(name="root moved", unit="cm", better="lower")
FITS = Measure(name="similarity of part and its text", better="higher")
LINES: tuple[Line, ...] = (
    Line(measure=DONE),
    Line(measure=MOVED),
    Line(measure=MOST, pool=worst),
    Line(measure=STRAYED),
    Line(measure=FITS),
    *QUALITY_LINES,
)
NOTES = (
    "Intervals (95 %) of what is generated are over repeats with other seeds (Student's t), or "
    "bootstraps over cases where there is one repeat; those of sources are such bootstraps. By "
    "edit they are Wilson's, which take all draws as independent.",
    "Sources are windows in which the edit is not done yet, at most 5 s of each, so that nothing "
    "is done in them by choice; how often it is done in windows as they come stands below.",
    "How far joints moved is measured with the root joints of both bodies at one place; edits of "
    "both legs free the root, and its way is not measured there.",
    "`usual guidance` is the same request with the model's own guidance, `text only` the same "
    "without pins. `text only, part put in` is the source with the rotations that the edited "
    "joints have in that (and, where both legs are edited, the root's way): mere copying.",
    "A part that shakes nods, claps and looks around, too, as that of random weights does: look at "
    "the jerk.",
)
Edited = Mapping[str, Sequence[Sequence[Motion]]]
"""Motions by column, repeat and case."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PartJudge:
    """A model of parts and their texts, with its text encoder."""

    model: PartAlignmentModel
    encoder: TextEncoder

    def similarity(self, case: EditCase, motion: Motion) -> float:
        """Return the mean similarity of the edited parts and what they were to do, in [0, 1]."""
        found = [
            part_similarity(
                self.model.embed_motions([motion], part),
                self.model.embed_texts([case.edit.text], self.encoder, part),
            )
            for part in case.edit.parts
        ]
        return float(torch.cat(found).mean())


def editing_suite(
    model: str,
    manifest: Manifest,
    store: MotionStore,
    clips: ClipStore,
    *,
    count: int = COUNT,
    repeats: int = REPEATS,
    steps: int | None = None,
    parts: PartJudge | None = None,
    progress: Progress | None = None,
) -> SuiteReport:
    """Edit, judge and measure: a table for all edits, one by edit, and one for each group.

    With ``parts``, the similarity of edited parts and their texts is measured, too. Edits that
    validation refuses are counted, and the notes say why. Raises InvalidInputError for a store
    without the manifest's windows.
    """
    cases, told = _cases(SourceWindows(manifest, store), count)
    with TemporaryDirectory() as folder:
        write_untrained(model, Path(folder))
        drawing = _Drawing(
            model=model,
            untrained=folder,
            slots=load_diffusion_model(model).text_slots,
            clips=clips,
            repeats=repeats,
            steps=steps,
            progress=progress,
        )
        columns = drawing.columns(cases)
    limits = load_diffusion_model(model).representation.contact_limits
    seen = {
        name: [
            [_seen(c, m, limits, parts) for c, m in zip(cases, row, strict=True)] for row in rows
        ]
        for name, rows in columns.items()
    }
    return SuiteReport(
        suite="editing",
        model=model,
        manifest=manifest.fingerprint,
        settings={
            "sources of an edit": count,
            "repeats": repeats,
            "steps": steps or "of the model",
            "store": store.fingerprint,
        },
        tables=tuple(_tables(cases, seen)),
        notes=(*NOTES, "\n".join(told)),
    )


def _cases(windows: SourceWindows, count: int) -> tuple[list[EditCase], list[str]]:
    """Return what can be edited, and what is to be told of the choice."""
    cases: list[EditCase] = []
    told: list[str] = []
    for edit in (each for group in EDITS.values() for each in group):
        drawn = windows.cases(edit, count)
        usable = [case for case in drawn.cases if case.refusal is None]
        looked_at = len(drawn.cases) + drawn.passed_over
        told.append(
            f"- {edit.text}: {len(usable)} sources; done already in {drawn.passed_over} of "
            f"{looked_at} windows."
        )
        told += [f"- {c.name} is refused: {c.refusal}" for c in drawn.cases if c.refusal]
        cases += usable
    return cases, told


# --- motions -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """What the motions of a suite are drawn with."""

    model: str
    untrained: str
    """Folder of the same network with random weights."""
    slots: tuple[str, ...]
    clips: ClipStore
    repeats: int
    steps: int | None
    progress: Progress | None

    def columns(self, cases: Sequence[EditCase]) -> Edited:
        """Return all motions by column, repeat and case."""
        name = Path(self.model).resolve().name
        free = self._drawn("text only", cases, self.model, None, pinned=False)
        return {
            SOURCE: [[case.source for case in cases]],
            name: self._drawn("edited", cases, self.model, EDITING),
            f"{name}, usual guidance": self._drawn("usual guidance", cases, self.model, None),
            "text only": free,
            "text only, part put in": [
                [put_in(case, motion) for case, motion in zip(cases, row, strict=True)]
                for row in free
            ],
            "untrained": self._drawn("untrained", cases, self.untrained, EDITING),
        }

    def _drawn(
        self,
        kind: str,
        cases: Sequence[EditCase],
        model: str,
        guidance: Guidance | None,
        *,
        pinned: bool = True,
    ) -> list[list[Motion]]:
        rows: list[list[Motion]] = []
        for repeat in range(self.repeats):
            requests = {
                case.name: case.request(
                    model,
                    self.slots,
                    repeat=repeat,
                    steps=self.steps,
                    guidance=guidance,
                    pinned=pinned,
                )
                for case in cases
            }
            rows.append(self.clips.motions(kind, repeat, requests, progress=self.progress))
        return rows


def put_in(case: EditCase, motion: Motion) -> Motion:
    """Give a source the rotations that the edited joints have in another motion.

    Where both legs are edited the root goes the other motion's way, laid over where the source
    begins. Contacts are left to be found.
    """
    source, kept = case.source, set(case.edit.kept(case.source))
    joints = [joint for joint in range(source.skeleton.num_joints) if joint not in kept]
    local, root = source.local_rotations.clone(), source.root_positions
    local[:, joints] = motion.local_rotations[:, joints]
    if case.edit.frees_root:
        aside = (root[0] - motion.root_positions[0]) * torch.tensor([1.0, 0.0, 1.0])
        root = motion.root_positions + aside
    return replace(source, local_rotations=local, root_positions=root, contacts=None)


# --- measures ------------------------------------------------------------------------------------


def _seen(case: EditCase, motion: Motion, limits: ContactLimits, parts: PartJudge | None) -> Seen:
    source = case.source
    kept = kept_joints(source.skeleton, source.num_frames, edited=case.edit.parts)
    moved = preservation_error(motion.joint_positions, source.joint_positions, kept)
    found = {
        DONE.name: Values.of(100.0 * case.edit.is_done(find_events(motion))),
        MOVED.name: Values.scaled(moved, 100.0),
        MOST.name: Values.scaled(moved, 100.0),
        **quality_seen(motion, limits),
    }
    if not case.edit.frees_root:
        strayed = position_errors(motion.root_positions, source.root_positions)
        found[STRAYED.name] = Values.of(100 * strayed)
    if parts is not None:
        found[FITS.name] = Values.of(parts.similarity(case, motion))
    return found


def _tables(
    cases: Sequence[EditCase], seen: Mapping[str, Sequence[Sequence[Seen]]]
) -> list[SuiteTable]:
    def some(rows: Sequence[int]) -> dict[str, list[list[Seen]]]:
        return {n: [[row[i] for i in rows] for row in column] for n, column in seen.items()}

    groups = {
        name: [i for i, case in enumerate(cases) if case.edit in edits]
        for name, edits in EDITS.items()
    }
    tables = [
        table_of(f"all edits: {len(cases)} cases", LINES, some(range(len(cases)))),
        _by_edit(cases, seen),
    ]
    return tables + [
        table_of(f"edits of {name}: {len(rows)} cases", LINES, some(rows))
        for name, rows in groups.items()
    ]


def _by_edit(cases: Sequence[EditCase], seen: Mapping[str, Sequence[Sequence[Seen]]]) -> SuiteTable:
    """A line for each edit: how often it is done, in all repeats together."""
    texts = list(dict.fromkeys(case.edit.text for case in cases))

    def share(column: Sequence[Sequence[Seen]], text: str) -> Estimate:
        rows = [i for i, case in enumerate(cases) if case.edit.text == text]
        done = [row[i][DONE.name].summary.mean > 0 for row in column for i in rows]
        low, high = wilson_interval(sum(done), len(done))
        value = 100 * sum(done) / len(done)
        return Estimate(value=value, low=100 * low, high=100 * high)

    return SuiteTable(
        title="edits done, by edit",
        measures=tuple(replace(DONE, name=text) for text in texts),
        columns={
            name: {text: share(column, text) for text in texts} for name, column in seen.items()
        },
    )
