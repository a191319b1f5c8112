"""Baselines: chance in closed form is what random orders give, and words find what shares them."""

from pathlib import Path

import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.metrics import retrieval_scores, true_ranks
from marey.retrieval import BagOfWords, chance_scores, motion_texts


def test_chance_is_the_share_of_the_gallery() -> None:
    found = chance_scores(200)
    assert found.recall == pytest.approx({1: 0.5, 2: 1, 3: 1.5, 5: 2.5, 10: 5})
    assert found.median_rank == 100.5
    assert chance_scores(5).median_rank == 3
    assert chance_scores(3).recall[10] == 100


def test_chance_is_what_random_orders_give() -> None:
    items, repeats = 40, 400
    generator = torch.Generator().manual_seed(0)
    hits = torch.rand(items, items, generator=generator) < 0.05
    hits |= torch.eye(items, dtype=torch.bool)
    ranks = torch.cat(
        [true_ranks(torch.rand(items, items, generator=generator), hits) for _ in range(repeats)]
    )
    found, drawn = chance_scores(items, hits.sum(1)), retrieval_scores(ranks)
    assert found.recall == pytest.approx(drawn.recall, abs=1.2)  # 16,000 ranks
    assert found.median_rank == pytest.approx(drawn.median_rank, abs=1)


@pytest.mark.parametrize("hits", [[0], [6], []])
def test_impossible_hits_are_refused(hits: list[int]) -> None:
    with pytest.raises(InvalidInputError, match="1 to 5 true items"):
        chance_scores(5, torch.tensor(hits, dtype=torch.int64))


def test_rare_words_weigh_more_and_unknown_ones_nothing() -> None:
    bag = BagOfWords.fit(["a person walks", "a person waves", "A person sits."])
    found = bag.similarity(["a man waves", "unheard"], ["a person walks", "someone waves", "waves"])
    assert found[0, 2] == found[0, 1] > found[0, 0] > 0  # "waves" is rarer than "a"
    assert (found[1] == 0).all()
    torch.testing.assert_close(bag.vectors(["person walks"]).norm(dim=1), torch.ones(1))


def test_weights_by_hand() -> None:
    bag = BagOfWords.fit(["walks walks", "waves"])
    weight = 1 + torch.log(torch.tensor(3 / 2))
    torch.testing.assert_close(bag.weights, weight.expand(2))
    with pytest.raises(InvalidInputError, match="training texts"):
        BagOfWords.fit(["", "12"])


def test_a_motion_stands_for_what_it_is_seen_to_do(shared_data: Path) -> None:
    pack = CmuPack.open(shared_data / "cmu")
    (text,) = motion_texts([pack.motion("02_01")])  # walks
    bag = BagOfWords.fit([text, "a person walks forward", "a person sits down"])
    walks, sits = bag.similarity(["a person walks forward", "a person sits down"], [text])[:, 0]
    assert walks > sits
