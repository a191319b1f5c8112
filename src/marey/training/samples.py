"""Samples of a run: what the model makes of fixed sentences, drawn now and then."""

from pathlib import Path

from marey.io import atomic_path
from marey.io.render import contact_sheets
from marey.models import DiffusionModel
from marey.motion import Motion
from marey.sampling import Guidance, SampleSpec, sample_features
from marey.text import TextEncoder, TextScript, condition_from_scripts

PROMPTS = ("a person walks forward", "a person raises the left arm", "a person jumps")
SECONDS = 4.0
STEPS = 20


def draw_motions(model: DiffusionModel, encoder: TextEncoder) -> list[tuple[str, Motion]]:
    """Return one motion for each of ``PROMPTS``, always from the same noise."""
    scripts = [TextScript.from_prompt(prompt) for prompt in PROMPTS]
    frames = round(min(SECONDS, model.max_seconds) * model.fps)
    drawn = sample_features(
        model,
        condition_from_scripts(scripts, encoder, model.fps),
        [SampleSpec(frames=frames, seed=0, index=i) for i in range(len(PROMPTS))],
        steps=STEPS,
        guidance=Guidance(),
    )
    return [
        (prompt, model.representation.decode(features))
        for prompt, features in zip(PROMPTS, drawn, strict=True)
    ]


def write_samples(model: DiffusionModel, encoder: TextEncoder, path: Path) -> None:
    """Draw the motions into one picture, a row of poses each; an older picture is replaced."""
    sheet = contact_sheets(draw_motions(model, encoder))
    with atomic_path(path, force=True) as temporary:
        sheet.save(temporary, format="PNG", optimize=True)
