"""Sequences to distributions in the space of motions and texts, and back [Petrovich2023, §3]."""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from marey.nn import Block, sinusoidal

LENGTHS = 4
"""Groups of like length in which texts are read."""
LOG_VARIANCE_LIMIT = 8.0
"""Log variances are kept within ± this, so that no sample overflows."""


@dataclass(frozen=True, kw_only=True)
class CoderSize:
    """Size of an encoder or decoder."""

    width: int
    layers: int
    heads: int
    hidden: int
    latent: int
    frames_per_token: int = 1
    dropout: float = 0.1

    def blocks(self) -> nn.ModuleList:
        """Return new transformer blocks."""
        size = {"width": self.width, "heads": self.heads, "hidden": self.hidden}
        return nn.ModuleList(Block(**size, dropout=self.dropout) for _ in range(self.layers))


@dataclass(frozen=True, kw_only=True)
class CoderConfig:
    """What all coders of a model have in common."""

    text_width: int
    width: int = 192
    layers: int = 4
    decoder_layers: int = 2
    heads: int = 4
    hidden: int = 512
    latent: int = 192
    frames_per_token: int = 4
    dropout: float = 0.1

    def size(self, layers: int, *, frames_per_token: int = 1) -> CoderSize:
        """Return the size of a coder of so many layers."""
        return CoderSize(
            width=self.width,
            layers=layers,
            heads=self.heads,
            hidden=self.hidden,
            latent=self.latent,
            frames_per_token=frames_per_token,
            dropout=self.dropout,
        )


class LatentEncoder(nn.Module):
    """A transformer that reads a sequence and two learned tokens: its mean and log variance.

    Deviations from [Petrovich2023]: pre-norm blocks, and some frames share a token.
    """

    def __init__(self, size: CoderSize, *, feats: int) -> None:
        super().__init__()
        self.frames_per_token, width = size.frames_per_token, size.width
        group = feats * size.frames_per_token
        self.project = nn.Sequential(nn.LayerNorm(group), nn.Linear(group, width))
        self.learned = nn.Parameter(torch.randn(2, width) * 0.02)
        self.blocks = size.blocks()
        self.norm = nn.LayerNorm(width)
        self.mean, self.log_variance = (nn.Linear(width, size.latent) for _ in range(2))
        self.dropout = nn.Dropout(size.dropout)

    def forward(
        self,
        x: Float[Tensor, "batch frames feats"],
        mask: Bool[Tensor, "batch frames"],
        extra: Float[Tensor, "#batch 1 width"] | None = None,
    ) -> tuple[
        Float[Tensor, "batch latent"],
        Float[Tensor, "batch latent"],
        Float[Tensor, "batch tokens width"],
        Bool[Tensor, "batch tokens"],
    ]:
        """Return mean, log variance, and the tokens of the sequence with their mask.

        ``extra`` is added to the learned tokens: what the sequence is about.
        """
        tokens, real = in_groups(x, mask, self.frames_per_token)
        tokens = self.project(tokens)
        tokens = tokens + sinusoidal(
            torch.arange(tokens.shape[1], device=x.device), tokens.shape[2]
        )
        learned = self.learned.expand(len(x), -1, -1)
        h = torch.cat((learned if extra is None else learned + extra, tokens), dim=1)
        seen = F.pad(real, (2, 0), value=True)
        h = self.dropout(h)
        for block in self.blocks:
            h = block(h, seen)
        h = self.norm(h)
        spread = self.log_variance(h[:, 1]).float() / LOG_VARIANCE_LIMIT
        return self.mean(h[:, 0]).float(), LOG_VARIANCE_LIMIT * spread.tanh(), h[:, 2:], real


def read_by_length(
    encoder: nn.Module,
    x: Float[Tensor, "batch tokens feats"],
    mask: Bool[Tensor, "batch tokens"],
    extra: Float[Tensor, "batch 1 width"] | None = None,
) -> tuple[
    Float[Tensor, "batch latent"],
    Float[Tensor, "batch latent"],
    Float[Tensor, "batch tokens width"],
    Bool[Tensor, "batch tokens"],
]:
    """Encode texts, those of like length together, and return what the encoder does.

    Most texts are short: padded to the longest of all, they would cost several times as much.
    """
    lengths = mask.sum(1)
    order = lengths.argsort()
    parts = []
    for rows in order.chunk(LENGTHS):
        longest = int(lengths[rows].max())
        own = None if extra is None else extra[rows]
        mean, spread, tokens, real = encoder(x[rows, :longest], mask[rows, :longest], own)
        rest = x.shape[1] - longest
        parts.append((mean, spread, F.pad(tokens, (0, 0, 0, rest)), F.pad(real, (0, rest))))
    mean, spread, tokens, real = (
        torch.cat(each)[order.argsort()] for each in zip(*parts, strict=True)
    )
    return mean, spread, tokens, real


class LatentDecoder(nn.Module):
    """A transformer that turns a point of the space into a sequence of a given length."""

    def __init__(self, size: CoderSize, *, feats: int) -> None:
        super().__init__()
        self.frames_per_token, self.width = size.frames_per_token, size.width
        self.project = nn.Linear(size.latent, size.width)
        self.blocks = size.blocks()
        self.norm = nn.LayerNorm(size.width)
        self.out = nn.Linear(size.width, feats * size.frames_per_token)

    def forward(
        self, z: Float[Tensor, "batch latent"], mask: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames feats"]:
        """Return the sequences; zeros where ``mask`` is False."""
        frames = mask.shape[1]
        tokens = -(-frames // self.frames_per_token)
        real = F.pad(mask, (0, tokens * self.frames_per_token - frames))
        real = rearrange(real, "b (t g) -> b t g", g=self.frames_per_token).any(-1)
        place = sinusoidal(torch.arange(tokens, device=z.device), self.width)
        h = self.project(z)[:, None] + place
        for block in self.blocks:
            h = block(h, real)
        x = self.out(self.norm(h)).float()
        x = rearrange(x, "b t (g f) -> b (t g) f", g=self.frames_per_token)
        return x[:, :frames] * mask[..., None]


def in_groups(
    x: Float[Tensor, "batch frames feats"], mask: Bool[Tensor, "batch frames"], size: int
) -> tuple[Float[Tensor, "batch tokens group"], Bool[Tensor, "batch tokens"]]:
    """Return every ``size`` frames as one token, padded with zeros; real if any frame is."""
    rest = -x.shape[1] % size
    x = F.pad(x * mask[..., None], (0, 0, 0, rest))
    real = rearrange(F.pad(mask, (0, rest)), "b (t g) -> b t g", g=size).any(-1)
    return rearrange(x, "b (t g) f -> b t (g f)", g=size), real
