"""Scripts: what they accept, how they travel as JSON, and their mirror image."""

import itertools
import json
from typing import Any

import pytest

from marey.errors import InvalidInputError
from marey.skeleton.parts import PARTS
from marey.text import SLOTS, Statement, TextScript

SCRIPT = TextScript(
    (
        Statement("a person turns clockwise"),
        Statement("left arm waves", "left_arm", start=1, end=2.5),
        Statement("left hand meets right foot", "left_arm+right_leg"),
        Statement("then sits", start=2.5, end=4),
    )
)


def test_slots_are_global_then_parts_then_pairs() -> None:
    assert len(SLOTS) == len(set(SLOTS)) == 22
    assert SLOTS[0] == "global"
    assert SLOTS[1:7] == PARTS
    assert SLOTS[7:] == tuple("+".join(pair) for pair in itertools.combinations(PARTS, 2))


def test_a_statement_is_kept_in_canonical_form() -> None:
    statement = Statement("  claps\n", "right_arm+left_arm", start=0, end=1)
    assert statement == Statement("claps", "left_arm+right_arm", start=0.0, end=1.0)
    assert isinstance(statement.start, float)
    assert statement.slot == "left_arm+right_arm"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_blank_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="expected a text"):
        Statement(text)


@pytest.mark.parametrize("slot", ["", "tail", "left_arm+left_arm", "torso+head+left_arm", "+"])
def test_an_unknown_slot_is_refused(slot: str) -> None:
    with pytest.raises(InvalidInputError, match="expected a slot"):
        Statement("moves", slot)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (1.0, None),
        (None, 1.0),
        (1.0, 1.0),
        (2.0, 1.0),
        (-1.0, 1.0),
        (float("nan"), 1.0),
        (0.0, float("nan")),
        (0.0, float("inf")),
    ],
)
def test_a_span_needs_two_ordered_finite_ends(start: float | None, end: float | None) -> None:
    with pytest.raises(InvalidInputError, match="0 <= start < end"):
        Statement("moves", start=start, end=end)


def test_from_prompt_builds_statements_for_the_whole_clip() -> None:
    script = TextScript.from_prompt(
        "dances",
        parts={"left_arm": "waves"},
        relations={"right_arm+left_arm": "clap", "torso+head": "nod"},
    )
    assert [each.slot for each in script.statements] == [
        "global",
        "left_arm",
        "left_arm+right_arm",
        "torso+head",
    ]
    assert all(each.span is None for each in script.statements)
    assert TextScript.from_prompt(" ") == TextScript()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": {"global": "moves"}}, "expected a part"),
        ({"parts": {"torso+head": "moves"}}, "expected a part"),
        ({"relations": {"left_arm": "moves"}}, "expected a pair"),
        ({"relations": {"torso+head": "a", "head+torso": "b"}}, r"torso\+head: expected one text"),
        ({"parts": {"head": " "}}, "expected a text"),
    ],
)
def test_from_prompt_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        TextScript.from_prompt("walks", **options)


def test_the_prompt_is_the_global_text_without_span() -> None:
    assert SCRIPT.prompt == "a person turns clockwise"
    assert TextScript().prompt == ""
    assert TextScript((Statement("sits", start=0, end=1),)).prompt == ""


def test_mirroring_swaps_text_and_slots_and_keeps_spans() -> None:
    mirrored = SCRIPT.mirrored()
    assert mirrored.statements[0].text == "a person turns counterclockwise"
    assert mirrored.statements[1] == Statement("right arm waves", "right_arm", start=1, end=2.5)
    assert mirrored.statements[2].slot == "right_arm+left_leg"
    assert mirrored.mirrored() == SCRIPT


def test_mirroring_permutes_the_slots() -> None:
    mirrored = [Statement("moves", slot).mirrored() for slot in SLOTS]
    assert {each.slot for each in mirrored} == set(SLOTS)
    assert [each.mirrored().slot for each in mirrored] == list(SLOTS)


@pytest.mark.parametrize("script", [SCRIPT, TextScript(), SCRIPT.mirrored()])
def test_json_round_trip(script: TextScript) -> None:
    assert TextScript.from_json(json.loads(json.dumps(script.to_json()))) == script


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ([], "script: expected an object"),
        ({"statements": []}, "script.version"),
        ({"version": 2, "statements": []}, "script.version"),
        ({"version": 1}, "script.statements: "),
        ({"version": 1, "statements": [], "prompt": "x"}, "script.prompt"),
    ],
)
def test_json_errors_name_the_field_of_the_script(content: Any, path: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{path}"):
        TextScript.from_json(content)


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("walks", ": expected an object"),
        ({}, ".text: expected a string, got nothing"),
        ({"text": " "}, ".text: "),
        ({"text": 3}, ".text: "),
        ({"text": "a", "slot": None}, ".slot: "),
        ({"text": "a", "slot": "tail"}, ".slot: "),
        ({"text": "a", "start": "1", "end": 2}, ".start: expected seconds"),
        ({"text": "a", "start": True, "end": 2}, ".start: expected seconds"),
        ({"text": "a", "start": 3, "end": 2}, ".start: expected 0 <= start"),
        ({"text": "a", "start": 3}, ".start: expected 0 <= start"),
        ({"text": "a", "colour": 3}, ".colour: "),
    ],
)
def test_json_errors_name_the_field_of_the_statement(statement: Any, place: str) -> None:
    content = {"version": 1, "statements": [{"text": "walks"}, statement]}
    with pytest.raises(InvalidInputError) as caught:
        TextScript.from_json(content)
    assert str(caught.value).startswith(f"script.statements[1]{place}")


def test_one_text_a_slot_in_the_order_said() -> None:
    script = TextScript(
        (Statement("stands"), Statement("rises", slot="left_arm"), Statement("sits"))
    )
    assert script.by_slot() == {"global": "stands, then sits", "left_arm": "rises"}
