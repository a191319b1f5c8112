"""The paper's Table 1 in small: five variants of the model, trained alike and measured alike.

    python benchmarks/ablations.py --data stores/cmu --steps 2000 --out runs/ablations

After [Rempe2026, §6.2]: the full model; one stage with as many parameters; a body stage that sees
the global root; the pelvis itself as the root; constraints from the first step on instead of in a
second phase. Networks are narrow and runs short. All seeds of all variants take as many steps of as
many samples; runs that are finished are not run again, interrupted ones go on. Measured on ``val``
(see ``ablation_measures.py``): mean over the seeds, and in brackets each seed. The full model is
also measured on pins that it is not shown: what is not better than that does not follow them.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from ablation_measures import Settings, measure_model, measure_pins, measure_real

from marey.data import MotionStore, share_with_measured
from marey.data.bank import FeatureBank, usable_windows
from marey.models import DiffusionModel, load_diffusion_model
from marey.models.diffusion import StageConfig
from marey.motion import BODY22_LIMITS
from marey.representations import SmoothRoot
from marey.text import MiniLMEncoder
from marey.training import Report, RunFolder, TrainConfig, Trainer

Values = dict[str, float]
UNSEEN = "full, pins not shown"
FULL = TrainConfig(
    name="ablation",
    root=StageConfig(width=64, layers=2, heads=2, hidden=128),
    body=StageConfig(width=96, layers=3, heads=3, hidden=192),
    batch_size=16,
    max_seconds=5.0,
    noise_shift=12.0,
    measured_share=0.55,
    phase2_from=0.5,
    unconstrained_share=0.1,
    precision="float32",
    save_minutes=2.0,
)
VARIANTS: dict[str, TrainConfig] = {
    "full": FULL,
    "one stage": replace(
        FULL,
        variant="one_stage",
        body=StageConfig(width=112, layers=4, heads=4, hidden=224),
    ),
    "global second stage": replace(FULL, variant="two_stage_global"),
    "raw root": replace(FULL, smoothing="none"),
    # Half of the samples see constraints all along: about as many as the full model's in all.
    "no curriculum": replace(FULL, phase2_from=0.0, unconstrained_share=0.5),
}
"""As in the paper, but without dropout in any of them: networks this small do not overfit."""


# --- training ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Banks:
    """Features to train on and those of ``val``, kept: reading them takes a quarter of a run."""

    store: MotionStore
    device: torch.device

    @cache  # noqa: B019 (lives as long as the program)
    def of(self, smoothing: str) -> tuple[FeatureBank, FeatureBank]:
        """Return both banks of a root."""
        store = self.store
        representation = SmoothRoot(
            skeleton=store.skeleton,
            fps=store.fps,
            smoothing="none" if smoothing == "none" else "exact",
            contact_limits=BODY22_LIMITS,
        )
        train = usable_windows(store.windows_of("train"), store.fps)
        windows = (
            share_with_measured(train, FULL.measured_share),
            usable_windows(store.windows_of("val"), store.fps),
        )
        show(f"reading the store, root {smoothing}")
        first, second = (
            FeatureBank(
                store,
                each,
                representation,
                MiniLMEncoder(),
                max_seconds=FULL.max_seconds,
                device=self.device,
            )
            for each in windows
        )
        return first, second


def trained(name: str, config: TrainConfig, path: Path, banks: Banks) -> DiffusionModel:
    """Train a variant to its end, or go on, or only load it where it is finished."""
    folder = RunFolder(path)
    folder.open(config, fingerprint=banks.store.fingerprint)
    if folder.checkpoint.is_dir():
        model = load_diffusion_model(folder.checkpoint)
        if int(model.notes["steps"]) >= config.steps:
            return model
    bank, validation = banks.of(config.smoothing)
    trainer = Trainer(config, bank, folder, text_encoder=MiniLMEncoder.name, validation=validation)

    def listen(report: Report) -> None:
        if report.step % 100 == 0:
            show(
                f"{name}, seed {config.seed}: step {report.step} of {config.steps}, loss "
                f"{report.losses['total']:.2f}, {report.seconds:.0f} s"
            )

    try:
        trainer.run(listen)
    finally:
        folder.close()
    return load_diffusion_model(folder.checkpoint)


def show(what: str) -> None:
    """Write progress to the error stream."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


# --- measures ------------------------------------------------------------------------------------


def measured(model: DiffusionModel, path: Path, store: MotionStore, settings: Settings) -> Values:
    """Measure a finished run."""
    return {
        "parameters, thousands": sum(p.numel() for p in model.denoiser.parameters()) / 1000,
        "validation loss": last_validation(path),
        **measure_model(model, path / "checkpoint", store, settings),
    }


def kept(file: Path, about: Mapping[str, object], make: Callable[[], Values]) -> Values:
    """Return what a file says about the same settings; else make it, and write it there."""
    if file.is_file():
        found = json.loads(file.read_text())
        if found["about"] == about:
            return found["values"]
    started = time.perf_counter()
    values = make()
    show(f"{file} took {time.perf_counter() - started:.0f} s")
    file.write_text(json.dumps({"about": about, "values": values}, indent=2) + "\n")
    return values


def last_validation(path: Path) -> float:
    """Return the last validation loss that a run has written."""
    rows = (path / "metrics.csv").read_text().splitlines()
    return float([row for row in rows if ",validation," in row][-1].rsplit(",", 1)[1])


# --- table ---------------------------------------------------------------------------------------


def markdown(found: Mapping[str, Sequence[Values]], real: Values) -> str:
    """Write the table: a measure a line, a column for each variant."""
    lines = [f"| measure | {' | '.join(found)} | real |", "|---" * (len(found) + 2) + "|"]
    for measure in next(iter(found.values()))[0]:
        cells = [cell([v[measure] for v in seeds if measure in v]) for seeds in found.values()]
        last = f"{real[measure]:.3g}" if measure in real else "–"
        lines.append(f"| {measure} | {' | '.join(cells)} | {last} |")
    return "\n".join(lines)


def cell(values: Sequence[float]) -> str:
    """Write a mean, and what it is the mean of; a dash where nothing was measured."""
    if not values:
        return "–"
    every = ", ".join(f"{value:.3g}" for value in values)
    return f"{sum(values) / len(values):.3g} ({every})"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a store")
    parser.add_argument("--steps", type=int, default=2000, help="training steps of a run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--device", default="cpu", help="for training; measures run on the CPU")
    parser.add_argument("--texts", type=int, default=64, help="captions to draw motions of")
    parser.add_argument("--cases", type=int, default=24, help="clips to pin, of each family")
    parser.add_argument("--sampling-steps", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    return parser.parse_args()


def main() -> None:
    """Train and measure the first seed of all variants, then the next, and print the table."""
    options = arguments()
    store = MotionStore.open(options.data)
    banks = Banks(store=store, device=torch.device(options.device))
    settings = Settings(
        texts=options.texts, cases=options.cases, sampling_steps=options.sampling_steps
    )
    about = {**asdict(settings), "store": store.fingerprint}
    found: dict[str, list[Values]] = {}
    unseen: list[Values] = []
    for seed in options.seeds:
        for name in options.variants:
            config = replace(VARIANTS[name], steps=options.steps, seed=seed)
            path = options.out / f"{name.replace(' ', '_')}_{seed}"
            model = trained(name, config, path, banks)
            values = kept(
                path / "measures.json", about, partial(measured, model, path, store, settings)
            )
            found.setdefault(name, []).append(values)
            if name == "full":
                without = partial(measure_pins, model, store, settings, shown=False)
                unseen.append(kept(path / "unseen.json", about, without))
        real = measure_real(store, settings, model)
        columns = found | ({UNSEEN: unseen} if unseen else {})
        print(f"\nSeeds up to {seed}, store {store.fingerprint}:\n\n{markdown(columns, real)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
