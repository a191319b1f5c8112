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

    def spaced(self, num_steps: int, *, shift: float = 1.0) -> list[int]:
        """``num_steps + 1`` strictly decreasing step indices from full noise down to 0.

        Evenly spaced, then moved towards noise by ``shift`` (see ``shifted``). Raises
        InvalidInputError outside [1, number of steps].
        """
        if not 1 <= num_steps <= self.num_steps:
            raise InvalidInputError(
                f"The number of sampling steps must lie in [1, {self.num_steps}], got {num_steps}."
            )
        even = torch.linspace(1, 0, num_steps + 1, dtype=torch.float64)
        wanted = (self.num_steps * shifted(even, shift)).round().int().tolist()
        steps = [self.num_steps]
        for left, step in zip(range(num_steps - 1, -1, -1), wanted[1:], strict=True):
            steps.append(max(left, min(step, steps[-1] - 1)))
        return steps

    def add_noise(
        self,
        clean: Float[Tensor, "batch frames feats"],
        noise: Float[Tensor, "batch frames feats"],
        step: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch frames feats"]:
        """Return the signal at diffusion step ``step`` [Ho2020, eq. 4]."""
        alpha = self.alpha_bar.to(clean)[step][:, None, None]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise


def shifted(time: Float[Tensor, "*shape"], shift: float) -> Float[Tensor, "*shape"]:
    """Move times in [0, 1] towards 1, which is noise: ``s t / (1 + (s - 1) t)``.

    [Esser2024, eq. 23], there for images of higher resolution.

    A motion says the same thing many times over (positions, rotations, velocities; neighbouring
    frames), so that at the middle of the cosine schedule what will happen is long decided. The
    decisions fall in the noisiest tenth: training and sampling must look there more often.
    """
    return shift * time / (1 + (shift - 1) * time)


@cache
def cosine_schedule(num_steps: int = 1000, *, offset: float = 0.008) -> NoiseSchedule:
    """Cosine schedule [Nichol2021, eq. 17], never below 1e-5."""
    t = torch.linspace(0, 1, num_steps + 1, dtype=torch.float64)
    alpha_bar = torch.cos((t + offset) / (1 + offset) * torch.pi / 2) ** 2
    return NoiseSchedule(alpha_bar=(alpha_bar / alpha_bar[0]).clamp(min=1e-5).float())
