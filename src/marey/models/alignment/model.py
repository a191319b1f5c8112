"""Alignment models: networks with everything needed to embed motions and texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.models.alignment.alignment import Alignment
from marey.models.alignment.part_alignment import PART_SLOTS, PartAlignment
from marey.models.alignment.slot_texts import SlotTexts, texts_read
from marey.motion import Motion
from marey.nn import padded
from marey.representations import JointMotion, Normalizer
from marey.skeleton.parts import GLOBAL_SLOT
from marey.text import TextEncoder, TextScript, shortened
from marey.text.encoder import require_same_encoder

BATCH = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class JointReader:
    """What every alignment model reads: joint motions, and the states of one text encoder."""

    name: str
    representation: JointMotion
    normalizer: Normalizer
    text_encoder: str
    """Name and version of the encoder."""
    max_seconds: float = 10.0
    """Longest motion it has seen; of longer ones it reads the middle."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, and on which splits."""

    @property
    def encoder_name(self) -> str:
        """Name of the encoder, as `load_encoder` takes it."""
        return self.text_encoder.rpartition(" ")[0]

    def require_encoder(self, encoder: TextEncoder) -> None:
        """Raise InvalidInputError for another encoder than that of the training."""
        fix = "Give that one, or train a model with this encoder."
        require_same_encoder(encoder, self.text_encoder, of=self.name, fix=fix)

    def batches(
        self, positions: Sequence[Float[Tensor, "_ joints 3"]]
    ) -> Iterator[
        tuple[list[int], Float[Tensor, "batch frames feats"], Bool[Tensor, "batch frames"]]
    ]:
        """Yield the places, normalised features and mask of motions of like length together."""
        order = sorted(range(len(positions)), key=lambda i: len(positions[i]))
        for at in range(0, len(order), BATCH):
            rows = order[at : at + BATCH]
            yield rows, *padded([self.normalizer(self._features(positions[i])) for i in rows])

    def _features(self, positions: Float[Tensor, "_ joints 3"]) -> Float[Tensor, "_ feats"]:
        features = self.representation.of_positions(positions)
        spare = max(0, len(features) - round(self.max_seconds * self.representation.fps))
        return features[spare // 2 : len(features) - (spare - spare // 2)]


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignmentModel(JointReader):
    """Whole motions and scripts as points of one space."""

    network: Alignment

    def embed_motions(self, motions: Sequence[Motion]) -> Float[Tensor, "motions latent"]:
        """Return the mean of each motion; only joint positions are looked at."""
        return self.embed_positions([self.representation.positions(each) for each in motions])

    @torch.inference_mode()
    def embed_positions(
        self, positions: Sequence[Float[Tensor, "_ joints 3"]]
    ) -> Float[Tensor, "motions latent"]:
        """Return the mean of each motion, given as joint positions at the frame rate."""
        means = torch.zeros(len(positions), self.network.config.latent)
        for rows, features, mask in self.batches(positions):
            means[rows] = self.network.encode_motion(features, mask).mean
        return means

    @torch.inference_mode()
    def embed_scripts(
        self, scripts: Sequence[TextScript], encoder: TextEncoder, *, level: int = -1
    ) -> Float[Tensor, "texts latent"]:
        """Return the mean of each script at a level; statements of one slot are joined.

        Raises InvalidInputError for another encoder than that of the training, and for a script
        that says nothing of the whole body.
        """
        self.require_encoder(encoder)
        said = [_said(script) for script in scripts]
        texts = sorted({text for each in said for text in each.values()})
        states = {t: s.states for t, s in zip(texts, encoder.encode(texts), strict=True)}
        means = torch.zeros(len(said), self.network.config.latent)
        for at in range(0, len(said), BATCH):
            some = SlotTexts.of(said[at : at + BATCH], states.__getitem__, text_width=encoder.width)
            means[at : at + BATCH] = self.network.encode_texts(some)[level].mean
        return means


@dataclass(frozen=True, kw_only=True, eq=False)
class PartAlignmentModel(JointReader):
    """What parts and pairs do, and texts about them, as points of one space for each slot."""

    network: PartAlignment

    @torch.inference_mode()
    def embed_motions(
        self, motions: Sequence[Motion], slot: str
    ) -> Float[Tensor, "motions latent"]:
        """Return the mean of what a part or pair does in each motion."""
        positions = [self.representation.positions(each) for each in motions]
        means = torch.zeros(len(motions), self.network.config.latent)
        for rows, features, mask in self.batches(positions):
            means[rows] = self.network.encode_motion(features, mask, _place(slot)).mean
        return means

    @torch.inference_mode()
    def embed_texts(
        self, texts: Sequence[str], encoder: TextEncoder, slot: str
    ) -> Float[Tensor, "texts latent"]:
        """Return the mean of each text about a part or pair.

        Raises InvalidInputError for another encoder than that of the training.
        """
        self.require_encoder(encoder)
        means = torch.zeros(len(texts), self.network.config.latent)
        for at in range(0, len(texts), BATCH):
            read = [shortened(text) for text in texts[at : at + BATCH]]
            states, mask = padded([each.states for each in encoder.encode(read)])
            means[at : at + BATCH] = self.network.encode_texts(states, mask, _place(slot)).mean
        return means


def _place(slot: str) -> int:
    if slot not in PART_SLOTS:
        raise InvalidInputError(
            f"expected a part or pair, got {slot!r}; choose one of {', '.join(PART_SLOTS)}."
        )
    return PART_SLOTS.index(slot)


def _said(script: TextScript) -> dict[str, str]:
    texts = script.by_slot()
    if GLOBAL_SLOT not in texts:
        raise InvalidInputError(
            "expected a sentence about the whole body in every script, got one without."
        )
    return texts_read(texts)
