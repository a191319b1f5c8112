"""What is pinned and what comes out: constraints of six families taken from real test motions.

    python benchmarks/control.py --data stores/cmu --count 20 --out out/control.json

After [Rempe2026, §6.1]: stretches of 3 to 9 s of test windows, half of them with their caption and
half without text, a quarter of the constraints moved by up to 10 cm and turned by up to 10° over
the ground, each block by itself. The world is the clip's own: it starts anywhere. Columns: the
model, the model after post-processing (by ``refine``, as the façade does), the motion that the
text alone gives, laid over the clip's start and post-processed, another model, and the real clip
with its constraints as they were before they were moved. 95 % intervals are bootstraps over cases.
What is observed is put into the features in every sampling step: errors before post-processing are
what decoding and smoothing leave of that, not what the network alone would do.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from control_cases import FAMILIES, Case, cases_of
from quality import MEASURES, RESAMPLINGS, Figure, measured
from torch import Tensor

from marey.constraints import Clip, Constraint, Goal, check_constraints, goals_on
from marey.data import MotionStore
from marey.generate import ConstraintReport, generate_many
from marey.generate.report import constraint_reports
from marey.metrics import Summary
from marey.models import DiffusionModel, load_diffusion_model
from marey.motion import Motion
from marey.postprocess import refine

GROUND = [0, 2]
ERRORS = {
    "joint_position": "joint position, cm",
    "joint_rotation": "joint rotation, °",
    "root_path": "root path, cm",
}
SKATE = ("skate: low toes, cm/s", "skate: feet in contact, cm/s")
SKATE_BAR = 1.0
"""Most that feet may slide more than the real ones', cm/s."""
PELVIS = "pelvis from root path, 95th percentile, cm"
MET = "pins met, %"


# --- motions -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """A motion with what became of its constraints."""

    motion: Motion
    goals: tuple[Goal, ...]
    reports: tuple[ConstraintReport, ...]


def columns(
    cases: Sequence[Case], model: str, before: str | None, *, steps: int | None, note: str
) -> dict[str, list[Made]]:
    """Return the motions of a family by column."""
    limits = load_diffusion_model(model).representation.contact_limits

    def drawn(name: str, *, pinned: bool = True) -> list[Motion]:
        requests = [case.request(name, steps, pinned=pinned) for case in cases]
        what = f"{note}, {name}{'' if pinned else ', text only'}"
        results = generate_many(requests, progress=partial(show, what))
        return [result.motions[0] for result in results]

    def refined(motions: Sequence[Motion]) -> list[Made]:
        made = []
        for case, raw in zip(cases, motions, strict=True):
            goals = goals_on(case.constraints, raw)
            (after,) = refine([raw], [goals], contact_limits=limits)
            made.append(reported(case.constraints, goals, after, finished=True))
        return made

    found: dict[str, list[Made]] = {}
    for name in (model, before):
        if name is not None:
            motions = drawn(name)
            label = Path(name).name
            found[f"`{label}`"] = [
                reported(case.constraints, goals_on(case.constraints, raw), raw, finished=False)
                for case, raw in zip(cases, motions, strict=True)
            ]
            found[f"`{label}` + post"] = refined(motions)
    free = [laid_over(m, c.real) for m, c in zip(drawn(model, pinned=False), cases, strict=True)]
    found["text only + post"] = refined(free)
    found["real"] = [
        reported(case.own, goals_on(case.own, case.real), case.real, finished=True)
        for case in cases
    ]
    return found


def reported(
    constraints: Sequence[Constraint], goals: tuple[Goal, ...], motion: Motion, *, finished: bool
) -> Made:
    """Report on a motion as the façade does."""
    reports = constraint_reports(constraints, goals, motion, motion, postprocessed=finished)
    return Made(motion=motion, goals=goals, reports=reports)


def laid_over(motion: Motion, real: Motion) -> Motion:
    """Let a motion start where and facing as another one does."""
    place = real.root_positions[0] * torch.tensor([1.0, 0.0, 1.0])
    return motion.canonicalise().rotate(float(real.heading[0])).translate(place)


def show(what: str, done: int, total: int) -> None:
    """Write progress to the error stream."""
    end = "\n" if done == total else ""
    print(f"\r{what}: {done} of {total} network steps", end=end, file=sys.stderr, flush=True)


# --- measures ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """A measure of a column over the cases of a family."""

    figure: Figure
    worst: float | None = None


def rows_of(made: Sequence[Made], model: DiffusionModel) -> dict[str, Row]:
    """Measure errors, feet and smoothness of a column."""
    rows: dict[str, Row] = {}
    pins = [[pin for report in each.reports for pin in report.pins] for each in made]
    for kind, name in ERRORS.items():
        parts = [summary([pin.error_after for pin in own if pin.kind == kind]) for own in pins]
        worst = max(part.maximum for part in parts)
        rows[name] = Row(figure=Figure.pooled(parts, factor=1), worst=worst)
    met = [summary([float(pin.met) for pin in own]) for own in pins]
    rows[MET] = Row(figure=Figure.pooled(met, factor=100))
    rows[PELVIS] = Row(figure=percentile([pelvis_deviation(each) for each in made], 95))
    feet = [measured(each.motion, model) for each in made]
    for name, (unit, factor) in MEASURES.items():
        figure = Figure.pooled([each[name] for each in feet], factor=factor)
        rows[f"{name}, {unit}"] = Row(figure=figure)
    return rows


def summary(values: Sequence[float]) -> Summary:
    """Summarise numbers."""
    return Summary.of(torch.tensor(values, dtype=torch.float64))


def pelvis_deviation(made: Made) -> Tensor:
    """Distance of the pelvis from each pinned point of the smoothed root path, cm."""
    parts = [
        (made.motion.root_positions[goal.frames][:, GROUND] - goal.target).norm(dim=1)
        for goal in made.goals
        if goal.kind == "root_path"
    ]
    return 100 * torch.cat(parts) if parts else torch.zeros(0)


def percentile(parts: Sequence[Tensor], share: float) -> Figure:
    """Pool values and take a percentile; resample cases for the interval."""
    values = [part.numpy() for part in parts if len(part)]
    if not values:
        return Figure.pooled([summary([])], factor=1)
    draw = np.random.default_rng(0)
    drawn = draw.integers(len(values), size=(RESAMPLINGS, len(values)))
    again = [np.percentile(np.concatenate([values[i] for i in row]), share) for row in drawn]
    low, high = np.quantile(again, [0.025, 0.975])
    pooled = np.concatenate(values)
    return Figure(
        mean=float(np.percentile(pooled, share)),
        low=float(low),
        high=float(high),
        observations=len(pooled),
    )


# --- tables --------------------------------------------------------------------------------------


def markdown(table: dict[str, dict[str, Row]]) -> str:
    """Write a family's table: a measure a line, a column for each kind of motion."""
    lines = [f"| measure | {' | '.join(table)} |", "|---" * (len(table) + 1) + "|"]
    for name in next(iter(table.values())):
        cells = [cell(column[name]) for column in table.values()]
        if any(each != "–" for each in cells):
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(row: Row) -> str:
    """Write a figure with its interval, and the worst where it is known."""
    figure = row.figure
    if not figure.observations:
        return "–"
    worst = "" if row.worst is None else f", worst {row.worst:.3g}"
    return f"{figure.mean:.3g} ({figure.low:.3g}–{figure.high:.3g}){worst}"


def missed(made: Sequence[Made]) -> list[str]:
    """Say what is not met after post-processing and why, by kind."""
    reasons = Counter(
        (pin.kind, report.why)
        for each in made
        for report in each.reports
        for pin in report.pins
        if not pin.met
    )
    return [f"- {number} × {kind}: {why}" for (kind, why), number in reasons.most_common()]


def verdict(made: Sequence[Made], rows: Mapping[str, Row], real: Mapping[str, Row]) -> str:
    """Say whether the bars are met after post-processing."""
    pins = [pin for each in made for report in each.reports for pin in report.pins]
    lines = []
    for kind, name in ERRORS.items():
        own = [pin.met for pin in pins if pin.kind == kind]
        if own:
            lines.append(f"- {name}: {sum(own)} of {len(own)} within their tolerance")
    for name in SKATE:
        more = rows[name].figure.mean - real[name].figure.mean
        word = "yes" if more <= SKATE_BAR else "no"
        lines.append(f"- {name}: real {more:+.2g}, at most {SKATE_BAR:+g}: {word}")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a store")
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=20, help="cases of each family")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--model", default="small")
    parser.add_argument("--before-model", help="the model before phase 2")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    return parser.parse_args()


def main() -> None:
    """Draw, generate, measure, print, write."""
    options = arguments()
    if Path(options.before_model or "").name == Path(options.model).name:
        sys.exit("the two models need folders of different names: columns are named by them")
    store, model = MotionStore.open(options.data), load_diffusion_model(options.model)
    if store.fps != model.fps:
        sys.exit(f"the store has {store.fps:g} fps, the model {model.fps:g}")
    content: dict[str, object] = {"store": store.fingerprint, "split": options.split}
    everything: dict[str, list[Made]] = {}
    after = f"`{Path(options.model).name}` + post"
    print(f"Store {store.fingerprint}, split {options.split}, model `{options.model}`.")
    for family in options.families:
        drawn = list(cases_of(family, store, options.split, count=options.count))
        cases = [case for case in drawn if fits(case)]
        if not cases:
            sys.exit(f"{family}: no case is valid")
        made = columns(cases, options.model, options.before_model, steps=options.steps, note=family)
        for name, column in made.items():
            everything.setdefault(name, []).extend(column)
        rows = {name: rows_of(column, model) for name, column in made.items()}
        about = counted(cases) | {"refused": len(drawn) - len(cases)}
        content[family] = {**about, "cases": described(cases), "rows": plain(rows)}
        heading = ", ".join(f"{number} {what}" for what, number in about.items())
        print(f"\n## {family}: {heading}\n\n{markdown(rows)}\n")
        print("\n".join(missed(made[after])) or "Every pin is met.", flush=True)
    rows = {name: rows_of(column, model) for name, column in everything.items()}
    content["all"] = {"rows": plain(rows)}
    print(f"\n## all families\n\n{markdown(rows)}\n")
    print(verdict(everything[after], rows[after], rows["real"]))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(content, indent=2) + "\n")


def counted(cases: Sequence[Case]) -> dict[str, int]:
    """Count cases by what is special about them."""
    texts = sum(bool(case.script.statements) for case in cases)
    return {"cases": len(cases), "with text": texts, "moved": sum(case.moved for case in cases)}


def fits(case: Case) -> bool:
    """Whether a case passes validation; why not goes to the error stream."""
    findings = check_constraints(case.constraints, Clip.of(case.real))
    errors = [each.message for each in findings if each.severity == "error"]
    if errors:
        print(f"{case.name} is refused: {errors[0]}", file=sys.stderr)
    return not errors


def described(cases: Sequence[Case]) -> list[dict[str, object]]:
    """Return what was asked, for the JSON file."""
    return [
        {"clip": c.name, "frames": c.real.num_frames, "text": c.script.prompt, "moved": c.moved}
        for c in cases
    ]


def plain(table: dict[str, dict[str, Row]]) -> dict[str, dict[str, object]]:
    """Return a table as a JSON object, without what nothing was seen of."""
    return {
        kind: {
            name: asdict(row.figure) | ({} if row.worst is None else {"worst": row.worst})
            for name, row in column.items()
            if row.figure.observations
        }
        for kind, column in table.items()
    }


if __name__ == "__main__":
    main()
