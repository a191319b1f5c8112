"""Annotation: the texts of a window in all 22 slots, and who wrote them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marey.errors import InvalidInputError
from marey.skeleton.parts import PAIR_SLOTS, PARTS
from marey.text import MotionCaption, Statement, TextScript

GEOMETRY = "geometry"
"""Author of texts that come from the measured caption alone."""

ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "global": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        "parts": {
            "type": "object",
            "properties": {part: {"type": "string"} for part in PARTS},
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
    "required": ["global", "parts", "interactions"],
    "additionalProperties": False,
}
"""JSON schema of an annotation, which language models are asked to keep to."""

LONGEST_TEXT = 400
"""Characters that a text of an answer may have: more is no description of a few seconds."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What is said of a window: one to three sentences on the whole body, parts, pairs."""

    body: tuple[str, ...]
    """``global`` in JSON."""
    parts: Mapping[str, str]
    interactions: Mapping[str, str]
    """"" for pairs of parts that have nothing to do together."""
    author: str = GEOMETRY
    dropped: Mapping[str, str] = field(default_factory=dict)
    """Texts by slot that contradicted the motion, and were replaced by the measured ones."""

    @classmethod
    def of(cls, caption: MotionCaption) -> "Annotation":
        """Return what geometry says, which stands in where there is no language model."""
        return cls(body=(caption.body,), parts=caption.parts, interactions=caption.interactions)

    def script(self, sentence: int = 0) -> TextScript:
        """Return a script with one of the sentences, all parts and the pairs that say something."""
        texts = [*self.parts.items(), *self.interactions.items()]
        spoken = [Statement(text, slot) for slot, text in texts if text]
        return TextScript((Statement(self.body[sentence % len(self.body)]), *spoken))

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary that `from_json` turns back into an equal annotation."""
        return {
            "global": list(self.body),
            "parts": dict(self.parts),
            "interactions": dict(self.interactions),
            "author": self.author,
            **({"dropped": dict(self.dropped)} if self.dropped else {}),
        }

    @classmethod
    def from_json(cls, content: Any) -> "Annotation":
        """Return the annotation that `to_json` wrote.

        Raises InvalidInputError that names the path of the first wrong field.
        """
        fields = _known(content, _FIELDS)
        return cls(
            author=str(fields.get("author", GEOMETRY)),
            dropped=dict(fields.get("dropped", {})),
            **_all_texts(fields, longest=None),
        )

    @classmethod
    def from_answer(cls, content: Any, author: str) -> "Annotation":
        """Return the annotation that a language model gave, which follows `ANSWER_SCHEMA`.

        Raises InvalidInputError that names the path of the first wrong field, also for a text
        longer than `LONGEST_TEXT`.
        """
        fields = _known(content, _FIELDS[:3])
        return cls(author=author, **_all_texts(fields, longest=LONGEST_TEXT))


_FIELDS = ("global", "parts", "interactions", "author", "dropped")


def _known(content: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    fields = _object(content, "annotation")
    extra = [key for key in fields if key not in names]
    if extra:
        raise InvalidInputError(
            f"annotation.{extra[0]}: expected one of {', '.join(names)}. Leave it out."
        )
    return fields


def _object(content: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise InvalidInputError(f"{path}: expected an object, got {type(content).__name__}.")
    return content


def _all_texts(fields: Mapping[str, Any], *, longest: int | None) -> dict[str, Any]:
    sentences = fields.get("global")
    if isinstance(sentences, str) or not isinstance(sentences, list | tuple):
        raise InvalidInputError("annotation.global: expected a list of one to three sentences.")
    if not 1 <= len(sentences) <= 3:
        raise InvalidInputError(
            f"annotation.global: expected one to three sentences, got {len(sentences)}."
        )
    return {
        "body": tuple(
            _text(text, f"annotation.global[{at}]", longest=longest)
            for at, text in enumerate(sentences)
        ),
        "parts": _texts(fields, "parts", PARTS, silent=False, longest=longest),
        "interactions": _texts(fields, "interactions", PAIR_SLOTS, silent=True, longest=longest),
    }


def _texts(
    fields: Mapping[str, Any],
    name: str,
    slots: tuple[str, ...],
    *,
    silent: bool,
    longest: int | None,
) -> dict[str, str]:
    path = f"annotation.{name}"
    texts = _object(fields.get(name), path)
    wrong = [key for key in texts if key not in slots] or [s for s in slots if s not in texts]
    if wrong:
        raise InvalidInputError(f"{path}.{wrong[0]}: expected exactly {', '.join(slots)}.")
    return {
        slot: _text(texts[slot], f"{path}.{slot}", silent=silent, longest=longest) for slot in slots
    }


def _text(value: Any, path: str, *, silent: bool = False, longest: int | None = None) -> str:
    is_short = not isinstance(value, str) or longest is None or len(value) <= longest
    if not isinstance(value, str) or not (value.strip() or silent) or not is_short:
        limit = "" if longest is None else f" of at most {longest} characters"
        raise InvalidInputError(f"{path}: expected a text{limit}, got {value!r:.60}.")
    return value.strip()
