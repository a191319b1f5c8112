"""A model's own defaults for sampling, and what becomes of those that cannot be used."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from marey.errors import FileFormatError, InvalidInputError
from marey.generate import GenerationRequest, default_guidance, generate
from marey.generate.defaults import DEFAULT_STEPS, SamplingDefaults
from marey.sampling import Guidance
from marey.text import TextScript


def test_what_a_model_does_not_say_has_defaults() -> None:
    assert SamplingDefaults.of({}) == SamplingDefaults.of({"sampling": {}}) == SamplingDefaults()
    assert SamplingDefaults().steps == DEFAULT_STEPS
    said = {"sampling": {"steps": 7, "guidance": {"mode": "separated"}, "smoothing": 0.1}}
    assert SamplingDefaults.of(said) == SamplingDefaults(
        steps=7, guidance=Guidance(mode="separated"), smoothing=0.1
    )


BAD = [
    ({"guidance": {"texts": 3.0}}, "unknown field 'texts'; its fields are text, constraints, mode"),
    ({"guidance": {"mode": "both"}}, "guidance.mode: expected 'joint' or 'separated', got 'both'"),
    ({"guidance": {"text": "much"}}, "guidance.text: expected a finite number, got 'much'"),
    ({"guidance": 3}, "guidance: expected an object with fields"),
    ({"steps": "many"}, "steps: expected a whole number"),
    ({"steps": 0}, "steps: expected a whole number, at least 1"),
    ({"smoothing": -1}, "smoothing: expected at least 0 s"),
    ({"step": 3}, "unknown field 'step'; its fields are steps, guidance, smoothing"),
    ([], "notes.sampling: expected an object"),
]


@pytest.mark.parametrize(("sampling", "message"), BAD)
def test_defaults_that_cannot_be_used_are_an_error_of_the_file(
    tiny_model: Path, tmp_path: Path, sampling: Any, message: str
) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(tiny_model, folder)
    file = folder / "config.json"
    content = json.loads(file.read_text())
    content["notes"]["sampling"] = sampling
    file.write_text(json.dumps(content))
    request = GenerationRequest(
        script=TextScript.from_prompt("a person walks"), seconds=0.5, model=str(folder)
    )
    for call in (lambda: generate(request), lambda: default_guidance(str(folder))):
        with pytest.raises(FileFormatError) as caught:
            call()
        assert str(caught.value).startswith(f"{file}: notes.sampling: expected defaults")
        assert message in str(caught.value)
        assert caught.value.path == file
    with pytest.raises(InvalidInputError):
        SamplingDefaults.of(content["notes"])
