"""A solid body for files that other programs show: one octahedron per bone, coloured by side."""

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from marey import skeleton as kinematics
from marey.skeleton import Skeleton

# Linear RGB, apart for the colour-blind too.
SIDE_COLOURS: dict[str, tuple[float, float, float]] = {
    "centre": (0.55, 0.55, 0.58),
    "left": (0.02, 0.22, 0.75),
    "right": (0.85, 0.20, 0.02),
}
# An octahedron around a bone: start, four points of a ring near the start, end.
_RING = 0.2
_FACES = np.array(
    [[0, 2, 1], [0, 3, 2], [0, 4, 3], [0, 1, 4], [5, 1, 2], [5, 2, 3], [5, 3, 4], [5, 4, 1]]
)
_THINNEST, _THICKEST, _SHORTEST = 0.006, 0.045, 0.02


def standing_positions(skeleton: Skeleton) -> Float[Tensor, "joints 3"]:
    """World positions of the joints in rest pose with the lowest point of the body at y = 0."""
    identity = torch.eye(3).expand(skeleton.num_joints, 3, 3)
    rest = kinematics.joint_positions(torch.zeros(3), identity, skeleton)
    tips = [rest[joint] + torch.tensor(offset) for joint, offset in skeleton.end_sites]
    lowest = torch.stack([*rest, *tips])[:, 1].min()
    return rest - torch.tensor([0.0, 1.0, 0.0]) * lowest


def stick_bones(
    skeleton: Skeleton,
) -> tuple[Int[np.ndarray, " bones"], Shaped[np.ndarray, " bones"], Float[np.ndarray, "bones 3"]]:
    """Return what the body is made of: joint that moves the bone, side, vector to its end.

    A bone runs to each child and to each end site; a joint with neither carries a short one in
    the direction of the bone that leads to it. Bones without length are left out.
    """
    offsets = skeleton.rest_offsets.float().numpy()
    sides = _sides(skeleton)
    bones = [
        (parent, sides[joint], offsets[joint])
        for joint, parent in enumerate(skeleton.parents)
        if parent >= 0 and np.linalg.norm(offsets[joint]) > 1e-6
    ]
    for joint, tip in skeleton.end_sites:
        if np.linalg.norm(tip) > 1e-6:
            bones.append((joint, sides[joint], np.asarray(tip, np.float32)))
    bare = set(range(skeleton.num_joints)) - {joint for joint, _, _ in bones}
    for joint in sorted(bare):
        length = float(np.linalg.norm(offsets[joint])) if joint else 0.0
        ahead = offsets[joint] / length if length > 1e-6 else np.array([0.0, 1.0, 0.0])
        bones.append((joint, sides[joint], (ahead * max(0.3 * length, _SHORTEST))))
    owners, names, tips = zip(*bones, strict=True)
    return np.array(owners), np.array(names), np.array(tips, np.float32)


def _sides(skeleton: Skeleton) -> list[str]:
    """Return ``left``, ``right`` or ``centre`` for each joint, by its twin's place."""
    x = standing_positions(skeleton)[:, 0].tolist()
    return [
        "centre"
        if twin == joint or x[twin] == x[joint]
        else "left"
        if x[joint] > x[twin]
        else "right"
        for joint, twin in enumerate(skeleton.mirror)
    ]


def octahedra(
    tips: Float[np.ndarray, "bones 3"],
) -> tuple[Float[np.ndarray, "bones corners 3"], Float[np.ndarray, "bones corners 3"]]:
    """Return the corners of eight flat triangles around each bone, and their normals."""
    lengths = np.linalg.norm(tips, axis=-1, keepdims=True)
    along = tips / lengths
    helper = np.eye(3, dtype=np.float32)[np.abs(along).argmin(-1)]
    across = np.cross(along, helper)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    width = np.clip(_RING * lengths, _THINNEST, _THICKEST)
    u, v, foot = across * width, np.cross(along, across) * width, tips * _RING
    points = np.stack((0 * tips, foot + u, foot + v, foot - u, foot - v, tips), axis=1)
    triangles = points[:, _FACES]
    edges = np.diff(triangles, axis=2)
    normals = np.cross(edges[:, :, 0], edges[:, :, 1])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    corners = triangles.reshape(len(tips), -1, 3)
    return corners, np.repeat(normals, 3, axis=1)
