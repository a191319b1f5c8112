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
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from marey.data import MotionStore, WindowRecord
from marey.evaluation.lines import QUALITY_LINES, quality_seen, table_of
from marey.evaluation.untrained import write_untrained
from marey.generate import GenerationRequest, generate_many
from marey.models import load_diffusion_model
from marey.motion import Motion
from marey.text import TextScript

WRITTEN = ("caption", "user")
"""Sources of texts that people or models wrote as captions."""


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
        limits = model.representation.contact_limits
        seen = {k: [[quality_seen(m, limits) for m in make()]] for k, make in kinds.items()}
        table = table_of("quality", QUALITY_LINES, seen)
    print(f"{len(windows)} windows of {options.split}, store {store.fingerprint}\n")
    print(table.markdown())
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        about = {"store": store.fingerprint, "split": options.split, "windows": len(windows)}
        options.out.write_text(json.dumps({**about, "figures": asdict(table)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
