"""Language models in this process, on a tiny random one written by the test; no network."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from marey.annotation import (
    ANSWER_SCHEMA,
    LanguageModel,
    LanguageModelError,
    LocalModel,
    Message,
)
from marey.errors import InvalidInputError, MissingExtraError

transformers = pytest.importorskip("transformers")

WORDS = ["<pad>", "<end>", "<unk>", "user", "assistant", "system", "hello", "you", "wave", "walk"]
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant{% endif %}"
)
HELLO = [Message(role="system", text="wave"), Message(role="user", text="hello you")]


def write_model(folder: Path, *, template: str | None = TEMPLATE, ends: bool = True) -> Path:
    """A Llama with random weights that likes to end (or never to), and a tokenizer of ten words."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Any = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=len(WORDS),
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=1,
                max_position_embeddings=24,
                pad_token_id=0,
                bos_token_id=None,
                eos_token_id=1,
                tie_word_embeddings=False,
            )
        )
    with torch.no_grad():  # the likeliest word after any other is fixed, and so is the answer
        model.model.embed_tokens.weight.copy_(10 * torch.eye(len(WORDS), 16))
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        head = torch.zeros(len(WORDS), 16)
        after = {"assistant": "wave", "wave": "walk", "walk": "<end>" if ends else "wave"}
        for word, following in after.items():
            head[WORDS.index(following), WORDS.index(word)] = 1
        model.lm_head.weight.copy_(head)
    model.save_pretrained(folder)
    backend = Tokenizer(
        models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<end>", unk_token="<unk>"
    )
    if template is not None:
        tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder


def test_a_conversation_goes_through_the_template_and_comes_back_as_text(tmp_path: Path) -> None:
    model = LocalModel(write_model(tmp_path / "tiny"), device="cpu")
    assert isinstance(model, LanguageModel)
    assert model.name == "tiny"
    reply = model.ask(HELLO, ANSWER_SCHEMA)
    assert reply.text.split() == ["wave", "walk"]
    assert (reply.prompt_tokens, reply.answer_tokens) == (6, 3)
    assert model.ask(HELLO, ANSWER_SCHEMA) == reply


def test_an_answer_that_does_not_end_is_none(tmp_path: Path) -> None:
    model = LocalModel(write_model(tmp_path / "tiny", ends=False), device="cpu")
    with pytest.raises(LanguageModelError, match="answer cut off: 18 tokens"):
        model.ask(HELLO, ANSWER_SCHEMA)


def test_a_question_that_leaves_no_room_is_refused(tmp_path: Path) -> None:
    model = LocalModel(write_model(tmp_path / "tiny"), device="cpu")
    with pytest.raises(LanguageModelError, match="prompt too long: 26 tokens"):
        model.ask([Message(role="user", text="you " * 24)], ANSWER_SCHEMA)


def test_a_model_that_takes_no_instructions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="chat template"):
        LocalModel(write_model(tmp_path / "tiny", template=None))


def test_no_folder_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected the folder of a language model"):
        LocalModel("org/some-model")
    with pytest.raises(InvalidInputError, match="expected a causal language model"):
        LocalModel(tmp_path)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"marey\[hf\]"):
        LocalModel(tmp_path)
