"""Normalisers: statistics, floor, and what is refused."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.representations import Block, FeatureLayout, Normalizer

LAYOUT = FeatureLayout(blocks=(Block(name="wide", width=3), Block(name="still", width=2)))


@pytest.fixture
def samples(generator: torch.Generator) -> torch.Tensor:
    """Channels of deviation 4, 2, 0 and 0, 0 about the means 0 to 4."""
    scale = torch.tensor([4.0, 2.0, 0.0, 0.0, 0.0])
    return torch.arange(5.0) + scale * torch.randn(20_000, 5, generator=generator)


def test_normalised_channels_have_mean_0_and_deviation_1(samples: torch.Tensor) -> None:
    normal = Normalizer.fit(samples, LAYOUT)(samples)
    assert normal.mean(0).tolist() == pytest.approx([0] * 5, abs=1e-5)
    assert normal[:, :2].std(0).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_no_deviation_is_below_a_share_of_its_blocks_typical_one(samples: torch.Tensor) -> None:
    normalizer = Normalizer.fit(samples, LAYOUT, floor=0.25)
    typical = float(samples[:, :3].var(0).mean().sqrt())
    assert float(normalizer.std[2]) == pytest.approx(0.25 * typical, rel=1e-4)
    assert normalizer.std[3:].tolist() == pytest.approx([1e-5**0.5] * 2, rel=1e-4)


def test_inverse_undoes_it_for_any_batch(samples: torch.Tensor) -> None:
    normalizer = Normalizer.fit(samples, LAYOUT)
    batch = samples[:60].reshape(3, 4, 5, 5)
    torch.testing.assert_close(normalizer.inverse(normalizer(batch)), batch)
    torch.testing.assert_close(normalizer.to("cpu")(batch), normalizer(batch))


def test_another_number_of_channels_is_refused(samples: torch.Tensor) -> None:
    with pytest.raises(InvalidInputError, match=r"Expected 5 channels .* got 4"):
        Normalizer.fit(samples[:, :4], LAYOUT)


def test_too_few_samples_or_holes_are_refused(samples: torch.Tensor) -> None:
    with pytest.raises(InvalidInputError, match="got 1 samples"):
        Normalizer.fit(samples[:1], LAYOUT)
    samples[3, 2] = torch.nan
    with pytest.raises(InvalidInputError, match="finite"):
        Normalizer.fit(samples, LAYOUT)
