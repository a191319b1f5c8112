"""``marey reason``, called as a user calls it."""

import json

import pytest

from marey.cli.main import main
from marey.text import TextScript


def test_the_script_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reason", "a person waves while walking"]) == 0
    printed = capsys.readouterr().out
    assert "right arm" in printed
    assert "the right arm waves while the left leg steps forward" in printed
    assert "captions nearest to" in printed


@pytest.mark.parametrize("by", ["nearest", "templates"])
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
