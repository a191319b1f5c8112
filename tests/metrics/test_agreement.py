"""Distances and similarities of pairs, by hand."""

import torch

from marey.metrics import htma_similarity, matching_distance, part_similarity

MOTIONS = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
TEXTS = torch.tensor([[0.0, 0.0], [-5.0, 0.0], [3.0, 3.0]])


def test_matching_distance_is_that_of_own_pairs() -> None:
    expected = torch.tensor([5.0, 6.0, 10**0.5])
    torch.testing.assert_close(matching_distance(MOTIONS, TEXTS), expected)


def test_similarity_is_the_cosine_moved_to_zero_and_one() -> None:
    found = part_similarity(MOTIONS[1:], TEXTS[1:])
    torch.testing.assert_close(found, torch.tensor([0.0, (0.5**0.5 + 1) / 2]))
    torch.testing.assert_close(part_similarity(9 * MOTIONS, MOTIONS), torch.ones(3))
    torch.testing.assert_close(htma_similarity(MOTIONS[1:], TEXTS[1:]), found)


def test_parts_are_scored_one_by_one() -> None:
    motions, texts = torch.eye(2).expand(4, 2, 2), torch.ones(4, 2, 2)
    texts = texts * torch.tensor([1.0, -1.0])[:, None]
    half = 0.5**0.5 / 2
    expected = torch.tensor([0.5 + half, 0.5 - half]).expand(4, 2)
    torch.testing.assert_close(part_similarity(motions, texts), expected)
