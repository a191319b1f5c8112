import json

import pytest

from marey.errors import InvalidInputError
from marey.predicates import ACTIONS, Event
from marey.predicates.event import possible_events
from marey.skeleton import SLOTS
from marey.skeleton.parts import canonical_slot, mirrored_slot


def test_mirroring_twice_gives_the_event_back_and_exchanges_sides() -> None:
    for event in possible_events():
        assert event.mirrored().mirrored() == event
    turn = Event(slot="global", action="turns", start=0.0, end=1.0, direction="left")
    assert turn.mirrored().direction == "right"
    reach = Event(slot="left_arm+right_leg", action="touches", start=0.0, end=1.0, target="knee")
    assert reach.mirrored().slot == canonical_slot("right_arm+left_leg")


@pytest.mark.parametrize(
    ("slot", "direction", "target"),
    [
        ("left_arm+right_arm", "", "head"),
        ("left_arm+right_arm", "", "shoulder"),
        ("left_arm+right_leg", "left", "knee"),
    ],
)
def test_a_touch_that_no_hand_can_make_is_refused(slot: str, direction: str, target: str) -> None:
    words = {"slot": slot, "direction": direction, "target": target}
    with pytest.raises(InvalidInputError, match=f"a touch of the {target}"):
        Event(action="touches", start=0.0, end=1.0, **words)


def test_the_slots_of_all_actions_exist_and_so_do_their_mirrored_slots() -> None:
    for name, kind in ACTIONS.items():
        assert set(kind.slots) <= set(SLOTS), name
        assert {mirrored_slot(slot) for slot in kind.slots} == set(kind.slots), name


def test_what_can_be_said_has_every_word_and_its_mirrored_ones() -> None:
    events = list(possible_events())
    assert len(set(events)) == len(events)
    assert {event.mirrored() for event in events} == set(events)
    for name, kind in ACTIONS.items():
        own = [event for event in events if event.action == name]
        assert {event.slot for event in own} == set(kind.slots), name
        assert {event.direction for event in own} == set(kind.directions), name
        assert {event.target for event in own} == set(kind.targets), name
    assert list(possible_events(("head",))) == [e for e in events if e.slot == "head"]


def test_events_survive_json() -> None:
    for event in possible_events():
        assert Event.from_json(json.loads(json.dumps(event.to_json()))) == event
    whole = Event(
        slot="left_arm",
        action="waves",
        start=0.0,
        end=2.0,
        extent=0.3,
        speed="fast",
        count=4,
    )
    assert Event.from_json(json.loads(json.dumps(whole.to_json()))) == whole
    assert whole.frequency == 2.0
    assert whole.unit == "m"


def test_whole_numbers_in_json_are_seconds_too() -> None:
    content = {"slot": "head", "action": "nods", "start": 0, "end": 1}
    assert Event.from_json(content) == Event(slot="head", action="nods", start=0.0, end=1.0)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"action": "flies"}, "action"),
        ({"slot": "left_arm"}, "slot"),
        ({"direction": "up"}, "direction"),
        ({"target": "head"}, "target"),
        ({"speed": "warp"}, "speed"),
        ({"end": 0.0}, "start"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_words_outside_the_vocabulary_are_refused(fields: dict[str, object], part: str) -> None:
    good = {"slot": "global", "action": "turns", "start": 0.0, "end": 1.0, "direction": "left"}
    Event.from_json(good)
    with pytest.raises(InvalidInputError, match=part):
        Event.from_json({**good, **fields})


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="missing"):
        Event.from_json(["turns"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "a"),
        ("end", None),
        ("extent", "1 m"),
        ("count", 2.5),
        ("slot", 1),
        ("start", True),
    ],
)
def test_a_field_of_a_wrong_type_is_named(field: str, value: object) -> None:
    content = {"slot": "head", "action": "nods", "start": 0, "end": 1} | {field: value}
    with pytest.raises(InvalidInputError, match=f"event.{field}"):
        Event.from_json(content)
