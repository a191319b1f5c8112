"""Particulars: what differs is told apart, what is the same in other words is not."""

import pytest

from marey.text import Particulars, mirror_text, stated_sides, stated_ways

SAME = [
    ("a man waves", "a person is waving"),
    ("a person walks", "someone walks straight ahead"),
    ("a person walks", "a person walks forward"),
    ("raises the left arm", "lifts the left hand up"),
    ("holds the left hand above the head", "raises the left arm"),
    ("sits down", "takes a seat"),
    ("squats", "goes down into a squat"),
    ("is jumping", "jumps up"),
    ("turns clockwise", "turns right"),
    ("turns anticlockwise", "turns counter-clockwise"),
    ("raises both arms", "raises two arms"),
    ("jumps twice", "jumps two times"),
    ("runs fast", "runs quickly"),
    ("walks a few steps", "walks"),
    ("slows down", "slows"),
    ("backs up", "steps backwards"),
    ("hops on the left and right foot", "hops on the left foot and the right foot"),
    ("lifts the right and then the left arm", "lifts the right and then the left hand"),
    ("waves with their left hands", "waves with the left hand"),
    ("a left-handed punch", "a punch of the left fist"),
    ("taps the left heel", "taps with the left toes"),
    ("extends the right forearm", "extends the right lower arm"),
    ("turns by three-quarters", "turns by three quarters"),
    ("makes a three-quarter turn", "makes a turn"),
    ("straightens", "stands up"),
    ("straightens the left arm", "extends the left arm"),
    ("jumps two-footed", "jumps with both feet"),
]
OTHER = [
    ("waves with the left hand", "waves with the right hand"),
    ("waves with the left hand", "waves"),
    ("kicks with the left leg", "punches with the left arm"),
    ("turns left, then right", "turns right, then left"),
    ("walks forward", "walks backward"),
    ("walks forward and backward", "walks backward"),
    ("walks", "walks sideways"),
    ("climbs up", "climbs down"),
    ("raises the left arm", "lowers the left arm"),
    ("turns clockwise", "turns counterclockwise"),
    ("walks quickly", "walks slowly"),
    ("walks", "walks slowly"),
    ("speeds up", "slows down"),
    ("jumps twice", "jumps three times"),
    ("jumps twice", "jumps"),
    ("waves", "waves several times"),
    ("takes 2 steps", "takes four steps"),
    ("hops on the left and right foot", "hops on the right foot"),
    ("hops on the left and right foot", "waves the left and right hand"),
    ("straightens the left leg", "raises the left leg"),
    ("bends the left knee", "bends to the left"),
    ("turns three times", "turns by three-quarters"),
    ("turns by forty-five degrees", "takes five steps"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_said_in_other_words_is_the_same(one: str, other: str) -> None:
    assert Particulars.of(one) == Particulars.of(other)
    assert Particulars.of(one).code == Particulars.of(other).code


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_differs_is_told_apart(one: str, other: str) -> None:
    assert Particulars.of(one) != Particulars.of(other)
    assert Particulars.of(one).code != Particulars.of(other).code


@pytest.mark.parametrize(("one", "other"), [*SAME, *OTHER])
def test_mirror_images_agree_as_the_sentences_do(one: str, other: str) -> None:
    mirrored = Particulars.of(mirror_text(one)) == Particulars.of(mirror_text(other))
    assert mirrored == (Particulars.of(one) == Particulars.of(other))


def test_sides_come_in_order_with_their_limbs() -> None:
    sentence = "turns left, then kicks with the Right foot and the right leg"
    assert stated_sides(sentence) == (("left", ""), ("right", "leg"))


@pytest.mark.parametrize(
    ("sentence", "limb"),
    [
        ("hops on the left and right foot", "leg"),
        ("moves the left and the right shoulders", "arm"),
        ("turns left and right", ""),
    ],
)
def test_two_sides_share_the_limb_that_follows(sentence: str, limb: str) -> None:
    assert stated_sides(sentence) == (("left", limb), ("right", limb))


@pytest.mark.parametrize(
    "sentence", ["leaves the room and has left", "upright in bright light", "turns at right angles"]
)
def test_what_is_no_side_is_none(sentence: str) -> None:
    assert stated_sides(sentence) == ()


@pytest.mark.parametrize(
    ("sentence", "ways"),
    [
        ("slows down", set()),
        ("puts a hand on his back", set()),
        ("comes back to standing", set()),
        ("swings back and forth", {"to and fro"}),
        ("steps back and looks up", {"backward", "up"}),
    ],
)
def test_only_ways_of_moving_are_ways(sentence: str, ways: set[str]) -> None:
    assert stated_ways(sentence) == ways


def test_the_code_is_the_same_in_every_process() -> None:
    assert Particulars.of("walks").code == 4798535242057642174
