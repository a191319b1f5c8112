"""Training configuration: everything that fixes a run."""

from dataclasses import dataclass, field

from marey.models.diffusion import StageConfig
from marey.models.diffusion.config import Variant
from marey.training.objective import LossWeights
from marey.training.optimizer import OptimizerName


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run. A recipe is a function that returns one (see ``training.recipes``)."""

    name: str
    root: StageConfig
    body: StageConfig
    frames_per_token: int = 4
    registers: int = 4
    variant: Variant = "two_stage"
    smooth_root: bool = True
    dropout: float = 0.0
    """Inside the network, phase 1 only."""
    text_dropout: float = 0.1
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
    ema_decay: float = 0.995
    ema_every: int = 10
    max_seconds: float = 10.0
    phase2_from: float = 1.0
    """Share of the run after which constraints are shown; 1 = never."""
    seed: int = 0
    save_minutes: float = 5.0
    log_every: int = 10
    weights: LossWeights = field(default_factory=LossWeights)
