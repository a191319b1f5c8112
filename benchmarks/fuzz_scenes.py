"""Files of scenes for fuzz_io: FBX and glTF, and damage that keeps their outer layout whole."""

import json
import random
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fuzz_mutations import BINARY, TEXT, Mutation

from marey.errors import FileFormatError
from marey.io.fbx import write_fbx
from marey.io.fbx_binary import PackedArray, Record, decode, encode
from marey.io.glb import write_glb
from marey.motion import Motion
from marey.skeleton import Skeleton

FOREARM = Skeleton(  # few records, so that damage meets each of them often
    name="forearm",
    joint_names=("elbow", "wrist", "thumb", "finger"),
    parents=(-1, 0, 1, 1),
    rest_offsets=torch.tensor([[0.0] * 3, [0.25, 0.0, 0.0], [0.04, 0.0, 0.03], [0.1, 0.0, 0.0]]),
    end_sites=((2, (0.04, 0.0, 0.0)), (3, (0.08, 0.0, 0.0))),
)
ODD_VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 2**31 - 1, np.int64(2**62), np.int64(1000), 0.0, -1.0, 1e30, float("nan")),
    *("", "Null", "LimbNode", "d|X", "Lcl Scaling", b"\0\0", True),
)


def fbx_files(folder: Path, motion: Motion) -> list[Path]:
    """Write an FBX as marey does."""
    path = folder / "valid.fbx"
    write_fbx(motion, path)
    return [path]


def glb_files(folder: Path, motion: Motion) -> list[Path]:
    """Write a GLB as marey does, and one that a VRM program would take for a human."""
    plain, human = folder / "valid.glb", folder / "human.vrm"
    write_glb(motion, plain)
    text, binary = _chunks(plain.read_bytes())
    scene = json.loads(text)
    bones = {"hips": {"node": 0}, "leftUpperLeg": {"node": 1}, "head": {"node": 12}}
    scene["extensions"] = {"VRMC_vrm": {"humanoid": {"humanBones": bones}}}
    del scene["scenes"][0]["extras"]["fps"]
    human.write_bytes(_glb(json.dumps(scene).encode(), binary))
    return [plain, human]


def odd_record(content: bytes, draw: random.Random) -> bytes:
    """Change a value of an FBX record, drop the record, or write it twice."""
    try:
        top = _writable(decode(Path("valid.fbx"), content))
    except FileFormatError:
        return content  # damaged before: nothing to take apart
    places = [(i,) for i in range(len(top.children))]
    for _ in range(draw.randrange(1, 6)):  # go down, for most records lie deep
        place = draw.choice(places)
        below = len(_at(top, place).children)
        places = [(*place, i) for i in range(below)] or [place]
    return encode(_changed(top, draw.choice(places), draw).children)


def in_json(mutation: Mutation) -> Mutation:
    """Damage the JSON of a GLB and state its new length, so that the chunks are whole."""

    def mutate(content: bytes, draw: random.Random) -> bytes:
        if len(content) < 20 or content[:4] != b"glTF":
            return content
        text, binary = _chunks(content)
        return _glb(mutation(text or b"\n", draw), binary)

    return mutate


def odd_json(content: bytes, draw: random.Random) -> bytes:
    """Put another value somewhere into a JSON document, or leave something out."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return content
        key = draw.choice(keys)
        if not isinstance(place[key], dict | list) or not place[key] or draw.random() < 0.1:
            break
        place = place[key]
    if draw.random() < 0.2:
        del place[key]
    else:
        odd = (0, 1, -1, 5, 7, 10**9, 10**30, 0.5, 1e300, None, "", "VEC3", [], [1], {}, True)
        place[key] = draw.choice(odd)
    return json.dumps(document).encode()


FBX: tuple[Mutation, ...] = (*BINARY, *(odd_record,) * len(BINARY))
GLB: tuple[Mutation, ...] = (*BINARY, *map(in_json, TEXT), *(in_json(odd_json),) * 10)


def _writable(record: Record) -> Record:
    """A record as it is written: arrays unpacked, whole numbers in 64 bits."""

    def value(found: Any) -> Any:
        if isinstance(found, PackedArray):
            return found.unpack() if found.dtype.kind != "u" else b""
        return np.int64(found) if type(found) is int else found

    try:
        values = tuple(map(value, record.values))
    except ValueError:
        values = ()  # an array that an earlier damage broke
    return Record(record.name, values, tuple(map(_writable, record.children)))


def _at(record: Record, place: tuple[int, ...]) -> Record:
    for i in place:
        record = record.children[i]
    return record


def _changed(record: Record, place: tuple[int, ...], draw: random.Random) -> Record:
    """Return the tree with the record at a place changed."""
    i, *deeper = place
    children = list(record.children)
    if deeper:
        children[i] = _changed(children[i], tuple(deeper), draw)
    elif (luck := draw.random()) < 0.2:
        del children[i]
    elif luck < 0.3:
        children.insert(i, children[i])
    elif values := list(children[i].values):
        at = draw.randrange(len(values))
        old = values[at]
        values[at] = (
            _odd_array(old, draw) if isinstance(old, np.ndarray) else draw.choice(ODD_VALUES)
        )
        children[i] = replace(children[i], values=tuple(values))
    return replace(record, children=tuple(children))


def _odd_array(array: np.ndarray, draw: random.Random) -> np.ndarray:
    """Cut an array, or put an odd number into it."""
    changed = array.copy()
    if not len(changed) or draw.random() < 0.3:
        return changed[: draw.randrange(len(changed) + 1)]
    odd = (0, -1, 1e30, float("nan")) if changed.dtype.kind == "f" else (0, -1, 2**31 - 1)
    changed[draw.randrange(len(changed))] = draw.choice(odd)
    return changed


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack_from("<I", content, 12)
    return content[20 : 20 + length], content[28 + length :]


def _glb(text: bytes, binary: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks
