"""Which encoder a name means."""

import pytest

from marey.text import MiniLMEncoder
from marey.text.encoders import load_encoder


def test_minilm_is_the_default() -> None:
    for encoder in (load_encoder(), load_encoder(MiniLMEncoder.name)):
        assert isinstance(encoder, MiniLMEncoder)


def test_other_names_are_hugging_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(name: str) -> MiniLMEncoder:
        asked.append(name)
        return MiniLMEncoder()

    monkeypatch.setattr("marey.text.huggingface.HuggingFaceEncoder", note)
    load_encoder("bert-base-uncased")
    assert asked == ["bert-base-uncased"]
