"""Text similarity: left is not right, a man is a person, and mirror images are as alike."""

import pytest
import torch
from torch.nn import functional

from marey.text import (
    FALSE_NEGATIVE_THRESHOLD,
    PROTOCOL_THRESHOLD,
    ComparableTexts,
    TextSimilarity,
    mirror_text,
)
from marey.text.similarity import farthest_first

TEXTS = [
    "a person waves with the left hand",
    "a man is waving with his left hand",
    "a person waves with the right hand",
    "a person waves",
    "a person walks forward slowly",
    "someone walks slowly",
    "a person walks forward quickly",
    "a person turns anticlockwise",
    "a person jumps twice",
    "a person jumps three times",
    "a person has left the room",
]


@pytest.fixture(scope="module")
def prepared() -> ComparableTexts:
    return TextSimilarity().prepare(TEXTS)


def test_the_matrix_is_symmetric_with_a_diagonal_of_ones(prepared: ComparableTexts) -> None:
    matrix = prepared.similarity(prepared)
    torch.testing.assert_close(matrix, matrix.T)
    torch.testing.assert_close(matrix.diagonal(), torch.ones(len(TEXTS)))
    assert matrix.min() == 0
    assert matrix.max() <= 1


@pytest.mark.parametrize(("one", "other"), [(0, 2), (0, 3), (4, 6), (8, 9)])
def test_other_particulars_are_not_similar_at_all(
    prepared: ComparableTexts, one: int, other: int
) -> None:
    assert float(prepared.vectors[one] @ prepared.vectors[other]) > PROTOCOL_THRESHOLD
    assert prepared.similarity(prepared)[one, other] == 0


@pytest.mark.parametrize(("one", "other"), [(0, 1), (4, 5)])
def test_paraphrases_count_as_equal(prepared: ComparableTexts, one: int, other: int) -> None:
    matrix = prepared.similarity(prepared)
    assert matrix[one, other] >= PROTOCOL_THRESHOLD >= FALSE_NEGATIVE_THRESHOLD


def test_mirror_images_are_exactly_as_similar(prepared: ComparableTexts) -> None:
    mirrored = TextSimilarity().prepare([mirror_text(text) for text in TEXTS])
    assert torch.equal(mirrored.similarity(mirrored), prepared.similarity(prepared))
    assert float(prepared.similarity(mirrored)[0, 2]) == pytest.approx(1)
    assert float(prepared.similarity(mirrored)[0, 0]) == 0


def test_rows_are_compared_as_the_whole_is(prepared: ComparableTexts) -> None:
    rows = torch.tensor([3, 0, 8])
    part = prepared[rows].similarity(prepared.to("cpu"))
    torch.testing.assert_close(part, prepared.similarity(prepared)[rows])
    again = TextSimilarity()([TEXTS[3]], [TEXTS[0], TEXTS[3]])
    torch.testing.assert_close(again, torch.tensor([[0.0, 1.0]]))


def test_no_text_has_no_similarity() -> None:
    assert len(TextSimilarity().prepare([])) == 0


def test_the_farthest_come_first() -> None:
    vectors = functional.normalize(
        torch.randn(40, 6, generator=torch.Generator().manual_seed(0)), dim=1
    )
    chosen = farthest_first(vectors, 12, first=7)
    assert chosen[0] == 7
    for count in range(1, 12):
        likeness = (vectors @ vectors[chosen[:count]].T).amax(1)
        likeness[chosen[:count]] = torch.inf
        assert chosen[count] == int(likeness.argmin())
    assert sorted(farthest_first(vectors, 99, first=3)) == list(range(40))
    assert farthest_first(vectors, 0, first=0) == []


def test_of_equal_texts_the_second_is_chosen_late() -> None:
    vectors = torch.eye(3).repeat_interleave(2, dim=0)
    assert farthest_first(vectors, 3, first=0) == [0, 2, 4]
