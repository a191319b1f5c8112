"""From conditions to features: noise, guided denoising and scaling in one call."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.models import DiffusionModel
from marey.representations import Normalizer, Observation
from marey.sampling.ddim import Progress, sample_ddim, sample_noise
from marey.sampling.guidance import Conditions, Guidance, Observe, guided_denoiser
from marey.sampling.knowledge import Knowledge
from marey.sampling.pulling import pulls_for
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
    facts: WorldFacts | None = None
    """What is known of the motion in the world, in which the body starts near the origin: that is
    where models are trained. Positions of joints where no root path is known are met by way of
    the root that the model predicts."""
    observation: Observation | None = None
    """Features that are known, raw; where they say otherwise than ``facts``, they win."""


@torch.inference_mode()
def sample_features(
    model: DiffusionModel,
    text: TextCondition,
    specs: list[SampleSpec],
    *,
    steps: int,
    guidance: Guidance,
    pulled: bool = True,
    progress: Progress | None = None,
) -> list[Float[Tensor, "frames feats"]]:
    """Draw one motion for each row of ``text``, as raw features.

    A sample depends on its own text and spec alone, not on the batch (to float rounding). With
    ``pulled`` predictions are bent onto what is known (see ``pulling``); without, following what
    it sees is left to the network. Raises InvalidInputError if texts and specs do not pair up, a
    spec asks for no frames, or what it knows is about other frames.
    """
    if len(text) != len(specs) or not specs:
        raise InvalidInputError(
            f"Expected as many specs as texts and at least one, got {len(specs)} and {len(text)}."
        )
    for spec in specs:
        _require_fitting(spec)
    device = model.normalizer.mean.device
    frames = max(s.frames for s in specs)
    lengths = torch.tensor([s.frames for s in specs], device=device)
    knowledge = [
        Knowledge.of(s.frames, model.representation, facts=s.facts, observation=s.observation)
        for s in specs
    ]
    observed, observed_mask = _padded([k.placed() for k in knowledge], frames, model.normalizer)
    heading = torch.tensor([s.heading for s in specs], device=device)
    conditions = Conditions(
        text=text.to(device),
        mask=torch.arange(frames, device=device) < lengths[:, None],
        heading=torch.stack((heading.cos(), heading.sin()), dim=-1),
        observed=observed,
        observed_mask=observed_mask,
        observe=_observe_anew(model, knowledge, (observed, observed_mask)),
        pulls=pulls_for(model.representation.layout, model.fps, lengths.tolist())
        if pulled
        else None,
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


def _require_fitting(spec: SampleSpec) -> None:
    if spec.frames < 1:
        raise InvalidInputError("A sample needs at least one frame.")
    if spec.facts is not None and spec.facts.num_frames != spec.frames:
        raise InvalidInputError(
            f"The facts about a sample of {spec.frames} frames must be about as many, got "
            f"{spec.facts.num_frames}."
        )
    if spec.observation is not None and len(spec.observation.mask) > spec.frames:
        raise InvalidInputError(
            f"A sample of {spec.frames} frames has no room for the {len(spec.observation.mask)} "
            "observed ones."
        )


def _observe_anew(
    model: DiffusionModel, knowledge: list[Knowledge], fixed: tuple[Tensor, Tensor]
) -> Observe | None:
    """Return what expresses pinned joints by the root of an estimate; None if no sample needs it.

    Samples that do not need it keep what is ``fixed``.
    """
    lost = [i for i, known in enumerate(knowledge) if known.needs_estimate]
    if not lost:
        return None
    representation, normalizer = model.representation, model.normalizer

    def observe(estimate: Tensor) -> tuple[Tensor, Tensor]:
        paths = representation.root_path(normalizer.inverse(estimate[lost])).cpu()
        seen = [
            knowledge[i].seen_from(path[: len(knowledge[i].exact.mask)])
            for i, path in zip(lost, paths, strict=True)
        ]
        values, mask = (x.clone() for x in fixed)
        values[lost], mask[lost] = _padded(seen, estimate.shape[1], normalizer)
        return values, mask

    return observe


def _padded(
    seen: list[Observation], frames: int, normalizer: Normalizer
) -> tuple[Float[Tensor, "batch frames feats"], Bool[Tensor, "batch frames feats"]]:
    """Normalised values and mask of what is known, padded to one length."""
    device = normalizer.mean.device
    shape = (len(seen), frames, seen[0].mask.shape[-1])
    values = torch.zeros(shape, device=device)
    mask = torch.zeros(shape, dtype=torch.bool, device=device)
    for i, own in enumerate(seen):
        values[i, : len(own.mask)] = normalizer(own.values.to(device))
        mask[i, : len(own.mask)] = own.mask.to(device)
    return values, mask
