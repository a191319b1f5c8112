"""Conditions: one token per state, padded batches, spans in frames."""

from collections.abc import Sequence

import pytest
import torch

from marey.errors import InvalidInputError
from marey.text import (
    SLOTS,
    Statement,
    TextCondition,
    TextEncoder,
    TextScript,
    TextStates,
    collate_conditions,
    condition_from_scripts,
)


class WordEncoder:
    """One token per word, whose state is filled with the word's length; counts what it encodes."""

    name = "words"
    version = "1"
    width = 3

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        self.encoded += texts
        return [
            TextStates(
                states=torch.tensor([[float(len(w))] * 3 for w in text.split()]),
                vector=torch.ones(3) / 3**0.5,
            )
            for text in texts
        ]


ARM = SLOTS.index("left_arm")
SCRIPTS = [
    TextScript.from_prompt("go now", parts={"left_arm": "waves"}),
    TextScript(),
    TextScript((Statement("go now", start=0.5, end=2), Statement("waves", "head"))),
]


def test_the_word_encoder_is_an_encoder() -> None:
    assert isinstance(WordEncoder(), TextEncoder)


def test_scripts_become_tokens_slots_and_frames() -> None:
    encoder = WordEncoder()
    condition = condition_from_scripts(SCRIPTS, encoder, 30.0)
    assert sorted(encoder.encoded) == ["go now", "waves"]  # each distinct text once
    assert condition.states[..., 0].tolist() == [[2, 3, 5], [0, 0, 0], [2, 3, 5]]
    assert condition.mask.tolist() == [[True] * 3, [False] * 3, [True] * 3]
    assert condition.slots.tolist() == [[0, 0, ARM], [0, 0, 0], [0, 0, SLOTS.index("head")]]
    assert condition.spans is not None
    assert condition.spans[2].tolist() == [[15, 60], [15, 60], [-1, -1]]
    assert bool((condition.spans[:2] == -1).all())


def test_scripts_without_spans_have_none() -> None:
    assert condition_from_scripts(SCRIPTS[:2], WordEncoder(), 30.0).spans is None


def test_a_batch_of_empty_scripts_is_unconditional() -> None:
    encoder = WordEncoder()
    condition = condition_from_scripts([TextScript()] * 2, encoder, 30.0)
    assert condition.states.shape == TextCondition.unconditional(2, 3).states.shape == (2, 0, 3)
    assert encoder.encoded == []


@pytest.mark.parametrize(("scripts", "fps"), [([], 30.0), (SCRIPTS, 0.0), (SCRIPTS, float("nan"))])
def test_no_scripts_or_no_rate_is_refused(scripts: list[TextScript], fps: float) -> None:
    with pytest.raises(InvalidInputError, match="fps"):
        condition_from_scripts(scripts, WordEncoder(), fps)


def test_collating_rows_gives_the_batch() -> None:
    whole = condition_from_scripts(SCRIPTS, WordEncoder(), 30.0)
    rows = [condition_from_scripts([script], WordEncoder(), 30.0) for script in SCRIPTS]
    joined = collate_conditions(rows)
    for name in ("states", "mask", "slots", "spans"):
        assert torch.equal(getattr(joined, name), getattr(whole, name)), name


def test_collating_refuses_other_widths_and_nothing() -> None:
    with pytest.raises(InvalidInputError, match=r"\[3, 4\]"):
        collate_conditions([TextCondition.unconditional(1, w) for w in (3, 4)])
    with pytest.raises(InvalidInputError, match="one width"):
        collate_conditions([])


@pytest.mark.parametrize("indices", [[2, 0, 2], torch.tensor([2, 0, 2])])
def test_selecting_takes_rows_in_order(indices: list[int] | torch.Tensor) -> None:
    condition = condition_from_scripts(SCRIPTS, WordEncoder(), 30.0)
    chosen = condition.select(indices)
    assert len(chosen) == 3
    assert torch.equal(chosen.slots, condition.slots[[2, 0, 2]])
    assert chosen.spans is not None
    assert condition.spans is not None
    assert torch.equal(chosen.spans, condition.spans[[2, 0, 2]])


def test_selecting_nothing_is_legal() -> None:
    assert len(condition_from_scripts(SCRIPTS, WordEncoder(), 30.0).select([])) == 0


def test_moving_changes_the_type_of_the_states_alone() -> None:
    moved = condition_from_scripts(SCRIPTS, WordEncoder(), 30.0).to("cpu", dtype=torch.bfloat16)
    assert moved.states.dtype == torch.bfloat16
    assert moved.slots.dtype == torch.long
    assert moved.spans is not None
    assert moved.spans.dtype == torch.float32
