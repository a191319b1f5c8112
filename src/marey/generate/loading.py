"""Models and encoders, loaded once and shared by all requests."""

from functools import lru_cache
from pathlib import Path
from threading import Lock

from marey.models import DiffusionModel, load_diffusion_model
from marey.models.checkpoint import checkpoint_folder
from marey.sampling import Guidance
from marey.text import MiniLMEncoder, TextEncoder

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
    """Return the encoder that a checkpoint names; other names than MiniLM's are Hugging Face's."""
    with _LOADING:
        return _loaded_encoder(name)


@lru_cache(maxsize=4)
def _loaded_encoder(name: str) -> TextEncoder:
    if name == MiniLMEncoder.name:
        return MiniLMEncoder()
    from marey.text.huggingface import HuggingFaceEncoder

    return HuggingFaceEncoder(name)


def default_guidance(model: str) -> Guidance:
    """Return the guidance that a model is used with where the request states none.

    Raises InvalidInputError for an unknown model.
    """
    return Guidance(**shared_model(model).notes.get("sampling", {}).get("guidance", {}))
