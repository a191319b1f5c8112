"""LocalModel: an instruction-tuned transformers model in a local folder; needs the extra ``hf``."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch

from marey.annotation.language_model import LanguageModelError, Reply
from marey.annotation.prompt import Message
from marey.text.chat_model import load_chat_model


@final
class LocalModel:
    """A causal language model that runs in this process; one question at a time, always likeliest.

    ``adapter`` is the folder of a LoRA adapter that was made for it (``RUN/adapter`` of `marey
    reason tune`). The schema is told in the prompt and not enforced. What is loaded, and what is
    refused, is told at `marey.text.chat_model.load_chat_model`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        adapter: str | Path | None = None,
        most_answer_tokens: int = 2048,
        device: torch.device | str | None = None,
    ) -> None:
        self._chat = load_chat_model(folder, adapter=adapter, device=device)
        self._adapter = None if adapter is None else Path(adapter).resolve()
        self._most = most_answer_tokens
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The name of the folder, with that of the run that made the adapter."""
        if self._adapter is None:
            return self._chat.name
        return f"{self._chat.name}+{self._adapter.parent.name}"

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Return the likeliest answer, token by token.

        Raises LanguageModelError for a question that leaves no room for an answer, and for an
        answer that does not end.
        """
        del schema  # the prompt tells it
        chat = self._chat
        turns = [(each.role, each.text) for each in messages]
        prompt = torch.tensor(chat.prompts([turns]), device=chat.device)
        asked = prompt.shape[1]
        room = chat.longest - asked
        if room < 1:
            raise LanguageModelError("prompt too long", f"{asked} tokens", passing=False)
        with self._lock, torch.inference_mode():
            tokens = chat.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=min(room, self._most),
                do_sample=False,
            )
        answer = tokens[0, asked:]
        if answer[-1].item() not in chat.ends:
            raise LanguageModelError("answer cut off", f"{len(answer)} tokens", passing=False)
        return Reply(
            text=chat.tokenizer.decode(answer, skip_special_tokens=True),
            prompt_tokens=asked,
            answer_tokens=len(answer),
        )
