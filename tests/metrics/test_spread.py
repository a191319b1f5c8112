"""Diversity and MultiModality where every distance is known."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.metrics import diversity, multimodality


def test_no_sample_is_compared_with_itself(generator: torch.Generator) -> None:
    corners = torch.eye(7)  # any two are √2 apart
    assert diversity(corners, generator=generator) == pytest.approx(2**0.5)
    assert diversity(corners, generator=generator, pairs=2) == pytest.approx(2**0.5)


def test_diversity_is_the_mean_over_all_pairs_in_the_long_run(generator: torch.Generator) -> None:
    points = torch.tensor([[0.0], [0.0], [1.0], [3.0]])
    # Six pairs: 0, 1, 3, 1, 3, 2.
    assert diversity(points, generator=generator, draws=4000) == pytest.approx(10 / 6, abs=0.02)


def test_more_pairs_of_one_draw_vary_less(generator: torch.Generator) -> None:
    points = torch.arange(100.0)[:, None] ** 3
    spread = {
        pairs: torch.tensor(
            [diversity(points, generator=generator, pairs=pairs, draws=1) for _ in range(50)]
        ).std()
        for pairs in (1, 50)
    }
    assert spread[50] < spread[1] / 3


def test_multimodality_is_per_text(generator: torch.Generator) -> None:
    corners = torch.eye(6)
    made = torch.stack((corners, 2 * corners, torch.ones(6, 6)))
    found = multimodality(made, generator=generator)
    torch.testing.assert_close(found, torch.tensor([2**0.5, 8**0.5, 0.0]).double())


def test_one_sample_has_no_spread(generator: torch.Generator) -> None:
    with pytest.raises(InvalidInputError, match="Diversity"):
        diversity(torch.zeros(1, 4), generator=generator)
    with pytest.raises(InvalidInputError, match="motions of a text"):
        multimodality(torch.zeros(5, 1, 4), generator=generator)
