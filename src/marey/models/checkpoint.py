"""Checkpoints of diffusion models: safetensors beside a JSON description.

A checkpoint is a folder:

    model.safetensors   weights (half precision when shipped) and feature statistics
    config.json         format version, network, representation, skeleton, text encoder, notes

Nothing in it is ever unpickled.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.models.diffusion import Denoiser, DenoiserConfig, StageConfig
from marey.motion import ContactLimits
from marey.representations import Normalizer, SmoothRoot
from marey.skeleton.serialization import skeleton_from_json, skeleton_to_json

FORMAT = "marey-diffusion"
VERSION = 1
BUNDLED = ("small",)
"""Names of the models that come with the package."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DiffusionModel:
    """A denoiser with everything needed to use it, save the text encoder itself."""

    name: str
    denoiser: Denoiser
    representation: SmoothRoot
    normalizer: Normalizer
    text_encoder: str
    """Name of the encoder whose token states the denoiser was trained on."""
    max_seconds: float = 10.0
    """Longest motion it has seen."""
    noise_shift: float = 1.0
    """How far its diffusion steps are moved towards noise (see ``sampling.shifted``)."""
    text_slots: tuple[str, ...] = ("global",)
    """Slots of the text (see ``text.SLOTS``) that it was trained on; others mean nothing to it."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, and defaults for sampling."""

    @property
    def fps(self) -> float:
        return self.representation.fps

    @property
    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.denoiser.parameters())


def save_diffusion_model(
    model: DiffusionModel, folder: Path, *, dtype: torch.dtype = torch.float32
) -> None:
    """Write a checkpoint folder; a checkpoint that is in it is replaced, file by file at once."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"denoiser.{k}": v.to("cpu") for k, v in model.denoiser.state_dict().items()}
    halved = {k: _as_dtype(k, v, dtype).contiguous() for k, v in tensors.items()}
    halved["normalizer.mean"] = model.normalizer.mean.to("cpu")
    halved["normalizer.std"] = model.normalizer.std.to("cpu")
    config = {
        "format": FORMAT,
        "version": VERSION,
        "name": model.name,
        "denoiser": asdict(model.denoiser.config),
        "representation": {
            "smoothing": model.representation.smoothing,
            "fps": model.fps,
            "contact_limits": asdict(model.representation.contact_limits),
        },
        "skeleton": skeleton_to_json(model.representation.skeleton),
        "text_encoder": model.text_encoder,
        "max_seconds": model.max_seconds,
        "noise_shift": model.noise_shift,
        "text_slots": list(model.text_slots),
        "notes": dict(model.notes),
    }
    with atomic_path(folder / "model.safetensors", force=True) as weights:
        weights.write_bytes(save(halved))  # `save_file` would make it readable by its owner only
    with atomic_path(folder / "config.json", force=True) as text:
        text.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _as_dtype(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights take ``dtype``; statistics (buffers) stay exact."""
    return value if name.endswith(("_mean", "_std")) else value.to(dtype)


def load_diffusion_model(
    name_or_path: str | Path, *, device: torch.device | str = "cpu"
) -> DiffusionModel:
    """Load a bundled model by name or a checkpoint folder, in float32.

    Raises InvalidInputError for a name that is neither, FileFormatError for a damaged folder.
    """
    folder = checkpoint_folder(name_or_path)
    config = _read_config(folder / "config.json")
    with _as_format_error(folder / "config.json", "fields", expected="those that marey writes"):
        size = _denoiser_config(config["denoiser"])
        plain = ("name", "text_encoder", "max_seconds", "noise_shift")
        rest = {name: config[name] for name in plain}
        rest["notes"] = {**config["notes"]}
        rest["text_slots"] = tuple(config["text_slots"])
        representation = SmoothRoot(
            skeleton=skeleton_from_json(config["skeleton"]),
            fps=config["representation"]["fps"],
            smoothing=config["representation"]["smoothing"],
            contact_limits=ContactLimits(**config["representation"]["contact_limits"]),
        )
    weights, expected = folder / "model.safetensors", "the tensors that config.json describes"
    with _as_format_error(weights, "weights", expected=expected):
        tensors = load_file(weights)
        denoiser = _filled(size, tensors)
        normalizer = Normalizer(mean=tensors["normalizer.mean"], std=tensors["normalizer.std"])
    return DiffusionModel(
        denoiser=denoiser.to(device).eval().requires_grad_(False),
        representation=representation,
        normalizer=normalizer.to(device),
        **rest,
    )


def _filled(size: DenoiserConfig, tensors: Mapping[str, Tensor]) -> Denoiser:
    with torch.device("meta"):  # no time for random weights, and no draws from the caller's state
        denoiser = Denoiser(size)
    own = {
        key.removeprefix("denoiser."): value.float()
        for key, value in tensors.items()
        if key.startswith("denoiser.")
    }
    denoiser.load_state_dict(own, assign=True)
    return denoiser


@contextmanager
def _as_format_error(file: Path, place: str, *, expected: str) -> Iterator[None]:
    """Turn whatever a damaged file leads to into an error that names it."""
    try:
        yield
    except (
        *(OSError, SafetensorError, RuntimeError),
        *(AttributeError, KeyError, TypeError, ValueError),
    ) as error:
        raise FileFormatError(
            file,
            place,
            expected=expected,
            got=(str(error).splitlines() or [type(error).__name__])[0],
            fix="Save the checkpoint again or reinstall the package.",
        ) from error


def checkpoint_folder(name_or_path: str | Path) -> Path:
    """Return the folder of a bundled model's name or of a path to one."""
    if str(name_or_path) in BUNDLED:
        return Path(str(resources.files("marey.models") / "weights" / str(name_or_path)))
    folder = Path(name_or_path)
    if not (folder / "config.json").is_file():
        raise InvalidInputError(
            f"No model {str(name_or_path)!r}: expected one of {', '.join(BUNDLED)} or a checkpoint "
            "folder with config.json and model.safetensors (a training run keeps it in "
            "RUN/checkpoint)."
        )
    return folder


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(
            file, "content", expected="JSON", got=str(error), fix="Save the checkpoint again."
        ) from error
    found = (config.get("format"), config.get("version")) if isinstance(config, dict) else None
    if found != (FORMAT, VERSION):
        raise FileFormatError(
            file,
            "version",
            expected=f"{FORMAT} {VERSION}",
            got=str(found),
            fix="Use a checkpoint of this version of marey.",
        )
    return config


def _denoiser_config(config: Mapping[str, Any]) -> DenoiserConfig:
    stages = {name: StageConfig(**config[name]) for name in ("root", "body")}
    return DenoiserConfig(**{**config, **stages})
