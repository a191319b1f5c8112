"""The pose in which a glTF file binds its meshes to joints: often not the one of the nodes.

An inverse bind matrix leads from the mesh to the joint. Where the mesh stands the format does not
say: programs take its node, the group of the joints, or the world. The frame that brings the bind
pose nearest to the nodes' pose is taken.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from marey.io.gltf_file import GltfFile

_NEAR = 0.5
"""Most distance of the two poses, in the mean over joints, as a share of the body's size."""


def bind_pose(
    file: GltfFile,
    nodes: Mapping[int, Float[np.ndarray, "4 4"]],
    worlds: list[Float[np.ndarray, "4 4"]],
    group: Float[np.ndarray, "4 4"],
) -> dict[int, Float[np.ndarray, "4 4"]]:
    """World transforms of those joints that skins bind, empty where none lies near the nodes' pose.

    ``nodes`` are the joints' transforms in the nodes' pose, ``worlds`` those of the nodes that
    carry a mesh of each skin, and ``group`` that of what the joints hang on. Raises
    FileFormatError for matrices that cannot be inverted.
    """
    found: dict[int, np.ndarray] = {}
    for skin, mesh in zip(file.rows("skins"), worlds, strict=True):
        own = file.indices(skin, "joints", "nodes")
        known = [i for i, node in enumerate(own) if node in nodes]
        if "inverseBindMatrices" not in skin or not known:
            continue
        binds = _binds(file, skin["inverseBindMatrices"], len(own))[known]
        places = np.array([nodes[own[i]][:3, 3] for i in known])
        gaps = {
            k: float(np.linalg.norm((frame @ binds)[:, :3, 3] - places, axis=-1).mean())
            for k, frame in enumerate((mesh, group, np.eye(4)))
        }
        best = min(gaps, key=gaps.__getitem__)
        if gaps[best] <= _NEAR * float(np.ptp(places, axis=0).max()):
            for i, bind in zip(known, (mesh, group, np.eye(4))[best] @ binds, strict=True):
                found.setdefault(own[i], bind)
    return found


def _binds(file: GltfFile, accessor: object, joints: int) -> Float[np.ndarray, "joints 4 4"]:
    """Transforms of the joints in the mesh's frame."""
    values = file.array(accessor)
    if len(values) < joints or values.shape[1] != 16:
        got = f"{len(values)} of {values.shape[1]} numbers"
        raise file.fault("inverseBindMatrices", f"{joints} matrices", got)
    matrices = values[:joints].reshape(-1, 4, 4).swapaxes(1, 2)  # stored by column
    size = np.linalg.norm(matrices[:, :3, :3], axis=(-1, -2)) ** 3
    if not (np.abs(np.linalg.det(matrices[:, :3, :3])) > 1e-6 * size).all():
        raise file.fault("inverseBindMatrices", "matrices with an inverse", "others")
    matrices[:, 3] = (0, 0, 0, 1)
    return np.linalg.inv(matrices)
