"""In which precision a network's products are computed."""

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def bfloat16_pays(device: torch.device) -> bool:
    """Return whether products are faster in bfloat16: on CUDA, and on CPUs with AMX tiles."""
    return device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())


def products_in(precision: Precision, device: torch.device) -> torch.autocast:
    """Return the context in which a network computes its products; ``auto`` takes what pays."""
    halved = bfloat16_pays(device) if precision == "auto" else precision == "bfloat16"
    return torch.autocast(device.type, torch.bfloat16, enabled=halved)
