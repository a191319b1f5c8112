"""Constraint files: versioned JSON, read with errors that name the offending field, and written.

{"version": 1, "constraints": [{"type": "root_waypoint", "seconds": [1.0], "points": [[0, 2]]}]}
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from marey.constraints.constraint import Constraint
from marey.constraints.json_values import Sizes, fault, shown
from marey.constraints.schema import (
    ENTRIES,
    FORMAT_VERSION,
    INTERVAL_FIELDS,
    MAX_CONSTRAINTS,
    TIME_FIELDS,
    Entry,
    Field,
)
from marey.constraints.times import Interval, Times
from marey.errors import InvalidInputError

MAX_BYTES = 64 * 2**20
"""Larger files are refused."""

_BY_CLASS = {entry.made: entry for entry in ENTRIES.values()}


def constraints_to_json(constraints: Sequence[Constraint]) -> dict[str, Any]:
    """Return a JSON object that ``constraints_from_json`` turns back."""
    return {
        "version": FORMAT_VERSION,
        "constraints": [_entry_to_json(constraint) for constraint in constraints],
    }


def constraints_to_text(constraints: Sequence[Constraint]) -> str:
    """Return the content of a constraint file, one constraint per line."""
    rows = (json.dumps(row) for row in constraints_to_json(constraints)["constraints"])
    return f'{{"version": {FORMAT_VERSION}, "constraints": [\n  ' + ",\n  ".join(rows) + "\n]}\n"


def _entry_to_json(constraint: Constraint) -> dict[str, Any]:
    entry = _BY_CLASS.get(type(constraint))
    if entry is None:
        raise InvalidInputError(
            f"expected a constraint of a type that files hold, got {type(constraint).__name__}. "
            f"They are {', '.join(made.__name__ for made in _BY_CLASS)}."
        )
    values = dict(vars(constraint))
    for group in ("times", "interval"):
        record = values.pop(group, None)
        values |= {} if record is None else vars(record)
    written = {
        field.name: field.value.write(values[field.name])
        for field in entry.fields
        if not _is_default(values.get(field.name), field.default)
    }
    return {"type": entry.name, **written}


def _is_default(value: Any, default: Any) -> bool:
    return value is None or (isinstance(value, int | float | str) and value == default)


def constraints_from_json(content: Any) -> tuple[Constraint, ...]:
    """Return the constraints of a JSON object.

    Raises InvalidInputError that begins with the path of the offending field, such as
    ``constraints[3].points[2][1]``, for content of any other kind.
    """
    names = ("version", "constraints")
    if not isinstance(content, Mapping):
        raise fault("constraint file", f"an object with fields {', '.join(names)}", content)
    _require_known(content, (*names, "$schema"), "constraint file", names)
    version = content.get("version")
    if isinstance(version, bool) or version != FORMAT_VERSION:
        fix = "Use the marey release that wrote this file."
        raise fault("version", str(FORMAT_VERSION), version, fix)
    rows = content.get("constraints")
    if not isinstance(rows, list | tuple) or len(rows) > MAX_CONSTRAINTS:
        raise fault("constraints", f"a list of at most {MAX_CONSTRAINTS} constraints", rows)
    return tuple(_entry_from_json(row, f"constraints[{i}]") for i, row in enumerate(rows))


def _entry_from_json(content: Any, place: str) -> Constraint:
    if not isinstance(content, Mapping):
        raise fault(place, "an object", content)
    kind = content.get("type")
    entry = ENTRIES.get(kind) if isinstance(kind, str) else None
    if entry is None:
        raise fault(f"{place}.type", f"one of {', '.join(ENTRIES)}", kind)
    _require_known(content, entry.keys, place, entry.keys)
    for field in entry.fields:
        if field.required and field.name not in content:
            raise InvalidInputError(f"{place}.{field.name}: expected a value; {entry.about}")
    _require_choice(content, entry, place)
    sizes: Sizes = {}
    values = {
        field.name: field.value.read(content[field.name], f"{place}.{field.name}", sizes)
        for field in entry.fields
        if field.name in content
    }
    try:
        return _made(entry, values)
    except InvalidInputError as error:
        field = re.match(r"\w+", str(error))
        inside = field is not None and field.group() in entry.keys
        raise InvalidInputError(f"{place}{'.' if inside else ': '}{error}") from error


def _made(entry: Entry, values: dict[str, Any]) -> Constraint:
    """Build the constraint, gathering the fields of its times or its interval."""
    given = dict(values)
    wanted = {field.name for field in fields(entry.made)}
    groups: dict[str, tuple[type[Times] | type[Interval], tuple[Field, ...]]] = {
        "times": (Times, TIME_FIELDS),
        "interval": (Interval, INTERVAL_FIELDS),
    }
    for group, (record, parts) in groups.items():
        names = [part.name for part in parts if part.name in given]
        if group == "interval" and given.get("unit", "frames") == "frames":
            given |= {name: _whole(given[name]) for name in names if name != "unit"}
        if group in wanted and (names or group == "interval"):
            given[group] = record(**{name: given.pop(name) for name in names})
    return entry.made(**given)


def _whole(value: Any) -> Any:
    """A frame number may be written 3.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _require_known(
    content: Mapping[Any, Any], names: tuple[str, ...], place: str, listed: tuple[str, ...]
) -> None:
    for key in content:
        if key not in names:
            raise InvalidInputError(
                f"{place}: unknown field {shown(key)}; the fields are {', '.join(listed)}."
            )


def _require_choice(content: Mapping[str, Any], entry: Entry, place: str) -> None:
    """Raise InvalidInputError unless the fields of which some are needed are there."""
    given = [name for name in entry.exactly_one if name in content]
    if entry.exactly_one and len(given) != 1:
        raise InvalidInputError(
            f"{place}: expected exactly one of {', '.join(entry.exactly_one)}, got "
            f"{' and '.join(given) or 'none'}."
        )
    if entry.at_least_one and not any(name in content for name in entry.at_least_one):
        raise InvalidInputError(
            f"{place}: expected {' or '.join(entry.at_least_one)} or both, got neither."
        )


def load_constraints(path: str | Path) -> tuple[Constraint, ...]:
    """Read a constraint file.

    Raises InvalidInputError, which begins with the path, for a file that is not there, too large,
    no JSON, or no constraints.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise InvalidInputError(f"expected at most {MAX_BYTES // 2**20} MiB, got more.")
        content = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_object)
        return constraints_from_json(content)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from error
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"{path}: expected a JSON file in UTF-8, got something else ({str(error)[:100]})."
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object in which no field comes twice."""
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise InvalidInputError(f"field {shown(name)} comes twice in one object. Remove one.")
        content[name] = value
    return content
