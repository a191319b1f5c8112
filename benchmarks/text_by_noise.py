"""Where along the diffusion a text matters: denoising error with the true, another and no text.

    python benchmarks/text_by_noise.py --data stores/cmu --model small

Prints, for several noise levels, the mean squared error (normalised features) of the root's and the
body's prediction for windows of the split, given their own text, another window's, or none.
"""

import argparse
import random

import torch

from marey.data import MotionStore
from marey.models import load_diffusion_model
from marey.models.diffusion import DenoiserInput
from marey.sampling import cosine_schedule
from marey.text import MiniLMEncoder, TextCondition, TextScript, condition_from_scripts

FRAMES = 60
LEVELS = (1000, 980, 950, 900, 800, 600, 300)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="small")
    parser.add_argument("--split", default="val")
    parser.add_argument("--count", type=int, default=64)
    options = parser.parse_args()
    model, store = load_diffusion_model(options.model), MotionStore.open(options.data)
    rep, encoder, schedule = model.representation, MiniLMEncoder(), cosine_schedule()
    long = [w for w in store.windows_of(options.split) if w.num_frames >= FRAMES and not w.flip]
    windows = random.Random(0).sample(long, min(options.count, len(long)))
    motions = [store.window_motion(w).crop(0, FRAMES).canonicalise() for w in windows]
    clean = model.normalizer(torch.stack([rep.canonicalise(rep.encode(m)) for m in motions]))
    scripts = [TextScript.from_prompt(w.texts[0].text) for w in windows]
    own = condition_from_scripts(scripts, encoder, model.fps)
    batch = len(windows)
    texts = {
        "own text": own,
        "another's": own.select([(i + 1) % batch for i in range(batch)]),
        "none": TextCondition.unconditional(batch, encoder.width),
    }
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    print("| noise level | " + " | ".join(f"root, {n}" for n in texts), end=" | ")
    print(" | ".join(f"body, {n}" for n in texts) + " |")
    print("|---" * (1 + 2 * len(texts)) + "|")
    for level in LEVELS:
        step = torch.full((batch,), level)
        errors = []
        for text in texts.values():
            given = DenoiserInput(
                noisy=schedule.add_noise(clean, noise, step),
                step=step,
                mask=torch.ones(batch, FRAMES, dtype=torch.bool),
                observed=torch.zeros_like(clean),
                observed_mask=torch.zeros_like(clean, dtype=torch.bool),
                heading=torch.tensor([[1.0, 0.0]]).expand(batch, 2),
                text=text,
            )
            with torch.inference_mode():
                errors.append((model.denoiser(given) - clean).square())
        roots = [f"{float(e[..., :5].mean()):.4f}" for e in errors]
        bodies = [f"{float(e[..., 5:].mean()):.4f}" for e in errors]
        print(f"| {level} | " + " | ".join(roots + bodies) + " |", flush=True)


if __name__ == "__main__":
    main()
