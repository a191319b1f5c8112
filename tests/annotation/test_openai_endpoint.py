"""An endpoint that answers well, badly, slowly and not at all; all of it on 127.0.0.1."""

import sys
from typing import Any

import pytest

from marey.annotation import (
    ANSWER_SCHEMA,
    LanguageModelError,
    Message,
    OpenAIEndpoint,
    Reply,
)
from marey.errors import InvalidInputError, MissingExtraError

HELLO = [Message(role="user", text="hello")]


def test_a_question_goes_out_and_the_answer_comes_back(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAREY_LLM_KEY", "secret")
    endpoint.play = lambda body: endpoint.answer(text="hi")
    model = OpenAIEndpoint(endpoint.url + "/", "tiny")
    assert model.name == "tiny"
    reply = model.ask(HELLO, ANSWER_SCHEMA)
    assert reply == Reply(text="hi", prompt_tokens=1000, answer_tokens=200)
    (request,) = endpoint.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "tiny"
    assert request["messages"] == [{"role": "user", "content": "hello"}]
    assert request["response_format"]["json_schema"]["schema"] == ANSWER_SCHEMA
    assert endpoint.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("answer_format", "sent"), [("object", {"type": "json_object"}), ("text", None)]
)
def test_endpoints_without_schemas_are_asked_for_less(
    endpoint: Any, monkeypatch: pytest.MonkeyPatch, answer_format: Any, sent: Any
) -> None:
    monkeypatch.delenv("MAREY_LLM_KEY", raising=False)
    OpenAIEndpoint(endpoint.url, "tiny", answer_format=answer_format).ask(HELLO, ANSWER_SCHEMA)
    assert endpoint.requests[0].get("response_format") == sent
    assert endpoint.keys == [None]


@pytest.mark.parametrize(
    ("answer", "reason", "passing", "wait"),
    [
        ({"status": 429, "headers": {"Retry-After": "3"}}, "HTTP 429", True, 3.0),
        ({"status": 503, "headers": {"Retry-After": "Fri, 31 Dec"}}, "HTTP 503", True, None),
        ({"status": 500}, "HTTP 500", True, None),
        ({"status": 401, "body": "who are you?"}, "HTTP 401", False, None),
        ({"status": 302, "headers": {"Location": "http://else.where"}}, "HTTP 302", False, None),
        ({"hangs_up": True}, "no connection", True, None),
        ({"body": "<html>"}, "not a chat completion", False, None),
        ({"body": "[]"}, "not a chat completion", False, None),
        ({"body": '{"choices": []}'}, "not a chat completion", False, None),
        ({"body": '{"choices": [{"message": {"content": null}}]}'}, "not a chat", False, None),
        (
            {"body": '{"choices": [{"message": {"content": "{"}, "finish_reason": "length"}]}'},
            "answer cut off",
            False,
            None,
        ),
    ],
)
def test_what_is_no_answer_has_a_reason(
    endpoint: Any, answer: dict[str, Any], reason: str, passing: bool, wait: float | None
) -> None:
    endpoint.play = lambda body: endpoint.answer(**answer)
    with pytest.raises(LanguageModelError) as error:
        OpenAIEndpoint(endpoint.url, "tiny").ask(HELLO, ANSWER_SCHEMA)
    assert error.value.reason.startswith(reason)
    assert (error.value.passing, error.value.wait) == (passing, wait)
    assert len(endpoint.requests) == 1


def test_a_slow_endpoint_is_not_waited_for(endpoint: Any) -> None:
    endpoint.play = lambda body: endpoint.answer(text="at last", seconds=0.5)
    with pytest.raises(LanguageModelError) as error:
        OpenAIEndpoint(endpoint.url, "tiny", timeout=0.1).ask(HELLO, ANSWER_SCHEMA)
    assert (error.value.reason, error.value.passing) == ("timeout", True)


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(LanguageModelError) as error:
        OpenAIEndpoint("http://127.0.0.1:1/v1", "tiny").ask(HELLO, ANSWER_SCHEMA)
    assert (error.value.reason, error.value.passing) == ("no connection", True)


def test_missing_numbers_of_tokens_are_none(endpoint: Any) -> None:
    said = '{"choices": [{"message": {"content": "hi"}}], "usage": null}'
    endpoint.play = lambda body: endpoint.answer(body=said)
    reply = OpenAIEndpoint(endpoint.url, "tiny").ask(HELLO, ANSWER_SCHEMA)
    assert reply == Reply(text="hi", prompt_tokens=None, answer_tokens=None)


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="expected the URL of an endpoint"):
        OpenAIEndpoint("localhost:8080", "tiny")


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtraError, match=r"marey\[llm\]"):
        OpenAIEndpoint("http://127.0.0.1:1/v1", "tiny")
