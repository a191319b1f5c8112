"""Rest joints of SMPL, SMPL+H and SMPL-X bodies, from a file that the user has.

marey ships no body model. It takes rest joints from

- the NPZ of a body model: ``v_template`` [vertices, 3], ``shapedirs`` [vertices, 3, shapes] and
  ``J_regressor`` [joints, vertices], which give the joints of every shape; arrays beside them that
  hold Python objects are left alone;
- an NPZ or NPY array ``rest_joints`` [joints, 3], or the same as JSON: positions of the joints in
  rest pose, metres, x to the left, y up, z forward. The shape is then fixed.

The first 22 joints are body22's in all of them.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import FileFormatError
from marey.io.npy_archive import read_array, read_arrays
from marey.io.text_lines import read_lines
from marey.skeleton import BODY22, Skeleton

MAX_BYTES = 512 * 2**20
"""Models that would unpack to more are refused; of SMPL-X 110 MiB are read."""
_MODEL = ("v_template", "shapedirs", "J_regressor")
_REST = "rest_joints"
_BONE = (0.005, 1.0)
"""Shortest and longest bone of a body in metres."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyModel:
    """Where the 22 joints of a body are in rest pose, as a function of its shape."""

    joints: Float[Tensor, "joints 3"]
    """Of the mean shape, metres."""
    shapes: Float[Tensor, "joints 3 width"]
    """Change of the joints with each shape parameter, metres; of width 0 for a fixed shape."""

    def skeleton(self, betas: Sequence[float] = ()) -> Skeleton:
        """Return body22's tree with the rest offsets of a shape.

        Parameters beyond those of the model have no effect. The root's own row holds the pelvis's
        place in rest pose, which files of this family need and forward kinematics does not.
        """
        count = min(len(betas), self.shapes.shape[-1])
        shape = self.joints.new_tensor(list(betas[:count]))
        joints = self.joints + self.shapes[..., :count] @ shape
        parents = list(BODY22.parents[1:])
        offsets = torch.cat((joints[:1], joints[1:] - joints[parents]))
        return replace(BODY22, name="smpl22", rest_offsets=offsets.float())


def read_body_model(path: str | Path) -> BodyModel:
    """Read a body model or rest joints (.npz, .npy, .json).

    Raises FileFormatError that says what is missing, or which bone is not that of a body.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _fixed(path, _json_rows(path))
    if suffix == ".npy":
        return _fixed(path, read_array(path, max_bytes=MAX_BYTES))
    arrays = read_arrays(path, names=(*_MODEL, _REST), max_bytes=MAX_BYTES, check_others=False)
    if _REST in arrays:
        return _fixed(path, arrays[_REST])
    missing = [name for name in _MODEL if name not in arrays]
    if missing:
        raise _fault(path, f"array {missing[0]!r}", f"{', '.join(_MODEL)}, or {_REST!r}", "none")
    return _of_model(path, arrays)


def read_body_models(path: str | Path) -> dict[str, BodyModel]:
    """Read a file, or a folder with one model per gender, by gender; a file serves for all ("").

    In a folder the models are the NPZ files whose path inside it says female, male or neutral.
    Raises FileFormatError for a folder without any, or for a file that is no body model.
    """
    folder = Path(path)
    if not folder.is_dir():
        return {"": read_body_model(folder)}
    found: dict[str, BodyModel] = {}
    for file in sorted(folder.rglob("*.npz")):
        words = set(re.findall(r"[a-z]+", file.relative_to(folder).as_posix().lower()))
        for gender in words & {"female", "male", "neutral"}:
            found.setdefault(gender, read_body_model(file))
    if not found:
        expected = "files such as male/model.npz or SMPLX_FEMALE.npz"
        raise _fault(folder, "folder", expected, "none")
    return found


def _of_model(path: Path, arrays: dict[str, np.ndarray]) -> BodyModel:
    template, shapes, regressor = (arrays[name] for name in _MODEL)
    vertices = len(template) if template.ndim else 0
    expected = {
        "v_template": template.shape == (vertices, 3),
        "shapedirs": shapes.ndim == 3 and shapes.shape[:2] == (vertices, 3),
        "J_regressor": regressor.ndim == 2
        and regressor.shape[1] == vertices
        and len(regressor) >= BODY22.num_joints,
    }
    for name, fits in expected.items():
        if not fits or arrays[name].dtype.kind != "f":
            got = f"{arrays[name].dtype} of shape {arrays[name].shape}"
            raise _fault(path, f"array {name!r}", "floats of a body model's shape", got)
    rows = regressor[: BODY22.num_joints].astype(np.float64)
    joints = rows @ template.astype(np.float64)
    directions = np.einsum("jv,vck->jck", rows, shapes.astype(np.float64), optimize=True)
    _check_finite(path, "shapedirs", directions)
    return BodyModel(joints=_body(path, joints), shapes=torch.from_numpy(directions))


def _fixed(path: Path, rows: np.ndarray) -> BodyModel:
    if rows.ndim != 2 or rows.shape[1:] != (3,) or len(rows) < BODY22.num_joints:
        raise _fault(path, "rest joints", "shape [22 or more, 3]", f"shape {list(rows.shape)}")
    if rows.dtype.kind not in "fiu":
        raise _fault(path, "rest joints", "numbers", f"{rows.dtype}")
    joints = _body(path, rows[: BODY22.num_joints].astype(np.float64))
    return BodyModel(joints=joints, shapes=torch.zeros(len(joints), 3, 0, dtype=torch.float64))


def _json_rows(path: Path) -> np.ndarray:
    try:
        data = json.loads("\n".join(read_lines(path)))
        rows = data[_REST] if isinstance(data, dict) else data
        return np.array(rows, dtype=np.float64)
    except FileFormatError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        expected = f"a list of [x, y, z], or an object that has it as {_REST!r}"
        raise _fault(path, "file", expected, "other JSON, or none") from error


def _body(path: Path, joints: np.ndarray) -> Tensor:
    """Check that the joints are those of a body in metres."""
    _check_finite(path, "rest joints", joints)
    parents = list(BODY22.parents[1:])
    lengths = np.linalg.norm(joints[1:] - joints[parents], axis=1)
    wrong = np.flatnonzero((lengths < _BONE[0]) | (lengths > _BONE[1]))
    if len(wrong):
        joint = BODY22.joint_names[wrong[0] + 1]
        expected = f"bones of {_BONE[0]:g} to {_BONE[1]:g} m"
        got = f"{lengths[wrong[0]]:.4g}, that to {joint}"
        raise _fault(path, "rest joints", expected, got, fix="Give metres, in SMPL's joint order.")
    return torch.from_numpy(joints)


def _check_finite(path: Path, name: str, array: np.ndarray) -> None:
    if not (np.abs(array) < 1e6).all():
        raise _fault(path, name, "finite numbers", "others")


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "Give the NPZ of an SMPL+H or SMPL-X body model, or rest joints.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
