"""``marey model``: what can be done with a trained model's files."""

from pathlib import Path
from typing import Annotated

import tyro


def pack(
    checkpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT")],
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")],
    *,
    name: str | None = None,
    steps: int | None = None,
    text_weight: float | None = None,
    smoothing: float | None = None,
) -> None:
    """Write a model in half precision, with defaults for sampling: what a package ships.

    Args:
        checkpoint: Checkpoint folder, such as RUN/checkpoint, or a bundled model's name.
        out: Folder to write; a checkpoint in it is replaced.
        name: Name of the packed model; its own if not given.
        steps: Default number of network steps.
        text_weight: Default weight of the text.
        smoothing: Default seconds over which rotations are smoothed.
    """
    from dataclasses import replace

    import torch

    from marey.generate.defaults import SamplingDefaults
    from marey.models import load_diffusion_model, save_diffusion_model

    model = load_diffusion_model(checkpoint)
    sampling = dict(model.notes.get("sampling", {}))
    if steps is not None:
        sampling["steps"] = steps
    if text_weight is not None:
        sampling["guidance"] = {**sampling.get("guidance", {}), "text": text_weight}
    if smoothing is not None:
        sampling["smoothing"] = smoothing
    notes = {**model.notes, "sampling": sampling}
    SamplingDefaults.of(notes)  # refuses what nobody could generate with
    packed = replace(model, name=name or model.name, notes=notes)
    save_diffusion_model(packed, out, dtype=torch.float16)
    size = (out / "model.safetensors").stat().st_size / 1e6
    print(f"{out}: {packed.num_parameters / 1e6:.2f} M parameters, {size:.1f} MB")
