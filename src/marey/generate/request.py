"""GenerationRequest: what to generate, as plain values that a file or a network can carry."""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from marey.constraints import Constraint, constraints_from_json, constraints_to_json
from marey.errors import InvalidInputError
from marey.generate.request_values import (
    Number,
    checked_guidance,
    checked_object,
    checked_values,
)
from marey.sampling import Guidance
from marey.skeleton import Skeleton
from marey.skeleton.serialization import skeleton_from_json, skeleton_to_json
from marey.text import TextScript

FIRST_SECONDS = 5.0
"""Length of a motion of which only one thing is said, and not how long it lasts."""
FURTHER_SECONDS = 2.5
"""What each further thing to do adds."""

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
    constraints: tuple[Constraint, ...] = ()
    """What the motion must meet, on the skeleton and in the frames of the result."""
    postprocess: bool = True
    """Plant feet and meet constraints exactly (see ``postprocess.refine``)."""
    best: bool = False
    """Deliver only the sample that met constraints best by itself, then the one that slid least."""
    continue_from: str | None = None
    """Motion file whose end the result goes on from, in its world; it is not repeated."""
    loop: bool = False
    """Draw the end anew so that the beginning can follow it."""
    in_place: bool = False
    """Take the way over the ground out of the result."""
    base: str | None = None
    """Motion file of an earlier result of the same script, of which one segment is drawn anew."""
    regenerate: int | None = None
    """Number of that segment; frames further than the overlap from it stay as they are."""

    def __post_init__(self) -> None:
        if not isinstance(self.script, TextScript):
            raise InvalidInputError(
                f"script: expected a TextScript, got {self.script!r:.60}. Make one with "
                "TextScript.from_prompt(sentence)."
            )
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["model"] = str(self.model)  # a path will do
        values |= {k: str(values[k]) for k in ("continue_from", "base") if values[k] is not None}
        object.__setattr__(self, "continue_from", values["continue_from"])
        object.__setattr__(self, "base", values["base"])
        object.__setattr__(self, "constraints", tuple(self.constraints))
        for number, constraint in enumerate(self.constraints):
            if not isinstance(constraint, Constraint):
                raise InvalidInputError(
                    f"constraints[{number}]: expected a Constraint, got {constraint!r:.60}."
                )
        if self.guidance is not None:
            checked_guidance(asdict(self.guidance))
        for name, value in checked_values(values).items():
            object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return the request as a JSON object that ``from_json`` turns back into an equal one."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return content | {
            "script": self.script.to_json(),
            "guidance": None if self.guidance is None else asdict(self.guidance),
            "skeleton": None if self.skeleton is None else skeleton_to_json(self.skeleton),
            "constraints": constraints_to_json(self.constraints),
        }

    @classmethod
    def from_json(cls, content: Any) -> "GenerationRequest":
        """Return the request that ``to_json`` wrote; a field that is absent takes its default.

        Raises InvalidInputError that names the field for anything else.
        """
        given = checked_object("request", content, [field.name for field in fields(cls)])
        given["script"] = TextScript.from_json(given.get("script"))
        if given.get("guidance") is not None:
            given["guidance"] = Guidance(**checked_guidance(given["guidance"]))
        if given.get("skeleton") is not None:
            given["skeleton"] = skeleton_from_json(given["skeleton"])
        if given.get("constraints") is not None:
            given["constraints"] = constraints_from_json(given["constraints"])
        given |= checked_values(given)
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
