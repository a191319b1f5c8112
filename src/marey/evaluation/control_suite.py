"""The control suite: what is pinned, and what comes out.

Constraints of seven families are taken from real motions (see ``control_cases``) and asked of a
model, of the same network with random weights, and of nobody: the motion that the text alone gives,
laid over the beginning of the real one. What is observed is put into the features in every
sampling step: errors before post-processing are what decoding and smoothing leave of that, not what
the network alone would do.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from marey.data import MotionStore
from marey.evaluation.clips import ClipStore, Progress
from marey.evaluation.control_cases import FAMILIES, Case, cases_of
from marey.evaluation.control_measures import LINES, Columns, Made, seen
from marey.evaluation.lines import Seen, table_of
from marey.evaluation.manifest import Manifest
from marey.evaluation.report import SuiteReport
from marey.evaluation.untrained import write_untrained
from marey.generate.report import constraint_reports
from marey.models import load_diffusion_model
from marey.motion import ContactLimits, Motion
from marey.postprocess import refine

COUNT, REPEATS = 20, 3
"""Cases of each family, and how often each is drawn."""
NOTES = (
    "Intervals (95 %) of what is generated are over repeats with other seeds (Student's t), or "
    "bootstraps over cases where there is one repeat; those of real motions are such bootstraps.",
    "Errors of joints, headings and the root path, and pins met, are of all pins together. "
    "Trajectories, path points and the average error are of families that pin nothing but the way "
    "over the ground, each motion counting once.",
    "About a quarter of the cases are moved by up to 10 cm and turned by up to 10°; real ones are "
    "held against their constraints as they were before. Half of the cases have no text.",
    "`text only` is drawn without constraints and laid over the beginning of the real motion.",
)


def control_suite(
    model: str,
    manifest: Manifest,
    store: MotionStore,
    clips: ClipStore,
    *,
    count: int = COUNT,
    repeats: int = REPEATS,
    steps: int | None = None,
    progress: Progress | None = None,
) -> SuiteReport:
    """Pin, generate, correct and measure: a table for each family, and one for all.

    Cases that validation refuses are counted in the titles, and the notes say why. Raises
    InvalidInputError for a store without the manifest's windows.
    """
    with TemporaryDirectory() as folder:
        write_untrained(model, Path(folder))
        drawing = _Drawing(
            model=model,
            untrained=folder,
            limits=load_diffusion_model(model).representation.contact_limits,
            clips=clips,
            repeats=repeats,
            steps=steps,
            progress=progress,
        )
        families = [
            _measured(family, cases_of(family, manifest, store, count=count), drawing)
            for family in FAMILIES
        ]
    told = [line for family in families for line in family.told]
    return SuiteReport(
        suite="control",
        model=model,
        manifest=manifest.fingerprint,
        settings={
            "cases of a family": count,
            "repeats": repeats,
            "steps": steps or "of the model",
            "store": store.fingerprint,
        },
        tables=(
            table_of("all families", LINES, _joined([family.columns for family in families])),
            *(table_of(family.title, LINES, family.columns) for family in families),
        ),
        notes=(*NOTES, "\n".join(told)) if told else NOTES,
    )


# --- motions -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """What the motions of a suite are drawn with."""

    model: str
    untrained: str
    """Folder of the same network with random weights."""
    limits: ContactLimits
    clips: ClipStore
    repeats: int
    steps: int | None
    progress: Progress | None

    @property
    def name(self) -> str:
        return Path(self.model).resolve().name

    @property
    def corrected(self) -> str:
        """Name of the column that a user gets."""
        return f"{self.name} + post"

    def columns(self, family: str, cases: Sequence[Case]) -> Columns:
        """Return the motions of a family by column, repeat and case."""
        own = self._drawn(family, "pinned", cases)
        free = self._drawn(family, "free", cases)
        noise = self._drawn(family, "untrained", cases)
        return {
            "real": [[Made.real(case) for case in cases]],
            self.name: own,
            self.corrected: self._post(own),
            "text only": free,
            "text only + post": self._post(free),
            "untrained": noise,
        }

    def _drawn(self, family: str, kind: str, cases: Sequence[Case]) -> list[list[Made]]:
        model = self.untrained if kind == "untrained" else self.model
        rows: list[list[Made]] = []
        for repeat in range(self.repeats):
            requests = {
                case.name: case.request(
                    model, steps=self.steps, pinned=kind != "free", repeat=repeat
                )
                for case in cases
            }
            made = self.clips.motions(f"{family} {kind}", repeat, requests, progress=self.progress)
            if kind == "free":
                made = [_laid_over(m, case.real) for m, case in zip(made, cases, strict=True)]
            rows.append([Made.of(case, m) for case, m in zip(cases, made, strict=True)])
        return rows

    def _post(self, rows: Sequence[Sequence[Made]]) -> list[list[Made]]:
        """Correct motions as the façade does."""
        return [
            [
                Made.of(made.case, *refine([made.motion], [made.goals], contact_limits=self.limits))
                for made in row
            ]
            for row in rows
        ]


def _laid_over(motion: Motion, real: Motion) -> Motion:
    """Let a motion start where and facing as another one does."""
    place = real.root_positions[0] * torch.tensor([1.0, 0.0, 1.0])
    return motion.canonicalise().rotate(float(real.heading[0])).translate(place)


# --- tables --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Measured:
    """What was seen of a family, by column, repeat and case."""

    title: str
    columns: Mapping[str, Sequence[Sequence[Seen]]]
    told: tuple[str, ...]


def _measured(family: str, drawn: Sequence[Case], drawing: _Drawing) -> _Measured:
    """Draw and measure a family, without the cases that are refused."""
    cases = [case for case in drawn if case.refusal is None]
    columns = drawing.columns(family, cases) if cases else {}
    texts, moved = sum(bool(c.script.statements) for c in cases), sum(c.moved for c in cases)
    title = f"{family}: {len(cases)} cases, {texts} with text, {moved} moved"
    refused = [f"{case.name} is refused: {case.refusal}" for case in drawn if case.refusal]
    told = [*refused, *_missed(columns.get(drawing.corrected, ()), drawing.corrected)]
    return _Measured(
        title=f"{title}; {len(refused)} refused",
        columns={
            name: [[seen(made, drawing.limits) for made in row] for row in column]
            for name, column in columns.items()
        },
        told=tuple(f"- {family}: {line}" for line in told),
    )


def _joined(
    families: Sequence[Mapping[str, Sequence[Sequence[Seen]]]],
) -> dict[str, list[list[Seen]]]:
    """Put the cases of all families together."""
    found: dict[str, list[list[Seen]]] = {}
    for columns in families:
        for name, column in columns.items():
            whole = found.setdefault(name, [[] for _ in column])
            for repeat, own in zip(whole, column, strict=True):
                repeat.extend(own)
    return found


def _missed(column: Sequence[Sequence[Made]], name: str) -> list[str]:
    """Say what a column does not meet and why, by kind."""
    reasons = Counter(
        (pin.kind, report.why)
        for row in column
        for made in row
        if not made.is_met
        for report in constraint_reports(
            made.case.constraints, made.goals, made.motion, made.motion, postprocessed=True
        )
        for pin in report.pins
        if not pin.met
    )
    return [
        f"{name} misses a pin of {kind.replace('_', ' ')} {number} times: {why}."
        for (kind, why), number in reasons.most_common()
    ]
