"""LanguageModelReasoner: part texts that a language model writes, checked against a schema."""

import json
from collections.abc import Callable, Mapping
from typing import Any, final

from marey.errors import InvalidInputError
from marey.reasoning.reasoner import Seconds, filled
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import TextScript

Ask = Callable[[str, str, Mapping[str, Any]], str]
"""Called with the task, the question and the JSON schema of the answer; returns the answer."""

LONGEST_TEXT = 400
"""Characters that one text may have."""

ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "parts": {
            "type": "object",
            "properties": {part: {"type": "string", "minLength": 1} for part in PARTS},
            "required": list(PARTS),
            "additionalProperties": False,
        },
        "interactions": {
            "type": "object",
            "properties": {pair: {"type": "string"} for pair in PAIR_SLOTS},
            "required": list(PAIR_SLOTS),
            "additionalProperties": False,
        },
    },
    "required": ["parts", "interactions"],
    "additionalProperties": False,
}
"""JSON schema that language models are asked to keep to."""

TASK = """\
You get a sentence about a person's motion. Say what each body part does, in plain English:
- "parts": for each of the six parts a phrase that starts with a verb ("raises above the head, then
  waves three times"). A part that has nothing to do "does nothing";
- "interactions": for each of the fifteen pairs of parts how the two move together ("the right arm
  waves while the left leg steps forward"); an empty text where they have nothing to do with each
  other.
Left and right are the person's own: what the sentence says of a side is said of that side. Keep
how often and how fast, what comes first and then, and what happens while something else does.
Answer with JSON that follows this schema, and nothing else:
""" + json.dumps(ANSWER_SCHEMA)
"""What a language model is told before it gets a sentence."""


@final
class LanguageModelReasoner:
    """Part texts from a language model; this file knows no network and no model itself."""

    def __init__(self, ask: Ask, *, name: str = "language model") -> None:
        self._ask, self.name = ask, name

    def reason(self, script: TextScript, seconds: Seconds | None = None) -> TextScript:
        """See `Reasoner`. An answer that breaks the schema is sent back once with the reason.

        Raises InvalidInputError where the second answer does, too, and what ``ask`` raises.
        """
        length = "" if seconds is None else f" (It takes {seconds:g} seconds.)"

        def texts_of(sentence: str) -> dict[str, str]:
            question = f"{sentence}{length}"
            try:
                return answered(self._answer(question))
            except InvalidInputError as error:
                return answered(self._answer(f"{question}\nYour last answer was wrong: {error}"))

        return filled(script, texts_of)

    def _answer(self, question: str) -> str:
        return self._ask(TASK, question, ANSWER_SCHEMA)


def answer_text(texts: Mapping[str, str]) -> str:
    """Return the answer that `answered` reads as these texts by slot.

    Raises InvalidInputError where `answered` would refuse it.
    """
    content = {
        "parts": {slot: texts.get(slot, "") for slot in PARTS},
        "interactions": {slot: texts.get(slot, "") for slot in PAIR_SLOTS},
    }
    answer = json.dumps(content, ensure_ascii=False)
    answered(answer)
    return answer


def answered(answer: str) -> dict[str, str]:
    """Return the texts by slot in an answer, which may have words around its JSON.

    Raises InvalidInputError that names the first field that breaks the schema.
    """
    try:
        content = json.loads(answer[answer.find("{") : answer.rfind("}") + 1])
    except ValueError as error:
        raise InvalidInputError(f"expected JSON, got {answer!r:.60} ({error}).") from error
    texts: dict[str, str] = {}
    for field, slots in (("parts", PARTS), ("interactions", PAIR_SLOTS)):
        given = content.get(field)
        if not isinstance(given, dict) or given.keys() != set(slots):
            raise InvalidInputError(f"{field}: expected exactly {', '.join(slots)}.")
        for slot in slots:
            texts[slot] = _text(given[slot], f"{field}.{slot}", silent=field == "interactions")
    return {slot: text for slot, text in texts.items() if text}


def _text(value: object, path: str, *, silent: bool) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (value.strip() or silent):
        raise InvalidInputError(
            f"{path}: expected a text of at most {LONGEST_TEXT} characters, got {value!r:.60}."
        )
    return value.strip()
