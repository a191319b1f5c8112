"""Seconds for a five-second clip on two cores, and what start-up costs.

    python benchmarks/generate.py --out out/generate.json
    python benchmarks/generate.py --paper-recipe small --repeats 1   # quick: no big network

Measures in one run: the shipped model at its default steps, end to end (text, network, decoding)
and per network call, alone and in a batch; beside it the paper-size network with random weights,
of which a few calls are timed and multiplied, since a call costs the same whatever the weights;
and start-up in fresh processes. Prints a Markdown table; medians, with the least and the most.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from marey.generate import GenerationRequest, generate
from marey.models import DiffusionModel, load_diffusion_model
from marey.models.diffusion import Denoiser, DenoiserConfig
from marey.representations import Observation
from marey.sampling import Guidance, SampleSpec, sample_features
from marey.text import MiniLMEncoder, TextScript, condition_from_scripts
from marey.training import recipe

TEXT = "a person walks forward and waves"
PAPER_STEPS, PAPER_ROWS, PAPER_CALLS = 100, 3, 3
START = "from marey.generate import default_guidance; from marey.text import MiniLMEncoder; "
START += "default_guidance({model!r}); MiniLMEncoder()"
CLI = "import sys; from marey.cli.main import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of several runs of the same thing."""

    what: str
    seconds: tuple[float, ...]
    note: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the timing as a JSON object."""
        return {"what": self.what, "seconds": list(self.seconds), "note": self.note}


def timed(call: Callable[[], object], repeats: int) -> tuple[float, ...]:
    """Return the seconds that each of several calls takes."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return tuple(found)


def shipped(options: argparse.Namespace) -> list[Timing]:
    """Time the façade: one clip and a batch, end to end and per network call."""
    rows = []
    for samples in (1, options.batch):
        request = GenerationRequest(
            script=TextScript.from_prompt(TEXT),
            seconds=options.seconds,
            samples=samples,
            model=options.model,
            steps=options.steps,
        )
        steps: list[int] = []
        generate(request, progress=lambda _, total, steps=steps: steps.append(total))  # warm
        network: list[float] = []

        def call(request: GenerationRequest = request, network: list[float] = network) -> None:
            network.append(generate(request).timings["sampling"])

        runs = timed(call, options.repeats)
        clips = "clip" if samples == 1 else f"{samples} clips"
        name = f"`{options.model}`, {clips} of {options.seconds:g} s, {steps[0]} steps"
        rows.append(Timing(what=f"{name}, end to end", seconds=runs))
        per_call = tuple(seconds / len(steps) for seconds in network)
        rows.append(Timing(what=f"{name}, per network call", seconds=per_call))
    return rows


def random_model(name: str, like: DiffusionModel) -> DiffusionModel:
    """Return a model of a recipe's size with random weights, for the same features and text."""
    config = recipe(name)
    size = DenoiserConfig(
        feats=like.representation.layout.size,
        text_width=like.denoiser.config.text_width,
        fps=like.fps,
        root=config.root,
        body=config.body,
        frames_per_token=config.frames_per_token,
        registers=config.registers,
        variant=config.variant,
    )
    return DiffusionModel(
        name=name,
        denoiser=Denoiser(size).eval().requires_grad_(False),
        representation=like.representation,
        normalizer=like.normalizer,
        text_encoder=like.text_encoder,
    )


def paper_size(options: argparse.Namespace) -> Timing:
    """Time a few calls of the paper-size network with text and a constraint: three rows."""
    like = load_diffusion_model(options.model)
    model = random_model(options.paper_recipe, like)
    frames, feats = round(options.seconds * like.fps), like.representation.layout.size
    mask = torch.zeros(frames, feats, dtype=torch.bool)
    mask[0, 0] = True  # one known number makes the row with constraints count
    spec = SampleSpec(
        frames=frames, seed=0, observation=Observation(values=torch.zeros(frames, feats), mask=mask)
    )
    script = TextScript.from_prompt(TEXT)
    text = condition_from_scripts([script], MiniLMEncoder(), like.fps)
    marks: list[float] = []
    sample_features(
        model,
        text,
        [spec],
        steps=PAPER_CALLS + 1,
        guidance=Guidance(mode="separated"),
        progress=lambda *_: marks.append(time.perf_counter()),
    )
    calls = [after - before for before, after in pairwise(marks)]
    size = f"`{options.paper_recipe}`, {model.num_parameters / 1e6:.0f} M random weights"
    return Timing(
        what=f"{size}, clip of {options.seconds:g} s, {PAPER_STEPS} steps × {PAPER_ROWS} rows",
        seconds=tuple(PAPER_STEPS * seconds for seconds in calls),
        note=f"{PAPER_CALLS} calls measured, times {PAPER_STEPS}",
    )


def start_up(options: argparse.Namespace) -> list[Timing]:
    """Time fresh processes: import and load, and the whole command line."""

    def run(code: str, *words: str) -> Callable[[], object]:
        return lambda: subprocess.run(
            [sys.executable, "-c", code, *words], check=True, stdout=subprocess.DEVNULL
        )

    with TemporaryDirectory() as folder:
        words = ["generate", TEXT, "--seconds", f"{options.seconds:g}", "--model", options.model]
        words += ["--force", "-o", f"{folder}/clip.bvh"]
        words += [] if options.steps is None else ["--steps", str(options.steps)]
        load, whole = run(START.format(model=options.model)), run(CLI, *words)
        load()  # the first fills the file cache
        return [
            Timing(what="start-up: import, load model and encoder", seconds=timed(load, 3)),
            Timing(what="`marey generate`, whole process", seconds=timed(whole, 3)),
        ]


def markdown(rows: list[Timing]) -> str:
    """Write the table."""
    lines = ["| what | seconds | least to most | |", "|---|---|---|---|"]
    for row in rows:
        span = f"{min(row.seconds):.3g} to {max(row.seconds):.3g}"
        lines.append(f"| {row.what} | {median(row.seconds):.3g} | {span} | {row.note} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="small")
    parser.add_argument("--paper-recipe", default="kimodo-l")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--steps", type=int, help="the model's own by default")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [*shipped(options), paper_size(options), *start_up(options)]
    machine = f"{platform.machine()}, {options.threads} threads, torch {torch.__version__}"
    print(f"{machine}\n\n{markdown(rows)}")
    ratio = median(rows[4].seconds) / median(rows[0].seconds)
    print(f"\nThe shipped model's clip takes 1/{ratio:.0f} of the paper-size network's time.")
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": machine, "rows": [row.to_json() for row in rows]}
        options.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
