"""From conditions to features: noise, guided denoising and scaling in one call."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.models import DiffusionModel
from marey.representations import Observation
from marey.sampling.ddim import Progress, sample_ddim, sample_noise
from marey.sampling.guidance import Conditions, Guidance, guided_denoiser
from marey.sampling.schedule import cosine_schedule
from marey.text import TextCondition


@dataclass(frozen=True, kw_only=True)
class SampleSpec:
    """One motion to draw."""

    frames: int
    seed: int
    index: int = 0
    """Number of the sample among those of its seed."""
    heading: float = 0.0
    """Direction that the body faces first, radians."""
    observation: Observation | None = None
    """Features that are known, raw."""


@torch.inference_mode()
def sample_features(
    model: DiffusionModel,
    text: TextCondition,
    specs: list[SampleSpec],
    *,
    steps: int,
    guidance: Guidance,
    progress: Progress | None = None,
) -> list[Float[Tensor, "frames feats"]]:
    """Draw one motion for each row of ``text``, as raw features.

    A sample depends on its own text and spec alone, not on the batch (to float rounding). Raises
    InvalidInputError if texts and specs do not pair up or a spec asks for no frames.
    """
    if len(text) != len(specs) or not specs:
        raise InvalidInputError(
            f"Expected as many specs as texts and at least one, got {len(specs)} and {len(text)}."
        )
    if min(s.frames for s in specs) < 1:
        raise InvalidInputError("A sample needs at least one frame.")
    device = model.normalizer.mean.device
    frames = max(s.frames for s in specs)
    lengths = torch.tensor([s.frames for s in specs], device=device)
    observed, observed_mask = _observations(model, specs, frames)
    heading = torch.tensor([s.heading for s in specs], device=device)
    conditions = Conditions(
        text=text.to(device),
        mask=torch.arange(frames, device=device) < lengths[:, None],
        heading=torch.stack((heading.cos(), heading.sin()), dim=-1),
        observed=observed,
        observed_mask=observed_mask,
    )
    noise = sample_noise(
        [(s.seed, s.index) for s in specs],
        frames=frames,
        feats=model.representation.layout.size,
    ).to(device)
    clean = sample_ddim(
        guided_denoiser(model.denoiser, conditions, guidance),
        noise,
        schedule=cosine_schedule(),
        num_steps=steps,
        shift=model.noise_shift,
        progress=progress,
    )
    raw = model.normalizer.inverse(clean)
    return [raw[i, : s.frames].cpu() for i, s in enumerate(specs)]


def _observations(
    model: DiffusionModel, specs: list[SampleSpec], frames: int
) -> tuple[Float[Tensor, "batch frames feats"], Bool[Tensor, "batch frames feats"]]:
    """Normalised values and mask of what is known, padded to one length."""
    shape = (len(specs), frames, model.representation.layout.size)
    device = model.normalizer.mean.device
    values = torch.zeros(shape, device=device)
    mask = torch.zeros(shape, dtype=torch.bool, device=device)
    for i, spec in enumerate(specs):
        if spec.observation is not None:
            own = spec.observation.values.to(device)
            values[i, : len(own)] = model.normalizer(own)
            mask[i, : len(own)] = spec.observation.mask.to(device)
    return values, mask
