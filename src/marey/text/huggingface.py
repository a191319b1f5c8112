"""Any Hugging Face text model as text encoder; needs the extra ``hf``."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from marey.errors import InvalidInputError, MissingExtraError
from marey.text.adapters import find_adapters, merge_adapters, refuse_adapter_as_model
from marey.text.encoder import TextStates, group_by_length
from marey.text.model_options import LLM2VEC_LLAMA3, TextModelOptions

_CODE_VERSION = "1"
_BATCH_SIZE = 32
_FINGERPRINT_SAMPLES = 1024

_MODEL_CLASSES = {
    "clip": "CLIPTextModel",
    "clip_text_model": "CLIPTextModel",
    "mt5": "MT5EncoderModel",
    "t5": "T5EncoderModel",
    "umt5": "UMT5EncoderModel",
}
"""Model types whose text encoder is only a part of what ``AutoModel`` would build."""

_OFFSET_POSITIONS = frozenset({"camembert", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl"})
"""Model types that count positions from the padding index on, and so have fewer than they say."""


_NAMED_ENCODERS = {
    str(LLM2VEC_LLAMA3.adapters[-1]): ("meta-llama/Meta-Llama-3-8B-Instruct", LLM2VEC_LLAMA3)
}
"""Base model and options of encoders with one name for both, which checkpoints can give."""


@final
class HuggingFaceEncoder:
    """Token states of a text model named by a hub name or a folder.

    Encoders (BERT, RoBERTa, DistilBERT, T5, ...) and decoders (Llama, Qwen, ...) give the mean of
    their states as sentence vector, CLIP its end-of-text state; all of unit length. ``options``
    merge adapters, lift a decoder's causal mask, wrap the text or pool the states; without them
    the name of the supervised LLM2Vec adapter stands for `LLM2VEC_LLAMA3` and its base model.
    Weights are read from safetensors only, and code that comes with a model is never run. Texts
    are computed in batches of equal length, without padding.

    ``revision`` pins a version on the hub; ``local_files_only`` forbids downloads; ``dtype`` is
    the precision of the computation (states are float32 in any case).

    Raises MissingExtraError without transformers (or, for adapters, peft), and InvalidInputError
    for a model or adapter that cannot be loaded, a checkpoint that lacks weights, or a model whose
    attention stays causal in spite of the options.
    """

    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        options: TextModelOptions | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        transformers = _import_transformers()
        name = source = str(model_name_or_path)
        if options is None:
            source, options = _NAMED_ENCODERS.get(name, (name, TextModelOptions()))
        where = {
            "revision": revision or "main",
            "local_files_only": local_files_only or Path(source).is_dir(),
            "trust_remote_code": False,
        }
        adapters = find_adapters(options.adapters, local_files_only=local_files_only)
        try:
            refuse_adapter_as_model(transformers, source, where)
            self._config = transformers.AutoConfig.from_pretrained(source, **where)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(source, **where)
            model = _load_model(transformers, self._config, source, where)
        except InvalidInputError:
            raise
        except (OSError, ValueError) as error:
            raise InvalidInputError(
                "expected a text model with config.json, a tokenizer and safetensors weights, got "
                f"{source!r}. Name a model on the hub or a folder with these files. ({error})"
            ) from error
        model = model.to(device=torch.device(device), dtype=dtype)
        self._model = merge_adapters(model, adapters).eval().requires_grad_(False)
        self._options = options
        self._device, self._dtype = torch.device(device), dtype
        self._name = name if name in _NAMED_ENCODERS else _full_name(source, options)
        self._version = _fingerprint(self._model, self._tokenizer, dtype, options)
        self._check_options()

    @property
    def name(self) -> str:
        """The hub name, or the name of the folder, with what the options add to it."""
        return self._name

    @property
    def version(self) -> str:
        """A fingerprint of weights, tokenizer and precision, and the version of this code."""
        return self._version

    @property
    def width(self) -> int:
        """Length of one hidden state."""
        return self._config.get_text_config().hidden_size

    @property
    def max_tokens(self) -> int | None:
        """The most tokens of one text, special ones included; None where the model has no limit."""
        config = self._config.get_text_config()
        positions = getattr(config, "max_position_embeddings", None)
        if positions is not None and config.model_type in _OFFSET_POSITIONS:
            positions -= config.pad_token_id + 1
        said = (positions, self._tokenizer.model_max_length, self._options.max_tokens)
        limits = [each for each in said if each]
        tightest = min(limits, default=None)
        return tightest if tightest is not None and tightest < 10**9 else None

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        """States of every kept token of each text: all, or what the options leave of them.

        Raises InvalidInputError for a text without tokens or with more than `max_tokens`.
        """
        if len(texts) == 0:
            return []
        ids, kept = self._tokenize(texts)
        self._check_lengths(texts, ids, kept)
        encoded: dict[int, TextStates] = {}
        for rows in group_by_length([len(each) for each in ids], batch_size=_BATCH_SIZE):
            computed = self._compute([ids[row] for row in rows], [kept[row] for row in rows])
            # Clones made outside inference mode may take part in training.
            for row, (states, vector) in zip(rows, computed, strict=True):
                encoded[row] = TextStates(states=states.clone(), vector=vector.clone())
        return [encoded[row] for row in range(len(ids))]

    def _tokenize(self, texts: Sequence[str]) -> tuple[list[list[int]], list[slice]]:
        """Return the token ids of each text, and which of them are kept."""
        if self._options.template is None:
            ids = self._tokenizer(list(texts), truncation=False, padding=False)["input_ids"]
            return ids, [slice(0, len(each)) for each in ids]
        before, after = self._options.template.split("{text}")
        inner = [
            text.strip() + (after if self._options.keeps_template_end else "") for text in texts
        ]
        outer = "" if self._options.keeps_template_end else after
        encoding = self._tokenizer(
            [before + each + outer for each in inner],
            truncation=False,
            padding=False,
            return_offsets_mapping=True,
        )
        kept = [
            _overlap(offsets, len(before), len(before) + len(each))
            for offsets, each in zip(encoding["offset_mapping"], inner, strict=True)
        ]
        return encoding["input_ids"], kept

    @torch.inference_mode()
    def _compute(self, ids: list[list[int]], kept: list[slice]) -> list[tuple[Tensor, Tensor]]:
        """Return states and vector of texts of one length."""
        output = self._output(ids)
        is_clip = self._config.model_type in ("clip", "clip_text_model")
        states = [row[own] for row, own in zip(output.last_hidden_state.float(), kept, strict=True)]
        pooled = output.pooler_output.float() if is_clip else [row.mean(dim=0) for row in states]
        return [
            (whole[None] if self._options.pooled else row, F.normalize(whole, dim=-1))
            for row, whole in zip(states, pooled, strict=True)
        ]

    def _output(self, ids: list[list[int]]) -> Any:
        tokens = torch.tensor(ids, device=self._device)
        mask = torch.ones_like(tokens)
        if self._options.bidirectional:
            # A mask of pairs, added to their logits, is used as it is. A model that is told not
            # to be causal builds one of its own, and in some versions a causal one after all.
            rows, length = tokens.shape
            shape = (rows, 1, length, length)
            mask = torch.zeros(shape, dtype=self._dtype, device=self._device)
        return self._model(input_ids=tokens, attention_mask=mask)

    def _check_options(self) -> None:
        if self._options.template is not None and not self._tokenizer.is_fast:
            raise InvalidInputError(
                f"template: expected a model with a tokenizer.json, got {self._name}, whose "
                "tokenizer cannot tell which tokens are the text's. Choose another model."
            )
        if self._options.bidirectional and not self._first_token_sees_last():
            raise InvalidInputError(
                "bidirectional: expected a model whose attention can see the whole text, got "
                f"{self._name}, whose first token does not. Leave the option out."
            )

    @torch.inference_mode()
    def _first_token_sees_last(self) -> bool:
        ids = [[3, 4, 5], [3, 4, 6]]  # any, as long as only the last differs
        try:
            one, other = self._output(ids).last_hidden_state[:, 0]
        except (RuntimeError, TypeError, ValueError):
            return False  # a model without attention, or with masks of another kind
        return not torch.equal(one, other)

    def _check_lengths(
        self, texts: Sequence[str], ids: Sequence[Sequence[int]], kept: Sequence[slice]
    ) -> None:
        most = self.max_tokens
        for text, tokens, own in zip(texts, ids, kept, strict=True):
            if own.start == own.stop or (most is not None and len(tokens) > most):
                got = 0 if own.start == own.stop else len(tokens)
                raise InvalidInputError(
                    f"expected a text of 1 to {most or 'any number of'} tokens for {self.name}, "
                    f"got {got}: {text[:60]!r}. "
                    "Shorten it, or split it into statements with spans."
                )


def _import_transformers() -> ModuleType:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("HuggingFaceEncoder", extra="hf") from error
    return transformers


def _load_model(
    transformers: ModuleType, config: Any, source: str, options: dict[str, Any]
) -> torch.nn.Module:
    loader = getattr(transformers, _MODEL_CLASSES.get(config.model_type, "AutoModel"))
    if config.model_type in _MODEL_CLASSES:
        # A concrete class knows no remote code, and would take the option for one of its own.
        options = {key: value for key, value in options.items() if key != "trust_remote_code"}
    with torch.random.fork_rng(devices=[]):  # a pooling head without weights is drawn
        model, report = loader.from_pretrained(
            source, use_safetensors=True, output_loading_info=True, **options
        )
    missing = sorted(key for key in report["missing_keys"] if not _is_pooling_head(key))
    if missing:
        raise InvalidInputError(
            f"expected weights for all of {source!r}, got none for {_some(missing)}. "
            "Name a complete checkpoint; missing weights would be random."
        )
    is_whole_encoder_decoder = config.is_encoder_decoder and "Encoder" not in type(model).__name__
    return model.get_encoder() if is_whole_encoder_decoder else model


def _is_pooling_head(weight_name: str) -> bool:
    """Whether the weight has no part in the states; checkpoints often lack it."""
    return weight_name.startswith("pooler.") or ".pooler." in weight_name


def _full_name(source: str, options: TextModelOptions) -> str:
    """Name everything that sets the encoder apart, so that no other one is loaded by this name."""
    folder = Path(source)
    flags = ("bidirectional", "template", "keeps_template_end", "pooled")
    parts = [
        folder.resolve().name if folder.is_dir() else source,
        *(Path(adapter).name for adapter in options.adapters),
        *(flag for flag in flags if getattr(options, flag)),
    ]
    return "+".join(parts)


def _overlap(offsets: Sequence[tuple[int, int]], start: int, stop: int) -> slice:
    """Return the tokens that hold a character of the stretch; special tokens hold none."""
    inside = [at for at, (a, b) in enumerate(offsets) if max(a, start) < min(b, stop)]
    return slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)


def _fingerprint(
    model: torch.nn.Module, tokenizer: Any, dtype: torch.dtype, options: TextModelOptions
) -> str:
    """A short digest of evenly spaced samples of every weight, the whole tokenizer, the options."""
    digest = hashlib.sha256(f"{_CODE_VERSION} {dtype}".encode())
    for name, weight in sorted(model.state_dict().items()):
        if _is_pooling_head(name):
            continue
        values = weight.detach().flatten()
        stride = max(1, len(values) // _FINGERPRINT_SAMPLES)
        digest.update(f"{name} {tuple(weight.shape)}".encode())
        digest.update(values[::stride].double().cpu().numpy().tobytes())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    words = sorted(tokenizer.get_vocab().items()) if backend is None else backend.to_str()
    digest.update(repr(words).encode())
    # Adapters are in the weights already, and a limit changes no states.
    shown = replace(options, adapters=(), max_tokens=None)
    if shown != TextModelOptions():
        digest.update(repr(shown).encode())
    return f"{digest.hexdigest()[:16]}+{_CODE_VERSION}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
