"""What simple sentences claim, and whether events make it true."""

import pytest

from marey.errors import InvalidInputError
from marey.predicates.event import ACTIONS, Event, can_touch
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


@pytest.mark.parametrize(
    ("sentence", "action", "direction"),
    [
        ("walks slowly forward", "walks", "forward"),
        ("walks straight backward", "walks", "backward"),
        ("walks sideways to the left", "sidesteps", "left"),
        ("moves quickly sideways to the right", "sidesteps", "right"),
        ("turns sharply to the left", "turns", "left"),
        ("turns all the way around to the right", "turns", "right"),
        ("turns in small steps to the right", "turns", "right"),
        ("turns back left", "turns", "left"),
        ("jumps straight ahead", "jumps", "forward"),
        ("leaps straight up", "jumps", ""),
        ("leans far forward", "leans", "forward"),
        ("steps back", "walks", "backward"),
        ("steps back and forth", "walks", ""),
        ("walks back", "walks", ""),
        ("steps diagonally to the left", "walks", ""),
    ],
)
def test_words_between_a_verb_and_its_way_are_read(
    sentence: str, action: str, direction: str
) -> None:
    (said,) = claims(sentence)
    assert action in said.actions
    assert said.direction == direction


def test_who_walks_back_to_where_he_came_from_need_not_walk_backward() -> None:
    forward = event("global", "walks", direction="forward", extent=2.0)
    assert claims("turns around, then walks back")[1].holds((forward,))
    assert not claims("walks backward")[0].holds((forward,))


@pytest.mark.parametrize(
    "sentence",
    [
        "lets go of the bar",
        "the lower left arm is still",
        "both hands move to the left",
        "the left arm goes up",
        "moves a broom",
        "turns the wheel",
        "turns a screw",
        "turns over",
        "turns slightly to the left",
        "turns a little",
        "bends the knees slightly",
        "crouches a bit",
        "hardly moving",
        "as if walking",
        "tries to stand",
        "stands on both hands",
        "in the half crouch",
    ],
)
def test_what_does_not_happen_to_the_body_or_hardly_at_all_claims_nothing(sentence: str) -> None:
    assert claims(sentence) == ()


def test_words_that_lower_something_are_no_adjectives() -> None:
    for sentence in ("lowers the left arm", "lowering his left arm", "to lower the left arm"):
        (said,) = claims(sentence)
        assert (said.actions, said.slots) == (("lowers",), ("left_arm",))


@pytest.mark.parametrize(
    "sentence",
    [
        "waves with both hands",
        "waves to somebody with both hands",
        "touches the head with both hands",
        "both hands touch the head",
        "touches the knees with both hands",
        "touches the hips with both hands",
        "kicks forward with both feet",
        "raises both feet",
    ],
)
def test_what_both_limbs_do_one_does_not_do_alone(sentence: str) -> None:
    mirrored = {"left_arm": "right_arm", "left_leg": "right_leg", "head+left_arm": "head+right_arm"}
    mirrored |= {"left_arm+left_leg": "right_arm+right_leg", "torso+left_arm": "torso+right_arm"}
    said = claims(sentence)
    actions = {action for claim in said for action in claim.actions}
    targets = {target for claim in said for target in claim.targets} or {""}
    own = [
        event(slot, action, direction=ACTIONS[action].directions[0], target=target)
        for action in actions
        for target in targets
        for slot in mirrored
        if slot in ACTIONS[action].slots and (action != "touches" or can_touch(slot, "", target))
    ]
    assert own
    assert not all(claim.holds(own) for claim in said)
    assert all(claim.holds([*own, *(each.mirrored() for each in own)]) for claim in said)


@pytest.mark.parametrize(
    ("height", "enough", "too_low"),
    [
        ("to chest height", "chest", "waist"),
        ("to about chest height", "shoulder", "waist"),
        ("to waist height", "waist", None),
        ("out to shoulder height", "shoulder", "chest"),
        ("above the shoulder", "shoulder", "chest"),
        ("to the face", "shoulder", "chest"),
        ("up to the head", "head", "shoulder"),
        ("high above the head", "overhead", "head"),
        ("overhead", "overhead", "head"),
    ],
)
def test_a_height_is_how_far_a_hand_is_raised(
    height: str, enough: str, too_low: str | None
) -> None:
    (said,) = claims(f"raises the left hand {height}")
    assert said.slots == ("left_arm",)
    assert said.holds((event("left_arm", "raises", target=enough),))
    if too_low is not None:
        assert not said.holds((event("left_arm", "raises", target=too_low),))


def test_who_stands_on_one_leg_holds_the_other_one_up() -> None:
    lifted = event("left_leg", "holds", target="lifted")
    assert claims("stands on one leg")[0].holds((lifted,))
    (right,) = claims("balances on the right foot")
    assert right.holds((lifted,))
    assert not right.holds((lifted.mirrored(), event("global", "holds", target="standing")))


def test_postures_are_held_as_well_as_taken_unless_a_body_goes_down() -> None:
    seated = event("global", "holds", target="sitting")
    assert claims("sits on a chair")[0].holds((seated,))
    assert not claims("sits down")[0].holds((seated,))
    assert not claims("squats")[0].holds((seated,))
    assert claims("rises from a deep crouch")[0].holds(
        (event("global", "holds", target="squatting"),)
    )


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
