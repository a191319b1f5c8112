"""Models and encoders, loaded once and shared by all requests."""

from functools import lru_cache
from pathlib import Path
from threading import Lock

from marey.errors import FileFormatError, InvalidInputError
from marey.generate.defaults import SamplingDefaults
from marey.models import DiffusionModel, load_diffusion_model
from marey.models.checkpoint import checkpoint_folder
from marey.sampling import Guidance
from marey.text import TextEncoder
from marey.text.encoders import load_encoder

_LOADING = Lock()
"""Two threads that need one model load it once."""


def shared_model(name: str) -> DiffusionModel:
    """Return a model, loaded anew only when its files have changed (a training run goes on).

    Raises InvalidInputError for an unknown model, FileFormatError for a damaged one.
    """
    folder = checkpoint_folder(name).resolve()
    files = (folder / "config.json", folder / "model.safetensors")
    state = tuple(file.stat().st_mtime_ns if file.exists() else None for file in files)
    with _LOADING:
        return _loaded_model(folder, state)


@lru_cache(maxsize=4)
def _loaded_model(folder: Path, state: tuple[int | None, ...]) -> DiffusionModel:
    return load_diffusion_model(folder)


def shared_encoder(name: str) -> TextEncoder:
    """Return the encoder that a checkpoint names (see ``load_encoder``)."""
    with _LOADING:
        return _loaded_encoder(name)


@lru_cache(maxsize=4)
def _loaded_encoder(name: str) -> TextEncoder:
    return load_encoder(name)


def sampling_defaults(model: str) -> SamplingDefaults:
    """Return how a model is used where the request leaves it open.

    Raises InvalidInputError for an unknown model, FileFormatError for a checkpoint whose defaults
    cannot be used.
    """
    try:
        return SamplingDefaults.of(shared_model(model).notes)
    except InvalidInputError as error:
        raise FileFormatError(
            checkpoint_folder(model) / "config.json",
            "notes.sampling",
            expected="defaults for sampling that can be used",
            got=str(error).rstrip("."),
            fix="Correct that field in the file.",
        ) from error


def default_guidance(model: str) -> Guidance:
    """Return the guidance that a model is used with where the request states none.

    Errors as ``sampling_defaults``.
    """
    return sampling_defaults(model).guidance
