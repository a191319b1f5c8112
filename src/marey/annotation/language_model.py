"""LanguageModel: what annotation asks of a language model, wherever that runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from marey.annotation.prompt import Message
from marey.errors import MareyError


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a language model answered, and how much was read and written for it."""

    text: str
    prompt_tokens: int | None
    """None where the model does not tell."""
    answer_tokens: int | None
    """None where the model does not tell."""


@runtime_checkable
class LanguageModel(Protocol):
    """Something that goes on with a conversation; called from several threads at once."""

    @property
    def name(self) -> str:
        """Name that sets the model apart; cached answers are kept by it."""
        ...

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Return the answer to the last message, once, with no second attempt.

        ``schema`` is the JSON schema that the answer should follow; whether it does is for the
        caller to check. Raises LanguageModelError where there is no answer.
        """
        ...


class LanguageModelError(MareyError):
    """A language model gave no answer; the message says why."""

    def __init__(
        self, reason: str, details: str = "", *, passing: bool, wait: float | None = None
    ) -> None:
        super().__init__(f"{reason}: {details}" if details else reason)
        self.reason = reason
        """A few words to count by, such as ``HTTP 429`` or ``timeout``."""
        self.passing = passing
        """Whether the same question may be answered a little later."""
        self.wait = wait
        """Seconds that the model asked to wait before the next question; None where it did not."""
