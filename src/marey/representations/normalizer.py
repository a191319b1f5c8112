"""Normalizer: centres and scales feature channels; its statistics travel with the checkpoint."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.representations.layout import FeatureLayout

EPSILON = 1e-5
"""Added to the variance, as in Kimodo."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalizer:
    """``(x - mean) / std`` by channel."""

    mean: Float[Tensor, " feats"]
    std: Float[Tensor, " feats"]
    """Positive; at least the floor that ``fit`` was given."""

    @classmethod
    def fit(
        cls, features: Float[Tensor, "samples feats"], layout: FeatureLayout, *, floor: float = 0.2
    ) -> "Normalizer":
        """Estimate from samples; no std falls below ``floor`` times its block's typical one.

        The floor keeps nearly constant channels (rigid joints) from being blown up to unit noise;
        the typical std of a block is the root of the mean square over its channels.
        Raises InvalidInputError for another number of channels than the layout's, fewer than two
        samples, or values that are not finite.
        """
        if features.shape[-1] != layout.size:
            raise InvalidInputError(
                f"Expected {layout.size} channels as in the layout, got {features.shape[-1]}."
            )
        if len(features) < 2 or not bool(features.isfinite().all()):
            raise InvalidInputError(
                "Statistics need two samples or more and finite values throughout, got "
                f"{len(features)} samples."
            )
        variance, mean = torch.var_mean(features.double(), dim=0)
        std = (variance + EPSILON).sqrt()
        for block in layout.blocks:
            own = layout.slice(block.name)
            std[own] = std[own].clamp(min=floor * float(std[own].square().mean().sqrt()))
        return cls(mean=mean.float(), std=std.float())

    def __call__(self, features: Float[Tensor, "*batch feats"]) -> Float[Tensor, "*batch feats"]:
        """Return features of about zero mean and unit deviation."""
        return (features - self.mean) / self.std

    def inverse(self, features: Float[Tensor, "*batch feats"]) -> Float[Tensor, "*batch feats"]:
        """Return raw features."""
        return features * self.std + self.mean

    def to(self, device: torch.device | str) -> "Normalizer":
        """Return the same statistics on another device."""
        return Normalizer(mean=self.mean.to(device), std=self.std.to(device))
