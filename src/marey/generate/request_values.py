"""Checks of a request's plain values, with errors that name the field."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from marey.errors import InvalidInputError
from marey.sampling import Guidance, cosine_schedule
from marey.sampling.guidance import require_mode

Number = float | int
"""PEP 484 lets an int pass for a float; run-time type checks need to be told."""


def checked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a request that are among ``values``, numbers as floats."""
    checked = {name: values[name] for name in ("model", "samples", "seed") if name in values}
    _check_choices(values)
    if not isinstance(checked.get("model", ""), str):
        raise InvalidInputError(f"model: expected a string, got {values['model']!r:.60}.")
    _require_whole("samples", values.get("samples", 1), least=1)
    _require_whole("seed", values.get("seed", 0))
    if values.get("steps") is not None:
        _require_whole("steps", values["steps"], least=1, most=cosine_schedule().num_steps)
    for name in ("seconds", "fps", "smoothing", "heading"):
        value = values.get(name)
        if value is not None:
            checked[name] = _checked_number(name, value, positive=name in ("seconds", "fps"))
    if checked.get("smoothing", 0.0) < 0:
        raise InvalidInputError(f"smoothing: expected at least 0 s, got {values['smoothing']:g}.")
    return checked


def _check_choices(values: Mapping[str, Any]) -> None:
    for name in ("postprocess", "best", "loop", "in_place"):
        if name in values and not isinstance(values[name], bool):
            raise InvalidInputError(f"{name}: expected true or false, got {values[name]!r:.60}.")
    for name in ("continue_from", "base"):
        if values.get(name) is not None and not isinstance(values[name], str):
            raise InvalidInputError(f"{name}: expected a file's path, got {values[name]!r:.60}.")
    if values.get("regenerate") is not None:
        _require_whole("regenerate", values["regenerate"], least=0)
    if (values.get("regenerate") is None) != (values.get("base") is None):
        raise InvalidInputError(
            "base and regenerate go together: a motion file, and the number of its segment to "
            "draw anew."
        )
    for name in ("loop", "in_place"):
        if values.get("base") is not None and values.get(name):
            raise InvalidInputError(
                f"{name}: expected false where a segment of base is drawn anew, which leaves the "
                "rest as it is."
            )


def checked_guidance(content: Any) -> dict[str, Any]:
    """Return the fields of a Guidance, weights as floats; errors as the request's."""
    given = checked_object("guidance", content, [field.name for field in fields(Guidance)])
    require_mode(given.get("mode", Guidance.mode))
    weights = given.keys() - {"mode"}
    return given | {
        name: _checked_number(f"guidance.{name}", given[name], positive=False) for name in weights
    }


def _require_whole(
    name: str, value: Any, *, least: Number = -math.inf, most: Number = math.inf
) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        low = "" if least == -math.inf else f", at least {least}"
        high = "" if most == math.inf else f", at most {most}"
        raise InvalidInputError(f"{name}: expected a whole number{low}{high}, got {value!r:.60}.")


def _checked_number(name: str, value: Any, *, positive: bool) -> float:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or (positive and value <= 0):
        kind = "a positive, finite number" if positive else "a finite number"
        raise InvalidInputError(f"{name}: expected {kind}, got {value!r:.60}.")
    return float(value)


def checked_object(place: str, content: Any, names: list[str]) -> dict[str, Any]:
    """Return an object's fields. Raises InvalidInputError for no object or unknown fields."""
    if not isinstance(content, Mapping):
        raise InvalidInputError(
            f"{place}: expected an object with fields {', '.join(names)}, got {content!r:.60}."
        )
    for key in content:
        if key not in names:
            raise InvalidInputError(
                f"{place}: unknown field {key!r:.60}; its fields are {', '.join(names)}."
            )
    return dict(content)
