"""Protocols against what can be counted by hand, and their comparison query by query."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.retrieval import (
    ProtocolRanks,
    dissimilar_subset,
    median_rank_difference,
    over_seeds,
    protocol_ranks,
    recall_difference,
    retrieval_table,
)
from marey.text import ComparableTexts

SAMPLES = 128


@pytest.fixture(scope="module")
def texts() -> ComparableTexts:
    """Texts of random vectors; each pair 2k, 2k + 1 is the same but for the last four."""
    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn(SAMPLES, 16, generator=generator)
    vectors[1 : SAMPLES - 4 : 2] = vectors[0 : SAMPLES - 4 : 2]
    return ComparableTexts(
        vectors=torch.nn.functional.normalize(vectors, dim=1),
        codes=torch.arange(SAMPLES) // 2,
    )


def by_name(found: tuple[ProtocolRanks, ...]) -> dict[tuple[str, str], ProtocolRanks]:
    return {(each.protocol, each.direction): each for each in found}


def noisy(strength: float, seed: int = 0) -> torch.Tensor:
    """Similarities whose diagonal stands out of noise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.eye(SAMPLES) * strength + torch.randn(SAMPLES, SAMPLES, generator=generator)


def test_a_perfect_model_is_perfect_by_every_protocol(texts: ComparableTexts) -> None:
    found = protocol_ranks(torch.eye(SAMPLES), texts)
    assert len(by_name(found)) == 8
    assert all(each.scores.recall[1] == 100 and each.scores.median_rank == 1 for each in found)
    sizes = [each.gallery for each in found[:4]]
    assert sizes == [SAMPLES, SAMPLES, 64, 32]


def test_one_answer_for_all_ranks_in_the_middle(texts: ComparableTexts) -> None:
    found = by_name(protocol_ranks(torch.zeros(SAMPLES, SAMPLES), texts))
    assert found["all", "text to motion"].scores.median_rank == (SAMPLES + 1) / 2
    assert found["batches", "text to motion"].scores.median_rank == 16.5


def test_directions_are_transposes(texts: ComparableTexts) -> None:
    matrix = noisy(2)
    there = by_name(protocol_ranks(matrix, texts))
    back = by_name(protocol_ranks(matrix.T, texts))
    for protocol in ("all", "threshold", "dissimilar", "batches"):
        one, other = there[protocol, "motion to text"], back[protocol, "text to motion"]
        assert torch.equal(one.ranks, other.ranks)
    first = there["all", "text to motion"].ranks[0]
    assert not torch.equal(first, there["all", "motion to text"].ranks[0])


def test_the_motion_of_an_equal_text_is_right_by_threshold_only(texts: ComparableTexts) -> None:
    matrix = torch.eye(SAMPLES)[torch.arange(SAMPLES) ^ 1]  # finds the twin
    found = by_name(protocol_ranks(matrix, texts))
    assert (found["all", "text to motion"].ranks > 0).all()
    ranks = found["threshold", "text to motion"].ranks[0]
    assert (ranks[: SAMPLES - 4] == 0).all()
    assert (ranks[SAMPLES - 4 :] > 0).all()


def test_ranks_are_of_the_named_samples(texts: ComparableTexts) -> None:
    matrix = noisy(2)
    found = by_name(protocol_ranks(matrix, texts, seed=5))
    subset = found["dissimilar", "text to motion"]
    rows = subset.samples[0]
    query = 7
    better = matrix[rows[query], rows] > matrix[rows[query], rows[query]]
    assert subset.ranks[0, query] == better.sum()
    batches = found["batches", "motion to text"]
    assert batches.samples.shape == (20 * SAMPLES // 32, 32)
    one = batches.samples[11]
    better = matrix[one, one[query]] > matrix[one[query], one[query]]
    assert batches.ranks[11, query] == better.sum()


def test_the_subset_is_of_different_texts(texts: ComparableTexts) -> None:
    subset = dissimilar_subset(texts, size=60, seed=1)
    assert len(subset.unique()) == 60
    cosine = texts.vectors[subset] @ texts.vectors[subset].T
    assert cosine.fill_diagonal_(0).max() < 0.99  # no twins
    everyone = dissimilar_subset(texts, size=SAMPLES, seed=1)
    assert torch.equal(everyone, torch.arange(SAMPLES))
    assert torch.equal(subset, dissimilar_subset(texts, size=60, seed=1))
    assert not torch.equal(subset, dissimilar_subset(texts, size=60, seed=2))


def test_farthest_comes_first() -> None:
    angles = torch.tensor([0.0, 0.1, 1.5, 3.0])
    plane = ComparableTexts(
        vectors=torch.stack([angles.cos(), angles.sin()], dim=1), codes=torch.zeros(4).long()
    )
    seed = next(s for s in range(99) if dissimilar_subset(plane, size=1, seed=s).tolist() == [0])
    assert dissimilar_subset(plane, size=2, seed=seed).tolist() == [0, 3]
    assert dissimilar_subset(plane, size=3, seed=seed).tolist() == [0, 2, 3]


def test_a_better_model_is_better_by_its_interval(texts: ComparableTexts) -> None:
    good, bad = protocol_ranks(noisy(4), texts), protocol_ranks(noisy(1), texts)
    for one, other in zip(good, bad, strict=True):
        found = recall_difference(one, other, 5)
        assert found.value == pytest.approx(one.scores.recall[5] - other.scores.recall[5], abs=1e-6)
        assert 0 < found.low < found.value < found.high
        same = recall_difference(one, one, 5)
        assert (same.value, same.low, same.high) == (0, 0, 0)
    ranks = median_rank_difference(good[0], bad[0])
    assert ranks.value == good[0].scores.median_rank - bad[0].scores.median_rank
    assert ranks.high < 0


def test_scores_over_seeds_are_the_mean_of_the_seeds(texts: ComparableTexts) -> None:
    one, other = (protocol_ranks(noisy(2, seed), texts) for seed in (1, 2))
    for first, second, both in zip(one, other, over_seeds([one, other]), strict=True):
        for k, value in both.scores.recall.items():
            mean = (first.scores.recall[k] + second.scores.recall[k]) / 2
            assert value == pytest.approx(mean)
        medians = first.scores.median_rank + second.scores.median_rank
        assert both.scores.median_rank == pytest.approx(medians / 2)
    gain = recall_difference(over_seeds([one, one])[0], over_seeds([other, other])[0], 5)
    assert gain == recall_difference(one[0], other[0], 5)
    for first, second, both in zip(one, other, over_seeds([one, other]), strict=True):
        unequal = recall_difference(both, first, 5)  # two seeds and one
        assert unequal.value == pytest.approx(recall_difference(second, first, 5).value / 2)


def test_only_like_is_compared(texts: ComparableTexts) -> None:
    found, other = protocol_ranks(noisy(1), texts), protocol_ranks(noisy(1), texts, seed=1)
    with pytest.raises(InvalidInputError, match="same protocol"):
        recall_difference(found[0], found[1], 1)
    with pytest.raises(InvalidInputError, match="same direction"):
        recall_difference(found[0], found[4], 1)
    with pytest.raises(InvalidInputError, match="same queries"):
        recall_difference(found[3], other[3], 1)
    with pytest.raises(InvalidInputError, match="one gallery"):
        median_rank_difference(found[3], found[3])


def test_wrong_sizes_are_refused(texts: ComparableTexts) -> None:
    with pytest.raises(InvalidInputError, match="expected 20 texts"):
        protocol_ranks(torch.eye(20), texts)
    with pytest.raises(InvalidInputError, match="32 or more"):
        protocol_ranks(torch.eye(20), texts[torch.arange(20)])
    with pytest.raises(InvalidInputError, match="1 to 128"):
        dissimilar_subset(texts, size=0, seed=0)


def test_the_table_has_a_line_for_each_row(texts: ComparableTexts) -> None:
    found = protocol_ranks(torch.eye(SAMPLES), texts)
    lines = retrieval_table([("perfect", each) for each in found]).splitlines()
    assert lines[0].startswith("| model | protocol | direction | gallery | R@1 | R@2 | R@3 | R@5 |")
    assert lines[2].startswith("| perfect | all | text to motion | 128 | 100.00 |")
    assert len(lines) == 10
    assert len({line.count("|") for line in lines}) == 1
