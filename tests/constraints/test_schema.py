"""The published JSON Schema is that of the reader's own table, and says what the reader does.

After a wanted change of the table, write the published file anew and review its diff:

    .venv/bin/python tests/constraints/test_schema.py
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marey import constraints as package
from marey.constraints import (
    Constraint,
    constraints_from_json,
    constraints_to_json,
    json_schema,
)
from marey.constraints.schema import ENTRIES
from marey.errors import InvalidInputError

PUBLISHED = Path(str(package.__file__)).with_name("schema.json")


def published_text() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value fits a schema; the words of JSON Schema that ours uses, and no others."""
    known = {"$schema", "$defs", "title", "description", "minLength", *WORDS}
    assert schema.keys() <= known | {"required", "maximum", "additionalProperties"}
    return all(WORDS[word](value, schema, root) for word in schema.keys() & WORDS.keys())


def fits_object(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    known = schema["properties"]
    return not isinstance(value, dict) or (
        value.keys() <= known.keys() and all(fits(value[key], known[key], root) for key in value)
    )


def fits_type(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "number": number,
        "integer": number and value == value // 1,
    }[schema["type"]]


def has_all(value: Any, schema: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(key in value for key in schema.get("required", ()))


WORDS = {
    "type": fits_type,
    "properties": fits_object,
    "required": lambda v, s, r: has_all(v, s),
    "items": lambda v, s, r: not isinstance(v, list) or all(fits(i, s["items"], r) for i in v),
    "minItems": lambda v, s, r: not isinstance(v, list) or len(v) >= s["minItems"],
    "maxItems": lambda v, s, r: not isinstance(v, list) or len(v) <= s["maxItems"],
    "maxLength": lambda v, s, r: (
        not isinstance(v, str) or s["minLength"] <= len(v) <= s["maxLength"]
    ),
    "minimum": lambda v, s, r: not isinstance(v, int | float) or s["minimum"] <= v <= s["maximum"],
    "exclusiveMinimum": lambda v, s, r: (
        not isinstance(v, int | float) or s["exclusiveMinimum"] < v <= s["maximum"]
    ),
    "enum": lambda v, s, r: any(v is w or (isinstance(v, str) and v == w) for w in s["enum"]),
    "const": lambda v, s, r: type(v) is type(s["const"]) and v == s["const"],
    "oneOf": lambda v, s, r: sum(fits(v, each, r) for each in s["oneOf"]) == 1,
    "anyOf": lambda v, s, r: any(fits(v, each, r) for each in s["anyOf"]),
    "$ref": lambda v, s, r: fits(v, r["$defs"][s["$ref"].rpartition("/")[2]], r),
}


def reads(content: Any) -> bool:
    try:
        constraints_from_json(content)
    except InvalidInputError:
        return False
    return True


def spoilt(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The constraint with one thing wrong in each field, and with a field too many."""
    for key in row:
        for value in (None, True, "x", -1, 1.5, 1e9, [], {}, [None], [[True]], [[[["x"]]]]):
            yield row | {key: value}
        yield {other: value for other, value in row.items() if other != key}
    yield row | {"frams": [1]}


def test_the_published_schema_is_that_of_the_table() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == published_text()


def test_every_type_is_described_and_written(constraints: tuple[Constraint, ...]) -> None:
    assert {entry.made for entry in ENTRIES.values()} == {type(each) for each in constraints}
    assert all(entry.about.endswith(".") for entry in ENTRIES.values())


def test_what_is_written_fits_the_schema(constraints: tuple[Constraint, ...]) -> None:
    content = json.loads(json.dumps(constraints_to_json(constraints)))
    schema = json_schema()
    assert fits(content, schema, schema)


def test_the_reader_refuses_what_the_schema_refuses(constraints: tuple[Constraint, ...]) -> None:
    schema = json_schema()
    refused = 0
    for row in constraints_to_json(constraints[1:])["constraints"]:
        for changed in spoilt(row):
            content = {"version": 1, "constraints": [changed]}
            if not fits(content, schema, schema):
                refused += 1
                assert not reads(content), changed
    assert refused > 400


@pytest.mark.parametrize("content", [[], {}, {"version": 2, "constraints": []}, {"version": 1}])
def test_other_files_fit_neither(content: Any) -> None:
    schema = json_schema()
    assert not fits(content, schema, schema)
    assert not reads(content)


if __name__ == "__main__":
    PUBLISHED.write_text(published_text(), encoding="utf-8")
