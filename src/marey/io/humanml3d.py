"""HumanML3D's and KIT-ML's motion files [Guo2022]: an NPY with joint positions or features.

| shape | what | unit |
|---|---|---|
| [frames, 22, 3] | HumanML3D ``new_joints`` | metres |
| [frames, 263] | HumanML3D ``new_joint_vecs`` | metres, metres per frame |
| [frames, 21, 3] | KIT-ML ``new_joints`` | millimetres |
| [frames, 251] | KIT-ML ``new_joint_vecs`` | millimetres |

Y is up and the clip starts above the origin, facing +Z. The files state no frame rate: it is 20 and
12.5. They hold no rotations of a skeleton: those of the features know no twist and are not read.
Joint rotations are estimated from the positions instead; see ``motion.posing`` for what cannot be
known.
"""

import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.body_model import read_body_model
from marey.io.npy_archive import read_array
from marey.motion import Motion
from marey.motion.chain_body import HUMANML3D_BODY, KIT_BODY, ChainBody
from marey.motion.chain_features import (
    chain_features,
    placed_at_start,
    recovered_positions,
    standardised,
)
from marey.motion.posing import motion_of_positions, skeleton_of_positions
from marey.skeleton import Skeleton

MAX_BYTES = 32 * 2**20
"""Larger files are refused: half an hour of features, almost two of positions."""

Content = Literal["features", "joints"]

_LAYOUTS = (HUMANML3D_BODY, KIT_BODY)
_SCALED = ("root_velocity", "root_height", "joint_positions", "velocities")
"""Blocks of the features whose channels are lengths."""


def read_humanml3d(
    path: str | Path, *, fps: float | None = None, rest: str | Path | Skeleton | None = None
) -> Motion:
    """Read positions or features as a motion of the clip's own proportions.

    The skeleton has the clip's bone lengths and the joint names of body22 or, for KIT-ML, kit21;
    of features contacts are read too. ``fps`` is the frame rate if it is not the data set's.
    ``rest`` is the body, as a file of ``io.body_model`` or a skeleton, along whose bones identity
    rotations lie; without it these are the rest directions of body22, though most of the data
    come from SMPL, whose spine is another. Raises FileFormatError that says what is wrong with the
    array or the body model, InvalidInputError for a rate that is none.
    """
    if fps is not None and not 0 < fps < math.inf:
        raise InvalidInputError(f"fps: expected frames per second above 0, got {fps}.")
    path = Path(path)
    array = read_array(path, max_bytes=MAX_BYTES)
    body = _layout(path, array)
    _check_values(path, array)
    like = _rest_pose(body, rest)
    positions, contacts = _positions(torch.from_numpy(array.astype(np.float64)), body)
    try:
        skeleton = skeleton_of_positions(positions, like, name=body.skeleton.name)
        motion = motion_of_positions(
            positions, fps=body.fps if fps is None else fps, skeleton=skeleton
        )
    except InvalidInputError as error:
        raise _fault(path, "array", "joints of a body", str(error).rstrip(".")) from error
    notes = {"source": body.name, "rotations": "estimated from joint positions"}
    return Motion(
        root_positions=motion.root_positions,
        local_rotations=motion.local_rotations,
        fps=motion.fps,
        skeleton=skeleton,
        contacts=contacts,
        metadata=notes,
    )


def write_humanml3d(
    motion: Motion,
    path: str | Path,
    *,
    content: Content = "features",
    uniform: bool = True,
    force: bool = False,
) -> None:
    """Write features (as in ``new_joint_vecs``) or positions (as in ``new_joints``) as NPY.

    The clip is put on the floor, above the origin and facing +Z, and, unless ``uniform`` is false,
    its bones get the data set's lengths. There is one frame fewer than in the motion, as in the
    data set. Raises InvalidInputError for another skeleton than body22's or kit21's joints, for
    another frame rate than 20 or 12.5, for a single frame, or if the file exists and not ``force``.
    """
    body = layout_of(motion)
    features = features_of(motion.joint_positions, body, uniform=uniform)
    values = features if content == "features" else recovered_positions(features, body)
    array = _in_unit(values, body, 1 / body.metres_per_unit).float().numpy()
    with atomic_path(path, force=force) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def layout_of(motion: Motion) -> ChainBody:
    """Return the layout in which a motion can be written.

    Raises InvalidInputError if there is none for its joints or its frame rate.
    """
    for body in _LAYOUTS:
        own = body.skeleton
        if (own.joint_names, own.parents) != (motion.skeleton.joint_names, motion.skeleton.parents):
            continue
        if abs(motion.fps - body.fps) > 1e-6 * body.fps:
            raise InvalidInputError(
                f"Files of {body.name!r} are read at {body.fps:g} frames per second, got a motion "
                f"at {motion.fps:g}. Convert it first: motion.resample({body.fps:g})."
            )
        return body
    raise InvalidInputError(
        "HumanML3D's files hold motions of the joints of body22 (or kit21), got skeleton "
        f"{motion.skeleton.name!r}. Put the motion on it first: retarget(motion, BODY22).motion."
    )


def features_of(
    positions: Float[Tensor, "frames joints 3"], body: ChainBody, *, uniform: bool = True
) -> Float[Tensor, "frames-1 feats"]:
    """Return the features of positions anywhere in the world, as the data set's preparation does.

    Raises InvalidInputError for a single frame or a bone without length.
    """
    if uniform:
        return chain_features(standardised(positions, body), body)
    floored = positions.double()
    floored = floored - floored[..., 1].min() * floored.new_tensor([0.0, 1.0, 0.0])
    return chain_features(placed_at_start(floored, body), body)


def _layout(path: Path, array: np.ndarray) -> ChainBody:
    for body in _LAYOUTS:
        if array.shape[1:] in ((body.num_joints, 3), (body.num_feats,)):
            return body
    raise _fault(
        path,
        "array",
        "shape [frames, 22, 3] or [frames, 263] (HumanML3D), [frames, 21, 3] or [frames, 251] "
        "(KIT-ML)",
        f"shape {list(array.shape)}",
    )


def _rest_pose(body: ChainBody, rest: str | Path | Skeleton | None) -> Skeleton:
    if rest is None:
        return body.skeleton
    like = rest if isinstance(rest, Skeleton) else read_body_model(rest).skeleton()
    if (like.joint_names, like.parents) != (body.skeleton.joint_names, body.skeleton.parents):
        raise InvalidInputError(
            f"rest: expected the joints of {body.skeleton.name!r}, got {like.name!r}."
        )
    return like


def _check_values(path: Path, array: np.ndarray) -> None:
    if array.dtype.kind != "f":
        raise _fault(path, "array", "floats", f"{array.dtype}")
    if not len(array):
        raise _fault(path, "array", "at least one frame", "none")
    good = np.abs(array) < 1e6  # false for NaN as well
    if not good.all():
        frame = int(np.argwhere(~good)[0, 0])
        fix = "The reference preparation leaves such clips out: do the same."
        raise _fault(path, f"array, frame {frame}", "finite numbers below 1e6", "others", fix=fix)


def _positions(
    values: Float[Tensor, "frames *value"], body: ChainBody
) -> tuple[Float[Tensor, "frames joints 3"], Tensor | None]:
    """Return joint positions in metres, and contacts where the values are features."""
    if values.ndim == 3:
        return values * body.metres_per_unit, None
    features = _in_unit(values, body, body.metres_per_unit)
    return recovered_positions(features, body), features[:, body.slices["contacts"]] > 0.5


def _in_unit(
    values: Float[Tensor, "frames *value"], body: ChainBody, factor: float
) -> Float[Tensor, "frames *value"]:
    """Multiply lengths among positions or features."""
    if values.ndim == 3:
        return values * factor
    scaled = values.clone()
    for name in _SCALED:
        scaled[:, body.slices[name]] *= factor
    return scaled


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "Export it again as new_joints or new_joint_vecs.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
