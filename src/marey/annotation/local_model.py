"""LocalModel: an instruction-tuned transformers model in a local folder; needs the extra ``hf``."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch

from marey.annotation.language_model import LanguageModelError, Reply
from marey.annotation.prompt import Message
from marey.errors import InvalidInputError, MissingExtraError


@final
class LocalModel:
    """A causal language model that runs in this process; one question at a time, always likeliest.

    Nothing is downloaded, weights are read from safetensors only, and code that comes with a
    model is never run. The schema is told in the prompt and not enforced.

    Raises MissingExtraError without transformers, and InvalidInputError for a folder without
    model, or a model whose tokenizer has no chat template: it is not tuned to instructions.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        most_answer_tokens: int = 2048,
        device: torch.device | str | None = None,
    ) -> None:
        try:
            import transformers
        except ImportError as error:
            raise MissingExtraError("LocalModel", extra="hf") from error
        self._folder, self._most = Path(folder), most_answer_tokens
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._lock = threading.Lock()
        if not self._folder.is_dir():
            raise InvalidInputError(
                f"expected the folder of a language model, got {str(folder)!r}. Download one "
                "first, or give the URL of an endpoint."
            )
        where = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder, **where)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                self._folder, use_safetensors=True, dtype="auto", **where
            )
        except (OSError, ValueError) as error:
            raise InvalidInputError(
                f"{folder}: expected a causal language model with config.json, a tokenizer and "
                f"safetensors weights. ({error})"
            ) from error
        if not self._tokenizer.chat_template:
            raise InvalidInputError(
                f"{folder}: expected an instruction-tuned model, got a tokenizer without a chat "
                "template. Choose the instruct version of the model."
            )
        self._model = model.to(self._device).eval().requires_grad_(False)

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self._folder.resolve().name

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Return the likeliest answer, token by token.

        Raises LanguageModelError for a question that leaves no room for an answer, and for an
        answer that does not end.
        """
        del schema  # the prompt tells it
        turns = [{"role": each.role, "content": each.text} for each in messages]
        prompt = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        ).to(self._device)
        asked = prompt["input_ids"].shape[1]
        room = self._longest() - asked
        if room < 1:
            raise LanguageModelError("prompt too long", f"{asked} tokens", passing=False)
        with self._lock, torch.inference_mode():
            tokens = self._model.generate(
                **prompt, max_new_tokens=min(room, self._most), do_sample=False
            )
        answer = tokens[0, asked:]
        if answer[-1].item() not in self._ends():
            raise LanguageModelError("answer cut off", f"{len(answer)} tokens", passing=False)
        return Reply(
            text=self._tokenizer.decode(answer, skip_special_tokens=True),
            prompt_tokens=asked,
            answer_tokens=len(answer),
        )

    def _longest(self) -> int:
        """The most tokens of question and answer."""
        config = self._model.config.get_text_config()
        return getattr(config, "max_position_embeddings", None) or 10**9

    def _ends(self) -> list[int]:
        """Tokens that end an answer."""
        end = self._model.generation_config.eos_token_id
        return end if isinstance(end, list) else [end]
