"""What the user says: sentences, each about the whole body, a part or a pair, at a time or not."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from marey.errors import InvalidInputError
from marey.skeleton.parts import (
    GLOBAL_SLOT,
    PAIR_SLOTS,
    PARTS,
    canonical_slot,
    mirrored_slot,
)
from marey.text.mirror import mirror_text

Seconds = float | int
"""PEP 484 lets an int pass for a float; run-time type checks need to be told."""

THEN = ", then "
"""Between events that a text tells one after the other."""
_EVENTS = 3
"""Events that a text about a part tells where there is no room for all."""
_FORMAT_VERSION = 1
_STATEMENT_KEYS = ("text", "slot", "start", "end")


@dataclass(frozen=True)
class Statement:
    """One sentence about one slot, for the whole clip or for a span of it.

    Raises InvalidInputError for a blank text, an unknown slot, or a span that is not
    ``0 <= start < end`` with both ends given.
    """

    text: str
    """Kept without surrounding white space."""

    slot: str = GLOBAL_SLOT
    """One of `SLOTS`; pairs are accepted in either order and kept in canonical order."""

    _: KW_ONLY
    start: Seconds | None = None
    """Seconds from the start of the clip; None for the whole clip."""

    end: Seconds | None = None
    """Seconds from the start of the clip; None for the whole clip."""

    def __post_init__(self) -> None:
        text = self.text.strip()
        if not text:
            raise InvalidInputError(
                f"expected a text, got {self.text!r}. Leave the statement out to say nothing."
            )
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "slot", canonical_slot(self.slot))
        start, end = _checked_span(self.start, self.end)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)

    @property
    def span(self) -> tuple[Seconds, Seconds] | None:
        """Start and end in seconds, or None for the whole clip."""
        return None if self.start is None or self.end is None else (self.start, self.end)

    def mirrored(self) -> "Statement":
        """The statement about the mirrored motion: sides swapped in text and slot, same span."""
        return replace(self, text=mirror_text(self.text), slot=mirrored_slot(self.slot))


def shortened(text: str) -> str:
    """Return the first events that a text about a part tells."""
    return THEN.join(text.split(THEN)[:_EVENTS])


@dataclass(frozen=True)
class TextScript:
    """Everything said about one motion; no statements at all means: generate freely."""

    statements: tuple[Statement, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "statements", tuple(self.statements))

    @classmethod
    def from_prompt(
        cls,
        prompt: str = "",
        *,
        parts: Mapping[str, str] | None = None,
        relations: Mapping[str, str] | None = None,
    ) -> "TextScript":
        """A script for the whole clip; a blank prompt adds no global statement.

        ``parts`` maps part names, ``relations`` maps "part+part" names in either order, to text.
        Raises InvalidInputError for other names, a pair given twice, or a blank part text.
        """
        statements = [Statement(prompt)] if prompt.strip() else []
        statements += _named_statements(parts or {}, choices=PARTS, kind="part")
        statements += _named_statements(relations or {}, choices=PAIR_SLOTS, kind="pair of parts")
        return cls(tuple(statements))

    @property
    def prompt(self) -> str:
        """The global text without a span, or ""; several such statements are joined by spaces."""
        return " ".join(
            each.text for each in self.statements if each.slot == GLOBAL_SLOT and each.span is None
        )

    def by_slot(self) -> dict[str, str]:
        """Return one text a slot: statements of the same slot, one after the other."""
        texts: dict[str, str] = {}
        for each in self.statements:
            before = texts.get(each.slot)
            texts[each.slot] = each.text if before is None else f"{before}{THEN}{each.text}"
        return texts

    def mirrored(self) -> "TextScript":
        """The script of the mirrored motion; statement order and spans are kept."""
        return replace(self, statements=tuple(each.mirrored() for each in self.statements))

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary that `from_json` turns back into an equal script."""
        return {
            "version": _FORMAT_VERSION,
            "statements": [_statement_to_json(each) for each in self.statements],
        }

    @classmethod
    def from_json(cls, content: Any) -> "TextScript":
        """The script that `to_json` wrote.

        Raises InvalidInputError that names the path of the offending field.
        """
        fields = _checked_object(content, "script", keys=("version", "statements"))
        if fields.get("version") != _FORMAT_VERSION:
            raise InvalidInputError(
                f"script.version: expected {_FORMAT_VERSION}, got {fields.get('version')!r}. "
                "Use the marey release that wrote this script."
            )
        statements = fields.get("statements")
        if not isinstance(statements, list | tuple):
            raise InvalidInputError(
                f"script.statements: expected a list, got {_kind(statements)}. "
                "Write [] for a script that says nothing."
            )
        return cls(
            tuple(
                _statement_from_json(each, f"script.statements[{index}]")
                for index, each in enumerate(statements)
            )
        )


def _checked_span(start: Seconds | None, end: Seconds | None) -> tuple[float | None, float | None]:
    if start is None and end is None:
        return None, None
    if start is None or end is None or not (0 <= start < end and math.isfinite(end)):
        raise InvalidInputError(
            f"expected 0 <= start < end in seconds, got start={start}, end={end}. "
            "Give both, or neither for the whole clip."
        )
    return float(start), float(end)


def _named_statements(
    texts: Mapping[str, str], *, choices: tuple[str, ...], kind: str
) -> list[Statement]:
    by_slot: dict[str, Statement] = {}
    for name, text in texts.items():
        flipped = "+".join(reversed(name.split("+")))
        slot = name if name in choices else flipped
        if slot not in choices:
            raise InvalidInputError(
                f"expected a {kind}, got {name!r}. Choose from {', '.join(choices)}."
            )
        if slot in by_slot:
            raise InvalidInputError(f"{slot}: expected one text, got two. Join them into one.")
        by_slot[slot] = Statement(text, slot)
    return list(by_slot.values())


def _statement_to_json(statement: Statement) -> dict[str, Any]:
    content: dict[str, Any] = {"text": statement.text, "slot": statement.slot}
    if statement.span is not None:
        content["start"], content["end"] = statement.span
    return content


def _statement_from_json(content: Any, path: str) -> Statement:
    fields = _checked_object(content, path, keys=_STATEMENT_KEYS)
    for key in ("text", "slot"):
        if not isinstance(fields.get(key, GLOBAL_SLOT if key == "slot" else None), str):
            raise InvalidInputError(
                f"{path}.{key}: expected a string, got {_kind(fields.get(key))}. Quote it."
            )
    for key in ("start", "end"):
        value = fields.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InvalidInputError(
                f"{path}.{key}: expected seconds, got {_kind(value)}. "
                "Leave start and end out for the whole clip."
            )
    try:
        return Statement(**fields)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}{_field_of(fields)}: {error}") from error


def _field_of(fields: Mapping[str, Any]) -> str:
    """Which field of a well-typed but refused statement is at fault, as ".name"."""
    if not fields["text"].strip():
        return ".text"
    try:
        canonical_slot(fields.get("slot", GLOBAL_SLOT))
    except InvalidInputError:
        return ".slot"
    return ".start"


def _checked_object(content: Any, path: str, *, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise InvalidInputError(
            f"{path}: expected an object, got {_kind(content)}. Its fields are {', '.join(keys)}."
        )
    for key in content:
        if key not in keys:
            raise InvalidInputError(
                f"{path}.{key}: expected one of {', '.join(keys)}. Remove or rename the field."
            )
    return dict(content)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r:.60}"
