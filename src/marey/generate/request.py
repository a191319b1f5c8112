"""GenerationRequest: what to generate, as plain values that a file or a network can carry."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from marey.errors import InvalidInputError
from marey.sampling import Guidance, cosine_schedule
from marey.skeleton import Skeleton
from marey.skeleton.serialization import skeleton_from_json, skeleton_to_json
from marey.text import TextScript

FIRST_SECONDS = 5.0
"""Length of a motion of which only one thing is said, and not how long it lasts."""
FURTHER_SECONDS = 2.5
"""What each further thing to do adds."""

Number = float | int
"""PEP 484 lets an int pass for a float; run-time type checks need to be told."""

_LINK = r"\b(?:then|before|after)\b"
_FURTHER = re.compile(rf"[;.!?]\s*(?:and\s+)?{_LINK}|{_LINK}|[;.!?]\s+(?=\w)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """What to generate. Raises InvalidInputError, which names the field, for unusable values."""

    script: TextScript
    seconds: Number | None = None
    """Length of the motion, rounded to a frame; None lets ``default_seconds`` choose."""
    samples: int = 1
    seed: int = 0
    """Sample ``i`` depends on (seed, i) and on nothing else of the batch."""
    model: str = "small"
    """Name of a bundled model or path of a checkpoint folder."""
    steps: int | None = None
    """Network steps; None takes the model's own default."""
    guidance: Guidance | None = None
    """None takes the model's own default."""
    smoothing: Number | None = None
    """Standard deviation in seconds over which rotations are smoothed (see
    ``postprocess.smooth_rotations``); 0 is none, None takes the model's own default."""
    heading: Number = 0.0
    """Direction that the body faces first, radians; 0 = +Z, positive towards +X."""
    fps: Number | None = None
    """Frame rate of the result; None keeps the model's."""
    skeleton: Skeleton | None = None
    """Skeleton of the result; None keeps the model's."""

    def __post_init__(self) -> None:
        if not isinstance(self.script, TextScript):
            raise InvalidInputError(
                f"script: expected a TextScript, got {self.script!r:.60}. Make one with "
                "TextScript.from_prompt(sentence)."
            )
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["model"] = str(self.model)  # a path will do
        if self.guidance is not None:
            _checked_guidance(asdict(self.guidance))
        for name, value in _checked_values(values).items():
            object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return the request as a JSON object that ``from_json`` turns back into an equal one."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return content | {
            "script": self.script.to_json(),
            "guidance": None if self.guidance is None else asdict(self.guidance),
            "skeleton": None if self.skeleton is None else skeleton_to_json(self.skeleton),
        }

    @classmethod
    def from_json(cls, content: Any) -> "GenerationRequest":
        """Return the request that ``to_json`` wrote; a field that is absent takes its default.

        Raises InvalidInputError that names the field for anything else.
        """
        given = _checked_object("request", content, [field.name for field in fields(cls)])
        given["script"] = TextScript.from_json(given.get("script"))
        if given.get("guidance") is not None:
            given["guidance"] = Guidance(**_checked_guidance(given["guidance"]))
        if given.get("skeleton") is not None:
            given["skeleton"] = skeleton_from_json(given["skeleton"])
        given |= _checked_values(given)
        return cls(**given)


def default_seconds(script: TextScript, *, most: Number) -> float:
    """Length for a script that states none: 5 s, and 2.5 s more for each further thing to do.

    A further thing begins with "then", "before", "after", a semicolon or a new sentence of the
    prompt; so chosen, a length is never more than ``most``. Where statements have spans in time,
    the motion ends with the last of them.
    """
    ends = [span[1] for span in (each.span for each in script.statements) if span is not None]
    if ends:
        return float(max(ends))
    return min(float(most), FIRST_SECONDS + FURTHER_SECONDS * len(_FURTHER.findall(script.prompt)))


def _checked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a request that are among ``values``, numbers as floats."""
    checked = {name: values[name] for name in ("model", "samples", "seed") if name in values}
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


def _checked_guidance(content: Any) -> dict[str, Any]:
    given = _checked_object("guidance", content, [field.name for field in fields(Guidance)])
    if given.get("mode", "joint") not in ("joint", "separated"):
        raise InvalidInputError(
            f"guidance.mode: expected 'joint' or 'separated', got {given['mode']!r:.60}."
        )
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


def _checked_object(place: str, content: Any, names: list[str]) -> dict[str, Any]:
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
