"""``marey model``: what can be done with a trained model's files."""

from pathlib import Path
from typing import Annotated

import tyro


def pack(
    checkpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="CHECKPOINT|FILE")],
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    *,
    name: str | None = None,
    steps: int | None = None,
    text_weight: float | None = None,
    smoothing: float | None = None,
) -> None:
    """Write a model in half precision, with defaults for sampling: what a package ships.

    Of an alignment model (.safetensors) the decoder, which only training needs, is left out.

    Args:
        checkpoint: Checkpoint folder, such as RUN/checkpoint, a bundled model's name, or the file
            of an alignment model, for which there are no defaults to give.
        out: Folder to write, or file of an alignment model; what is there is replaced.
        name: Name of the packed model; its own if not given.
        steps: Default number of network steps.
        text_weight: Default weight of the text.
        smoothing: Default seconds over which rotations are smoothed.
    """
    from dataclasses import replace

    import torch

    from marey.generate.defaults import SamplingDefaults
    from marey.models import load_diffusion_model, save_diffusion_model

    if checkpoint.endswith(".safetensors"):
        _pack_alignment(Path(checkpoint), out, given=(name, steps, text_weight, smoothing))
        return
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


def _pack_alignment(file: Path, out: Path, *, given: tuple[object, ...]) -> None:
    import torch

    from marey.errors import InvalidInputError
    from marey.models.alignment import load_alignment, save_alignment

    if any(each is not None for each in given):
        raise InvalidInputError(
            f"{file}: --name, --steps, --text-weight and --smoothing are defaults of models that "
            "generate; leave them out for an alignment model."
        )
    save_alignment(load_alignment(file), out, dtype=torch.float16, force=True)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
