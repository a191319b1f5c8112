"""Writing BVH: a motion on any skeleton, T-pose rest, every leaf closed by an End Site."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from marey.errors import InvalidInputError
from marey.io.atomic import atomic_path
from marey.io.euler_tracks import euler_tracks
from marey.motion import Motion
from marey.skeleton import Skeleton

_PER_METRE = {"cm": 100.0, "m": 1.0}
_ORDERS = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")


def write_bvh(
    motion: Motion,
    path: str | Path,
    *,
    unit: Literal["cm", "m"] = "cm",
    order: str = "ZXY",
    decimals: int = 6,
    force: bool = False,
) -> None:
    """Write a motion as BVH: rest pose as OFFSETs, one line per frame, Y up.

    The root has six channels and OFFSET 0, so that readers agree whether channels replace the
    OFFSET or add to it; other joints have three rotations in ``order``, whose middle letter is
    the axis that locks at 90 degrees (Y would lock at a quarter turn of the body). Angles are
    continuous in time. Leaves without a tip get one along their bone, for Blender warns of bones
    without length.
    Raises InvalidInputError for an unknown option, a joint name that BVH cannot hold, or a file
    that exists unless ``force``.
    """
    _check_options(motion.skeleton, unit, order, decimals)
    text = bvh_text(motion, unit=unit, order=order, decimals=decimals)
    with atomic_path(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def bvh_text(motion: Motion, *, unit: str, order: str, decimals: int) -> str:
    """Return the content of a BVH file; the same motion gives the same text."""
    scale = _PER_METRE[unit]
    hierarchy, columns = _hierarchy(motion.skeleton, scale, order, decimals)
    values = _channels(motion, columns, order, scale)
    # Adding zero turns -0 into 0.
    rows = (np.round(values, decimals) + 0.0).tolist()
    row_format = " ".join([f"%.{decimals}f"] * values.shape[1])
    header = [
        *hierarchy,
        "MOTION",
        f"Frames: {motion.num_frames}",
        f"Frame Time: {1 / motion.fps:.10g}",
    ]
    return "\n".join([*header, *(row_format % tuple(row) for row in rows), ""])


def _check_options(skeleton: Skeleton, unit: str, order: str, decimals: int) -> None:
    if unit not in _PER_METRE:
        raise InvalidInputError(f"unit must be one of {', '.join(_PER_METRE)}, got {unit!r}.")
    if order not in _ORDERS:
        raise InvalidInputError(f"order must be one of {', '.join(_ORDERS)}, got {order!r}.")
    if not 1 <= decimals <= 12:
        raise InvalidInputError(f"decimals must lie in [1, 12], got {decimals}.")
    for name in skeleton.joint_names:
        if (
            not name.isprintable()
            or not name.strip()
            or set(name) & set("{}")
            or name != name.strip()
        ):
            raise InvalidInputError(
                f"BVH cannot hold the joint name {name!r}: it must be printable, without braces "
                "or blanks at its ends. Rename the joint."
            )


def _hierarchy(
    skeleton: Skeleton, scale: float, order: str, decimals: int
) -> tuple[list[str], list[int]]:
    """Return the HIERARCHY block's lines and the joints in the order of their columns."""
    lines, columns = ["HIERARCHY"], []
    offsets = skeleton.rest_offsets.double().numpy() * scale
    offsets[0] = 0.0
    turns = " ".join(f"{axis}rotation" for axis in order)
    # Joints to open come as they are, joints to close as their complement (~joint < 0).
    stack, depth = [0], 0
    while stack:
        joint = stack.pop()
        if joint < 0:
            depth -= 1
            lines.append("  " * depth + "}")
            continue
        columns.append(joint)
        indent = "  " * depth
        lines += [
            f"{indent}{'JOINT' if joint else 'ROOT'} {skeleton.joint_names[joint]}",
            f"{indent}{{",
            f"{indent}  OFFSET {_numbers(offsets[joint], decimals)}",
            f"{indent}  CHANNELS 3 {turns}"
            if joint
            else f"{indent}  CHANNELS 6 Xposition Yposition Zposition {turns}",
        ]
        for tip in _tips(skeleton, joint):
            lines += [
                f"{indent}  End Site",
                f"{indent}  {{",
                f"{indent}    OFFSET {_numbers(tip * scale, decimals)}",
                f"{indent}  }}",
            ]
        depth += 1
        stack += [~joint, *reversed(skeleton.children[joint])]
    return lines, columns


def _numbers(vector: Float[np.ndarray, "3"], decimals: int) -> str:
    return " ".join(f"{value:.{decimals}f}" for value in np.round(vector, decimals) + 0.0)


def _tips(skeleton: Skeleton, joint: int) -> list[np.ndarray]:
    """Offsets of a joint's end sites, metres; a leaf has at least one, longer than 0.1 mm."""
    own = [np.array(tip, dtype=np.float64) for i, tip in skeleton.end_sites if i == joint]
    tips = [tip for tip in own if np.linalg.norm(tip) > 1e-4]
    if tips or skeleton.children[joint]:
        return tips
    bone = skeleton.rest_offsets[joint].double().numpy()
    length = float(np.linalg.norm(bone))
    if joint == 0 or length < 1e-4:
        return [np.array([0.0, 0.05, 0.0])]
    return [bone / length * np.clip(length / 2, 0.02, 0.1)]


def _channels(
    motion: Motion, columns: list[int], order: str, scale: float
) -> Float[np.ndarray, "frames channels"]:
    """Return root position and Euler angles in degrees, joints in the order of ``columns``."""
    angles = euler_tracks(motion.local_rotations[:, columns], order).rad2deg()
    root = motion.root_positions.detach().cpu().double() * scale
    return torch.cat((root, angles.flatten(1)), dim=1).numpy()
