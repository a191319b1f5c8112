"""Adapters, attention, wrapping and pooling of decoders, on a tiny Llama written by the test."""

import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from marey.errors import InvalidInputError, MissingExtraError
from marey.text import TextEncoder
from marey.text import huggingface as huggingface_module
from marey.text.huggingface import HuggingFaceEncoder
from marey.text.model_options import LLM2VEC_LLAMA3, TextModelOptions

transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

TEXTS = ["a person walks", "walks", "a person waves the left arm", "a person waves the right arm"]
SPECIAL = ["<|begin|>", "<|user|>", "<|eot|>"]
TURN = "<|user|>\n\n{text}<|eot|>"
WIDTH = 32


def _write_base(folder: Path) -> None:
    """Save a causal Llama and a byte-level tokenizer that takes whole words first, as Llama 3."""
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.train_from_iterator([*TEXTS, "\n\n"] * 9, trainer)
    backend = Tokenizer.from_str(
        trained.to_str().replace('"ignore_merges":false', '"ignore_merges":true')
    )
    assert backend.model.ignore_merges
    backend.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", 0)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|begin|>", eos_token="<|eot|>"
    ).save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=backend.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=2,
        initializer_range=0.2,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def _write_adapter(base: Path, folder: Path, *, rank: int, alpha: int, modules: list[str]) -> None:
    network = transformers.AutoModel.from_pretrained(base)
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=modules)
    with warnings.catch_warnings():  # peft asks transformers 5 for a deprecated name
        warnings.simplefilter("ignore", FutureWarning)
        wrapped = peft.get_peft_model(network, config)
    for name, weight in wrapped.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    wrapped.save_pretrained(folder)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a base model and two random adapters of it."""
    folder = tmp_path_factory.mktemp("hub")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        base = folder / "base"
        _write_base(base)
        _write_adapter(base, folder / "first", rank=4, alpha=8, modules=["q_proj", "v_proj"])
        _write_adapter(base, folder / "second", rank=2, alpha=6, modules=["v_proj", "down_proj"])
    return folder


def _encoder(hub: Path, **options: Any) -> HuggingFaceEncoder:
    return HuggingFaceEncoder(hub / "base", options=TextModelOptions(**options))


def _network(hub: Path) -> Any:
    return transformers.AutoModel.from_pretrained(hub / "base").eval()


def _ids(hub: Path, text: str, *, special: bool = True) -> list[int]:
    backend = Tokenizer.from_file(str(hub / "base" / "tokenizer.json"))
    return backend.encode(text, add_special_tokens=special).ids


@torch.no_grad()
def _states(network: Any, ids: Sequence[int]) -> torch.Tensor:
    return network(input_ids=torch.tensor([list(ids)])).last_hidden_state[0]


@torch.no_grad()
def _add_by_hand(network: Any, adapter: Path, *, scale: float) -> None:
    """Set W to W + scale · B A for every pair of matrices in the adapter's file."""
    pairs = load_file(adapter / "adapter_model.safetensors")
    for key in [key for key in pairs if ".lora_A." in key]:
        name = key.removeprefix("base_model.model.").replace(".lora_A.weight", ".weight")
        down, up = pairs[key], pairs[key.replace("lora_A", "lora_B")]
        network.get_parameter(name).add_(scale * up @ down)


def test_adapters_are_added_to_the_weights_one_after_the_other(hub: Path) -> None:
    encoder = _encoder(hub, adapters=(str(hub / "first"), hub / "second"))
    network = _network(hub)
    for adapter, scale in (("first", 8 / 4), ("second", 6 / 2)):
        before = _states(network, _ids(hub, TEXTS[2]))
        _add_by_hand(network, hub / adapter, scale=scale)
        assert (_states(network, _ids(hub, TEXTS[2])) - before).abs().max() > 0.1
    for text, encoded in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        expected = _states(network, _ids(hub, text))
        torch.testing.assert_close(encoded.states, expected, atol=1e-4, rtol=1e-4)


def test_adapters_leave_no_layers_of_their_own(hub: Path) -> None:
    network = _encoder(hub, adapters=(hub / "first", hub / "second"))._model
    assert type(network).__name__ == "LlamaModel"
    assert not [name for name, _ in network.named_parameters() if "lora" in name]
    assert not any(weight.requires_grad for weight in network.parameters())


def test_loading_adapters_leaves_the_global_generator_alone(hub: Path) -> None:
    before = torch.get_rng_state()
    _encoder(hub, adapters=(hub / "first",), bidirectional=True)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_only_a_bidirectional_model_looks_ahead(hub: Path, bidirectional: bool) -> None:
    encoder = _encoder(hub, bidirectional=bidirectional)
    left, right = encoder.encode(["waves the left arm", "waves the left person"])
    change = (left.states[0] - right.states[0]).abs().max()
    assert change > 1e-3 if bidirectional else change < 1e-6


def test_bidirectional_states_are_those_of_attention_without_a_mask(hub: Path) -> None:
    network = _network(hub)
    for layer in network.layers:
        layer.self_attn.is_causal = False
    for text, encoded in zip(TEXTS, _encoder(hub, bidirectional=True).encode(TEXTS), strict=True):
        expected = _states(network, _ids(hub, text))
        torch.testing.assert_close(encoded.states, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_do_not_depend_on_the_batch(hub: Path, bidirectional: bool, pooled: bool) -> None:
    encoder = _encoder(hub, bidirectional=bidirectional, template=TURN, pooled=pooled)
    lengths = {len(_ids(hub, text)) for text in TEXTS}
    assert len(lengths) > 1  # a batch of these would be padded
    for text, together in zip(TEXTS, encoder.encode(TEXTS), strict=True):
        alone = encoder.encode([text])[0]
        torch.testing.assert_close(together.states, alone.states, atol=1e-5, rtol=0)
        torch.testing.assert_close(together.vector, alone.vector, atol=1e-5, rtol=0)


@pytest.mark.parametrize("keeps_end", [False, True])
@pytest.mark.parametrize("text", [*TEXTS, "waves, 谢谢 🙂", "walks (left) "])
def test_only_the_tokens_of_the_text_are_kept(hub: Path, text: str, keeps_end: bool) -> None:
    encoder = _encoder(hub, template=TURN, keeps_template_end=keeps_end)
    own = _ids(hub, text.strip(), special=False)
    whole = _ids(hub, TURN.replace("{text}", text.strip()))
    start = len(whole) - len(own) - 1  # the turn's end is one token
    assert whole[start:-1] == own
    expected = _states(_network(hub), whole)[start : len(whole) if keeps_end else -1]
    encoded = encoder.encode([text])[0]
    torch.testing.assert_close(encoded.states, expected, atol=1e-5, rtol=1e-4)
    mean = expected.mean(dim=0)
    torch.testing.assert_close(encoded.vector, mean / mean.norm(), atol=1e-5, rtol=1e-4)


def test_pooled_states_are_one_row_with_the_direction_of_the_vector(hub: Path) -> None:
    pooled = _encoder(hub, template=TURN, pooled=True)
    assert isinstance(pooled, TextEncoder)
    rows = _encoder(hub, template=TURN).encode(TEXTS)
    for one, many in zip(pooled.encode(TEXTS), rows, strict=True):
        torch.testing.assert_close(one.states, many.states.mean(dim=0, keepdim=True))
        torch.testing.assert_close(one.states[0] / one.states.norm(), one.vector)


def test_every_option_that_changes_states_has_a_name_and_a_version(hub: Path) -> None:
    choices: list[dict[str, Any]] = [
        {},
        {"adapters": (hub / "first",)},
        {"adapters": (hub / "first", hub / "second")},
        {"bidirectional": True},
        {"template": TURN},
        {"template": TURN, "keeps_template_end": True},
        {"pooled": True},
    ]
    encoders = [_encoder(hub, **choice) for choice in choices]
    assert len({each.version for each in encoders}) == len(choices)
    assert len({each.name for each in encoders}) == len(choices)
    plain = HuggingFaceEncoder(hub / "base")
    for same in (encoders[0], _encoder(hub, max_tokens=9)):
        assert (same.name, same.version) == (plain.name, plain.version)
    # A checkpoint that names such an encoder must not get the plain one in its place.
    with pytest.raises(InvalidInputError):
        HuggingFaceEncoder(encoders[2].name, local_files_only=True)


def test_a_named_encoder_brings_its_base_and_its_options(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TextModelOptions(adapters=(hub / "first",), bidirectional=True, template=TURN)
    monkeypatch.setitem(
        huggingface_module._NAMED_ENCODERS, "maker/first", (str(hub / "base"), options)
    )
    named = HuggingFaceEncoder("maker/first", local_files_only=True)
    assert named.name == "maker/first"
    assert named.version == HuggingFaceEncoder(hub / "base", options=options).version


def test_llm2vec_wraps_and_pools_as_it_was_trained() -> None:
    assert str(LLM2VEC_LLAMA3.adapters[-1]) in huggingface_module._NAMED_ENCODERS
    assert [str(each).rsplit("-", 1)[-1] for each in LLM2VEC_LLAMA3.adapters] == [
        "mntp",
        "supervised",
    ]
    assert LLM2VEC_LLAMA3.bidirectional
    assert LLM2VEC_LLAMA3.keeps_template_end
    assert LLM2VEC_LLAMA3.max_tokens == 512


def test_a_text_may_have_as_many_tokens_as_the_options_say(hub: Path) -> None:
    whole = len(_ids(hub, TURN.replace("{text}", TEXTS[2])))
    encoder = _encoder(hub, template=TURN, max_tokens=whole)
    assert encoder.max_tokens == whole
    encoder.encode([TEXTS[2]])
    with pytest.raises(InvalidInputError, match=f"got {whole}"):
        _encoder(hub, template=TURN, max_tokens=whole - 1).encode([TEXTS[2]])
    with pytest.raises(InvalidInputError, match="got 0"):
        encoder.encode(["  "])


class _Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (RuntimeError, ("unpickled",))


def test_pickled_adapters_are_refused(hub: Path, tmp_path: Path) -> None:
    config = (hub / "first" / "adapter_config.json").read_text()
    (tmp_path / "adapter_config.json").write_text(config)
    torch.save({"weights": _Bomb()}, tmp_path / "adapter_model.bin")
    with pytest.raises(InvalidInputError, match=r"adapter_model\.bin"):
        _encoder(hub, adapters=(tmp_path,))


def test_an_adapter_is_no_model(hub: Path) -> None:
    with pytest.raises(InvalidInputError, match="expected a whole model, got the adapter"):
        HuggingFaceEncoder(hub / "first")


def test_adapters_that_do_not_fit_are_refused(hub: Path, tmp_path: Path) -> None:
    def changed(name: str, config: tuple[str, str], weight: tuple[str, str]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        text = (hub / "first" / "adapter_config.json").read_text().replace(*config)
        (folder / "adapter_config.json").write_text(text)
        weights = load_file(hub / "first" / "adapter_model.safetensors")
        renamed = {key.replace(*weight): value for key, value in weights.items()}
        save_file(renamed, folder / "adapter_model.safetensors")
        return folder

    same = ("nothing", "nothing")
    prefix = ("base_model.model.", "base_model.model.model.")
    refused = {
        "no counterpart": changed("of the causal model", same, prefix),
        "its type is": changed("of another kind", ('"LORA"', '"IA3"'), same),
        "adapter made for": changed("of another rank", ('"r": 4', '"r": 3'), same),
        "not found": changed("of other layers", ("_proj", "_gate"), same),
    }
    for message, folder in refused.items():
        with pytest.raises(InvalidInputError, match=message):
            _encoder(hub, adapters=(folder,))
    with pytest.raises(InvalidInputError, match=r"adapter_config\.json"):
        _encoder(hub, adapters=(tmp_path / "nowhere",))


def test_a_model_that_stays_causal_is_refused(hub: Path, tmp_path: Path) -> None:
    config = transformers.OPTConfig(
        vocab_size=400,
        hidden_size=16,
        word_embed_proj_dim=16,
        ffn_dim=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((hub / "base" / file).read_bytes())
    HuggingFaceEncoder(tmp_path)
    with pytest.raises(InvalidInputError, match="bidirectional"):
        HuggingFaceEncoder(tmp_path, options=TextModelOptions(bidirectional=True))


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"template": "Describe:"}, "template"),
        ({"template": "{text} {text}"}, "template"),
        ({"keeps_template_end": True}, "keeps_template_end"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_options_that_contradict_themselves_are_refused(
    options: dict[str, Any], place: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"^{place}: expected"):
        TextModelOptions(**options)
    with pytest.raises(InvalidInputError, match=r"^max_tokens"):
        replace(LLM2VEC_LLAMA3, max_tokens=-1)


def test_the_missing_extra_is_named(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'marey\[hf\]'"):
        _encoder(hub, adapters=(hub / "first",))
    _encoder(hub, bidirectional=True)  # peft serves adapters only
