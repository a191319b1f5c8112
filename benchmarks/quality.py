"""Feet, contacts, floor and smoothness of generated motions beside real ones.

    python benchmarks/quality.py --data STORE --split val --count 200 --out out/quality.json

Captions of real windows are generated anew at the same lengths, by the model and by the same
network with random weights. Each figure pools frames over all motions; its 95 % interval is a
bootstrap over motions. Windows that the store flags, or that only a measurement describes, are
left out.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from phrases import write_untrained

from marey.data import MotionStore, WindowRecord
from marey.generate import GenerationRequest, generate_many
from marey.metrics import (
    Summary,
    contact_accuracy,
    foot_skate_from_contacts,
    foot_skate_from_height,
    foot_skate_ratio,
    ground_penetration,
    jerk,
)
from marey.models import DiffusionModel, load_diffusion_model
from marey.motion import Motion, foot_contacts
from marey.text import TextScript

RESAMPLINGS = 2000
WRITTEN = ("caption", "user")
"""Sources of texts that people or models wrote as captions."""
MEASURES: dict[str, tuple[str, float]] = {  # unit, factor to it
    "skate: low toes": ("cm/s", 100),
    "skate: feet in contact": ("cm/s", 100),
    "skate: share of low steps": ("%", 100),
    "contacts as heights and speeds say": ("%", 100),
    "depth below the floor": ("cm", 100),
    "jerk": ("m/s³", 1),
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A pooled mean with its interval, in the unit of its measure."""

    mean: float
    low: float
    high: float
    observations: int

    @classmethod
    def pooled(cls, parts: Sequence[Summary], *, factor: float) -> "Figure":
        """Pool the summaries of motions; resample motions for the interval."""
        counts = np.array([part.count for part in parts], dtype=float)
        sums = np.array([part.mean for part in parts]) * counts * factor
        if not counts.sum():
            return cls(mean=float("nan"), low=float("nan"), high=float("nan"), observations=0)
        drawn = np.random.default_rng(0).integers(len(parts), size=(RESAMPLINGS, len(parts)))
        totals = counts[drawn].sum(1)
        means = sums[drawn].sum(1)[totals > 0] / totals[totals > 0]
        low, high = np.quantile(means, [0.025, 0.975])
        return cls(
            mean=float(sums.sum() / counts.sum()),
            low=float(low),
            high=float(high),
            observations=int(counts.sum()),
        )


def chosen_windows(
    store: MotionStore, split: str, *, count: int, seconds: tuple[float, float]
) -> list[tuple[WindowRecord, str]]:
    """Return windows with a caption each, drawn at random but always the same."""
    fit = [
        (window, texts[0])
        for window in store.windows_of(split)
        if (texts := [t.text for t in window.texts if t.source in WRITTEN])
        and not (window.flip or window.off_floor or window.coarse)
        and seconds[0] <= window.num_frames / store.fps <= seconds[1]
    ]
    order = np.random.default_rng(0).permutation(len(fit))[:count]
    return [fit[k] for k in sorted(order)]


def measured(motion: Motion, model: DiffusionModel) -> dict[str, Summary]:
    """Measure one motion; contacts that it does not state are those of its heights and speeds."""
    positions, skeleton, fps = motion.joint_positions, motion.skeleton, motion.fps
    limits = model.representation.contact_limits
    labels = foot_contacts(positions, skeleton, fps, limits=limits)
    stated = labels if motion.contacts is None else motion.contacts
    agreement = (
        Summary(mean=0.0, maximum=0.0, count=0)
        if motion.contacts is None
        else contact_accuracy(stated, labels)
    )
    values = (
        foot_skate_from_height(positions, skeleton, fps),
        foot_skate_from_contacts(positions, stated, skeleton, fps),
        foot_skate_ratio(positions, skeleton, fps),
        agreement,
        ground_penetration(positions),
        jerk(positions, fps),
    )
    return dict(zip(MEASURES, values, strict=True))


def generated(
    windows: Sequence[tuple[WindowRecord, str]], fps: float, *, model: str, steps: int | None
) -> list[Motion]:
    """Generate the caption of every window at the window's length."""
    requests = [
        GenerationRequest(
            script=TextScript.from_prompt(text),
            seconds=window.num_frames / fps,
            seed=number,
            model=model,
            steps=steps,
        )
        for number, (window, text) in enumerate(windows)
    ]
    return [result.motions[0] for result in generate_many(requests)]


def figures(motions: Sequence[Motion], model: DiffusionModel) -> dict[str, Figure]:
    """Measure all motions and pool."""
    rows = [measured(motion, model) for motion in motions]
    return {
        name: Figure.pooled([row[name] for row in rows], factor=factor)
        for name, (_, factor) in MEASURES.items()
    }


def markdown(columns: dict[str, dict[str, Figure]]) -> str:
    """Write the table: a measure a line, a column for each kind of motion."""
    lines = [f"| measure | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, (unit, _) in MEASURES.items():
        cells = [
            f"{f.mean:.3g} ({f.low:.3g}–{f.high:.3g})" if f.observations else "–"
            for f in (column[name] for column in columns.values())
        ]
        lines.append(f"| {name}, {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a store")
    parser.add_argument("--split", default="val")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, nargs=2, default=(2.0, 10.0))
    parser.add_argument("--model", default="small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--no-untrained", action="store_true")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    store, model = MotionStore.open(options.data), load_diffusion_model(options.model)
    if store.fps != model.fps:
        parser.error(f"the store has {store.fps:g} fps, the model {model.fps:g}")
    windows = chosen_windows(
        store, options.split, count=options.count, seconds=tuple(options.seconds)
    )
    if not windows:
        parser.error(f"no window of {options.split} fits")

    def made_by(name: str) -> Callable[[], list[Motion]]:
        return lambda: generated(windows, store.fps, model=name, steps=options.steps)

    with TemporaryDirectory() as folder:
        kinds = {
            "real": lambda: [store.window_motion(window) for window, _ in windows],
            f"`{options.model}`": made_by(options.model),
        }
        if not options.no_untrained:
            write_untrained(options.model, Path(folder))
            kinds["untrained"] = made_by(folder)
        columns = {kind: figures(make(), model) for kind, make in kinds.items()}
    print(f"{len(windows)} windows of {options.split}, store {store.fingerprint}\n")
    print(markdown(columns))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        content = {k: {n: vars(f) for n, f in column.items()} for k, column in columns.items()}
        about = {"store": store.fingerprint, "split": options.split, "windows": len(windows)}
        options.out.write_text(json.dumps({**about, "figures": content}, indent=2) + "\n")


if __name__ == "__main__":
    main()
