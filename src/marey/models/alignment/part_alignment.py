"""PartAlignment: single parts, and pairs of them, in one space with the texts about them.

LGTM trains a TMR for each of six parts; here they and the fifteen pairs share one trunk, which is
told what it looks at, and differ in how they read and write their own channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from marey.models.alignment.alignment import Latent
from marey.models.alignment.latent_coder import CoderConfig, LatentDecoder, LatentEncoder
from marey.representations import FeatureLayout
from marey.skeleton import Skeleton
from marey.skeleton.parts import SLOTS

PART_SLOTS = SLOTS[1:]
"""Slots that have an encoder: six parts, fifteen pairs."""


@dataclass(frozen=True, kw_only=True)
class PartAlignmentConfig(CoderConfig):
    """Everything that fixes the parameters."""

    channels: tuple[tuple[int, ...], ...]
    """Channels of a frame that belong to each of `PART_SLOTS`; see `slot_channels`."""
    shared: int = 64
    """Channels that every part's own are mapped to."""
    width: int = 128
    layers: int = 3
    decoder_layers: int = 1
    hidden: int = 256
    latent: int = 128


class PartAlignment(nn.Module):
    """Encoders of what one part or pair does, and of texts about it, and a decoder."""

    def __init__(self, config: PartAlignmentConfig) -> None:
        super().__init__()
        self.config = config
        group = config.frames_per_token
        reader = config.size(config.layers, frames_per_token=group)
        writer = config.size(config.decoder_layers, frames_per_token=group)
        self.read = nn.ModuleList(nn.Linear(len(own), config.shared) for own in config.channels)
        self.write = nn.ModuleList(nn.Linear(config.shared, len(own)) for own in config.channels)
        self.slot = nn.Embedding(len(config.channels), config.width)
        nn.init.normal_(self.slot.weight, std=0.02)
        self.motion_encoder = LatentEncoder(reader, feats=config.shared)
        self.decoder = LatentDecoder(writer, feats=config.shared)
        self.text_encoder = LatentEncoder(config.size(config.layers), feats=config.text_width)

    def own(
        self, features: Float[Tensor, "batch frames feats"], slot: int
    ) -> Float[Tensor, "batch frames own"]:
        """Return the channels of a slot, by its place in `PART_SLOTS`."""
        return features[..., list(self.config.channels[slot])]

    def encode_motion(
        self,
        features: Float[Tensor, "batch frames feats"],
        mask: Bool[Tensor, "batch frames"],
        slot: int,
    ) -> Latent:
        """Return the distribution of what a part or pair does in each motion."""
        own = self.read[slot](self.own(features, slot))
        mean, log_variance, _, _ = self.motion_encoder(own, mask, self._about(slot))
        return Latent(mean=mean, log_variance=log_variance)

    def encode_texts(
        self,
        states: Float[Tensor, "texts tokens text_width"],
        mask: Bool[Tensor, "texts tokens"],
        slot: int,
    ) -> Latent:
        """Return the distribution of each text about a part or pair."""
        mean, log_variance, _, _ = self.text_encoder(states, mask, self._about(slot))
        return Latent(mean=mean, log_variance=log_variance)

    def decode(
        self, z: Float[Tensor, "batch latent"], mask: Bool[Tensor, "batch frames"], slot: int
    ) -> Float[Tensor, "batch frames own"]:
        """Return the slot's channels that points of the space stand for."""
        return self.write[slot](self.decoder(z, mask)) * mask[..., None]

    def _about(self, slot: int) -> Float[Tensor, "1 1 width"]:
        return self.slot.weight[slot][None, None]


def slot_channels(layout: FeatureLayout, skeleton: Skeleton) -> tuple[tuple[int, ...], ...]:
    """Return the channels of each of `PART_SLOTS`; a pair has those of both its parts."""
    return tuple(_channels(layout, skeleton, slot.split("+")) for slot in PART_SLOTS)


def _channels(layout: FeatureLayout, skeleton: Skeleton, parts: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted(c for part in parts for c in layout.part_channels(part, skeleton)))
