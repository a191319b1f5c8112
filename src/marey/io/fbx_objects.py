"""What an FBX file says: its models, how they hang together, and the curves that move them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from marey.io.fbx_binary import PackedArray, Record, fault
from marey.io.fbx_scene import TICKS

MAX_SECONDS = 1e5
"""Keys further from time 0 are refused."""
FIELDS = ("Lcl Translation", "Lcl Rotation", "Lcl Scaling")

_SPARE_BYTES, _TIMES_FILE = 2**26, 20
_MAX_NUMBER, _MAX_NAMES = 1e12, 50
_FLOATS = ("f4", "f8")
_CONSTANT = 2  # a bit of a key's attributes: its value holds up to the next key


@dataclass(frozen=True)
class Curve:
    """Values over time, straight or in steps between its keys."""

    times: Int[np.ndarray, " keys"]
    """FBX ticks, rising."""
    values: Float[np.ndarray, " keys"]
    stepped: bool

    def at(self, times: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
        """Values at times in ticks; beyond the ends the nearest key's."""
        if self.stepped:
            before = np.searchsorted(self.times, times, side="right") - 1
            return self.values[before.clip(0)]
        return np.interp(times, self.times, self.values)


@dataclass(frozen=True, kw_only=True)
class Model:
    """An object with a place: a bone, a group, a mesh."""

    name: str
    sort: str
    parent: int
    """Identifier of the model above; 0 = the scene."""
    table: Mapping[str, tuple[Any, ...]]
    curves: dict[str, dict[int, Curve | float]] = field(default_factory=dict)
    """By field (``Lcl Rotation``) and axis: a curve, or the constant that replaces the field's."""

    def vector(self, name: str, default: float = 0.0) -> tuple[float, float, float]:
        """Return a property of three numbers."""
        numbers = [n for v in self.table.get(name, ())[:3] if (n := _number(v)) is not None]
        if len(numbers) < 3:
            return (default, default, default)
        x, y, z = numbers
        return (x, y, z)

    def whole(self, name: str) -> int:
        """Return a property of one whole number or flag; 0 where there is none."""
        return _whole(self.table, name, 0)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The parts of a file that a motion is made of."""

    models: Mapping[int, Model]
    """By identifier, those above before those below."""
    rest: Mapping[int, Float[np.ndarray, "4 4"]]
    """World transforms in which meshes were bound to models, in the file's unit and axes."""
    settings: Mapping[str, tuple[Any, ...]]
    takes: tuple[str, ...]
    """Names of the animations, of which the first is read."""
    span: tuple[int, int] | None
    """Start and stop of the first take, ticks, where it states them."""
    notes: str

    def setting(self, name: str, default: float) -> float:
        """Return a number of the global settings."""
        value = _number(next(iter(self.settings.get(name, ())), None))
        return default if value is None else value


def read_scene(path: Path, root: Record, size: int) -> Scene:
    """Collect what the records of a file of ``size`` bytes say. Raises FileFormatError."""
    return _Collector(path, root, size).scene()


class _Collector:
    def __init__(self, path: Path, root: Record, size: int) -> None:
        self.path, self.root = path, root
        self.budget = _SPARE_BYTES + _TIMES_FILE * size
        self.objects: dict[int, Record] = {}
        for record in root.first("Objects").children:
            if record.values and isinstance(record.values[0], int):
                self.objects.setdefault(record.values[0], record)
        self.above: dict[int, list[tuple[int, str]]] = {}
        self.below: dict[int, list[tuple[int, str]]] = {}
        for record in root.first("Connections").children:
            values = record.values
            if len(values) < 3 or not all(isinstance(v, int) for v in values[1:3]):
                continue
            name = values[3] if len(values) > 3 and isinstance(values[3], str) else ""
            self.above.setdefault(values[1], []).append((values[2], name))
            self.below.setdefault(values[2], []).append((values[1], name))

    def scene(self) -> Scene:
        models = self._models()
        stacks = [i for i, record in self.objects.items() if record.name == "AnimationStack"]
        span = None
        if stacks:
            table = _table(self.objects[stacks[0]])
            span = (_whole(table, "LocalStart", 0), _whole(table, "LocalStop", 0))
            self._add_curves(models, stacks[0])
        comment = self.root.first("FBXHeaderExtension").first("SceneInfo").first("MetaData")
        notes = comment.first("Comment").values
        return Scene(
            models=models,
            rest=self._rest(models),
            settings=_table(self.root.first("GlobalSettings")),
            takes=tuple(_name(self.objects[stack]) for stack in stacks[:_MAX_NAMES]),
            span=span if span and span[0] < span[1] else None,
            notes=notes[0] if notes and isinstance(notes[0], str) else "",
        )

    def _kind(self, identifier: int) -> str:
        record = self.objects.get(identifier)
        return record.name if record else ""

    def _models(self) -> dict[int, Model]:
        """Models that hang on the scene; one with several parents takes its first."""
        found: dict[int, Model] = {}
        rows = [(i, 0) for i, _ in reversed(self.below.get(0, [])) if self._kind(i) == "Model"]
        while rows:
            identifier, parent = rows.pop()
            if identifier in found:
                continue
            record = self.objects[identifier]
            sort = record.values[2] if len(record.values) > 2 else ""
            found[identifier] = Model(
                name=_name(record), sort=str(sort), parent=parent, table=_table(record)
            )
            under = [i for i, _ in self.below.get(identifier, []) if self._kind(i) == "Model"]
            rows += [(i, identifier) for i in reversed(under)]
        return self._in_order_of_the_file(found)

    def _in_order_of_the_file(self, models: dict[int, Model]) -> dict[int, Model]:
        """The same models as the file lists them, if it lists parents first."""
        ordered = {i: models[i] for i in self.objects if i in models}
        seen = {0}
        for identifier, model in ordered.items():
            if model.parent not in seen:
                return models
            seen.add(identifier)
        return ordered

    def _rest(self, models: Mapping[int, Model]) -> dict[int, np.ndarray]:
        """Transforms of bound bones: what a skin states before what a pose states."""
        found: dict[int, np.ndarray] = {}
        for identifier, record in self.objects.items():
            if record.name != "Deformer" or record.values[-1] != "Cluster":
                continue
            matrix = self._matrix(record.first("TransformLink"))
            for bone, _ in self.below.get(identifier, []):
                if bone in models and matrix is not None:
                    found.setdefault(bone, matrix)
        for record in self.objects.values():
            if record.name != "Pose" or record.values[-1] != "BindPose":
                continue
            for row in record.all("PoseNode"):
                bone = next(iter(row.first("Node").values), None)
                if isinstance(bone, int) and bone in models and bone not in found:
                    matrix = self._matrix(row.first("Matrix"))
                    if matrix is not None:
                        found[bone] = matrix
        return found

    def _matrix(self, record: Record) -> np.ndarray | None:
        values = self._array(record, _FLOATS)
        return None if len(values) != 16 else values.astype(np.float64).reshape(4, 4).T

    def _add_curves(self, models: Mapping[int, Model], stack: int) -> None:
        """Give the models the curves of the first layer of a take."""
        layers = [i for i, _ in self.below.get(stack, []) if self._kind(i) == "AnimationLayer"]
        for node, _ in self.below.get(layers[0], []) if layers else []:
            if self._kind(node) != "AnimationCurveNode":
                continue
            driven = [(i, name) for i, name in self.above[node] if i in models and name in FIELDS]
            if driven:
                tracks = self._tracks(node)
                for identifier, name in driven:
                    models[identifier].curves.setdefault(name, tracks)

    def _tracks(self, node: int) -> dict[int, Curve | float]:
        table = _table(self.objects[node])
        found: dict[int, Curve | float] = {}
        for axis, letter in enumerate("XYZ"):
            constant = _number(next(iter(table.get(f"d|{letter}", ())), None))
            if constant is not None:
                found[axis] = constant
        for curve, name in self.below.get(node, []):
            if self._kind(curve) == "AnimationCurve" and name in ("d|X", "d|Y", "d|Z"):
                found["XYZ".index(name[2])] = self._curve(self.objects[curve])
        return found

    def _curve(self, record: Record) -> Curve:
        times = self._array(record.first("KeyTime"), ("i8",))
        values = self._array(record.first("KeyValueFloat"), _FLOATS).astype(np.float64)
        flags = self._array(record.first("KeyAttrFlags"), ("i4",))
        place = f"curve {record.values[0]}"
        if not len(times) or len(times) != len(values):
            got = f"{len(times)} times and {len(values)} values"
            raise fault(self.path, place, "a time and a value for each key", got)
        if (times[1:] < times[:-1]).any() or max(abs(int(times[0])), abs(int(times[-1]))) > (
            MAX_SECONDS * TICKS
        ):
            raise fault(self.path, place, f"rising times up to {MAX_SECONDS:g} s", "others")
        if not (np.abs(values) < _MAX_NUMBER).all():
            raise fault(self.path, place, "finite values", "others")
        return Curve(times, values, bool(len(flags)) and bool((flags & _CONSTANT).all()))

    def _array(self, record: Record, kinds: tuple[str, ...]) -> np.ndarray:
        """Unpack the array of a record, or return an empty one where there is none."""
        value = next(iter(record.values), None)
        if not isinstance(value, PackedArray) or value.dtype.str[1:] not in kinds:
            return np.zeros(0, np.int64)
        self.budget -= value.num_bytes
        if self.budget < 0:
            fix = "Export the bones and their animation alone."
            raise fault(self.path, record.name, "arrays in proportion", "larger ones", fix=fix)
        try:
            return value.unpack()
        except ValueError as error:
            raise fault(self.path, record.name, "a whole array", str(error)) from error


def _name(record: Record) -> str:
    """The name of an object without its class, which follows NUL and 1."""
    value = record.values[1] if len(record.values) > 1 else ""
    return value.split("\0")[0] if isinstance(value, str) else ""


def _table(record: Record) -> dict[str, tuple[Any, ...]]:
    """Property tables: name to values."""
    rows = record.first("Properties70").children
    return {row.values[0]: row.values[4:] for row in rows if row.values and _text(row.values[0])}


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(table: Mapping[str, tuple[Any, ...]], name: str, default: int) -> int:
    value = next(iter(table.get(name, ())), default)
    return int(value) if isinstance(value, int) else default


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    number = float(value)
    return number if math.isfinite(number) and abs(number) < _MAX_NUMBER else None
