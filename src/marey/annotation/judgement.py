"""Judgements: which statements about the parts of clips a person finds right."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError, InvalidInputError
from marey.skeleton.parts import PARTS

VERSION = 1
CSV_COLUMNS = ("form", "author", "prompt", "judge", "window", "part", "text", "right", "note")
_RIGHT = {"yes": True, "no": False, "": None}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a person says of one statement."""

    window_id: str
    part: str
    text: str
    is_right: bool | None
    """None where the person has not marked it."""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What one person says of a form's statements."""

    form: str
    """Hash of the form's statements."""
    author: str
    """Who wrote the statements: a language model, or geometry."""
    prompt: str
    """Version of the prompt that they were written with."""
    judge: str
    """Name of the person."""
    marks: tuple[Judgement, ...]


def read_judgements(path: str | Path) -> Judgements:
    """Read the JSON that a form was saved as, or a CSV form that was filled in.

    Raises InvalidInputError for a file without a judge's name, and FileFormatError naming the
    place of whatever else is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = _from_csv(text) if path.suffix.lower() == ".csv" else json.loads(text)
        found = _judgements(content)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FileFormatError(
            path,
            "judgements",
            expected="a form saved as JSON, or a filled-in CSV",
            got=f"{type(error).__name__}: {error}",
            fix="Make a form with `marey annotate judge make`, fill it in and save it.",
        ) from error
    if not found.judge:
        raise InvalidInputError(f"{path}: expected the name of the judge, got none. Fill it in.")
    return found


def _judgements(content: Mapping[str, Any]) -> Judgements:
    if content["version"] != VERSION:
        raise ValueError(f"version {content['version']!r} instead of {VERSION}")
    return Judgements(
        **{name: str(content[name]) for name in ("form", "author", "prompt")},
        judge=str(content["judge"]).strip(),
        marks=tuple(_mark(each) for each in content["judgements"]),
    )


def _mark(row: Mapping[str, Any]) -> Judgement:
    if row["part"] not in PARTS:
        raise ValueError(f"part {row['part']!r} is none of {', '.join(PARTS)}")
    if row["right"] is not None and not isinstance(row["right"], bool):
        raise ValueError(f"{row['right']!r} is neither right nor wrong")
    return Judgement(
        window_id=row["window"],
        part=row["part"],
        text=row["text"],
        is_right=row["right"],
        note=row.get("note", ""),
    )


def _from_csv(text: str) -> dict[str, Any]:
    rows = list(csv.DictReader(StringIO(text, newline="")))
    return {
        "version": VERSION,
        **{name: _one(rows, name) for name in ("form", "author", "prompt", "judge")},
        "judgements": [row | {"right": _RIGHT[row["right"].strip().lower()]} for row in rows],
    }


def _one(rows: Sequence[Mapping[str, str]], column: str) -> str:
    """The one value of a column; it may be filled in on some rows only."""
    values = {row[column].strip() for row in rows} - {""}
    if len(values) > 1:
        raise ValueError(f"column {column!r} holds {' and '.join(sorted(values))}")
    return next(iter(values), "")
