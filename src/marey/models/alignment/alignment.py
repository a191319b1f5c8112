"""Alignment: one motion encoder, and text encoders of one to three levels, into one space.

With the global level alone it is TMR [Petrovich2023]; with the levels of parts and relations it is
KinMo's hierarchical text–motion alignment [Zhang2025, §3.3], whose levels attend to the coarser
ones and add to their means and deviations.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marey.errors import InvalidInputError
from marey.models.alignment.latent_coder import (
    CoderConfig,
    LatentDecoder,
    LatentEncoder,
    read_by_length,
)
from marey.models.alignment.slot_texts import SlotTexts
from marey.skeleton.parts import GLOBAL_SLOT, PAIR_SLOTS, PARTS, SLOTS

LEVEL_SLOTS: tuple[tuple[int, ...], ...] = tuple(
    tuple(SLOTS.index(slot) for slot in slots) for slots in ((GLOBAL_SLOT,), PARTS, PAIR_SLOTS)
)
"""Slots of the texts of each level: the whole body, parts, relations."""


@dataclass(frozen=True, kw_only=True)
class AlignmentConfig(CoderConfig):
    """Everything that fixes the parameters. Raises InvalidInputError but for 1 to 3 levels."""

    feats: int
    fine_layers: int = 2
    """Layers of the text encoders of parts and of relations, whose texts are short."""
    levels: int = 1
    """1: global text; 2: and parts; 3: and relations."""
    cross_attention: bool = True
    """Whether finer levels attend to coarser ones; without, their means are added as they are."""

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= len(LEVEL_SLOTS):
            raise InvalidInputError(f"expected 1 to 3 levels, got {self.levels}.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Latent:
    """A normal distribution in the space."""

    mean: Float[Tensor, "batch latent"]
    log_variance: Float[Tensor, "batch latent"]

    def select(self, rows: Int[Tensor, " rows"]) -> "Latent":
        """Return those of some rows; a row may repeat."""
        return Latent(mean=self.mean[rows], log_variance=self.log_variance[rows])

    def sample(self) -> Float[Tensor, "batch latent"]:
        """Draw a point of each."""
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()


TextLevels = tuple[Latent, ...]
"""What is known of a motion from its texts, level by level; the last knows most."""


class Alignment(nn.Module):
    """Encoders of motions and texts, and the decoder that shapes the space in training."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.config = config
        group = config.frames_per_token
        reader = config.size(config.layers, frames_per_token=group)
        writer = config.size(config.decoder_layers, frames_per_token=group)
        self.motion_encoder = LatentEncoder(reader, feats=config.feats)
        self.decoder = LatentDecoder(writer, feats=config.feats)
        depths = (config.layers, config.fine_layers, config.fine_layers)[: config.levels]
        self.text_encoders = nn.ModuleList(
            LatentEncoder(config.size(depth), feats=config.text_width) for depth in depths
        )
        self.finer = nn.ModuleList(
            _FinerLevel(config, slots=len(LEVEL_SLOTS[level])) for level in range(1, config.levels)
        )

    def encode_motion(
        self, features: Float[Tensor, "batch frames feats"], mask: Bool[Tensor, "batch frames"]
    ) -> Latent:
        """Return the distribution of each motion; features are normalised."""
        mean, log_variance, _, _ = self.motion_encoder(features, mask)
        return Latent(mean=mean, log_variance=log_variance)

    def encode_texts(self, texts: SlotTexts) -> TextLevels:
        """Return the distribution of each sample's texts at every level.

        Samples may lack any of the texts of parts and relations: what is not said adds nothing.
        Raises InvalidInputError for a sample without a text on the whole body.
        """
        rows = texts.number[:, 0]
        if bool((rows < 0).any()):
            raise InvalidInputError(
                "expected a text on the whole body in every sample, got one without."
            )
        said, inverse = torch.unique(rows, return_inverse=True)
        mean, log_variance, tokens, real = read_by_length(self.text_encoders[0], *texts.rows(said))
        levels = [Latent(mean=mean, log_variance=log_variance).select(inverse)]
        coarse, seen = tokens[inverse], real[inverse]
        for level, finer in enumerate(self.finer, start=1):
            latent, coarse, seen = finer(
                self.text_encoders[level], texts, LEVEL_SLOTS[level], levels[-1], coarse, seen
            )
            levels.append(latent)
        return tuple(levels)

    def decode(
        self, z: Float[Tensor, "batch latent"], mask: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames feats"]:
        """Return the normalised features that points of the space stand for."""
        return self.decoder(z, mask)


class _FinerLevel(nn.Module):
    """Adds what the texts of finer slots say to what is known [Zhang2025, eq. 4–6].

    Each text's mean asks the coarser level: ``CrossAtt(z, c) = softmax(z cᵀ / √d) c``. The first
    key is the coarser mean; the others are its tokens. Deviation: queries, keys and values are
    projected, and the sum starts at zero, so that the coarser levels are learned undisturbed.
    """

    def __init__(self, config: AlignmentConfig, *, slots: int) -> None:
        super().__init__()
        self.attends = config.cross_attention
        self.slot = nn.Embedding(slots, config.width)
        nn.init.normal_(self.slot.weight, std=0.02)
        if self.attends:
            self.query = nn.Linear(config.latent, config.width)
            self.key = nn.Linear(config.width, config.width)
            self.value = nn.Linear(config.width, config.width)
            self.known = nn.Linear(config.latent, config.width)
        self.own = nn.Linear(config.latent, config.width)
        self.out = nn.Linear(config.width, config.latent)
        self.spread = nn.Linear(config.latent, config.latent)
        for layer in (self.out, self.spread):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        encoder: nn.Module,
        texts: SlotTexts,
        slots: tuple[int, ...],
        known: Latent,
        coarse: Float[Tensor, "batch tokens width"],
        seen: Bool[Tensor, "batch tokens"],
    ) -> tuple[Latent, Float[Tensor, "batch slots width"], Bool[Tensor, "batch slots"]]:
        """Return what is known now, and one token for each slot with a mask of what is said."""
        pairs, rows = texts.said_of(slots)
        said = rows >= 0
        if not len(pairs):
            nothing = coarse.new_zeros(len(rows), len(slots), coarse.shape[-1])
            return known, nothing, said
        text, slot = pairs.unbind(1)
        mean, log_variance, _, _ = read_by_length(
            encoder, *texts.rows(text), self.slot(slot)[:, None]
        )
        means, spreads = (each[rows.clamp(min=0)] for each in (mean, log_variance))
        tokens = self.own(means)
        if self.attends:
            tokens = tokens + self._asked(means, known.mean, coarse, seen)
        latent = Latent(
            mean=known.mean + _mean(self.out(tokens), said),
            log_variance=known.log_variance + _mean(self.spread(spreads), said),
        )
        return latent, tokens, said

    def _asked(self, means: Tensor, known: Tensor, coarse: Tensor, seen: Tensor) -> Tensor:
        context = torch.cat((self.known(known)[:, None], coarse), dim=1)
        mask = nn.functional.pad(seen, (1, 0), value=True)[:, None]
        return nn.functional.scaled_dot_product_attention(
            self.query(means), self.key(context), self.value(context), attn_mask=mask
        )


def _mean(x: Float[Tensor, "batch slots latent"], said: Bool[Tensor, "batch slots"]) -> Tensor:
    """Mean over the slots that are spoken of; zero where none is."""
    count = said.sum(1, keepdim=True).clamp(min=1)
    return (x * said[..., None]).sum(1) / count
