"""ChatModel: an instruction-tuned transformers model in a local folder, and its LoRA adapter.

Needs the extra ``hf``. An adapter is a folder with adapter_config.json and
adapter_model.safetensors, as peft writes it; one that marey wrote also knows the weights of the
model that it was made for.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from marey.errors import InvalidInputError, MissingExtraError
from marey.io import atomic_path
from marey.text.adapters import attach_adapter, find_adapters

Conversation = Sequence[tuple[str, str]]
"""Turns of (role, text)."""

_PIECES, _PIECE = 256, 4096
"""Pieces of a weight file that its fingerprint is made of, and bytes of one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ChatModel:
    """A causal language model and the tokenizer that frames its conversations."""

    name: str
    """The name of its folder."""
    model: Any
    tokenizer: Any
    device: torch.device
    fingerprint: str
    """Hash of pieces of the weights, which tells models of one shape apart."""

    @property
    def longest(self) -> int:
        """The most tokens of question and answer."""
        config = self.model.config.get_text_config()
        return getattr(config, "max_position_embeddings", None) or 10**9

    @property
    def ends(self) -> list[int]:
        """Tokens that end an answer."""
        end = self.model.generation_config.eos_token_id
        return end if isinstance(end, list) else [end]

    def prompts(self, conversations: Sequence[Conversation]) -> list[list[int]]:
        """Return the tokens of conversations, each up to where the answer begins.

        Raises InvalidInputError where the chat template refuses one.
        """
        from jinja2 import TemplateError

        told = [
            [{"role": role, "content": text} for role, text in turns] for turns in conversations
        ]
        try:
            return self.tokenizer.apply_chat_template(
                told, add_generation_prompt=True, return_dict=True
            )["input_ids"]
        except TemplateError as error:
            roles = ", ".join(sorted({role for turns in conversations for role, _ in turns}))
            raise InvalidInputError(
                f"{self.name}: expected a chat template that takes turns of {roles}, got one that "
                f"refuses them ({error}). Choose another model."
            ) from error


def load_chat_model(
    folder: str | Path,
    *,
    adapter: str | Path | None = None,
    dtype: torch.dtype | Literal["auto"] = "auto",
    device: torch.device | str | None = None,
) -> ChatModel:
    """Load a model, with an adapter where one is given; by default on a GPU where there is one.

    Nothing is downloaded, weights are read from safetensors only, and code that comes with a
    model is never run. Raises MissingExtraError without transformers, and InvalidInputError for a
    folder without model, a model whose tokenizer has no chat template (it is not tuned to
    instructions), or an adapter that was made for another model.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("A local language model", extra="hf") from error
    folder = Path(folder)
    _require_model(folder)
    where = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, **where)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=True, dtype=dtype, **where
        )
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"{folder}: expected a causal language model with config.json, a tokenizer and "
            f"safetensors weights. ({error})"
        ) from error
    if not tokenizer.chat_template:
        raise InvalidInputError(
            f"{folder}: expected an instruction-tuned model, got a tokenizer without a chat "
            "template. Choose the instruct version of the model."
        )
    if model.generation_config.eos_token_id is None:
        raise InvalidInputError(
            f"{folder}: expected eos_token_id in generation_config.json, got none: answers of this "
            "model would never end. Add it."
        )
    fingerprint = _fingerprint(folder)
    if adapter is not None:
        model = _adapted(model, Path(adapter), folder, fingerprint)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return ChatModel(
        name=folder.resolve().name,
        model=model.to(place).eval().requires_grad_(False),
        tokenizer=tokenizer,
        device=place,
        fingerprint=fingerprint,
    )


def save_adapter(model: Any, folder: Path, *, base: ChatModel) -> None:
    """Write the adapter of a peft model; one that is there is replaced, file by file at once."""
    from peft import get_peft_model_state_dict

    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    own = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    made_for = json.dumps({"base": base.name, "fingerprint": base.fingerprint})
    config = {**model.peft_config["default"].to_dict(), "inference_mode": True}
    config["base_model_name_or_path"] = base.name
    plain = {k: sorted(v) if isinstance(v, set) else v for k, v in config.items()}
    with atomic_path(folder / "adapter_model.safetensors", force=True) as weights:
        weights.write_bytes(save(own, metadata={"format": "pt", "marey": made_for}))
    with atomic_path(folder / "adapter_config.json", force=True) as text:
        text.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _require_model(folder: Path) -> None:
    if not folder.is_dir():
        raise InvalidInputError(
            f"expected the folder of a language model, got {str(folder)!r}. Download one first, or "
            "give the URL of an endpoint."
        )
    if (folder / "adapter_config.json").is_file():
        raise InvalidInputError(
            f"expected the folder of a whole model, got the adapter {str(folder)!r}. Give the "
            "model that it was made for, and the adapter beside it (--adapter)."
        )


def _adapted(model: Any, adapter: Path, folder: Path, fingerprint: str) -> Any:
    if not adapter.is_dir():
        raise InvalidInputError(
            f"expected the folder of an adapter, got {str(adapter)!r}. `marey reason tune` keeps "
            "it in RUN/adapter."
        )
    (found,) = find_adapters([adapter], local_files_only=True)
    try:
        with safe_open(found / "adapter_model.safetensors", framework="pt") as file:
            made_for = json.loads((file.metadata() or {}).get("marey", "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        raise InvalidInputError(
            f"expected an adapter's weights in {str(adapter)!r}, got {error}. Tune it again."
        ) from error
    if made_for and made_for["fingerprint"] != fingerprint:
        raise InvalidInputError(
            f"{adapter}: expected the model that it was made for, {made_for['base']!r}, got other "
            f"weights in {str(folder)!r}. Give that model, or tune this one: marey reason tune."
        )
    return attach_adapter(model, found)


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{size} ".encode())
        with path.open("rb") as file:
            for piece in range(_PIECES):
                file.seek(max(0, size - _PIECE) * piece // (_PIECES - 1))
                digest.update(file.read(_PIECE))
    return digest.hexdigest()[:16]
