"""AMASS's motion files: poses of SMPL, SMPL+H or SMPL-X bodies in an NPZ [Mahmood2019].

| array | meaning |
|---|---|
| ``poses`` [frames, 66, 72, 156 or 165] | rotation vectors of the joints, the pelvis first |
| ``root_orient`` [frames, 3], ``pose_body`` [frames, 63] | the same in parts |
| ``trans`` [frames, 3] | place of the body's origin, metres, Z up; the pelvis rests elsewhere |
| ``mocap_framerate`` or ``mocap_frame_rate`` | frames per second |
| ``betas``, ``gender``, ``surface_model_type`` | kept as notes; the first shapes the rest joints |
| ``rest_joints`` [22, 3] | marey's own: the rest joints of the body that was written |

Of the joints the first 22 are read: hands, jaw and eyes are left out. No file holds rest joints,
and marey ships no body model: see ``io.body_model`` for where they come from.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.body_model import BodyModel, read_body_model, read_body_models
from marey.io.npy_archive import array_names, read_arrays
from marey.motion import Motion
from marey.skeleton import BODY22, Skeleton
from marey.skeleton.kinematics import joint_positions
from marey.skeleton.library.body22 import TOE_HEIGHT

MAX_BYTES = 128 * 2**20
"""Arrays that would unpack to more are refused: a quarter of an hour of SMPL-X at 120 fps."""
MAX_FRAMES = 200_000
"""Longer files are refused: almost half an hour at 120 fps."""
_SMALL, _MOST_RATIO = 64 * 2**20, 200
"""Arrays that unpack to more than this many bytes must not take more than this many times the
file's own; those of captured motion take up to 5 times, those of a body at rest a thousand."""
_CHUNK = 4096
"""Frames that are dealt with at once; converting rotations takes many times their memory."""
_JOINTS = BODY22.num_joints
_WIDTHS = (66, 72, 156, 165)
"""Numbers per frame of ``poses``: 22 joints, SMPL, SMPL+H, SMPL-X."""
_PARTS = ("root_orient", "pose_body")
_NUMBERS = ("trans", "betas", "rest_joints")
_RATES = ("mocap_framerate", "mocap_frame_rate")
_NOTES = ("gender", "surface_model_type")
_Z_UP = ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
"""From the file's axes to marey's; its own inverse. A body that faces the file's +Y faces +Z."""

Rest = str | Path | BodyModel | Mapping[str, BodyModel] | Skeleton
"""Where rest joints come from: a file or folder for ``read_body_models``, one model, one per gender
(or "" for all), or a skeleton."""


def read_amass(
    path: str | Path,
    *,
    rest: Rest | None = None,
    fps: float | None = None,
    up: Literal["Z", "Y"] = "Z",
    source_fps: float | None = None,
) -> Motion:
    """Read the 22 body joints as a motion on body22's tree.

    Rest offsets are those of ``rest`` at the file's betas, else those in the file, else body22's:
    then limb lengths and the height above the floor are not the person's, the clip is moved so that
    its lowest joint lies as high as body22's toes, and ``metadata["rest"]`` says so. With ``fps``
    every n-th frame is taken where that gives the rate, else frames are interpolated;
    ``metadata["rate"]`` says which. ``source_fps`` is the rate of files that do not state theirs.
    Raises FileFormatError that names the array.
    """
    path = Path(path)
    poses = ("poses",) if "poses" in array_names(path) else _PARTS
    most = min(MAX_BYTES, max(_SMALL, _MOST_RATIO * path.stat().st_size))
    arrays = read_arrays(
        path, names=(*poses, *_NUMBERS, *_RATES, *_NOTES), max_bytes=most, check_others=False
    )
    vectors, places = _poses(path, arrays), _numbers(path, arrays, "trans", (None, 3))
    if len(places) != len(vectors):
        raise _fault(path, "trans", f"{len(vectors)} frames, as in the poses", f"{len(places)}")
    rate = _rate(path, arrays, source_fps)
    betas = _betas(path, arrays)
    skeleton, origin = _skeleton(path, arrays, rest, betas)
    axes = torch.tensor(_Z_UP).double() if up == "Z" else torch.eye(3).double()
    local = torch.empty(len(vectors), _JOINTS, 3, 3)
    for own, chunk in zip(local.split(_CHUNK), vectors.split(_CHUNK), strict=True):
        own[:] = rotations.rotation_vector_to_matrix(chunk)
    local[:, 0] = axes.float() @ local[:, 0]
    pelvis = skeleton.rest_offsets[0].double()
    motion = Motion(
        root_positions=((places + pelvis) @ axes.T).float(),
        local_rotations=local,
        fps=rate,
        skeleton=skeleton,
        metadata=_notes(arrays, betas, origin),
    )
    motion = motion if rest or "rest_joints" in arrays else _on_floor(motion)
    return motion if fps is None else at_rate(motion, fps)


def write_amass(motion: Motion, path: str | Path, *, force: bool = False) -> None:
    """Write a motion in SMPL-X's layout, 55 joints, with hands, jaw and eyes at rest.

    ``read_amass`` reads it back. Rest joints are those of the motion's skeleton; programs that have
    a body model of their own place the body right only if the skeleton is that model's, as
    ``BodyModel.skeleton`` gives it. Contacts and metadata but gender and betas are left out.
    Raises InvalidInputError for other joints than body22's, for betas that are no numbers, or if
    the file exists and not ``force``.
    """
    skeleton = motion.skeleton
    if (skeleton.joint_names, skeleton.parents) != (BODY22.joint_names, BODY22.parents):
        raise InvalidInputError(
            f"AMASS files hold the 22 body joints of SMPL, got skeleton {skeleton.name!r}. Put the "
            "motion on them first: retarget(motion, BODY22).motion."
        )
    axes = torch.tensor(_Z_UP).double().T
    local = motion.local_rotations.double().clone()
    local[:, 0] = axes @ local[:, 0]
    vectors = rotations.matrix_to_rotation_vector(local).flatten(1).numpy()
    pelvis = skeleton.rest_offsets[0].double()
    places = (motion.root_positions.double() @ axes.T - pelvis).numpy()
    frames = motion.num_frames
    rest = joint_positions(pelvis, torch.eye(3).double().expand(_JOINTS, 3, 3), skeleton)
    zeros = np.zeros((frames, 99))
    betas = _written_betas(motion)
    arrays: dict[str, np.ndarray] = {
        "trans": places,
        "poses": np.concatenate((vectors, zeros), axis=1),
        "root_orient": vectors[:, :3],
        "pose_body": vectors[:, 3:],
        "pose_jaw": zeros[:, :3],
        "pose_eye": zeros[:, 3:9],
        "pose_hand": zeros[:, 9:],
        "betas": betas,
        "num_betas": np.array(len(betas)),
        "gender": np.array(str(motion.metadata.get("gender", "neutral"))),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(motion.fps, dtype=np.float64),
        "mocap_time_length": np.array(motion.seconds, dtype=np.float64),
        "rest_joints": rest.numpy(),
    }
    with atomic_path(path, force=force) as temporary, temporary.open("wb") as file:
        # Pyright holds any keyword for numpy's allow_pickle, which is none of ours.
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]


def at_rate(motion: Motion, fps: float) -> Motion:
    """Return every n-th frame where that gives the rate to 0.1 %, else interpolated frames.

    ``metadata["rate"]`` says which. Raises InvalidInputError if ``fps`` is not positive.
    """
    if fps == motion.fps:
        return motion
    stride = round(motion.fps / fps) if fps > 0 else 0
    if stride > 1 and abs(motion.fps / stride - fps) < 1e-3 * fps:
        note = f"every {stride}th frame of {motion.fps:g} fps"
        return replace(
            motion,
            root_positions=motion.root_positions[::stride],
            local_rotations=motion.local_rotations[::stride],
            contacts=None if motion.contacts is None else motion.contacts[::stride],
            fps=float(fps),
        ).with_metadata(rate=note)
    return motion.resample(fps).with_metadata(rate=f"interpolated from {motion.fps:g} fps")


def _written_betas(motion: Motion) -> np.ndarray:
    betas = motion.metadata.get("betas", [0.0] * 16)
    if not isinstance(betas, list) or not all(isinstance(b, int | float) for b in betas):
        raise InvalidInputError(
            f'Motion.metadata["betas"] must be a list of numbers, got {betas!r:.80}. Drop it, or '
            "give the body's shape."
        )
    return np.array(betas, dtype=np.float64)


# --- arrays ------------------------------------------------------------------------------------


def _poses(path: Path, arrays: dict[str, np.ndarray]) -> Float[Tensor, "frames joints 3"]:
    if set(_PARTS) <= arrays.keys():
        root = _numbers(path, arrays, "root_orient", (None, 3))
        others = _numbers(path, arrays, "pose_body", (len(root), 3 * _JOINTS - 3))
        vectors = torch.cat((root, others), dim=1)
    elif "poses" in arrays:
        if arrays["poses"].ndim != 2 or arrays["poses"].shape[1] not in _WIDTHS:
            expected = f"[frames, {', '.join(map(str, _WIDTHS[:-1]))} or {_WIDTHS[-1]}]"
            raise _fault(path, "poses", expected, f"shape {list(arrays['poses'].shape)}")
        body = {"poses": arrays["poses"][:, : 3 * _JOINTS]}
        vectors = _numbers(path, body, "poses", (None, None))
    else:
        fix = "AMASS keeps shapes in files of their own (shape.npz): leave those out."
        raise _fault(path, "poses", "poses, or root_orient and pose_body", "neither", fix=fix)
    if not 0 < len(vectors) <= MAX_FRAMES:
        fix = "Split the motion into shorter ones."
        raise _fault(path, "poses", f"1 to {MAX_FRAMES:,} frames", f"{len(vectors)}", fix=fix)
    return vectors.unflatten(1, (_JOINTS, 3))


def _numbers(
    path: Path, arrays: dict[str, np.ndarray], name: str, shape: tuple[int | None, ...]
) -> Float[Tensor, "*shape"]:
    """Return an array in float64 after a check of shape (None: any length) and values."""
    array = arrays.get(name)
    expected = "[" + ", ".join("…" if n is None else str(n) for n in shape) + "]"
    if array is None:
        raise _fault(path, name, f"an array {expected}", "none of this name")
    fits = array.ndim == len(shape)
    fits = fits and all(n in (None, got) for n, got in zip(shape, array.shape, strict=True))
    if not fits or array.dtype not in (np.float32, np.float64):
        raise _fault(
            path, name, f"float32 or float64 {expected}", f"{array.dtype} {list(array.shape)}"
        )
    good = np.abs(array) < 1e6  # false for NaN as well
    if not good.all():
        row = int(np.argwhere(~good)[0, 0]) if array.ndim else 0
        raise _fault(path, f"{name}, row {row}", "finite numbers below 1e6", "others")
    return torch.from_numpy(array.astype(np.float64))


def _rate(path: Path, arrays: dict[str, np.ndarray], stated: float | None) -> float:
    for name in _RATES:
        if name in arrays:
            array = arrays[name].reshape(-1)
            rate = float(array[0]) if array.size == 1 and array.dtype.kind in "fiu" else -1.0
            if not 1 <= rate <= 10_000:
                raise _fault(path, name, "1 to 10,000 frames per second", f"{array[:3]}")
            return rate
    if stated is None:
        fix = "Say the rate (source_fps)."
        raise _fault(path, "mocap_frame_rate", "frames per second", "none", fix=fix)
    return float(stated)


def _betas(path: Path, arrays: dict[str, np.ndarray]) -> list[float]:
    if "betas" not in arrays:
        return []
    return _numbers(path, arrays, "betas", (None,))[:400].tolist()


def _skeleton(
    path: Path, arrays: dict[str, np.ndarray], rest: Rest | None, betas: list[float]
) -> tuple[Skeleton, str]:
    """Return the skeleton, and where its rest offsets are from."""
    if isinstance(rest, Skeleton):
        if (rest.joint_names, rest.parents) != (BODY22.joint_names, BODY22.parents):
            raise InvalidInputError(
                f"rest: expected a skeleton of body22's joints, got {rest.name!r}."
            )
        return rest, f"skeleton {rest.name}"
    if isinstance(rest, BodyModel):
        return rest.skeleton(betas), "body model"
    if isinstance(rest, str | Path):
        return _of_gender(path, arrays, read_body_models(rest)).skeleton(betas), Path(rest).name
    if rest is not None:
        return _of_gender(path, arrays, rest).skeleton(betas), "body model"
    if "rest_joints" in arrays:
        return read_body_model(path).skeleton(), "the file's own rest joints"
    return BODY22, "body22: the file holds no rest joints and none were given"


def _of_gender(
    path: Path, arrays: dict[str, np.ndarray], models: Mapping[str, BodyModel]
) -> BodyModel:
    gender = str(arrays.get("gender", "neutral")).lower()
    for name in (gender, "neutral", ""):
        if name in models:
            return models[name]
    fix = "Give a model of that gender, or a neutral one."
    raise _fault(path, "gender", " or ".join(sorted(models)), repr(gender)[:40], fix=fix)


def _notes(arrays: dict[str, np.ndarray], betas: list[float], origin: str) -> dict[str, Any]:
    texts = {name: str(arrays[name]) for name in _NOTES if name in arrays}
    return {"source": "amass", "rest": origin, **texts, **({"betas": betas} if betas else {})}


def _on_floor(motion: Motion) -> Motion:
    """Move a clip up or down so that its lowest joint lies as high as toes do on the floor."""
    starts = range(0, motion.num_frames, _CHUNK)
    chunks = (motion.crop(i, min(i + _CHUNK, motion.num_frames)) for i in starts)
    lowest = min(float(chunk.joint_positions[..., 1].min()) for chunk in chunks)
    return motion.translate(torch.tensor([0.0, TOE_HEIGHT - lowest, 0.0]))


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or no AMASS motion: fetch it again.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got, fix=fix)
