"""Ranks, recall and R-precision against small matrices ranked by hand."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.metrics import (
    batch_indices,
    batch_ranks,
    median_rank,
    r_precision,
    recall_at,
    retrieval_scores,
    true_ranks,
)

SIMILARITY = torch.tensor(
    [
        [0.9, 0.1, 0.5, 0.2],  # own first
        [0.8, 0.3, 0.3, 0.1],  # one better, one as good
        [0.7, 0.6, 0.1, 0.9],  # own last
        [0.4, 0.4, 0.4, 0.4],  # all the same
    ]
)


def test_ranks_count_what_is_better_and_half_of_what_is_equal() -> None:
    assert true_ranks(SIMILARITY).tolist() == [0.0, 1.5, 3.0, 1.5]
    assert true_ranks(SIMILARITY.T).tolist() == [0.0, 2.0, 3.0, 1.0]


def test_several_true_items_give_the_rank_of_the_best() -> None:
    hits = torch.eye(4, dtype=torch.bool)
    hits[1, 0] = hits[2, 1] = hits[3, 1] = True
    # The last query: two true and two false items tie. Of the six orders of true and false, three
    # have a true item first, two a single false one before it and one both: (0·3 + 2·1 + 1·2)/6.
    assert true_ranks(SIMILARITY, hits).tolist() == [0.0, 0.0, 2.0, pytest.approx(4 / 6)]


def test_equal_true_items_do_not_push_each_other_down() -> None:
    copies = torch.tensor([[0.9, 0.9, 0.1]])
    assert true_ranks(copies, torch.tensor([[True, True, False]])).tolist() == [0.0]


def test_more_items_than_queries_are_ranked_by_their_hits() -> None:
    wide = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])
    hits = torch.tensor([[False, False, True, False], [False, False, False, True]])
    assert true_ranks(wide, hits).tolist() == [1.0, 3.0]


def test_ranks_depend_on_order_alone_and_follow_a_permutation(generator: torch.Generator) -> None:
    scores = torch.randn(30, 30, generator=generator)
    order = torch.randperm(30, generator=generator)
    ranks = true_ranks(scores)
    torch.testing.assert_close(true_ranks(3 * scores.double().exp() - 1), ranks)
    torch.testing.assert_close(true_ranks(scores[order][:, order]), ranks[order])


def test_recall_and_median_rank_by_hand() -> None:
    ranks = torch.tensor([0.0, 0.5, 2.0, 7.0])
    assert [recall_at(ranks, k) for k in (1, 2, 3, 10)] == [50.0, 50.0, 75.0, 100.0]
    assert median_rank(ranks) == 2.25
    assert median_rank(ranks[:3]) == 1.5
    scores = retrieval_scores(ranks, depths=(1, 3))
    assert scores.recall == {1: 50.0, 3: 75.0}
    assert (scores.median_rank, scores.queries) == (2.25, 4)


def test_chance_of_a_random_matrix(generator: torch.Generator) -> None:
    scores = retrieval_scores(true_ranks(torch.randn(1000, 1000, generator=generator)))
    assert scores.recall[10] == pytest.approx(1.0, abs=1.0)
    assert scores.median_rank == pytest.approx(500, abs=50)


def test_batches_are_disjoint_full_and_drawn_from_all(generator: torch.Generator) -> None:
    batches = batch_indices(70, generator=generator, batch=32, shuffles=3)
    assert batches.shape == (6, 32)
    for shuffle in batches.view(3, 64):
        assert shuffle.unique().numel() == 64
    assert batches.unique().numel() == 70
    again = batch_indices(70, generator=torch.Generator().manual_seed(0), batch=32, shuffles=3)
    assert torch.equal(again, batches)


def test_ranks_in_batches_see_only_their_batch() -> None:
    batches = torch.tensor([[2, 0], [1, 3]])
    ranks = batch_ranks(SIMILARITY, batches)
    assert ranks.tolist() == [[1.0, 0.0], [0.0, 0.5]]
    scores = r_precision(ranks, depths=(1, 2))
    assert scores.recall == {1: 75.0, 2: 100.0}
    assert scores.median_rank == (1.5 + 1.25) / 2
    assert scores.queries == 4
    hits = torch.eye(4, dtype=torch.bool)
    hits[2, 0] = True
    assert batch_ranks(SIMILARITY, batches, hits).tolist() == [[0.0, 0.0], [0.0, 0.5]]


def test_one_batch_of_everything_is_the_whole_set(generator: torch.Generator) -> None:
    scores = torch.randn(32, 32, generator=generator)
    batches = batch_indices(32, generator=generator, shuffles=1)
    ranks = batch_ranks(scores, batches)[0]
    torch.testing.assert_close(ranks, true_ranks(scores)[batches[0]])


def test_what_cannot_be_ranked_is_refused(generator: torch.Generator) -> None:
    with pytest.raises(InvalidInputError, match="3 queries and 4 items"):
        true_ranks(torch.zeros(3, 4))
    with pytest.raises(InvalidInputError, match="query 1 has none"):
        true_ranks(torch.zeros(2, 2), torch.tensor([[True, False], [False, False]]))
    with pytest.raises(InvalidInputError, match="NaN"):
        true_ranks(torch.full((2, 2), float("nan")))
    with pytest.raises(InvalidInputError, match="at least one rank"):
        retrieval_scores(torch.zeros(0))
    swapped = torch.tensor([[False, True], [True, False]])
    with pytest.raises(InvalidInputError, match="query 0 has none"):
        batch_ranks(torch.zeros(2, 2), torch.tensor([[0], [1]]), swapped)
    with pytest.raises(InvalidInputError, match="got 31 samples"):
        batch_indices(31, generator=generator)
