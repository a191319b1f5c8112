"""Forward kinematics, its inverse for rotations, and the heading of a body."""

import torch
from jaxtyping import Float
from torch import Tensor

from marey.skeleton.skeleton import Skeleton


def global_rotations(
    local_rotations: Float[Tensor, "*batch joints 3 3"], skeleton: Skeleton
) -> Float[Tensor, "*batch joints 3 3"]:
    """Chain local rotations down the tree: ``R_joint = R_parent @ R_local``."""
    rows: list[Tensor] = list(local_rotations.unbind(-3))
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            rows[joint] = rows[parent] @ rows[joint]
    return torch.stack(rows, dim=-3)


def local_rotations(
    global_rotations: Float[Tensor, "*batch joints 3 3"], skeleton: Skeleton
) -> Float[Tensor, "*batch joints 3 3"]:
    """Return each joint's rotation in its parent's frame; the root keeps its own."""
    parents = global_rotations[..., list(skeleton.parents[1:]), :, :]
    children = parents.transpose(-1, -2) @ global_rotations[..., 1:, :, :]
    return torch.cat((global_rotations[..., :1, :, :], children), dim=-3)


def joint_positions(
    root_positions: Float[Tensor, "*batch 3"],
    global_rotations: Float[Tensor, "*batch joints 3 3"],
    skeleton: Skeleton,
) -> Float[Tensor, "*batch joints 3"]:
    """Forward kinematics: world positions, metres, with the root joint at ``root_positions``."""
    offsets = skeleton.rest_offsets.to(global_rotations)
    parents = list(skeleton.parents[1:])
    bones = (global_rotations[..., parents, :, :] @ offsets[1:, :, None]).squeeze(-1)
    rows: list[Tensor] = [root_positions]
    for joint, parent in enumerate(parents, start=1):
        rows.append(rows[parent] + bones[..., joint - 1, :])
    return torch.stack(rows, dim=-2)


def heading_angle(
    positions: Float[Tensor, "*batch joints 3"], skeleton: Skeleton
) -> Float[Tensor, "*batch"]:
    """Direction the hips face, radians in (-π, π]; 0 = +Z, +π/2 = +X (the body's left).

    ``atan2(d_z, -d_x)`` for ``d`` from the left to the right hip [Rempe2026, §4.1].
    Raises InvalidInputError if the skeleton names no hips.
    """
    right, left = skeleton.role("right_hip"), skeleton.role("left_hip")
    across = positions[..., right, :] - positions[..., left, :]
    return torch.atan2(across[..., 2], -across[..., 0])
