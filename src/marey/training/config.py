"""Training configuration: everything that fixes a run."""

import math
from dataclasses import dataclass, field
from typing import get_args

from marey.errors import InvalidInputError
from marey.models.diffusion import StageConfig
from marey.models.diffusion.config import Variant
from marey.representations import RootSmoothing
from marey.training.objective import LossWeights
from marey.training.optimizer import OptimizerName
from marey.training.precision import Precision

_CHOICES = {
    "variant": Variant,
    "smoothing": RootSmoothing,
    "precision": Precision,
}
_SHARES = (
    "dropout",
    "text_dropout",
    "phase2_from",
    "unconstrained_share",
    "perturbed_share",
)


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Settings of a run that do not depend on what is trained."""

    name: str
    batch_size: int = 64
    steps: int = 20_000
    hours: float | None = None
    """Stop (with cooled-down learning rate) after this much training time, if before ``steps``."""
    optimizer: OptimizerName = "adamw"
    learning_rate: float = 8e-4
    weight_decay: float = 0.02
    warmup: int = 200
    """Steps in which the learning rate rises from 0."""
    cooldown: float = 0.3
    """Last share of the run in which it falls to 0."""
    clip_norm: float = 1.0
    ema_decay: float = 0.98
    ema_every: int = 10
    seed: int = 0
    save_minutes: float = 5.0
    log_every: int = 10

    def __post_init__(self) -> None:
        for name in ("batch_size", "steps", "ema_every", "log_every"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "clip_norm"):
            self.require(name, 0 < getattr(self, name) < math.inf, "positive and finite")
        for name in ("cooldown", "ema_decay"):
            self.require(name, 0 <= getattr(self, name) <= 1, "in [0, 1]")
        for name in ("warmup", "weight_decay", "save_minutes"):
            self.require(name, getattr(self, name) >= 0, "at least 0")
        choices = get_args(OptimizerName)
        self.require("optimizer", self.optimizer in choices, f"one of {', '.join(choices)}")
        self.require("hours", self.hours is None or 0 < self.hours < math.inf, "positive")

    def require(self, name: str, fine: bool, expected: str) -> None:
        """Raise InvalidInputError that names a setting, unless it is fine."""
        if not fine:
            raise InvalidInputError(
                f"Recipe {self.name!r}: {name} must be {expected}, got {getattr(self, name)}."
            )


@dataclass(frozen=True, kw_only=True)
class TrainConfig(LoopConfig):
    """One run of a diffusion model, as a recipe returns it (see ``training.recipes``)."""

    root: StageConfig
    body: StageConfig
    frames_per_token: int = 4
    registers: int = 4
    variant: Variant = "two_stage"
    smoothing: RootSmoothing = "exact"
    dropout: float = 0.0
    """Inside the network, phase 1 only."""
    text_dropout: float = 0.1
    max_seconds: float = 10.0
    noise_shift: float = 1.0
    """How far diffusion steps are moved towards noise (see ``sampling.shifted``)."""
    measured_share: float = 0.4
    """Share of draws that windows with measured texts take (see ``data.balance``)."""
    phase2_from: float = 1.0
    """Share of the run after which constraints are shown; 1 = never."""
    unconstrained_share: float = 0.1
    """Share of samples that are shown no constraint in phase 2."""
    perturbed_share: float = 0.2
    """Share of samples whose shown values are slightly off in phase 2."""
    precision: Precision = "auto"
    """Of the network's products; ``auto`` takes bfloat16 where it pays: on CUDA, and on CPUs with
    AMX tiles."""
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("frames_per_token", self.frames_per_token >= 1, "at least 1")
        self.require("max_seconds", 0 < self.max_seconds < math.inf, "positive and finite")
        for name in _SHARES:
            self.require(name, 0 <= getattr(self, name) <= 1, "in [0, 1]")
        for name, kind in _CHOICES.items():
            choices = get_args(kind)
            self.require(name, getattr(self, name) in choices, f"one of {', '.join(choices)}")
