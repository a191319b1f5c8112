"""OpenAIEndpoint: any server with OpenAI's ``/chat/completions``; needs the extra ``llm``."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

from marey.annotation.language_model import LanguageModelError, Reply
from marey.annotation.prompt import Message
from marey.errors import InvalidInputError, MissingExtraError

KEY_VARIABLE = "MAREY_LLM_KEY"
"""Environment variable that holds the API key, where the endpoint wants one."""

AnswerFormat = Literal["schema", "object", "text"]
"""What the endpoint is asked to enforce: the JSON schema, any JSON object, or nothing."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_MOST_BYTES = 4 * 2**20


@final
class OpenAIEndpoint:
    """A model behind an OpenAI-compatible endpoint. Nothing but ``base_url`` is ever contacted.

    ``base_url`` is what stands before ``/chat/completions``, such as
    ``http://localhost:8080/v1``. The key comes from `KEY_VARIABLE` and from nowhere else.
    ``timeout``, in seconds, is for the whole answer. Redirects are not followed.

    Raises MissingExtraError without the extra ``llm``, InvalidInputError for another kind of URL.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        timeout: float = 120.0,
        answer_format: AnswerFormat = "schema",
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise InvalidInputError(
                f"expected the URL of an endpoint such as http://localhost:8080/v1, got "
                f"{base_url!r}."
            )
        try:
            import httpx2
        except ImportError as error:
            raise MissingExtraError("Asking a language model", extra="llm") from error
        self._httpx = httpx2
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._model, self._timeout = model, timeout
        self._format: AnswerFormat = answer_format
        key = os.environ.get(KEY_VARIABLE)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.Client(timeout=timeout, headers=headers)

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return self._model

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Send one request. Raises LanguageModelError where no answer comes of it."""
        body = {
            "model": self._model,
            "messages": [{"role": each.role, "content": each.text} for each in messages],
            **_response_format(self._format, schema),
        }
        try:
            status, headers, content = self._post(body)
        except self._httpx.TimeoutException as error:
            raise LanguageModelError("timeout", str(error), passing=True) from error
        except self._httpx.RequestError as error:
            raise LanguageModelError("no connection", str(error), passing=True) from error
        if status != 200:
            raise LanguageModelError(
                f"HTTP {status}",
                content[:300].decode("utf-8", "replace"),
                passing=status in _PASSING,
                wait=_seconds(headers.get("retry-after")),
            )
        return self._reply(content)

    def _post(self, body: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body; httpx limits each read, so the whole is limited here."""
        end, content = time.monotonic() + self._timeout, b""
        with self._client.stream("POST", self._url, json=body) as response:
            for piece in response.iter_bytes():
                content += piece
                if time.monotonic() > end:
                    raise self._httpx.ReadTimeout(f"no whole answer in {self._timeout:g} s")
                if len(content) > _MOST_BYTES:
                    raise self._httpx.ReadError(f"an answer of more than {_MOST_BYTES} bytes")
            return response.status_code, response.headers, content

    def _reply(self, content: bytes) -> Reply:
        try:
            said = json.loads(content)
            choice, usage = said["choices"][0], said.get("usage") or {}
            text = choice["message"]["content"]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _no_completion(content) from error
        if not isinstance(text, str):
            raise _no_completion(content)
        if choice.get("finish_reason") == "length":
            raise LanguageModelError("answer cut off", text[-100:], passing=False)
        return Reply(
            text=text,
            prompt_tokens=_count(usage, "prompt_tokens"),
            answer_tokens=_count(usage, "completion_tokens"),
        )


def _response_format(wanted: AnswerFormat, schema: Mapping[str, Any]) -> dict[str, Any]:
    if wanted == "text":
        return {}
    if wanted == "object":
        return {"response_format": {"type": "json_object"}}
    named = {"name": "annotation", "schema": dict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _no_completion(content: bytes) -> LanguageModelError:
    shown = content[:200].decode("utf-8", "replace")
    return LanguageModelError("not a chat completion", shown, passing=False)


def _count(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, Mapping) else None
    return count if isinstance(count, int) else None


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; dates, its other form, are not used by such endpoints."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
