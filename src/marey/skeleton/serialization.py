"""A skeleton as plain JSON data, for motion files and checkpoints."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

import torch

from marey.errors import InvalidInputError
from marey.skeleton.skeleton import Roles, Skeleton

_MAX_JOINTS = 2000


def skeleton_to_json(skeleton: Skeleton) -> dict[str, Any]:
    """Return a dict of lists, numbers and strings that ``skeleton_from_json`` turns back exactly.

    Offsets are in metres.
    """
    return {
        "name": skeleton.name,
        "joint_names": list(skeleton.joint_names),
        "parents": list(skeleton.parents),
        "rest_offsets": skeleton.rest_offsets.tolist(),
        "mirror": list(skeleton.mirror),
        "roles": asdict(skeleton.roles),
        "parts": list(skeleton.parts),
        "end_sites": [[joint, list(offset)] for joint, offset in skeleton.end_sites],
    }


def skeleton_from_json(data: Any) -> Skeleton:
    """Build the skeleton that ``skeleton_to_json`` described.

    Raises InvalidInputError that names the field, for JSON data of any shape.
    """
    if not isinstance(data, Mapping):
        raise _fault("skeleton", "an object", data)
    known = {field.name for field in fields(Skeleton)}
    if set(data) != known:
        got = ", ".join(map(repr, list(data)[:20]))
        raise _fault("skeleton", f"the fields {', '.join(sorted(known))}", got, quote=False)
    roles = data["roles"]
    role_names = {field.name for field in fields(Roles)}
    if not isinstance(roles, Mapping) or not set(roles) <= role_names:
        raise _fault(
            "roles", f"an object with fields out of {', '.join(sorted(role_names))}", roles
        )
    if not isinstance(data["name"], str):
        raise _fault("name", "a string", data["name"])
    offsets = _items(data, "rest_offsets", "three finite numbers", _is_vector)
    tips = _items(data, "end_sites", "[joint index, [x, y, z]]", _is_tip)
    return Skeleton(
        name=data["name"],
        joint_names=tuple(_items(data, "joint_names", "a printable string", _is_name)),
        parents=tuple(_items(data, "parents", "a whole number", _is_index)),
        rest_offsets=torch.tensor(offsets, dtype=torch.float32).reshape(-1, 3),
        mirror=tuple(_items(data, "mirror", "a whole number", _is_index)),
        roles=Roles(**{name: _string(f"roles.{name}", value) for name, value in roles.items()}),
        parts=tuple(_items(data, "parts", "a string", _is_string)),
        end_sites=tuple((joint, (float(x), float(y), float(z))) for joint, (x, y, z) in tips),
    )


def _items(
    data: Mapping[str, Any], name: str, expected: str, valid: Callable[[Any], bool]
) -> list[Any]:
    items = data[name]
    if not isinstance(items, list) or len(items) > _MAX_JOINTS:
        raise _fault(name, f"a list of at most {_MAX_JOINTS} items", items)
    for i, item in enumerate(items):
        if not valid(item):
            raise _fault(f"{name}[{i}]", expected, item)
    return items


def _string(name: str, value: Any) -> str:
    if not _is_string(value):
        raise _fault(name, "a string", value)
    return value


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_length, value))


def _is_length(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < 1e6 and math.isfinite(value)


def _is_tip(value: Any) -> bool:
    pair = isinstance(value, list) and len(value) == 2
    return pair and _is_index(value[0]) and _is_vector(value[1])


def _fault(name: str, expected: str, got: Any, *, quote: bool = True) -> InvalidInputError:
    shown = repr(got) if quote else str(got)
    return InvalidInputError(f"Skeleton field {name}: expected {expected}, got {shown[:120]}.")
