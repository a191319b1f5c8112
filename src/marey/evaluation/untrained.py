"""The untrained baseline: a model's network with random weights."""

from dataclasses import replace
from pathlib import Path

import torch

from marey.models import load_diffusion_model, save_diffusion_model
from marey.models.diffusion import Denoiser


def write_untrained(model: str | Path, folder: Path) -> None:
    """Write a checkpoint that differs from a model's in its weights only: they are random.

    The same model gives the same weights; torch's global state is left alone.
    """
    trained = load_diffusion_model(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        denoiser = Denoiser(trained.denoiser.config)
    denoiser.load_state_dict(dict(trained.denoiser.named_buffers()), strict=False)
    save_diffusion_model(replace(trained, denoiser=denoiser), folder)
