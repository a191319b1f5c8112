"""meta.json of Kimodo's examples: round trips, one and several sentences, faults by field."""

import json
from pathlib import Path
from typing import Any

import pytest

from marey.errors import FileFormatError, InvalidInputError
from marey.io.kimodo_meta import (
    KimodoGuidance,
    KimodoMeta,
    read_kimodo_meta,
    write_kimodo_meta,
)

PLAIN = {"text": "A person walks.", "duration": 5}


def test_bundled_examples_are_read_and_written_back(shared_data: Path, tmp_path: Path) -> None:
    files = sorted(shared_data.glob("kimodo_examples/*/*/meta.json"))
    assert len(files) == 8
    for number, file in enumerate(files):
        meta = read_kimodo_meta(file)
        target = tmp_path / f"{number}.json"
        write_kimodo_meta(meta, target)
        assert json.loads(target.read_text()) == json.loads(file.read_text())
        assert read_kimodo_meta(target) == meta


def test_several_sentences_keep_their_order_and_lengths() -> None:
    meta = KimodoMeta(texts=("A person walks.", ""), durations=(3.0, 2.5), seed=4)
    content = meta.to_json()
    assert content["texts"] == ["A person walks.", ""]
    assert content["durations"] == [3.0, 2.5]
    assert KimodoMeta.from_json(content) == meta
    one_length = KimodoMeta.from_json({"texts": ["a", "b"], "duration": 2})
    assert one_length.durations == (2.0, 2.0)


def test_what_is_not_said_is_kimodos_default() -> None:
    meta = KimodoMeta.from_json(PLAIN)
    assert (meta.num_samples, meta.seed, meta.diffusion_steps) == (1, None, 100)
    assert meta.cfg == KimodoGuidance(enabled=True, text_weight=2.0, constraint_weight=2.0)


def test_fields_that_kimodo_does_not_know_are_kept() -> None:
    content = {**KimodoMeta.from_json(PLAIN).to_json(), "model": "small"}
    assert KimodoMeta.from_json(content).to_json() == content


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"text": None}, "text"),
        ({"text": 3}, r"texts\[0\]"),
        ({"texts": "walks"}, "texts"),
        ({"texts": ["a", "b"], "durations": [1, 2, 3]}, "durations"),
        ({"duration": "5"}, r"durations\[0\]"),
        ({"duration": 0}, r"durations\[0\]"),
        ({"duration": 1e300}, r"durations\[0\]"),
        ({"num_samples": 0}, "num_samples"),
        ({"num_samples": True}, "num_samples"),
        ({"diffusion_steps": 1.5}, "diffusion_steps"),
        ({"seed": -1}, "seed"),
        ({"cfg": []}, "cfg"),
        ({"cfg": {"enabled": 1}}, r"cfg\.enabled"),
        ({"cfg": {"text_weight": None}}, r"cfg\.text_weight"),
    ],
)
def test_faults_name_the_field(change: dict[str, Any], place: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=f"^{place}: expected .*, got "):
        KimodoMeta.from_json({**PLAIN, **change})
    path = tmp_path / "meta.json"
    path.write_text(json.dumps({**PLAIN, **change}))
    with pytest.raises(FileFormatError, match=rf"meta\.json: {place}: expected .*, got "):
        read_kimodo_meta(path)


@pytest.mark.parametrize("content", ["[]", "{", "", "NaN", '{"text": "a", "duration": NaN}'])
def test_files_that_are_none_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match="expected"):
        read_kimodo_meta(path)
