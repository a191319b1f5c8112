import pytest
import torch

from marey.data.bank import FeatureBank
from marey.models.diffusion import Denoiser
from marey.representations import SmoothRoot
from marey.skeleton import BODY22
from marey.training import recipe
from marey.training.start import denoiser_config


class _Texts:
    width = 384


class _Bank:
    """As much of a bank as decides the size of a network."""

    representation = SmoothRoot(skeleton=BODY22, fps=20.0)
    texts = _Texts()


def parameters(name: str) -> int:
    build = getattr(denoiser_config, "__wrapped__", denoiser_config)
    bank: FeatureBank = _Bank()  # type: ignore[assignment]
    with torch.device("meta"):
        denoiser = Denoiser(build(recipe(name), bank))
    return sum(p.numel() for p in denoiser.parameters())


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("tiny", 0, 0.3e6),
        ("small", 8e6, 10e6),  # at most 20 MB in half precision
        ("base", 20e6, 30e6),
        ("kimodo-l", 270e6, 290e6),
    ],
)
def test_recipes_have_the_sizes_that_they_state(name: str, low: float, high: float) -> None:
    assert low < parameters(name) < high
