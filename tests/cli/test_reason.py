"""``marey reason``, called as a user calls it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import marey.annotation
from marey.annotation import Message, Reply
from marey.cli.main import main
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import TextScript


def test_the_script_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reason", "a person waves while walking", "--by", "nearest"]) == 0
    printed = capsys.readouterr().out
    assert "right arm" in printed
    assert "the right arm waves while the left leg steps forward" in printed
    assert "captions nearest to" in printed


def test_an_empty_sentence_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reason", "  "]) == 2
    assert "Expected a sentence" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["writer", "nearest", "templates"])
def test_your_own_words_stay(by: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["a person waves with the left hand", "--part", "left_arm=does as I say", "--json"]
    assert main(["reason", *words, "--by", by]) == 0
    script = TextScript.from_json(json.loads(capsys.readouterr().out))
    texts = {each.slot: each.text for each in script.statements}
    assert texts["left_arm"] == "does as I say"
    assert {"right_arm", "torso"} <= texts.keys()


def test_what_cannot_be_asked_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reason", "walks", "--part", "left_arm"]) == 2
    assert "NAME=TEXT" in capsys.readouterr().err
    assert main(["reason", "walks", "--model", "x"]) == 2
    assert "--llm" in capsys.readouterr().err
    assert main(["reason", "walks", "--llm", "http://localhost:1/v1"]) == 2
    assert "--model NAME" in capsys.readouterr().err
    assert main(["reason", "walks", "--by", "templates", "--bank", "x.safetensors"]) == 2
    assert "--bank" in capsys.readouterr().err


def test_a_language_model_is_asked_for_what_is_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    class Endpoint:
        def __init__(self, url: str, model: str) -> None:
            asked.append(f"{model} at {url}")
            self.name = model

        def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
            assert set(schema["properties"]) == {"parts", "interactions"}
            asked.append(messages[-1].text)
            answer = {
                "parts": dict.fromkeys(PARTS, "is asked"),
                "interactions": dict.fromkeys(PAIR_SLOTS, ""),
            }
            return Reply(text=json.dumps(answer), prompt_tokens=None, answer_tokens=None)

    monkeypatch.setattr(marey.annotation, "OpenAIEndpoint", Endpoint)
    flags = ["--llm", "http://localhost:1/v1", "--model", "m", "--part", "head=is mine", "--json"]
    assert main(["reason", "a person walks", *flags]) == 0
    script = TextScript.from_json(json.loads(capsys.readouterr().out))
    texts = {each.slot: each.text for each in script.statements}
    assert asked == ["m at http://localhost:1/v1", "a person walks"]
    assert texts["head"] == "is mine"
    assert texts["torso"] == "is asked"
