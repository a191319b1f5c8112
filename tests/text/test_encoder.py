"""What is asked of encoders, whichever they are."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from marey.errors import InvalidInputError
from marey.models.alignment import load_alignment
from marey.reasoning import NearestReasoner, WrittenReasoner
from marey.text import TextScript, TextStates
from marey.text.encoder import encoder_label, require_same_encoder


class Other:
    """An encoder that nothing was made with."""

    name, version, width = "other", "2", 384

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        raise AssertionError("must be refused before it is asked")


def test_an_encoder_is_the_same_by_name_and_version() -> None:
    assert encoder_label(Other()) == "other 2"
    require_same_encoder(Other(), "other 2", of="x", fix="")
    for label in ("other 1", "others 2"):
        with pytest.raises(InvalidInputError, match=rf"of x, {label}, got other 2\. Do this\."):
            require_same_encoder(Other(), label, of="x", fix="Do this.")


def test_what_was_made_with_one_encoder_refuses_another(tiny_alignment: Path) -> None:
    for reasoner, fix in ((NearestReasoner, "reason build"), (WrittenReasoner, "reason train")):
        with pytest.raises(InvalidInputError, match=f"got other 2.*{fix}"):
            reasoner(encoder=Other())
    with pytest.raises(InvalidInputError, match="got other 2"):
        load_alignment(tiny_alignment).embed_scripts([TextScript.from_prompt("walks")], Other())
