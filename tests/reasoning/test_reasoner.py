"""The laws of every reasoner: what was typed stays, spans are kept, empty slots are filled."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from marey.errors import InvalidInputError
from marey.reasoning import (
    LanguageModelReasoner,
    NearestReasoner,
    Reasoner,
    TemplateReasoner,
    WrittenReasoner,
)
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import Statement, TextScript
from marey.text.event_wording import IDLE

ANSWER = {
    "parts": dict.fromkeys(PARTS, IDLE) | {"left_arm": "waves"},
    "interactions": dict.fromkeys(PAIR_SLOTS, "") | {"head+left_arm": "the hand is near the head"},
}


def model(task: str, question: str, schema: Mapping[str, Any]) -> str:
    """A language model that always says the same."""
    del task, question, schema
    return f"Sure: {json.dumps(ANSWER)}"


@pytest.fixture(scope="module", params=["writer", "nearest", "templates", "language model"])
def reasoner(request: pytest.FixtureRequest) -> Reasoner:
    if request.param == "writer":
        return WrittenReasoner()
    if request.param == "nearest":
        return NearestReasoner()
    return TemplateReasoner() if request.param == "templates" else LanguageModelReasoner(model)


def test_every_back_end_is_a_reasoner(reasoner: Reasoner) -> None:
    assert isinstance(reasoner, Reasoner)


def test_what_was_typed_is_never_overwritten(reasoner: Reasoner) -> None:
    given = TextScript(
        (
            Statement("holds a cup", "left_arm"),
            Statement("a person waves with the left hand while walking"),
            Statement("the hands meet", "left_arm+right_arm"),
            Statement("nods", "head", start=0.5, end=1),
        )
    )
    script = reasoner.reason(given, 4.0)
    assert script.statements[: len(given.statements)] == given.statements
    added = [each.slot for each in script.statements[len(given.statements) :]]
    assert not {"left_arm", "left_arm+right_arm", "head", "global"} & set(added)
    assert {"torso", "right_arm", "left_leg", "right_leg"} <= set(added)
    assert len(added) == len(set(added))


def test_a_full_script_comes_back_as_it_was(reasoner: Reasoner) -> None:
    full = TextScript(
        (Statement("walks"), *(Statement("is mine", slot) for slot in (*PARTS, *PAIR_SLOTS)))
    )
    assert reasoner.reason(full) == full


def test_nothing_said_of_the_body_leaves_nothing_to_reason_about(reasoner: Reasoner) -> None:
    for script in (TextScript(), TextScript((Statement("waves", "left_arm"),))):
        assert reasoner.reason(script) == script


def test_texts_take_the_span_of_their_sentence(reasoner: Reasoner) -> None:
    given = TextScript(
        (
            Statement("a person walks forward", start=0, end=2),
            Statement("a person waves with the left hand", start=2, end=5),
        )
    )
    added = reasoner.reason(given).statements[2:]
    for span in ((0.0, 2.0), (2.0, 5.0)):
        assert set(PARTS) <= {each.slot for each in added if each.span == span}
    assert {each.span for each in added} == {(0.0, 2.0), (2.0, 5.0)}
    waving = [each.span for each in added if (each.slot, each.text) == ("left_arm", "waves")]
    assert (2.0, 5.0) in waving


def test_templates_say_nothing_of_what_they_do_not_understand() -> None:
    odd = TextScript.from_prompt("a person does a cartwheel")
    assert TemplateReasoner().reason(odd) == odd


def test_an_answer_that_breaks_the_schema_is_sent_back_once() -> None:
    asked: list[str] = []

    def careless(task: str, question: str, schema: Mapping[str, Any]) -> str:
        del task, schema
        asked.append(question)
        return "no JSON" if len(asked) == 1 else json.dumps(ANSWER)

    script = LanguageModelReasoner(careless).reason(TextScript.from_prompt("a person waves"), 2.5)
    assert {each.slot for each in script.statements} == {"global", *PARTS, "head+left_arm"}
    assert "2.5 seconds" in asked[0]
    assert "expected JSON" in asked[1]


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("I cannot do that", "JSON"),
        (json.dumps({"parts": {}}), "parts"),
        (json.dumps(ANSWER | {"interactions": {"left_arm": "waves"}}), "interactions"),
        (json.dumps(ANSWER | {"parts": ANSWER["parts"] | {"head": " "}}), "parts.head"),
        (json.dumps(ANSWER | {"parts": ANSWER["parts"] | {"head": 3}}), "parts.head"),
        (json.dumps(ANSWER | {"parts": ANSWER["parts"] | {"head": "x" * 401}}), "parts.head"),
    ],
)
def test_a_second_bad_answer_is_an_error_that_names_the_place(answer: str, place: str) -> None:
    stubborn = LanguageModelReasoner(lambda task, question, schema: answer)
    with pytest.raises(InvalidInputError, match=place):
        stubborn.reason(TextScript.from_prompt("a person waves"))
