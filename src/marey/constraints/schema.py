"""The types of constraints in a file: one table, which reading, writing and JSON Schema share.

``schema.json`` beside this file is ``json_schema()``, published. Rotations are quaternions
w, x, y, z.
"""

from dataclasses import dataclass
from typing import Any

from marey.constraints.constraint import Constraint
from marey.constraints.contact import FOOT_CHANNELS, FootContact
from marey.constraints.joint import HoldJoint, JointTarget
from marey.constraints.json_values import (
    Array,
    Choice,
    Flag,
    Number,
    Quaternions,
    Row,
    Text,
    Value,
)
from marey.constraints.keyframe import FullBodyKeyframe
from marey.constraints.root import FacePoint, PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import MAX_TIME

FORMAT_VERSION = 1
MAX_CONSTRAINTS = 2000
"""Most constraints in a file; each holds as many keys as it likes."""


@dataclass(frozen=True)
class Field:
    """A field of a constraint."""

    name: str
    value: Value
    required: bool = False
    default: Any = None
    """Left out when written if it has this value."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A type of constraint in a file."""

    name: str
    made: type[Constraint]
    about: str
    fields: tuple[Field, ...]
    exactly_one: tuple[str, ...] = ()
    at_least_one: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Everything that may be said of it."""
        return ("type", *(field.name for field in self.fields))


_NOT_NEGATIVE = Number(least=0)
TIME_FIELDS = (
    Field("frames", Row(Number(least=0, most=MAX_TIME, whole=True), "keys")),
    Field("seconds", Row(Number(least=0, most=MAX_TIME), "keys")),
)
INTERVAL_FIELDS = (
    Field("start", Number(least=0, most=MAX_TIME)),
    Field("end", Number(least=0, most=MAX_TIME)),
    Field("unit", Choice(("frames", "seconds"))),
)
_WEIGHT = Field("weight", Number(positive=True), default=1.0)
_LABEL = Field("label", Text(empty=True), default="")
_SHARED = (_WEIGHT, Field("tolerance", _NOT_NEGATIVE), _LABEL)
_ROTATION_TOLERANCE = Field("rotation_tolerance", _NOT_NEGATIVE)
_ROOT_PATH = Field("root_path", Array(("keys", 2)))
_EITHER_TIME = ("frames", "seconds")

ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="full_body",
            made=FullBodyKeyframe,
            about="Positions of the joints at some times, with rotations and root path if given.",
            fields=(
                *TIME_FIELDS,
                Field("joint_names", Row(Text(), "joints"), required=True),
                Field("positions", Array(("keys", "joints", 3)), required=True),
                Field("rotations", Quaternions(("keys", "joints"))),
                _ROOT_PATH,
                _ROTATION_TOLERANCE,
                *_SHARED,
            ),
            exactly_one=_EITHER_TIME,
        ),
        Entry(
            name="joint",
            made=JointTarget,
            about="World position, global rotation or both of one joint at some times.",
            fields=(
                *TIME_FIELDS,
                Field("joint", Text(), required=True),
                Field("positions", Array(("keys", 3))),
                Field("rotations", Quaternions(("keys",))),
                _ROOT_PATH,
                _ROTATION_TOLERANCE,
                *_SHARED,
            ),
            exactly_one=_EITHER_TIME,
            at_least_one=("positions", "rotations"),
        ),
        Entry(
            name="root_waypoint",
            made=RootWaypoint,
            about="The smoothed root path passes through points x, z at some times.",
            fields=(*TIME_FIELDS, Field("points", Array(("keys", 2)), required=True), *_SHARED),
            exactly_one=_EITHER_TIME,
        ),
        Entry(
            name="root_path",
            made=RootPath,
            about="The smoothed root path follows a curve through points x, z in every frame; "
            "each point has its time, or the speed is in m/s and start in seconds.",
            fields=(
                *TIME_FIELDS,
                Field("points", Array(("keys", 2)), required=True),
                Field("speed", Number(positive=True)),
                Field("start", Number(least=0, most=MAX_TIME), default=0.0),
                Field("curve", Choice(("polyline", "spline"))),
                *_SHARED,
            ),
            exactly_one=(*_EITHER_TIME, "speed"),
        ),
        Entry(
            name="heading",
            made=RootHeading,
            about="The hips face directions at some times: radians, 0 = +Z, positive towards +X.",
            fields=(*TIME_FIELDS, Field("angles", Array(("keys",)), required=True), *_SHARED),
            exactly_one=_EITHER_TIME,
        ),
        Entry(
            name="pelvis_height",
            made=PelvisHeight,
            about="The root joint is so high at some times, metres.",
            fields=(*TIME_FIELDS, Field("heights", Array(("keys",)), required=True), *_SHARED),
            exactly_one=_EITHER_TIME,
        ),
        Entry(
            name="foot_contact",
            made=FootContact,
            about="A foot or a part of it is on the ground throughout an interval, or off it.",
            fields=(
                Field("foot", Choice(tuple(FOOT_CHANNELS)), required=True),
                *INTERVAL_FIELDS,
                Field("contact", Flag()),
                _WEIGHT,
                _LABEL,
            ),
        ),
        Entry(
            name="hold",
            made=HoldJoint,
            about="A joint stays where it is throughout an interval.",
            fields=(
                Field("joint", Text(), required=True),
                *INTERVAL_FIELDS,
                Field("rotation", Flag()),
                _ROTATION_TOLERANCE,
                *_SHARED,
            ),
        ),
        Entry(
            name="face_point",
            made=FacePoint,
            about="The hips face a point x, z on the ground throughout an interval.",
            fields=(Field("point", Array((2,)), required=True), *INTERVAL_FIELDS, *_SHARED),
        ),
    )
}
"""Every type of constraint that a file can hold."""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a constraint file.

    It cannot say that lists which belong together are equally long; the reader checks that.
    """
    names = list(ENTRIES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "marey constraints",
        "description": "Facts in the world that a motion is asked to meet. Metres, radians, "
        "seconds; Y up, +Z forward, +X to the left; frames from 0; quaternions w, x, y, z.",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "version": {"const": FORMAT_VERSION},
            "constraints": {
                "type": "array",
                "maxItems": MAX_CONSTRAINTS,
                "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in names]},
            },
        },
        "required": ["version", "constraints"],
        "additionalProperties": False,
        "$defs": {name: _entry_schema(entry) for name, entry in ENTRIES.items()},
    }


def _entry_schema(entry: Entry) -> dict[str, Any]:
    described = {field.name: field.value.description() for field in entry.fields}
    schema: dict[str, Any] = {
        "description": entry.about,
        "type": "object",
        "properties": {"type": {"const": entry.name}, **described},
        "required": ["type", *(field.name for field in entry.fields if field.required)],
        "additionalProperties": False,
    }
    for word, names in (("oneOf", entry.exactly_one), ("anyOf", entry.at_least_one)):
        if names:
            schema[word] = [{"required": [name]} for name in names]
    return schema
