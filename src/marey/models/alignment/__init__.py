"""Alignment: motions and texts as points of one space."""

from marey.models.alignment.alignment import Alignment, AlignmentConfig, Latent, TextLevels
from marey.models.alignment.checkpoint import (
    load_alignment,
    load_part_alignment,
    save_alignment,
)
from marey.models.alignment.latent_coder import LatentDecoder, LatentEncoder
from marey.models.alignment.model import AlignmentModel, JointReader, PartAlignmentModel
from marey.models.alignment.part_alignment import (
    PART_SLOTS,
    PartAlignment,
    PartAlignmentConfig,
    slot_channels,
)
from marey.models.alignment.slot_texts import SlotTexts, texts_read

__all__ = [
    "PART_SLOTS",
    "Alignment",
    "AlignmentConfig",
    "AlignmentModel",
    "JointReader",
    "Latent",
    "LatentDecoder",
    "LatentEncoder",
    "PartAlignment",
    "PartAlignmentConfig",
    "PartAlignmentModel",
    "SlotTexts",
    "TextLevels",
    "load_alignment",
    "load_part_alignment",
    "save_alignment",
    "slot_channels",
    "texts_read",
]
