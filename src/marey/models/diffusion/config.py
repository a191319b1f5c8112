"""Configuration of the denoiser."""

from dataclasses import dataclass
from typing import Literal, get_args

from marey.errors import InvalidInputError

Variant = Literal["two_stage", "two_stage_global", "one_stage"]


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """Size of one transformer."""

    width: int
    layers: int
    heads: int
    hidden: int
    """Width inside the perceptrons."""


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Everything that fixes the denoiser's parameters.

    Raises InvalidInputError for an unknown variant.
    """

    feats: int
    """Channels of a frame; the root's come first."""
    root_feats: int = 5
    """Channels of the global root: position (3) and heading as cosine and sine (2)."""
    text_width: int
    fps: float
    root: StageConfig
    body: StageConfig
    frames_per_token: int = 1
    """Frames that share a token; 1 is Kimodo's choice, 4 makes a laptop fast enough."""
    registers: int = 4
    """Learned tokens that belong to nothing; Kimodo has 49 fixed ones."""
    slots: int = 22
    """Text slots: global, six parts, fifteen relations."""
    tokens_per_text: int = 4
    """Tokens that each text beside the global one is reduced to."""
    variant: Variant = "two_stage"
    """``two_stage_global`` and ``one_stage`` are the paper's ablations [Rempe2026, tab. 1]."""
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise InvalidInputError(
                f"variant must be one of {', '.join(get_args(Variant))}, got {self.variant!r}."
            )
