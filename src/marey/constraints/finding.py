"""Finding: one fault of a constraint, as a value that reports, files and programs can carry."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from marey.constraints.clip import Clip
from marey.constraints.goal import GoalKind
from marey.errors import InvalidInputError

Severity = Literal["error", "warning"]
FindingKind = Literal[
    "unusable",
    "contradiction",
    "reach",
    "height",
    "speed",
    "contact",
    "incomplete",
    "facing",
    "in_place",
]
"""What a fault is about, for programs; people read the message."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault of a constraint: an error makes it impossible to meet, a warning unlikely."""

    severity: Severity
    kind: FindingKind
    constraint: int
    """Its number in the request."""
    name: str
    """What reports call that constraint."""
    message: str
    """What is wrong, where, and what to do about it."""
    frame: int | None = None
    """The worst frame, where it is about one."""
    other: int | None = None
    """Number of the other constraint that it takes, if any."""

    def concerns(self, number: int) -> bool:
        """Whether the constraint of a number has this fault or is the other one of it."""
        return number in (self.constraint, self.other)

    def __str__(self) -> str:
        """Name and message in one line."""
        return f"{self.name}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that ``from_json`` turns back into an equal finding."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> "Finding":
        """Return the finding that ``to_json`` wrote.

        Raises InvalidInputError that names the field for anything else.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(content, Mapping) or set(content) != set(names):
            raise InvalidInputError(
                f"finding: expected an object with fields {', '.join(names)}, got {content!r:.60}."
            )
        given = dict(content)
        for name, choices in (("severity", get_args(Severity)), ("kind", get_args(FindingKind))):
            if given[name] not in choices:
                raise _unusable(name, f"one of {', '.join(choices)}", given[name])
        for name in ("name", "message"):
            if not isinstance(given[name], str):
                raise _unusable(name, "a string", given[name])
        for name in ("constraint", "frame", "other"):
            absent = given[name] is None and name != "constraint"
            if not absent and (type(given[name]) is not int or given[name] < 0):
                raise _unusable(name, "a number from 0", given[name])
        return cls(**given)


def _unusable(name: str, expected: str, got: object) -> InvalidInputError:
    return InvalidInputError(f"finding.{name}: expected {expected}, got {got!r:.60}.")


# --- how messages say things ---------------------------------------------------------------------


def moment(frame: int, clip: Clip) -> str:
    """Say when a frame is."""
    return f"frame {frame} ({frame / clip.fps:.2f} s)"


def amount(value: float, kind: GoalKind = "joint_position") -> str:
    """Say a distance or an angle, given in metres or radians."""
    if kind in ("joint_rotation", "heading"):
        return f"{math.degrees(value):.1f}°"
    return f"{100 * value:.1f} cm" if abs(value) < 1 else f"{value:.2f} m"


def quantity(kind: GoalKind, joint: int, clip: Clip) -> str:
    """Say what a goal pins."""
    names, feet = clip.skeleton.joint_names, clip.skeleton.foot_indices
    if kind in ("joint_position", "joint_rotation"):
        return f"the {kind.removeprefix('joint_')} of {names[joint]}"
    if kind == "contact":
        return f"the contact of {names[feet[joint]]}"
    return {"root_path": "the root path", "root_height": "the root height"}.get(kind, "the heading")


def others(count: int) -> str:
    """Say how many more there are like the one that is told of."""
    return f" (and {count - 1} more)" if count > 1 else ""
