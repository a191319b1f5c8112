"""``marey train``: a model from a store of motions, in a run folder that can be gone on with."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from marey.cli.run_display import (
    EXIT_INTERRUPTED,
    UNBOUNDED_STEPS,
    is_main,
    watched,
)

if TYPE_CHECKING:
    from marey.models import DiffusionModel
    from marey.text import TextEncoder
    from marey.training import TrainConfig

Recipe = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
Store = Annotated[Path, tyro.conf.arg(metavar="STORE")]
Run = Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
StartFrom = Annotated[str | None, tyro.conf.arg(name="from", metavar="MODEL")]
Device = Literal["auto", "cpu", "cuda"]


def train(
    recipe: Recipe,
    *,
    data: Store,
    run: Run,
    hours: float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    start_from: StartFrom = None,
    device: Device = "auto",
    seed: int = 0,
) -> int:
    """Train a model; the same command goes on with a run that was stopped or killed.

    Args:
        recipe: What to train: tiny (tests), small (the shipped default), base or kimodo-l.
        data: Store that `marey data prepare` made.
        run: Folder of the run; its checkpoint folder serves as --model.
        hours: End after so much training time instead of after the recipe's steps.
        steps: End after so many steps.
        batch_size: Samples a step.
        learning_rate: Highest learning rate.
        start_from: Name or checkpoint folder of a model to train further.
        device: Where to compute; auto takes a GPU where there is one.
        seed: Decides the first parameters and all draws.
    """
    from marey.errors import Cancelled
    from marey.models import load_diffusion_model
    from marey.training import train as train_model

    changes = {
        "hours": hours,
        "steps": UNBOUNDED_STEPS if hours and not steps else steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }
    config = _configured(recipe, seed=seed, changes=changes)
    model = load_diffusion_model(start_from) if start_from else None
    if importlib.util.find_spec("tensorboard") is None and is_main():
        print("TensorBoard is not installed; metrics go to metrics.csv only. To have both:")
        print("pip install 'marey[train]'")
    with watched(config) as watch:
        try:
            train_model(
                config,
                data,
                run,
                encoder=_encoder(model),
                device=device_of(device),
                start_from=model,
                listen=watch.listen,
                note=watch.note,
            )
        except Cancelled:
            if is_main():
                print(f"Saved in {run}. To go on, give the same command again.")
            return EXIT_INTERRUPTED
    if is_main():
        print(f"{run / 'checkpoint'}: trained; marey generate --model takes that folder")
    return 0


def _configured(name: str, *, seed: int, changes: dict[str, float | None]) -> "TrainConfig":
    from marey.training import recipe

    given = {key: value for key, value in changes.items() if value is not None}
    return replace(recipe(name), seed=seed, **given)


def device_of(choice: Device) -> str:
    """Return the device of a choice. Raises InvalidInputError for a GPU that is not there."""
    import torch

    if choice == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if choice == "cuda" and not torch.cuda.is_available():
        from marey.errors import InvalidInputError

        raise InvalidInputError(
            "--device cuda: expected a GPU that torch can use, found none. Install a torch built "
            "for your GPU, or use --device cpu."
        )
    return choice


def _encoder(model: "DiffusionModel | None") -> "TextEncoder":
    """Return the model's own encoder, the default one for a new model, behind a disk cache."""
    from marey.text.encoders import load_encoder

    return cached(load_encoder() if model is None else load_encoder(model.text_encoder))


def cached(encoder: "TextEncoder") -> "TextEncoder":
    """Return an encoder that keeps what it has encoded on disk, for the next run."""
    from marey.text import CachedEncoder

    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return CachedEncoder(encoder, caches / "marey" / "texts.sqlite")
