"""What simple sentences claim, and whether events make it true."""

import pytest

from marey.errors import InvalidInputError
from marey.predicates.event import Event
from marey.predicates.statements import claims
from marey.text import mirror_text


def event(slot: str, action: str, **more: object) -> Event:
    return Event(slot=slot, action=action, start=0.0, end=1.0, **more)


SIDED = {
    "turns left": event("global", "turns", direction="left", extent=90.0),
    "a person turns around to the left": event("global", "turns", direction="left", extent=170.0),
    "sidesteps to the left": event("global", "sidesteps", direction="left", extent=1.0),
    "raises the left hand above the head": event("left_arm", "raises", target="overhead"),
    "lifts his left arm": event("left_arm", "raises", target="shoulder"),
    "lowers the left arm": event("left_arm", "lowers", target="waist"),
    "waves with the left hand": event("left_arm", "waves", count=3),
    "kicks with the left leg": event("left_leg", "kicks", direction="forward"),
    "bends the left elbow": event("left_arm", "bends", extent=60.0),
    "leans to the left": event("torso", "leans", direction="left", extent=20.0),
    "looks to the left": event("head", "turns", direction="left", extent=40.0),
    "touches the head with the left hand": event("head+left_arm", "touches", target="head"),
}
UNSIDED = {
    "a person walks forward": event("global", "walks", direction="forward", extent=2.0),
    "is walking backwards": event("global", "walks", direction="backward", extent=2.0),
    "runs": event("global", "runs", direction="forward", extent=4.0),
    "jumps up": event("global", "jumps", direction="up", extent=0.3),
    "sits down": event("global", "sits"),
    "a man is squatting": event("global", "squats"),
    "stands there": event("global", "holds", target="standing"),
    "claps": event("left_arm+right_arm", "claps", count=2),
    "nods": event("head", "nods", count=2),
}


@pytest.mark.parametrize("sentence", SIDED | UNSIDED)
def test_a_sentence_is_true_of_its_event_and_of_no_other(sentence: str) -> None:
    own = (SIDED | UNSIDED)[sentence]
    said = claims(sentence)
    assert len(said) == 1
    assert said[0].holds((own,))
    others = [e for e in (SIDED | UNSIDED).values() if (e.slot, e.action) != (own.slot, own.action)]
    assert not said[0].holds(others)


@pytest.mark.parametrize("sentence", SIDED)
def test_a_mirrored_sentence_is_true_of_the_mirrored_event_only(sentence: str) -> None:
    (mirrored,) = claims(mirror_text(sentence))
    assert mirrored.holds((SIDED[sentence].mirrored(),))
    assert not mirrored.holds((SIDED[sentence],))


def test_heights_turns_and_both_sides_count() -> None:
    low = event("left_arm", "raises", target="shoulder")
    assert not claims("raises the left hand above the head")[0].holds((low,))
    assert claims("raises a hand to the shoulder")[0].holds((low,))
    assert not claims("turns around")[0].holds((SIDED["turns left"],))
    (both,) = claims("raises both arms")
    assert not both.holds((low,))
    assert both.holds((low, low.mirrored()))


def test_who_stands_still_moves_neither_leg() -> None:
    (still,) = claims("a person stands still")
    left = event("left_leg", "stays")
    assert not still.holds((left,))
    assert still.holds((left, left.mirrored()))


def test_a_sentence_of_several_clauses_claims_them_in_order() -> None:
    said = claims("A person walks forward, turns right and then kicks with the left foot.")
    assert [claim.actions[0] for claim in said] == ["walks", "turns", "kicks"]
    assert claims("the quick brown fox") == ()


@pytest.mark.parametrize(
    "sentence", ["does not walk forward", "doesn't walk", "can\u2019t kneel", "cannot jump"]
)
def test_negations_are_refused(sentence: str) -> None:
    with pytest.raises(InvalidInputError, match="negation"):
        claims(sentence)


@pytest.mark.parametrize(
    ("sentence", "action", "direction"),
    [
        ("moving forward", "moves", "forward"),
        ("jogging backwards", "runs", "backward"),
        ("raising the left hand", "raises", ""),
        ("jumps forwards", "jumps", "forward"),
        ("hopping to the left", "jumps", "left"),
        ("jumps back", "jumps", "backward"),
        ("leaning back", "leans", "backward"),
    ],
)
def test_forms_of_verbs_and_ways_are_understood(sentence: str, action: str, direction: str) -> None:
    (said,) = claims(sentence)
    assert action in said.actions
    assert said.direction == direction


def test_who_moves_a_limb_or_turns_the_head_does_not_move_or_turn() -> None:
    assert claims("moves the left arm in the air") == ()
    assert claims("turns his left foot outwards") == ()
    (head,) = claims("turns the head to the left")
    assert (head.slots, head.actions, head.direction) == (("head",), ("turns",), "left")
    assert claims("moves left")[0].direction == "left"


def test_a_shoulder_and_a_hip_are_touched_by_the_hand_that_is_named() -> None:
    shoulder = event("left_arm+right_arm", "touches", direction="left", target="shoulder")
    for sentence in ("touches the shoulder with the left hand", "touches the right shoulder"):
        (said,) = claims(sentence)
        assert said.holds((shoulder,))
        assert not said.holds((shoulder.mirrored(),))
    hip = event("torso+left_arm", "touches", target="hip")
    (said,) = claims("touches the left hip")
    assert said.holds((hip,))
    assert not said.holds((hip.mirrored(),))
