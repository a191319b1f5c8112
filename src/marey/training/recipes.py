"""Recipes: named functions that return a whole training configuration."""

from collections.abc import Callable

from marey.errors import InvalidInputError
from marey.models.diffusion import StageConfig
from marey.training.config import TrainConfig


def tiny() -> TrainConfig:
    """Seconds on a CPU; for tests."""
    size = StageConfig(width=32, layers=1, heads=2, hidden=64)
    return TrainConfig(
        name="tiny",
        root=size,
        body=size,
        batch_size=8,
        steps=20,
        warmup=5,
        log_every=1,
        precision="float32",
    )


def small() -> TrainConfig:
    """The shipped default: 10 M parameters, a clip in about a second on two cores."""
    return TrainConfig(
        name="small",
        root=StageConfig(width=256, layers=4, heads=4, hidden=512),
        body=StageConfig(width=320, layers=6, heads=5, hidden=640),
        batch_size=32,
        noise_shift=12.0,
        measured_share=0.55,
        phase2_from=0.5,
        unconstrained_share=0.35,
    )


def base() -> TrainConfig:
    """25 M parameters, two frames a token; for a GPU."""
    return TrainConfig(
        name="base",
        root=StageConfig(width=384, layers=6, heads=6, hidden=768),
        body=StageConfig(width=512, layers=8, heads=8, hidden=1024),
        frames_per_token=2,
        batch_size=256,
        steps=200_000,
        learning_rate=3e-4,
        ema_decay=0.995,
        dropout=0.1,
        phase2_from=0.5,
    )


def kimodo_l() -> TrainConfig:
    """The paper's size and recipe [Rempe2026, §4.3]: 282 M parameters; for several GPUs."""
    size = StageConfig(width=1024, layers=16, heads=8, hidden=2048)
    return TrainConfig(
        name="kimodo-l",
        root=size,
        body=size,
        frames_per_token=1,
        registers=49,
        batch_size=2048,
        steps=1_000_000,
        optimizer="adam_atan2",
        learning_rate=2e-5,
        weight_decay=0.0,
        cooldown=0.0,
        ema_decay=0.995,
        dropout=0.1,
        phase2_from=0.5,
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    "tiny": tiny,
    "small": small,
    "base": base,
    "kimodo-l": kimodo_l,
}


def recipe(name: str) -> TrainConfig:
    """Return a recipe by name. Raises InvalidInputError that lists the names."""
    if name not in RECIPES:
        raise InvalidInputError(f"Unknown recipe {name!r}; the recipes are {', '.join(RECIPES)}.")
    return RECIPES[name]()
