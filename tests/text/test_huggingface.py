"""Hugging Face encoders, on tiny random models written by the test; no network."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from marey.errors import InvalidInputError, MissingExtraError
from marey.text import CachedEncoder, TextEncoder
from marey.text.huggingface import HuggingFaceEncoder

transformers = pytest.importorskip("transformers")

WORDS = ["a", "person", "walks", "forward", "left", "right", "and", "waves", "the", "arm", "slowly"]
VOCABULARY = {w: i for i, w in enumerate(["<s>", "<pad>", "</s>", "<unk>", *WORDS])}
TEXTS = ["a person walks", "walks", "a person waves the left arm", "a person waves the right arm"]
SMALL = {"vocab_size": len(VOCABULARY), "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def _bert() -> Any:
    config = transformers.BertConfig(hidden_size=16, max_position_embeddings=32, **SMALL, **LAYERS)
    return transformers.BertModel(config)


def _roberta() -> Any:
    config = transformers.RobertaConfig(
        hidden_size=16, max_position_embeddings=34, **SMALL, **LAYERS
    )
    return transformers.RobertaModel(config, add_pooling_layer=False)


def _distilbert() -> Any:
    config = transformers.DistilBertConfig(
        dim=16, hidden_dim=32, n_layers=2, n_heads=2, max_position_embeddings=32, **SMALL
    )
    return transformers.DistilBertModel(config)


def _clip_text() -> Any:
    config = transformers.CLIPTextConfig(
        hidden_size=16, max_position_embeddings=32, **SMALL, **LAYERS
    )
    return transformers.CLIPTextModel(config)


def _clip() -> Any:
    text = {"hidden_size": 16, "max_position_embeddings": 32, **SMALL, **LAYERS}
    vision = {"hidden_size": 16, "image_size": 8, "patch_size": 4, **LAYERS}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    return transformers.CLIPModel(config)


def _t5() -> Any:
    config = transformers.T5Config(
        d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=1, **SMALL
    )
    return transformers.T5ForConditionalGeneration(config)


def _llama() -> Any:
    config = transformers.LlamaConfig(
        hidden_size=16, num_key_value_heads=1, max_position_embeddings=32, **SMALL, **LAYERS
    )
    return transformers.LlamaForCausalLM(config)


KINDS: dict[str, Callable[[], Any]] = {
    "bert": _bert,
    "roberta": _roberta,
    "distilbert": _distilbert,
    "clip text": _clip_text,
    "clip": _clip,
    "t5": _t5,
    "llama": _llama,
}


def _write_tokenizer(folder: Path) -> None:
    backend = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    ).save_pretrained(folder)


@pytest.fixture(scope="module", params=list(KINDS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind: str = request.param
    path = tmp_path_factory.mktemp("models") / kind
    with torch.random.fork_rng():
        torch.manual_seed(0)
        KINDS[kind]().eval().save_pretrained(path)
    _write_tokenizer(path)
    return path


def _reference_states(folder: Path, text: str) -> torch.Tensor:
    ids = [0, *(VOCABULARY[word] for word in text.split()), 2]
    tokens = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids)).long()}
    network = transformers.AutoModel.from_pretrained(folder).eval()
    if folder.name == "clip":
        network = network.text_model
    if folder.name == "t5":
        network = network.encoder
    with torch.no_grad():
        return network(**tokens).last_hidden_state[0]


def test_states_equal_those_of_the_model(folder: Path) -> None:
    encoder = HuggingFaceEncoder(folder)
    assert isinstance(encoder, TextEncoder)
    assert encoder.width == 16
    for text, encoded in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        torch.testing.assert_close(
            encoded.states, _reference_states(folder, text), atol=1e-5, rtol=1e-5
        )
        assert encoded.vector.norm().item() == pytest.approx(1)


def test_states_do_not_depend_on_the_batch(folder: Path) -> None:
    encoder = HuggingFaceEncoder(folder)
    for text, together in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        alone = encoder.encode([text])[0]
        torch.testing.assert_close(together.states, alone.states, atol=1e-5, rtol=0)
        torch.testing.assert_close(together.vector, alone.vector, atol=1e-5, rtol=0)
    assert encoder.encode([]) == []


def test_the_longest_text_fits_and_a_longer_one_is_refused(folder: Path) -> None:
    encoder = HuggingFaceEncoder(folder)
    most = encoder.max_tokens
    if folder.name == "t5":  # relative positions: no limit
        assert most is None
        return
    assert most == 32
    assert len(encoder.encode(["a " * 30])[0].states) == 32
    with pytest.raises(InvalidInputError, match="got 33"):
        encoder.encode(["a " * 31])


def test_the_version_follows_weights_tokenizer_and_precision(folder: Path) -> None:
    version = HuggingFaceEncoder(folder).version
    assert HuggingFaceEncoder(folder).version == version
    assert HuggingFaceEncoder(folder, dtype=torch.bfloat16).version != version


def test_other_weights_are_another_version(tmp_path: Path) -> None:
    versions = set()
    for seed in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            _bert().save_pretrained(tmp_path / "bert")
        _write_tokenizer(tmp_path / "bert")
        encoder = HuggingFaceEncoder(tmp_path / "bert")
        assert encoder.name == "bert"
        versions.add(encoder.version)
    assert len(versions) == 2


def test_loading_leaves_the_global_generator_alone(folder: Path) -> None:
    before = torch.get_rng_state()
    HuggingFaceEncoder(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_still_gives_float32_states_for_training(tmp_path: Path) -> None:
    _bert().save_pretrained(tmp_path / "bert")
    _write_tokenizer(tmp_path / "bert")
    cached = CachedEncoder(
        HuggingFaceEncoder(tmp_path / "bert", dtype=torch.bfloat16), tmp_path / "text.sqlite"
    )
    states = cached.encode(["a person"])[0].states
    assert states.dtype == torch.float32
    layer = torch.nn.Linear(16, 1)
    layer(states).sum().backward()
    assert layer.weight.grad is not None


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    model = _bert()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    _write_tokenizer(tmp_path)
    with pytest.raises(InvalidInputError, match="safetensors"):
        HuggingFaceEncoder(tmp_path)


def test_missing_weights_are_refused_not_drawn(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    _bert().save_pretrained(tmp_path)
    _write_tokenizer(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {key: value for key, value in weights.items() if "layer.1." not in key}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InvalidInputError, match="missing weights would be random"):
        HuggingFaceEncoder(tmp_path)


def test_an_unknown_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected a text model"):
        HuggingFaceEncoder(tmp_path)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"marey\[hf\]"):
        HuggingFaceEncoder("any/model")
