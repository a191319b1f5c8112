"""The objects of an FBX scene under construction: bones, a skinned mesh, curves, connections."""

from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from marey.io.fbx_binary import Record

TICKS = 46_186_158_000
"""Units of FBX time in a second."""

_LINEAR = 4
# Unused where lines are straight: slopes, two weights of a third in 16 bits each, velocity.
_SHAPE = np.array([0, 0, 0x0D050D05, 0], np.int32).view(np.float32)
_SCENE = np.int64(0)

_PROPERTIES = {
    "int": ("int", "Integer", ""),
    "double": ("double", "Number", ""),
    "enum": ("enum", "", ""),
    "time": ("KTime", "Time", ""),
    "text": ("KString", "", ""),
    "object": ("object", "", ""),
    "number": ("Number", "", "A"),
    "colour": ("Color", "", "A"),
    "translation": ("Lcl Translation", "", "A"),
    "rotation": ("Lcl Rotation", "", "A"),
}


def properties(*rows: tuple[Any, ...]) -> Record:
    """Return a property table of rows (name, kind, value …)."""
    made = (Record("P", (name, *_PROPERTIES[kind], *values)) for name, kind, *values in rows)
    return Record("Properties70", (), tuple(made))


class FbxScene:
    """Objects and what connects them; identifiers count from 1000, so that bytes repeat."""

    def __init__(self) -> None:
        self._objects: list[Record] = []
        self._links: list[Record] = []
        self._mesh = self._skin = _SCENE
        self._layer = _SCENE

    def records(self) -> list[Record]:
        """Return the document's definitions, objects and connections."""
        kinds = Counter(record.name for record in self._objects)
        types = [Record("ObjectType", (kind,), (_count(n),)) for kind, n in kinds.items()]
        types.insert(0, Record("ObjectType", ("GlobalSettings",), (_count(1),)))
        total = len(self._objects) + 1
        return [
            Record("Definitions", (), (Record("Version", (100,)), _count(total), *types)),
            Record("Objects", (), tuple(self._objects)),
            Record("Connections", (), tuple(self._links)),
        ]

    def add(self, kind: str, name: str, label: str, sort: str, *children: Record) -> np.int64:
        """Add an object; ``label`` is the class that its full name ends in."""
        identifier = np.int64(1000 + len(self._objects))
        values = (identifier, f"{name}\0\1{label}", sort)
        self._objects.append(Record(kind, values, children))
        return identifier

    def connect(self, child: np.int64, parent: np.int64, field: str = "") -> None:
        """Put an object under another, or let it drive a property of it."""
        values = ("OP", child, parent, field) if field else ("OO", child, parent)
        self._links.append(Record("C", values))

    # --- bones ---

    def add_bone(
        self,
        name: str,
        step: Float[np.ndarray, "3"],
        parent: np.int64 | None,
        *,
        size: float,
    ) -> np.int64:
        """Add a bone at ``step`` from its parent, its axes along the parent's."""
        attribute = self.add(
            *("NodeAttribute", name, "NodeAttribute", "LimbNode"),
            properties(("Size", "double", size)),
            Record("TypeFlags", ("Skeleton",)),
        )
        bone = self._add_model(name, "LimbNode", ("Lcl Translation", "translation", *step.tolist()))
        self.connect(bone, _SCENE if parent is None else parent)
        self.connect(attribute, bone)
        return bone

    def _add_model(self, name: str, sort: str, *rows: tuple[Any, ...]) -> np.int64:
        return self.add(
            *("Model", name, "Model", sort),
            Record("Version", (232,)),
            properties(
                ("RotationOrder", "enum", 0),
                ("InheritType", "enum", 1),
                ("DefaultAttributeIndex", "int", 0),
                *rows,
            ),
            Record("MultiLayer", (0,)),
            Record("MultiTake", (0,)),
            Record("Shading", (True,)),
            Record("Culling", ("CullingOff",)),
        )

    # --- body ---

    def add_mesh(
        self,
        name: str,
        corners: Float[np.ndarray, "corners 3"],
        normals: Float[np.ndarray, "corners 3"],
        materials: Int[np.ndarray, " triangles"],
    ) -> None:
        """Add the triangles of every three corners in turn, ready to be bound to bones."""
        around = np.arange(len(corners), dtype=np.int32)
        around[2::3] ^= -1  # marks the last corner of a face
        shape = self.add(
            *("Geometry", name, "Geometry", "Mesh"),
            Record("GeometryVersion", (124,)),
            Record("Vertices", (corners.astype(np.float64).ravel(),)),
            Record("PolygonVertexIndex", (around,)),
            _element("Normal", "ByPolygonVertex", "Direct", "Normals", normals.astype(np.float64)),
            _element("Material", "ByPolygon", "IndexToDirect", "Materials", materials),
            Record("Layer", (0,), (Record("Version", (100,)), *map(_layer_row, _LAYERS))),
        )
        self._mesh = self._add_model(name, "Mesh")
        self.connect(self._mesh, _SCENE)
        self.connect(shape, self._mesh)
        accuracy = Record("Link_DeformAcuracy", (50.0,))  # spelt so in every file
        self._skin = self.add(
            *("Deformer", name, "Deformer", "Skin"), Record("Version", (101,)), accuracy
        )
        self.connect(self._skin, shape)

    def add_material(self, name: str, colour: tuple[float, float, float]) -> None:
        """Add the next material of the mesh; ``colour`` is linear RGB."""
        shown = [float(np.float32(c ** (1 / 2.2))) for c in colour]
        material = self.add(
            *("Material", name, "Material", ""),
            Record("Version", (102,)),
            Record("ShadingModel", ("lambert",)),
            Record("MultiLayer", (0,)),
            properties(("DiffuseColor", "colour", *shown)),
        )
        self.connect(material, self._mesh)

    def add_cluster(
        self,
        name: str,
        bone: np.int64,
        corners: Int[np.ndarray, " bound"],
        place: Float[np.ndarray, "3"],
    ) -> None:
        """Bind corners of the mesh to a bone that stands at ``place`` in rest pose."""
        cluster = self.add(
            *("Deformer", name, "SubDeformer", "Cluster"),
            Record("Version", (100,)),
            Record("UserData", ("", "")),
            Record("Indexes", (corners.astype(np.int32),)),
            Record("Weights", (np.ones(len(corners)),)),
            Record("Transform", (_matrix(-place),)),
            Record("TransformLink", (_matrix(place),)),
        )
        self.connect(cluster, self._skin)
        self.connect(bone, cluster)

    def add_bind_pose(self, bones: list[np.int64], places: list[Float[np.ndarray, "3"]]) -> None:
        """State where the bones stand in rest pose; the mesh stands at the origin."""
        rows = [*zip(bones, places, strict=True), (self._mesh, np.zeros(3))]
        nodes = [
            Record("PoseNode", (), (Record("Node", (bone,)), Record("Matrix", (_matrix(place),))))
            for bone, place in rows
        ]
        head = (Record("Type", ("BindPose",)), Record("Version", (100,)))
        count = Record("NbPoseNodes", (len(nodes),))
        self.add("Pose", "rest", "Pose", "BindPose", *head, count, *nodes)

    # --- animation ---

    def add_take(self, name: str, end: np.int64) -> None:
        """Add the animation that curves then belong to, from time 0 to ``end`` ticks."""
        times = (("LocalStart", np.int64(0)), ("LocalStop", end))
        more = (("ReferenceStart", np.int64(0)), ("ReferenceStop", end))
        rows = properties(*((field, "time", time) for field, time in (*times, *more)))
        stack = self.add("AnimationStack", name, "AnimStack", "", rows)
        self._layer = self.add("AnimationLayer", "BaseLayer", "AnimLayer", "")
        self.connect(self._layer, stack)

    def add_curves(
        self,
        bone: np.int64,
        field: str,
        times: Int[np.ndarray, " frames"],
        values: Float[np.ndarray, "frames 3"],
    ) -> None:
        """Animate ``Lcl Translation`` or ``Lcl Rotation`` of a bone, a key per frame."""
        first = values[0].tolist()
        rows = [(f"d|{axis}", "number", value) for axis, value in zip("XYZ", first, strict=True)]
        node = self.add("AnimationCurveNode", field[4], "AnimCurveNode", "", properties(*rows))
        self.connect(node, self._layer)
        self.connect(node, bone, field)
        for axis, column in zip("XYZ", values.T, strict=True):
            curve = self.add(
                *("AnimationCurve", "", "AnimCurve", ""),
                Record("Default", (float(column[0]),)),
                Record("KeyVer", (4008,)),
                Record("KeyTime", (times,)),
                Record("KeyValueFloat", (column.astype(np.float32),)),
                Record("KeyAttrFlags", (np.array([_LINEAR], np.int32),)),
                Record("KeyAttrDataFloat", (_SHAPE,)),
                Record("KeyAttrRefCount", (np.array([len(times)], np.int32),)),
            )
            self.connect(curve, node, f"d|{axis}")


_LAYERS = ("LayerElementNormal", "LayerElementMaterial")


def _layer_row(element: str) -> Record:
    fields = (Record("Type", (element,)), Record("TypedIndex", (0,)))
    return Record("LayerElement", (), fields)


def _element(name: str, mapping: str, reference: str, field: str, values: np.ndarray) -> Record:
    """A layer of the mesh: what belongs to its corners or faces."""
    fields = (
        Record("Version", (101,)),
        Record("Name", ("",)),
        Record("MappingInformationType", (mapping,)),
        Record("ReferenceInformationType", (reference,)),
        Record(field, (values.ravel(),)),
    )
    return Record(f"LayerElement{name}", (0,), fields)


def _matrix(place: Float[np.ndarray, "3"]) -> Float[np.ndarray, "16"]:
    """A translation; FBX stores matrices by column."""
    matrix = np.eye(4)
    matrix[3, :3] = place
    return matrix.ravel()


def _count(number: int) -> Record:
    return Record("Count", (number,))
