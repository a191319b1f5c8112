"""Mirroring a sentence swaps its sides and turning directions, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marey.text import mirror_text

SENTENCES = [
    "A person raises the left arm and steps to the right.",
    "Turns LEFT, then Right; walks leftward and drifts rightwards.",
    "spins clockwise twice",
    "COUNTERCLOCKWISE circle with left_arm",
    "the left-handed boxer throws lefts and a right-hand hook",
    "stands in the leftmost corner, right-footed, on the right's side",
    "a lefty waves at two righties",
    "person has left arm raised and has right hand on the hip",
    "she turns to the left the whole time",
]
UNCHANGED = [
    "he stands upright in bright light, frightened",
    "she left the room and has left.",
    "He had left the house, then walked home",
    "sits down right away, elbows at right angles",
    "all right, copyright, lefthandedness, cleft",
    "",
]
PIECES = [
    "left",
    "Right",
    "CLOCKWISE",
    "counterclockwise",
    "leftwards",
    "the",
    "arm",
    "up",
    ",",
    ".",
]


@pytest.mark.parametrize("text", SENTENCES)
def test_mirroring_twice_is_the_identity(text: str) -> None:
    assert mirror_text(text) != text
    assert mirror_text(mirror_text(text)) == text


@given(st.lists(st.sampled_from(PIECES)))
def test_mirroring_is_an_involution_on_any_words(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert mirror_text(mirror_text(text)) == text


@pytest.mark.parametrize("text", UNCHANGED)
def test_words_that_are_no_side_stay(text: str) -> None:
    assert mirror_text(text) == text


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("Left, left, LEFT", "Right, right, RIGHT"),
        ("anticlockwise and anti-clockwise", "clockwise and clockwise"),
        ("Counter-Clockwise, counter clockwise", "Clockwise, clockwise"),
        ("clockwise; Clockwise", "counterclockwise; Counterclockwise"),
        ("left-hand, lefthanded, left_leg", "right-hand, righthanded, right_leg"),
        ("moves leftwards to the rightmost lefty", "moves rightwards to the leftmost righty"),
        ("he left the room with his left hand up", "he left the room with his right hand up"),
    ],
)
def test_examples(text: str, mirrored: str) -> None:
    assert mirror_text(text) == mirrored
