"""marey's own motion file: a versioned NPZ that holds all of a Motion, bit for bit.

Version 1 is a zip of .npy arrays that ``numpy.load(path, allow_pickle=False)`` opens:

| array | type | meaning |
|---|---|---|
| ``marey_format`` | int | 1 |
| ``fps`` | float64 | frames per second |
| ``root_positions`` | float32 [frames, 3] | metres, Y up |
| ``local_rotations`` | float32 [frames, joints, 3, 3] | matrices; columns are a joint's axes |
| ``contacts`` | bool [frames, 4] | only where known: left heel, left toe, right heel, right toe |
| ``skeleton`` | string | JSON of ``skeleton_to_json`` |
| ``metadata`` | string | JSON: text, seed, source … |

Matrices, not quaternions, so that what is read equals what was written. Further arrays are left
alone. The reader parses headers itself and never unpickles; sizes are checked before memory is
taken.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.npy_archive import read_arrays
from marey.motion import Motion
from marey.skeleton import Skeleton
from marey.skeleton.serialization import skeleton_from_json, skeleton_to_json

FORMAT_VERSION = 1
MAX_BYTES = 512 * 2**20
"""Arrays that would unpack to more are refused: half a gigabyte is six hours of body22."""
ROTATION_TOLERANCE = 1e-3
"""How far RᵀR may lie from the identity."""

_KINDS = {
    "marey_format": ("iu", 0),
    "fps": ("f", 0),
    "root_positions": ("f", 2),
    "local_rotations": ("f", 4),
    "contacts": ("b", 2),
    "skeleton": ("U", 0),
    "metadata": ("U", 0),
}
_KIND_NAMES = {"iu": "a whole number", "f": "float", "b": "bool", "U": "a string"}


def write_npz(motion: Motion, path: str | Path, *, force: bool = False) -> None:
    """Write a motion as NPZ; the same motion gives the same bytes.

    Raises InvalidInputError if metadata is no JSON, or if the file exists and not ``force``.
    """
    arrays: dict[str, np.ndarray] = {
        "marey_format": np.array(FORMAT_VERSION),
        "fps": np.array(motion.fps, dtype=np.float64),
        "root_positions": _float32(motion.root_positions),
        "local_rotations": _float32(motion.local_rotations),
        "skeleton": np.array(json.dumps(skeleton_to_json(motion.skeleton))),
        "metadata": np.array(_metadata_json(motion.metadata)),
    }
    if motion.contacts is not None:
        arrays["contacts"] = motion.contacts.detach().cpu().numpy()
    with atomic_path(path, force=force) as temporary, temporary.open("wb") as file:
        # Pyright holds any keyword for numpy's allow_pickle, which is none of ours.
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def read_npz(path: str | Path) -> Motion:
    """Read a motion that ``write_npz`` wrote.

    Raises FileFormatError that names the array, among them for objects, which would have to be
    unpickled, for sizes beyond MAX_BYTES and for versions that this marey does not know.
    """
    path = Path(path)
    arrays = read_arrays(path, names=tuple(_KINDS), max_bytes=MAX_BYTES)
    _check_version(path, arrays)
    _check_kinds(path, arrays)
    skeleton = _skeleton(path, str(arrays["skeleton"]))
    _check_shapes(path, arrays, skeleton.num_joints)
    contacts = arrays.get("contacts")
    try:
        return Motion(
            root_positions=torch.from_numpy(arrays["root_positions"].astype(np.float32)),
            local_rotations=torch.from_numpy(arrays["local_rotations"].astype(np.float32)),
            fps=float(arrays["fps"]),
            skeleton=skeleton,
            contacts=None if contacts is None else torch.from_numpy(contacts),
            metadata=_metadata(path, str(arrays["metadata"])),
        )
    except InvalidInputError as error:
        raise _fault(path, "motion", "valid values", str(error)) from error


def _float32(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().float().numpy()


def _metadata_json(metadata: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"Motion.metadata must be JSON (strings, finite numbers, lists, dicts), got "
            f"{dict(metadata)!r:.200}: {error}. Convert or drop the entry."
        ) from error


def _check_version(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    version = arrays.get("marey_format")
    if version is None:
        raise _fault(
            path,
            "marey_format",
            "an array 'marey_format' with the version",
            "none",
            fix="Only motions that marey wrote are read as NPZ; other NPZ layouts need their "
            "own reader.",
        )
    if version.ndim or version.dtype.kind not in "iu" or int(version) != FORMAT_VERSION:
        shown = int(version) if version.size == 1 and version.dtype.kind in "iu" else version.dtype
        fix = "Update marey, or export the motion again."
        raise _fault(path, "marey_format", f"version {FORMAT_VERSION}", f"{shown}", fix=fix)


def _check_kinds(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    missing = [name for name in _KINDS if name not in arrays and name != "contacts"]
    if missing:
        raise _fault(path, missing[0], "this array", "none of this name")
    for name, array in arrays.items():
        kinds, axes = _KINDS[name]
        if array.dtype.kind not in kinds or array.ndim != axes:
            expected = f"{_KIND_NAMES[kinds]} with {axes} axes"
            raise _fault(path, name, expected, f"{array.dtype} of shape {array.shape}")


def _check_shapes(path: Path, arrays: Mapping[str, np.ndarray], joints: int) -> None:
    frames = len(arrays["root_positions"])
    expected = {"root_positions": (frames, 3), "local_rotations": (frames, joints, 3, 3)}
    expected["contacts"] = (frames, 4)
    for name, shape in expected.items():
        if name in arrays and arrays[name].shape != shape:
            raise _fault(path, name, f"shape {shape}", f"{arrays[name].shape}")
    if not 0.01 <= float(arrays["fps"]) <= 1e5:
        raise _fault(path, "fps", "0.01 to 1e5 frames per second", f"{float(arrays['fps'])}")
    if frames == 0:
        raise _fault(path, "root_positions", "at least one frame", "none")
    for name in ("root_positions", "local_rotations"):
        good = np.abs(arrays[name]) < 1e6  # false for NaN as well
        if not good.all():
            frame = int(np.argwhere(~good)[0, 0])
            raise _fault(path, f"{name}, frame {frame}", "finite numbers below 1e6", "others")
    matrices = arrays["local_rotations"].astype(np.float64)
    error = np.abs(matrices.swapaxes(-1, -2) @ matrices - np.eye(3)).max(axis=(-1, -2))
    wrong = (error > ROTATION_TOLERANCE) | (np.linalg.det(matrices) < 0)
    if wrong.any():
        frame, joint = np.argwhere(wrong)[0]
        place = f"local_rotations, frame {frame}, joint {joint}"
        raise _fault(path, place, "a rotation matrix", "another one")


def _skeleton(path: Path, text: str) -> Skeleton:
    try:
        return skeleton_from_json(_json(path, "skeleton", text))
    except FileFormatError:
        raise
    except InvalidInputError as error:
        raise _fault(path, "skeleton", "a valid skeleton", str(error)) from error


def _metadata(path: Path, text: str) -> dict[str, Any]:
    metadata = _json(path, "metadata", text)
    if not isinstance(metadata, dict):
        raise _fault(path, "metadata", "a JSON object", type(metadata).__name__)
    return metadata


def _json(path: Path, name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _fault(path, name, "JSON", f"{text[:40]!r} ({error})") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON number")
    return number


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or was written by another program: export it again.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got.rstrip("."), fix=fix)
