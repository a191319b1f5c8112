"""Networks that map tensors to tensors, and their checkpoints."""

from marey.models.checkpoint import (
    BUNDLED,
    DiffusionModel,
    load_diffusion_model,
    save_diffusion_model,
)

__all__ = ["BUNDLED", "DiffusionModel", "load_diffusion_model", "save_diffusion_model"]
