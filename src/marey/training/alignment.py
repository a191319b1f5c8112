"""Training of TMR [Petrovich2023] and of KinMo's hierarchical alignment [Zhang2025, §3.3]."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from marey.data import MotionStore
from marey.data.bank import seeded_generator
from marey.models.alignment import (
    Alignment,
    AlignmentConfig,
    AlignmentModel,
    load_alignment,
    save_alignment,
)
from marey.skeleton.parts import SLOTS
from marey.text import FALSE_NEGATIVE_THRESHOLD, TextEncoder
from marey.training.alignment_bank import AlignmentBank, AlignmentBatch, Note, Texts
from marey.training.alignment_loss import drawn, level_terms, masked_smooth_l1, with_total
from marey.training.alignment_run import AlignmentRunConfig, Kind, Notes, run_alignment
from marey.training.loop import Listen

TEXT_DROPS = 1
"""Kind of the draws of what is not shown; 0 is that of the bank."""


@dataclass(frozen=True, kw_only=True)
class AlignmentTrainConfig(AlignmentRunConfig):
    """One run. A recipe is a function that returns one (see ``training.alignment_recipes``)."""

    levels: int = 1
    cross_attention: bool = True
    fine_layers: int = 1
    same_above: float = FALSE_NEGATIVE_THRESHOLD
    """Similarity of two texts from which their motions are no negatives of each other."""
    text_dropped: float = 0.5
    """Share of the texts of parts and relations that a sample is not shown."""
    all_dropped: float = 0.2
    """Share of samples that are shown none of them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("text_dropped", "all_dropped"):
            self.require(name, 0 <= getattr(self, name) <= 1, "in [0, 1]")


def train_alignment(
    config: AlignmentTrainConfig,
    store: MotionStore,
    run: Path,
    *,
    encoder: TextEncoder,
    comparing: TextEncoder | None = None,
    annotated: Mapping[str, Texts] | None = None,
    listen: Listen | None = None,
    note: Note | None = None,
) -> AlignmentModel:
    """Train on the windows of the recipe's splits; see `run_alignment`."""

    def losses(
        network: Alignment, batch: AlignmentBatch, bank: AlignmentBank, step: int | None
    ) -> dict[str, Tensor]:
        dropped = None if step is None else _dropped(config, len(batch.mask), step)
        return alignment_loss(network, batch, bank, config, dropped=dropped)

    def save(network: Alignment, bank: AlignmentBank, file: Path, notes: Notes) -> None:
        model = AlignmentModel(
            name=config.name,
            network=network,
            representation=bank.representation,
            normalizer=bank.normalizer,
            text_encoder=f"{encoder.name} {encoder.version}",
            max_seconds=config.max_seconds,
            notes=notes,
        )
        save_alignment(model, file, force=True)

    kind = Kind(
        make=lambda bank: Alignment(_shape(config, bank, encoder)), losses=losses, save=save
    )
    file = run_alignment(
        config,
        kind,
        store,
        run,
        encoder=encoder,
        comparing=comparing,
        annotated=annotated if config.levels > 1 else None,
        listen=listen,
        note=note,
    )
    return load_alignment(file)


def _dropped(config: AlignmentTrainConfig, size: int, step: int) -> Bool[Tensor, "batch slots"]:
    """Draw which texts of parts and relations a training step does not show."""
    generator = seeded_generator(config.seed, TEXT_DROPS, step)
    dropped = torch.rand(size, len(SLOTS), generator=generator) < config.text_dropped
    dropped |= torch.rand(size, 1, generator=generator) < config.all_dropped
    dropped[:, 0] = False
    return dropped


def alignment_loss(
    network: Alignment,
    batch: AlignmentBatch,
    bank: AlignmentBank,
    config: AlignmentTrainConfig,
    *,
    dropped: Bool[Tensor, "batch slots"] | None = None,
) -> dict[str, Tensor]:
    """Return the terms of the loss of a batch: reconstruction, and sums over the levels of texts.

    A sample's motion is rebuilt from its own point and from that of one level of its texts, which
    takes turns within the batch: to decode every level would cost as much as all else.
    """
    motion = network.encode_motion(batch.features, batch.mask)
    texts = network.encode_texts(batch.texts if dropped is None else batch.texts.without(dropped))
    z, *points = (drawn(each, draw=network.training) for each in (motion, *texts))
    said = bank.comparable[batch.sentences]
    same = said.similarity(said) > config.same_above
    levels = [
        level_terms(text, motion, point, z, temperature=config.temperature, same=same)
        for text, point in zip(texts, points, strict=True)
    ]
    summed = {name: torch.stack([level[name] for level in levels]).sum() for name in levels[0]}
    rows = torch.arange(len(z), device=z.device)
    turn = torch.stack(points)[rows % len(points), rows]
    rebuilt = [
        masked_smooth_l1(network.decode(point, batch.mask), batch.features, batch.mask)
        for point in (turn, z)
    ]
    return with_total({"reconstruction": rebuilt[0] + rebuilt[1], **summed}, config.weights)


def _shape(
    config: AlignmentTrainConfig, bank: AlignmentBank, encoder: TextEncoder
) -> AlignmentConfig:
    return AlignmentConfig(
        feats=bank.representation.layout.size,
        text_width=encoder.width,
        width=config.width,
        layers=config.layers,
        fine_layers=config.fine_layers,
        hidden=config.hidden,
        latent=config.latent,
        frames_per_token=config.frames_per_token,
        levels=config.levels,
        cross_attention=config.cross_attention,
        dropout=config.dropout,
    )
