"""Noise schedules: how much signal survives at each diffusion step."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.errors import InvalidInputError


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseSchedule:
    """Share of signal variance left after ``t`` steps of noising; step 0 is clean."""

    alpha_bar: Float[Tensor, " levels"]
    """Decreasing, ``alpha_bar[0] == 1``."""

    @property
    def num_steps(self) -> int:
        return len(self.alpha_bar) - 1

    def spaced(self, num_steps: int) -> list[int]:
        """``num_steps + 1`` step indices, evenly spaced from full noise down to 0.

        Raises InvalidInputError outside [1, number of steps].
        """
        if not 1 <= num_steps <= self.num_steps:
            raise InvalidInputError(
                f"The number of sampling steps must lie in [1, {self.num_steps}], got {num_steps}."
            )
        return torch.linspace(self.num_steps, 0, num_steps + 1).round().int().tolist()

    def add_noise(
        self,
        clean: Float[Tensor, "batch frames feats"],
        noise: Float[Tensor, "batch frames feats"],
        step: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch frames feats"]:
        """Return the signal at diffusion step ``step`` [Ho2020, eq. 4]."""
        alpha = self.alpha_bar.to(clean)[step][:, None, None]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise


@cache
def cosine_schedule(num_steps: int = 1000, *, offset: float = 0.008) -> NoiseSchedule:
    """Cosine schedule [Nichol2021, eq. 17], never below 1e-5."""
    t = torch.linspace(0, 1, num_steps + 1, dtype=torch.float64)
    alpha_bar = torch.cos((t + offset) / (1 + offset) * torch.pi / 2) ** 2
    return NoiseSchedule(alpha_bar=(alpha_bar / alpha_bar[0]).clamp(min=1e-5).float())
