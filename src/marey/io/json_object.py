"""A JSON file that people edit, with the line of a mistake."""

import json
from pathlib import Path
from typing import Any

from marey.errors import FileFormatError


def parse_object(path: Path, text: str, *, fix: str) -> dict[str, Any]:
    """Return the JSON object in a file's text; ``fix`` says how to get a whole file.

    Raises FileFormatError for other text, and for an object with an entry twice.
    """
    try:
        data = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        mind = "Mind commas, quotes and braces; JSON has no comments."
        raise FileFormatError(path, place, expected="JSON", got=error.msg, fix=mind) from error
    except (ValueError, RecursionError) as error:
        raise FileFormatError(path, "file", expected="JSON", got=str(error), fix=fix) from error
    if not isinstance(data, dict):
        got = type(data).__name__
        raise FileFormatError(path, "line 1", expected="a JSON object", got=got, fix=fix)
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the entry {twice[:80]!r} twice")
    return found
