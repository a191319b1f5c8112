"""Files of alignment models: tensors, and how the network is built, in one file."""

import json
from collections.abc import Callable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from marey.errors import FileFormatError
from marey.io.tensor_file import read_tensors, write_tensors
from marey.models.alignment.alignment import Alignment, AlignmentConfig
from marey.models.alignment.model import AlignmentModel, PartAlignmentModel
from marey.models.alignment.part_alignment import PartAlignment, PartAlignmentConfig
from marey.representations import JointMotion, Normalizer

SHIPPED = "htma.safetensors"
"""File of the model that packages ship, for search."""
WHOLE, PARTS, VERSION = "marey-alignment", "marey-part-alignment", "1"
_DECODER = ("decoder.", "write.")
"""What only training needs."""


def save_alignment(
    model: AlignmentModel | PartAlignmentModel,
    path: Path,
    *,
    dtype: torch.dtype = torch.float32,
    force: bool = False,
) -> None:
    """Write a model. In half precision, as packages ship it, without its decoder."""
    kept = {
        name: value.to(dtype)
        for name, value in model.network.state_dict().items()
        if dtype == torch.float32 or not name.startswith(_DECODER)
    }
    tensors = {f"network.{name}": value for name, value in kept.items()}
    tensors |= {"normalizer.mean": model.normalizer.mean, "normalizer.std": model.normalizer.std}
    notes = {
        "name": model.name,
        "config": json.dumps(asdict(model.network.config)),
        "fps": repr(model.representation.fps),
        "text_encoder": model.text_encoder,
        "max_seconds": repr(model.max_seconds),
        "notes": json.dumps(dict(model.notes)),
    }
    kind = WHOLE if isinstance(model, AlignmentModel) else PARTS
    write_tensors(path, tensors, notes, kind=kind, version=VERSION, force=force)


def load_alignment(path: Path | None = None) -> AlignmentModel:
    """Read a model, by default the shipped one, in float32.

    Raises FileFormatError for a file that is none of this version.
    """
    path = path or Path(str(resources.files("marey.models") / "weights" / SHIPPED))
    network, fields = _read(path, WHOLE, lambda config: Alignment(AlignmentConfig(**config)))
    return AlignmentModel(network=network, **fields)


def load_part_alignment(path: Path) -> PartAlignmentModel:
    """Read a model of parts and pairs, in float32. Raises FileFormatError for anything else."""

    def make(config: dict[str, Any]) -> PartAlignment:
        channels = tuple(tuple(own) for own in config["channels"])
        return PartAlignment(PartAlignmentConfig(**{**config, "channels": channels}))

    network, fields = _read(path, PARTS, make)
    return PartAlignmentModel(network=network, **fields)


def _read(
    path: Path, kind: str, make: Callable[[dict[str, Any]], Any]
) -> tuple[Any, dict[str, Any]]:
    fix = "Train it again with `marey train alignment`, or reinstall the package."
    tensors, notes = read_tensors(path, kind=kind, version=VERSION, fix=fix)
    try:
        network = _filled(make(json.loads(notes["config"])), tensors)
        return network, {
            "name": notes["name"],
            "representation": JointMotion(fps=float(notes["fps"])),
            "normalizer": Normalizer(
                mean=tensors["normalizer.mean"], std=tensors["normalizer.std"]
            ),
            "text_encoder": notes["text_encoder"],
            "max_seconds": float(notes["max_seconds"]),
            "notes": json.loads(notes["notes"]),
        }
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        got = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileFormatError(
            path, "content", expected="all fields of an alignment model", got=got, fix=fix
        ) from error


def _filled(network: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    own = {
        name.removeprefix("network."): value.float()
        for name, value in tensors.items()
        if name.startswith("network.")
    }
    missing, unexpected = network.load_state_dict(own, strict=False)
    lost = [name for name in missing if not name.startswith(_DECODER)] + unexpected
    if lost:
        raise KeyError(lost[0])
    return network.eval().requires_grad_(False)
