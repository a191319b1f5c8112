"""Training of the encoders of parts and pairs, as LGTM's part TMRs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from marey.data import MotionStore
from marey.data.bank import seeded_generator
from marey.errors import InvalidInputError
from marey.models.alignment import (
    PartAlignment,
    PartAlignmentConfig,
    PartAlignmentModel,
    load_part_alignment,
    save_alignment,
    slot_channels,
)
from marey.text import TextEncoder
from marey.training.alignment_bank import AlignmentBank, AlignmentBatch, Note, Texts
from marey.training.alignment_loss import drawn, level_terms, masked_smooth_l1, with_total
from marey.training.alignment_run import AlignmentRunConfig, Kind, Notes, run_alignment
from marey.training.loop import Listen

SLOT_DRAWS = 2
"""Kind of the draws of slots; 0 and 1 are those of the bank and of texts left out."""
SLOTS_A_STEP = 3


@dataclass(frozen=True, kw_only=True)
class PartAlignmentTrainConfig(AlignmentRunConfig):
    """One run."""


def train_part_alignment(
    config: PartAlignmentTrainConfig,
    store: MotionStore,
    run: Path,
    *,
    encoder: TextEncoder,
    comparing: TextEncoder | None = None,
    annotated: Mapping[str, Texts],
    listen: Listen | None = None,
    note: Note | None = None,
) -> PartAlignmentModel:
    """Train on a few parts or pairs a step; see `run_alignment`."""

    def make(bank: AlignmentBank) -> PartAlignment:
        shape = PartAlignmentConfig(
            channels=slot_channels(bank.representation.layout, bank.representation.skeleton),
            text_width=encoder.width,
            width=config.width,
            layers=config.layers,
            hidden=config.hidden,
            latent=config.latent,
            frames_per_token=config.frames_per_token,
            dropout=config.dropout,
        )
        return PartAlignment(shape)

    def losses(
        network: PartAlignment, batch: AlignmentBatch, bank: AlignmentBank, step: int | None
    ) -> dict[str, Tensor]:
        del bank
        slots = spoken_slots(batch)
        shown = slots if step is None else _drawn(slots, config.seed, step)
        return part_loss(network, batch, shown, config)

    def save(network: PartAlignment, bank: AlignmentBank, file: Path, notes: Notes) -> None:
        model = PartAlignmentModel(
            name=config.name,
            network=network,
            representation=bank.representation,
            normalizer=bank.normalizer,
            text_encoder=f"{encoder.name} {encoder.version}",
            max_seconds=config.max_seconds,
            notes=notes,
        )
        save_alignment(model, file, force=True)

    kind = Kind(make=make, losses=losses, save=save, annotated_only=True)
    options = {"comparing": comparing, "annotated": annotated, "listen": listen, "note": note}
    return load_part_alignment(run_alignment(config, kind, store, run, encoder=encoder, **options))


def part_loss(
    network: PartAlignment,
    batch: AlignmentBatch,
    slots: list[int],
    config: PartAlignmentTrainConfig,
) -> dict[str, Tensor]:
    """Return the terms of the loss of some parts and pairs, each the mean over them.

    Samples whose texts about a part are the same are no negatives of each other there; samples
    without a text about it are left out.
    """
    terms = [_slot_terms(network, batch, slot, config) for slot in slots]
    means = {name: torch.stack([each[name] for each in terms]).mean() for name in terms[0]}
    return with_total(means, config.weights)


def _slot_terms(
    network: PartAlignment, batch: AlignmentBatch, slot: int, config: PartAlignmentTrainConfig
) -> dict[str, Tensor]:
    rows = (batch.texts.number[:, slot + 1] >= 0).nonzero()[:, 0]
    features, mask = batch.features[rows], batch.mask[rows]
    said, inverse = torch.unique(batch.texts.number[rows, slot + 1], return_inverse=True)
    texts = network.encode_texts(*batch.texts.rows(said), slot)
    text, motion = texts.select(inverse), network.encode_motion(features, mask, slot)
    z_text, z = (drawn(each, draw=network.training) for each in (text, motion))
    same = inverse[:, None] == inverse[None]
    terms = level_terms(text, motion, z_text, z, temperature=config.temperature, same=same)
    wanted = network.own(features, slot)
    rebuilt = [
        masked_smooth_l1(network.decode(point, mask, slot), wanted, mask) for point in (z_text, z)
    ]
    return {"reconstruction": rebuilt[0] + rebuilt[1], **terms}


def spoken_slots(batch: AlignmentBatch) -> list[int]:
    """Return the places in `PART_SLOTS` that two samples of a batch or more have texts about.

    Raises InvalidInputError where there is none.
    """
    said = (batch.texts.number[:, 1:] >= 0).sum(0)
    found = (said >= 2).nonzero()[:, 0].tolist()
    if not found:
        raise InvalidInputError(
            "expected texts about parts, got a batch of windows with none. Annotate the store: "
            "marey annotate STORE."
        )
    return found


def _drawn(slots: list[int], seed: int, step: int) -> list[int]:
    generator = seeded_generator(seed, SLOT_DRAWS, step)
    order = torch.randperm(len(slots), generator=generator)[:SLOTS_A_STEP].tolist()
    return [slots[i] for i in order]
