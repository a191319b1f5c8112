"""Any Hugging Face text model as text encoder; needs the extra ``hf``."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from marey.errors import InvalidInputError, MissingExtraError
from marey.text.encoder import TextStates, group_by_length

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


@final
class HuggingFaceEncoder:
    """Token states of a text model named by a hub name or a folder.

    Encoders (BERT, RoBERTa, DistilBERT, T5, ...) and decoders (Llama, Qwen, ...) give the mean of
    their states as sentence vector, CLIP its end-of-text state; all of unit length. A decoder
    keeps its causal attention. Weights are read from safetensors only, and code that comes with
    a model is never run. Texts are computed in batches of equal length, without padding.

    ``revision`` pins a version on the hub; ``local_files_only`` forbids downloads; ``dtype`` is
    the precision of the computation (states are float32 in any case).

    Raises MissingExtraError without transformers, and InvalidInputError for a model that cannot
    be loaded or whose checkpoint lacks weights.
    """

    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        transformers = _import_transformers()
        source = str(model_name_or_path)
        options = {
            "revision": revision or "main",
            "local_files_only": local_files_only or Path(source).is_dir(),
            "trust_remote_code": False,
        }
        try:
            self._config = transformers.AutoConfig.from_pretrained(source, **options)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
            model = _load_model(transformers, self._config, source, options)
        except (OSError, ValueError) as error:
            raise InvalidInputError(
                "expected a text model with config.json, a tokenizer and safetensors weights, got "
                f"{source!r}. Name a model on the hub or a folder with these files. ({error})"
            ) from error
        folder = Path(source)
        self._name = folder.resolve().name if folder.is_dir() else source
        self._device = torch.device(device)
        self._model = model.to(device=self._device, dtype=dtype).eval().requires_grad_(False)
        self._version = _fingerprint(model, self._tokenizer, dtype)

    @property
    def name(self) -> str:
        """The hub name, or the name of the folder."""
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
        limits = [each for each in (positions, self._tokenizer.model_max_length) if each]
        tightest = min(limits, default=None)
        return tightest if tightest is not None and tightest < 10**9 else None

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        """States of every token of each text, special tokens included.

        Raises InvalidInputError for a text without tokens or with more than `max_tokens`.
        """
        if len(texts) == 0:
            return []
        ids = self._tokenizer(list(texts), truncation=False, padding=False)["input_ids"]
        self._check_lengths(texts, ids)
        encoded: dict[int, TextStates] = {}
        for rows in group_by_length([len(each) for each in ids], batch_size=_BATCH_SIZE):
            states, vectors = self._compute([ids[row] for row in rows])
            # Clones made outside inference mode may take part in training.
            for row, state, vector in zip(rows, states, vectors, strict=True):
                encoded[row] = TextStates(states=state.clone(), vector=vector.clone())
        return [encoded[row] for row in range(len(ids))]

    @torch.inference_mode()
    def _compute(self, ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        tokens = torch.tensor(ids, device=self._device)
        output = self._model(input_ids=tokens, attention_mask=torch.ones_like(tokens))
        states = output.last_hidden_state.float()
        is_clip = self._config.model_type in ("clip", "clip_text_model")
        pooled = output.pooler_output.float() if is_clip else states.mean(dim=1)
        return states, F.normalize(pooled, dim=-1)

    def _check_lengths(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> None:
        most = self.max_tokens
        for text, tokens in zip(texts, ids, strict=True):
            if len(tokens) == 0 or (most is not None and len(tokens) > most):
                raise InvalidInputError(
                    f"expected a text of 1 to {most or 'any number of'} tokens for {self.name}, "
                    f"got {len(tokens)}: {text[:60]!r}. "
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


def _fingerprint(model: torch.nn.Module, tokenizer: Any, dtype: torch.dtype) -> str:
    """A short digest of evenly spaced samples of every weight, and of the whole tokenizer."""
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
    return f"{digest.hexdigest()[:16]}+{_CODE_VERSION}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
