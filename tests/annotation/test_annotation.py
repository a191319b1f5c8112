"""Annotations: JSON both ways, errors by field, contradictions found, sent back and dropped."""

import json
from dataclasses import replace
from typing import Any

import pytest

from marey.annotation import (
    ANSWER_SCHEMA,
    Annotation,
    contradictions,
    first_question,
    follow_up,
    without_contradictions,
)
from marey.errors import InvalidInputError
from marey.predicates import Event
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import MotionCaption

EVENTS = (
    Event(slot="global", action="turns", start=0.0, end=1.0, direction="left", extent=90.0),
    Event(slot="right_arm", action="raises", start=0.5, end=1.0, target="overhead", extent=0.8),
    Event(slot="right_arm", action="waves", start=1.0, end=3.0, count=4, extent=0.2),
)
CAPTION = MotionCaption(
    body="a person turns left and waves with the right hand",
    parts=dict.fromkeys(PARTS, "does nothing") | {"right_arm": "raises above the head"},
    interactions=dict.fromkeys(PAIR_SLOTS, ""),
    events=EVENTS,
)
MEASURED = Annotation.of(CAPTION)


def answer(**changes: Any) -> dict[str, Any]:
    """What a language model might answer, with some fields changed."""
    content = MEASURED.to_json()
    del content["author"]
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = content
        for name in parents:
            target = target[name]
        target[last] = value
    return content


def test_an_annotation_goes_through_json() -> None:
    again = Annotation.from_json(json.loads(json.dumps(MEASURED.to_json())))
    assert again == MEASURED
    assert Annotation.from_answer(answer(), MEASURED.author) == MEASURED
    assert {s.slot for s in MEASURED.script().statements} == {"global", *PARTS}


def test_answers_are_asked_for_as_they_are_read() -> None:
    assert set(ANSWER_SCHEMA["required"]) == set(answer())
    for name in ("parts", "interactions"):
        assert set(ANSWER_SCHEMA["properties"][name]["required"]) == set(answer()[name])


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ([], "annotation"),
        (answer(**{"global": "one"}), "annotation.global"),
        (answer(**{"global": []}), "annotation.global"),
        (answer(parts__torso=3), "annotation.parts.torso"),
        (answer(parts__torso=" "), "annotation.parts.torso"),
        (answer(parts__tail="wags"), "annotation.parts.tail"),
        (answer(interactions={}), "annotation.interactions.torso+head"),
        (answer(parts__head="x" * 999), "annotation.parts.head"),
        (answer(mood="happy"), "annotation.mood"),
    ],
)
def test_a_broken_answer_is_refused_by_field(broken: Any, path: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        Annotation.from_answer(broken, "model")
    assert str(error.value).startswith(path)


def test_measured_texts_may_be_long_and_answers_not() -> None:
    long = replace(MEASURED, parts={**MEASURED.parts, "head": "nods, then " * 60 + "nods"})
    assert Annotation.from_json(long.to_json()) == long
    with pytest.raises(InvalidInputError, match=r"parts\.head: expected a text of at most"):
        Annotation.from_answer(answer(parts=long.parts), "model")


def test_what_the_motion_bears_out_is_no_contradiction() -> None:
    said = Annotation.from_json(
        answer(
            **{"global": ["a person turns to the left", "someone waves, looking friendly"]},
            parts__right_arm="raises above the head, then waves four times",
        )
    )
    assert contradictions(said, EVENTS) == []


@pytest.mark.parametrize(
    ("degrees", "text", "contradicts"),
    [
        (30.0, "a person turns left", False),
        (10.0, "a person turns left", True),
        (30.0, "a person turns right", True),
        (30.0, "a person turns around", True),
        (30.0, "a person moves on the spot", False),
        (30.0, "a person moves forward", True),
    ],
)
def test_what_is_only_inexact_is_no_contradiction(
    degrees: float, text: str, contradicts: bool
) -> None:
    said = Annotation.from_answer(answer(**{"global": [text]}), "model")
    event = replace(EVENTS[0], extent=degrees)
    assert bool(contradictions(said, [event, *EVENTS[1:]])) is contradicts


def happens(slot: str, action: str, start: float = 0.0, end: float = 4.0, **more: Any) -> Event:
    return Event(slot=slot, action=action, start=start, end=end, **more)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("waves with the left hand", happens("left_arm", "swings", direction="up", count=3)),
        ("lifts the left foot", happens("left_leg", "holds", target="lifted")),
        ("bends the knees", happens("global", "jumps", direction="up", extent=0.4)),
        ("squats down", happens("global", "sits", extent=0.4)),
        ("jumps forward", happens("global", "jumps", direction="up", extent=0.4)),
        ("turns left", happens("torso", "twists", direction="left", extent=40.0)),
        ("stands up", happens("torso", "straightens", extent=40.0)),
        ("runs to the left", happens("global", "turns", direction="left", extent=90.0)),
        ("raises both arms", happens("left_arm+right_arm", "moves together")),
    ],
)
def test_what_goes_by_another_name_is_no_contradiction(text: str, event: Event) -> None:
    said = Annotation.from_answer(answer(**{"global": [text]}), "model")
    events = [event]
    if "both" in text:  # each arm by another name
        events = [
            happens("left_arm", "raises", target="chest"),
            happens("right_arm", "swings", direction="up", count=2),
        ]
    walk = happens("global", "walks", direction="backward", extent=2.0)
    assert contradictions(said, [*events, walk]) == []
    (found,) = contradictions(said, [walk])
    assert found.words == text
    if event.direction in ("left", "right"):
        assert contradictions(said, [event.mirrored(), walk])


def test_a_moment_between_two_movements_is_enough_to_stand_in() -> None:
    for text in ("a person stands", "a person stands still"):
        said = Annotation.from_answer(answer(**{"global": [text]}), "model")
        walk = happens("global", "walks", start=0.0, end=2.0, direction="forward", extent=2.0)
        turn = happens("global", "turns", start=2.7, end=4.0, direction="left", extent=90.0)
        assert contradictions(said, [walk, turn]) == []
        assert contradictions(said, [replace(walk, end=2.5), turn])
        down = happens("global", "holds", target="lying")
        assert contradictions(said, [down])


@pytest.mark.parametrize(
    ("change", "slot", "words"),
    [
        ({"global": ["a person turns right"]}, "global", "turns right"),
        ({"parts__left_leg": "kicks forward"}, "left_leg", "kicks"),
        ({"parts__left_arm": "waves"}, "left_arm", "waves"),
    ],
)
def test_a_false_claim_is_found_and_replaced(change: dict[str, Any], slot: str, words: str) -> None:
    said = Annotation.from_json(answer(**change))
    (found,) = contradictions(said, EVENTS)
    assert (found.slot, found.words.strip()) == (slot, words)
    mended = without_contradictions(said, [found], MEASURED)
    assert contradictions(mended, EVENTS) == []
    assert mended.body == MEASURED.body
    assert mended.parts == MEASURED.parts
    assert set(mended.dropped) == {slot}


def test_the_prompt_tells_what_was_measured_and_what_was_wrong() -> None:
    question = first_question(CAPTION, ("a man says hello",))
    asked = question[-1].text
    assert "a man says hello" in asked
    assert "1.0–3.0 s, right arm: waves four times" in asked
    said = Annotation.from_json(answer(**{"global": ["a person turns right"]}))
    again = follow_up(question, "{}", contradictions(said, EVENTS))
    assert [message.role for message in again] == ["system", "user", "assistant", "user"]
    assert 'claims "turns right"' in again[-1].text
