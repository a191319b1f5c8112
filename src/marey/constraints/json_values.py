"""Kinds of values in a constraint file: how each is read, written and described.

Reading trusts nothing: every fault is an InvalidInputError that begins with the path of the
offending value. ``description`` is its JSON Schema.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from marey import rotations
from marey.constraints.constraint import WORLD_SIZE
from marey.errors import InvalidInputError

MAX_ITEMS = 100_000
"""Longest list: an hour of frames at 27 fps."""
MAX_TEXT = 200
MIN_QUATERNION = 1e-6
"""Quaternions shorter than this have no direction."""

Sizes = dict[str, tuple[int, str]]
"""Length of each named axis seen so far, and the field that has it."""


def fault(place: str, expected: str, got: Any, fix: str = "") -> InvalidInputError:
    """Return the error that says where, what was expected and what was found."""
    return InvalidInputError(f"{place}: expected {expected}, got {shown(got)}.{fix and ' ' + fix}")


def shown(value: Any) -> str:
    """Return a short, printable form of any JSON value."""
    if isinstance(value, str):
        text = json.dumps(value[:80])
    elif isinstance(value, Mapping):
        text = "an object"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)} item{'s' * (len(value) != 1)}"
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63:
        text = "a huge number"
    elif value is None or isinstance(value, bool | int | float):
        text = json.dumps(value)
    else:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


class Value(ABC):
    """One kind of value."""

    @abstractmethod
    def read(self, content: Any, place: str, sizes: Sizes) -> Any:
        """Return what the content means; InvalidInputError, beginning with ``place``, if nothing.

        ``sizes`` holds the lengths of named axes, which must agree within a constraint.
        """

    def write(self, value: Any) -> Any:
        """Return the JSON content that ``read`` turns back."""
        return value

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Return the JSON Schema of the value."""


@final
@dataclass(frozen=True, kw_only=True)
class Number(Value):
    """A finite number within bounds."""

    least: float | int = -WORLD_SIZE
    most: float | int = WORLD_SIZE
    positive: bool = False
    whole: bool = False

    def read(self, content: Any, place: str, sizes: Sizes) -> float | int:
        if not self.accepts(content):
            raise self.fault(place, content)
        return int(content) if self.whole else content

    def accepts(self, content: Any) -> bool:
        """Whether the content is such a number; neither a bool nor a string is."""
        if not isinstance(content, int | float) or isinstance(content, bool):
            return False
        inside = self.least <= content <= self.most and (content > 0 or not self.positive)
        return inside and (not self.whole or content == int(content))

    def fault(self, place: str, content: Any) -> InvalidInputError:
        """Return the error about content that is no such number."""
        finite = isinstance(content, int) or (isinstance(content, float) and math.isfinite(content))
        if self.whole:
            return fault(place, f"a whole number from {self.least:g} to {self.most:g}", content)
        if isinstance(content, bool) or not finite:
            return fault(place, "a finite number", content)
        low = "above 0 and up to" if self.positive else f"from {self.least:g} to"
        return fault(place, f"a number {low} {self.most:g}", content)

    def description(self) -> dict[str, Any]:
        low = {"exclusiveMinimum": 0} if self.positive else {"minimum": self.least}
        return {"type": "integer" if self.whole else "number", **low, "maximum": self.most}


@final
@dataclass(frozen=True, kw_only=True)
class Text(Value):
    """A printable string."""

    empty: bool = False

    def read(self, content: Any, place: str, sizes: Sizes) -> str:
        if not isinstance(content, str):
            raise fault(place, "a string", content)
        if len(content) > MAX_TEXT or not content.isprintable() or not (content or self.empty):
            raise fault(place, f"a printable string of at most {MAX_TEXT} characters", content)
        return content

    def description(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 0 if self.empty else 1, "maxLength": MAX_TEXT}


@final
class Flag(Value):
    """True or false."""

    def read(self, content: Any, place: str, sizes: Sizes) -> bool:
        if not isinstance(content, bool):
            raise fault(place, "true or false", content)
        return content

    def description(self) -> dict[str, Any]:
        return {"type": "boolean"}


@final
@dataclass(frozen=True)
class Choice(Value):
    """One of some words."""

    words: tuple[str, ...]

    def read(self, content: Any, place: str, sizes: Sizes) -> str:
        if not isinstance(content, str) or content not in self.words:
            raise fault(place, f"one of {', '.join(self.words)}", content)
        return content

    def description(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@final
@dataclass(frozen=True)
class Row(Value):
    """A list of values of one kind along a named axis; a tuple in Python."""

    of: Value
    axis: str

    def read(self, content: Any, place: str, sizes: Sizes) -> tuple[Any, ...]:
        items = _items(content, place, self.axis, sizes, fields=place)
        return tuple(self.of.read(item, f"{place}[{i}]", sizes) for i, item in enumerate(items))

    def write(self, value: Any) -> list[Any]:
        return [self.of.write(item) for item in value]

    def description(self) -> dict[str, Any]:
        return _list_of(self.of.description(), self.axis)


@final
@dataclass(frozen=True)
class Array(Value):
    """Nested lists of numbers with named or fixed lengths; a float32 tensor in Python."""

    axes: tuple[str | int, ...]
    of: Number = Number()

    def read(self, content: Any, place: str, sizes: Sizes) -> Tensor:
        numbers: list[float] = []
        shape: dict[int, int] = {}
        self._gather(content, place, 0, numbers, shape, {**sizes}, place)
        for axis, length in zip(self.axes, shape.values(), strict=True):
            if isinstance(axis, str):
                sizes.setdefault(axis, (length, place))
        return torch.tensor(numbers, dtype=torch.float32).reshape(*shape.values())

    def _gather(
        self,
        content: Any,
        place: str,
        depth: int,
        numbers: list[float],
        shape: dict[int, int],
        sizes: Sizes,
        field: str,
    ) -> None:
        """Append the numbers of nested lists, checking lengths against the first and ``sizes``."""
        items = _items(content, place, self.axes[depth], sizes, fields=field)
        shape.setdefault(depth, len(items))
        if depth + 1 < len(self.axes):
            for i, item in enumerate(items):
                self._gather(item, f"{place}[{i}]", depth + 1, numbers, shape, sizes, field)
            return
        for i, item in enumerate(items):
            if not self.of.accepts(item):
                raise self.of.fault(f"{place}[{i}]", item)
        numbers.extend(map(float, items))

    def write(self, value: Tensor) -> Any:
        return _shortest(value.tolist())

    def description(self) -> dict[str, Any]:
        inner = self.of.description()
        for axis in reversed(self.axes):
            inner = _list_of(inner, axis)
        return inner


@final
@dataclass(frozen=True)
class Quaternions(Value):
    """Nested lists of quaternions w, x, y, z of any length but 0; rotation matrices in Python."""

    axes: tuple[str | int, ...]

    @property
    def _array(self) -> Array:
        return Array((*self.axes, 4))

    def read(self, content: Any, place: str, sizes: Sizes) -> Tensor:
        quaternions = self._array.read(content, place, sizes).double()
        short = (quaternions.norm(dim=-1) < MIN_QUATERNION).nonzero()
        if len(short):
            where = "".join(f"[{i}]" for i in short[0].tolist())
            raise InvalidInputError(
                f"{place}{where}: expected a quaternion w, x, y, z, got one of length 0."
            )
        return rotations.quaternion_to_matrix(quaternions).float()

    def write(self, value: Tensor) -> Any:
        return self._array.write(rotations.matrix_to_quaternion(value.double()).float())

    def description(self) -> dict[str, Any]:
        return self._array.description()


def _items(
    content: Any, place: str, axis: str | int, sizes: Sizes, *, fields: str
) -> list[Any] | tuple[Any, ...]:
    """Return a list of the length that its axis has; ``fields`` is what it may define it for."""
    if not isinstance(content, list | tuple):
        raise fault(place, "a list", content)
    if isinstance(axis, int):
        if len(content) != axis:
            raise fault(place, f"a list of {axis} items", content)
        return content
    length, first = sizes.setdefault(axis, (len(content), fields))
    if not 1 <= len(content) <= MAX_ITEMS:
        raise fault(place, f"a list of 1 to {MAX_ITEMS} items", content)
    if len(content) != length:
        name = first.rpartition(".")[2]
        raise fault(place, f"a list of {length} item{'s' * (length != 1)}, as {name} has", content)
    return content


def _list_of(inner: dict[str, Any], axis: str | int) -> dict[str, Any]:
    least, most = (axis, axis) if isinstance(axis, int) else (1, MAX_ITEMS)
    return {"type": "array", "items": inner, "minItems": least, "maxItems": most}


def _shortest(value: Any) -> Any:
    """Return floats in the fewest digits that float32 reads back exactly."""
    if isinstance(value, list):
        return [_shortest(item) for item in value]
    return float(str(np.float32(value)))
