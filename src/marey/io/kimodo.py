"""Kimodo's motion files [Rempe2026]: an NPZ with positions and rotations of every joint.

| array | type | meaning |
|---|---|---|
| ``posed_joints`` | float32 [frames, joints, 3] | world positions, metres |
| ``global_rot_mats`` | float32 [frames, joints, 3, 3] | world rotations |
| ``local_rot_mats`` | float32 [frames, joints, 3, 3] | rotations in the parent's frame |
| ``foot_contacts`` | bool [frames, 4] | left heel, left toe, right heel, right toe |
| ``smooth_root_pos`` | float32 [frames, 3] | smoothed path in x and z, height of the pelvis |
| ``root_positions`` | float32 [frames, 3] | position of the pelvis |
| ``global_root_heading`` | float32 [frames, 2] | cosine and sine of the heading |

Axes and units are marey's. The files of Kimodo's demo hold only some of these arrays, or call the
first two ``joints_pos`` and ``joints_rot``. None says its frame rate, text or skeleton: the rate is
30 unless the caller knows better, and the number of joints tells the skeleton: 30 or 77 for SOMA,
34 for the G1, 22 for SMPL-X.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.errors import FileFormatError, InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.kimodo_hands import soma77_from_30
from marey.io.npy_archive import read_arrays
from marey.io.text_lines import check_file
from marey.motion import Motion, foot_contacts
from marey.skeleton import BODY22, G1_34, SOMA30, SOMA77, Skeleton

KIMODO_FPS = 30.0
"""Frame rate of Kimodo's models, which its files do not state."""
MAX_BYTES = 512 * 2**20
"""Arrays that would unpack to more are refused."""
_SPARE_BYTES, _TIMES_FILE = 2**26, 200
"""So are arrays of more than 64 MiB that are 200 times as large as their file."""

_ALIASES = {"joints_pos": "posed_joints", "joints_rot": "global_rot_mats"}
_SHAPES: dict[str, tuple[str | int, ...]] = {
    "posed_joints": ("frames", "joints", 3),
    "global_rot_mats": ("frames", "joints", 3, 3),
    "local_rot_mats": ("frames", "joints", 3, 3),
    "foot_contacts": ("frames", "feet"),
    "root_positions": ("frames", 3),
}
"""What is read; the smoothed path and the heading follow from it."""
_SKELETONS = {each.num_joints: each for each in (SOMA30, SOMA77, G1_34)} | {
    BODY22.num_joints: replace(BODY22, name="smplx22")
}
_FEET = {4: (0, 1, 2, 3), 6: (0, 1, 3, 4)}
"""Columns of heels and toes; where there are six, each foot has the tip of its toes as well."""
_SAME_BONE = 1e-4
"""Metres by which bones may differ from the library's before they are taken from the file."""
_RIGID = 5e-3
"""Metres that a joint may lie from where its parent's rotation takes it."""
_CHUNK = 1024
"""Frames whose rotations are checked at once, in float64."""
_ROTATION = 1e-3
"""How far RᵀR may lie from the identity."""


def read_kimodo(path: str | Path, *, fps: float = KIMODO_FPS) -> Motion:
    """Read a motion of 30, 77, 34 or 22 joints.

    Bone lengths are the library's, or the file's own where they differ, as SMPL-X's 22 do: they
    are measured from its positions and rotations. Raises FileFormatError that names the array.
    """
    path = Path(path)
    check_file(path)
    most = min(MAX_BYTES, max(_SPARE_BYTES, _TIMES_FILE * path.stat().st_size))
    found = read_arrays(path, names=(*_SHAPES, *_ALIASES), max_bytes=most)
    arrays = {_ALIASES.get(name, name): array for name, array in found.items()}
    library = _checked(path, arrays)
    skeleton, root = library, arrays.get("root_positions")
    local = _local_rotations(arrays, library)
    if (turned := arrays.get("global_rot_mats")) is not None and "local_rot_mats" in arrays:
        made = kinematics.global_rotations(local, library)
        _check_same(path, "global_rot_mats", turned, made.numpy(), "those of local_rot_mats")
    if (places := arrays.get("posed_joints")) is not None:
        if root is not None:
            _check_same(path, "root_positions", root, places[:, 0], "those of posed_joints")
        root = places[:, 0]
        skeleton = _measured(path, library, torch.from_numpy(places).double(), local)
    assert root is not None, "_checked requires one of the two"
    contacts = arrays.get("foot_contacts")
    try:
        return Motion(
            root_positions=torch.from_numpy(root).float(),
            local_rotations=local.float(),
            fps=fps,
            skeleton=skeleton,
            contacts=None if contacts is None else _contacts(contacts),
        )
    except InvalidInputError as error:
        raise _fault(path, "motion", "valid values", str(error)) from error


def write_kimodo(
    motion: Motion,
    path: str | Path,
    *,
    fps: float = KIMODO_FPS,
    with_fingers: bool = True,
    force: bool = False,
) -> None:
    """Write a motion with all seven arrays of Kimodo's own output.

    SOMA's 30 joints are written as 77 with relaxed hands, as Kimodo does, unless ``with_fingers``
    is false. Feet whose contact is not known are labelled by Kimodo's limits. Text, seed and other
    metadata have no place in the file. Raises InvalidInputError for a skeleton that Kimodo does
    not have, for a frame rate other than ``fps``, or if the file exists and not ``force``.
    """
    _require_writable(motion, fps)
    if with_fingers and motion.skeleton.joint_names == SOMA30.joint_names:
        motion = soma77_from_30(motion)
    contacts = motion.contacts
    if contacts is None:
        contacts = foot_contacts(motion.joint_positions, motion.skeleton, motion.fps)
    local, root = motion.local_rotations.double(), motion.root_positions.double()
    turned = kinematics.global_rotations(local, motion.skeleton)
    places = kinematics.joint_positions(root, turned, motion.skeleton)
    heading = kinematics.heading_angle(places, motion.skeleton)
    smooth = torch.stack((motion.root_path[:, 0], root[:, 1], motion.root_path[:, 1]), dim=-1)
    floats = {
        "posed_joints": places,
        "global_rot_mats": turned,
        "local_rot_mats": local,
        "smooth_root_pos": smooth,
        "root_positions": root,
        "global_root_heading": torch.stack((heading.cos(), heading.sin()), dim=-1),
    }
    arrays = {name: value.float().numpy() for name, value in floats.items()}
    with atomic_path(path, force=force) as temporary, temporary.open("wb") as file:
        # Pyright holds any keyword for numpy's allow_pickle, which is none of ours.
        np.savez_compressed(file, foot_contacts=contacts.numpy(), **arrays)  # pyright: ignore[reportArgumentType]


def _require_writable(motion: Motion, fps: float) -> None:
    own = motion.skeleton
    known = _SKELETONS.get(own.num_joints)
    if known is None or (known.joint_names, known.parents) != (own.joint_names, own.parents):
        raise InvalidInputError(
            "Kimodo's files hold motions of soma30, soma77, g1_34 or the joints of SMPL-X, got "
            f"skeleton {own.name!r}. Put the motion on one of them first: "
            "retarget(motion, SOMA30).motion."
        )
    if abs(motion.fps - fps) > 1e-6 * fps:
        raise InvalidInputError(
            f"Kimodo's files do not state a frame rate and are read at {fps:g} frames per second, "
            f"got a motion at {motion.fps:g}. Convert it first: motion.resample({fps:g})."
        )


# --- reading -----------------------------------------------------------------------------------


def _checked(path: Path, arrays: Mapping[str, np.ndarray]) -> Skeleton:
    """Return the skeleton that the arrays are about; raise FileFormatError for unusable ones."""
    turned = arrays.get("global_rot_mats", arrays.get("local_rot_mats"))
    if turned is None:
        fix = "Positions alone do not say how bones turn; export the rotations as well."
        raise _fault(path, "global_rot_mats", "this array or local_rot_mats", "neither", fix=fix)
    if not {"posed_joints", "root_positions"} & arrays.keys():
        raise _fault(path, "posed_joints", "this array or root_positions", "neither")
    library = _SKELETONS.get(turned.shape[1] if turned.ndim == 4 else 0)
    if library is None:
        counts = ", ".join(f"{count} ({each.name})" for count, each in _SKELETONS.items())
        expected = f"shape (frames, joints, 3, 3) with one of {counts} joints"
        raise _fault(path, "global_rot_mats", expected, f"shape {turned.shape}")
    if library.name == "smplx22" and "posed_joints" not in arrays:
        expected = "the joints' positions, which tell the bones of SMPL-X"
        raise _fault(path, "posed_joints", expected, "rotations only")
    feet = arrays["foot_contacts"].shape[-1:] if "foot_contacts" in arrays else (4,)
    sizes = {"frames": len(turned), "joints": library.num_joints}
    sizes["feet"] = feet[0] if feet and feet[0] in _FEET else 4
    for name in arrays:
        _check_array(path, name, arrays[name], sizes)
    return library


def _check_array(path: Path, name: str, array: np.ndarray, sizes: Mapping[str, int]) -> None:
    shape = tuple(sizes[axis] if isinstance(axis, str) else axis for axis in _SHAPES[name])
    if array.shape != shape or 0 in shape:
        raise _fault(path, name, f"shape {shape}, at least one frame", f"{array.shape}")
    kinds = "biuf" if name == "foot_contacts" else "f"
    if array.dtype.kind not in kinds:
        raise _fault(path, name, "floating-point numbers", f"{array.dtype}")
    if array.dtype.kind == "f":
        good = np.abs(array) < 1e6  # false for NaN as well
        if not good.all():
            frame = int(np.argwhere(~good)[0, 0])
            raise _fault(path, f"{name}, frame {frame}", "finite numbers below 1e6", "others")
    if len(shape) == 4:
        _check_rotations(path, name, array)


def _check_rotations(path: Path, name: str, array: Float[np.ndarray, "frames joints 3 3"]) -> None:
    for start in range(0, len(array), _CHUNK):
        matrices = array[start : start + _CHUNK].astype(np.float64)
        error = np.abs(matrices.swapaxes(-1, -2) @ matrices - np.eye(3)).max(axis=(-1, -2))
        wrong = (error > _ROTATION) | (np.linalg.det(matrices) < 0)
        if wrong.any():
            frame, joint = np.argwhere(wrong)[0]
            place = f"{name}, frame {start + frame}, joint {joint}"
            raise _fault(path, place, "a rotation", "another")


def _check_same(path: Path, name: str, array: np.ndarray, other: np.ndarray, expected: str) -> None:
    """Raise FileFormatError if an array says something else than ``other``."""
    apart = np.abs(array - other).reshape(len(array), -1).max(axis=-1)
    if apart.max() > _RIGID:
        place = f"{name}, frame {int(apart.argmax())}"
        fix = "Export all arrays of the same motion."
        raise _fault(path, place, expected, f"others, off by {apart.max():.3g}", fix=fix)


def _local_rotations(
    arrays: Mapping[str, np.ndarray], skeleton: Skeleton
) -> Float[Tensor, "frames joints 3 3"]:
    """Return the file's own local rotations, which makes a copy equal to the last bit, or derive
    them from the global ones."""
    if (local := arrays.get("local_rot_mats")) is not None:
        return torch.from_numpy(local).double()
    turned = torch.from_numpy(arrays["global_rot_mats"]).double()
    return kinematics.local_rotations(turned, skeleton)


def _measured(
    path: Path,
    library: Skeleton,
    places: Float[Tensor, "frames joints 3"],
    local: Float[Tensor, "frames joints 3 3"],
) -> Skeleton:
    """Return the skeleton whose bones lead from parent to child; the library's if it fits.

    Raises FileFormatError where no bone of constant length does.
    """
    parents = list(library.parents[1:])
    turned = kinematics.global_rotations(local, library)
    bones = places[:, 1:] - places[:, parents]
    seen = (turned[:, parents].transpose(-1, -2) @ bones[..., None]).squeeze(-1)
    offsets = torch.cat((torch.zeros(1, 3, dtype=seen.dtype), seen.mean(0)))
    error = (seen - offsets[1:]).norm(dim=-1)
    if float(error.max()) > _RIGID:
        frame, bone = divmod(int(error.argmax()), len(parents))
        raise _fault(
            path,
            f"posed_joints, frame {frame}, {library.joint_names[bone + 1]}",
            "joints where the rotations of their parents take them",
            f"a bone that is off by {100 * float(error.max()):.1f} cm",
            fix="Export positions and rotations of the same motion; global_rot_mats are in the "
            "world.",
        )
    apart = (offsets[1:] - library.rest_offsets[1:]).norm(dim=-1).max()
    if float(apart) <= _SAME_BONE:
        return library
    return replace(library, rest_offsets=offsets.float())


def _contacts(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array[:, list(_FEET[array.shape[1]])] > 0.5)


def _fault(
    path: Path,
    place: str,
    expected: str,
    got: str,
    *,
    fix: str = "The file is damaged or is none of Kimodo's: export it again.",
) -> FileFormatError:
    return FileFormatError(path, place, expected=expected, got=got.rstrip("."), fix=fix)
