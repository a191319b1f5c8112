"""DDIM: deterministic sampling with a network that predicts the clean signal.

[Song2021, eq. 12] with sigma = 0, written for x_0-prediction.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.sampling.schedule import NoiseSchedule

Denoise = Callable[
    [
        Float[Tensor, "batch frames feats"],
        Int[Tensor, " batch"],
        Float[Tensor, "batch frames feats"] | None,
    ],
    Float[Tensor, "batch frames feats"],
]
"""Called with a noisy signal, its steps and what was predicted one step before (None at first);
returns the predicted clean signal."""
Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all); may raise ``Cancelled`` to stop."""


def ddim_step(
    x_t: Float[Tensor, "batch frames feats"],
    x_0: Float[Tensor, "batch frames feats"],
    *,
    alpha_bar_t: Float[Tensor, ""],
    alpha_bar_s: Float[Tensor, ""],
) -> Float[Tensor, "batch frames feats"]:
    """Move from step ``t`` to the cleaner step ``s``, given the predicted clean signal.

    The noise that the prediction implies is kept and rescaled: nothing is drawn.
    """
    noise = (x_t - alpha_bar_t.sqrt() * x_0) / (1 - alpha_bar_t).sqrt()
    return alpha_bar_s.sqrt() * x_0 + (1 - alpha_bar_s).sqrt() * noise


def sample_ddim(
    denoise: Denoise,
    noise: Float[Tensor, "batch frames feats"],
    *,
    schedule: NoiseSchedule,
    num_steps: int,
    shift: float = 1.0,
    progress: Progress | None = None,
) -> Float[Tensor, "batch frames feats"]:
    """Turn ``noise`` into a clean signal in ``num_steps`` calls of ``denoise``."""
    x, x_0, alpha_bar = noise, None, schedule.alpha_bar.to(noise)
    for done, (t, s) in enumerate(pairwise(schedule.spaced(num_steps, shift=shift)), start=1):
        x_0 = denoise(x, torch.full((len(x),), t, device=x.device), x_0)
        x = ddim_step(x, x_0, alpha_bar_t=alpha_bar[t], alpha_bar_s=alpha_bar[s])
        if progress is not None:
            progress(done, num_steps)
    return x


def sample_noise(
    seeds: list[tuple[int, int]], *, frames: int, feats: int
) -> Float[Tensor, "batch frames feats"]:
    """Draw unit noise, one (seed, sample index) for each row.

    A row depends on its own pair alone, and a longer one starts with the shorter one's frames, so
    that a sample does not change with the batch it is drawn in.
    """
    # torch draws blocks of 16 numbers and draws the last, broken block once more: whole blocks
    # only, or a shorter row would not be the beginning of a longer one.
    count = frames * feats
    whole = -(-count // 16) * 16
    rows = [torch.randn(whole, generator=sample_generator(seed, index)) for seed, index in seeds]
    return torch.stack(rows)[:, :count].unflatten(1, (frames, feats))


def sample_generator(seed: int, index: int) -> torch.Generator:
    """Return the generator of one sample: a function of (seed, sample index)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) % 2**63
    return torch.Generator().manual_seed(mixed)
