"""Sinusoidal codes for positions and diffusion steps."""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def sinusoidal(
    positions: Shaped[Tensor, "*batch"], width: int, *, base: float = 10000.0
) -> Float[Tensor, "*batch width"]:
    """Sines and cosines of ``positions`` at ``width / 2`` frequencies [Vaswani2017, §3.5]."""
    steps = torch.arange(width // 2, device=positions.device, dtype=torch.float32)
    frequencies = torch.exp(-math.log(base) * steps / (width // 2))
    phase = positions[..., None].float() * frequencies
    return torch.cat((phase.sin(), phase.cos()), dim=-1)
