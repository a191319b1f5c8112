"""Rotations in three dimensions: matrices, 6-D, quaternions, rotation vectors, Euler angles.

Matrices act on columns; quaternions are ``wxyz`` and of unit length; angles are radians.
Every function takes any leading batch shape, follows the dtype and device of its input, and
is differentiable. The heavy lifting is done by roma, whose quaternions are ``xyzw``.
"""

import math

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from marey.errors import InvalidInputError

AXES = "XYZ"


def quaternion_to_matrix(quaternion: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the matrix of a quaternion, which is normalised first."""
    unit = torch.nn.functional.normalize(quaternion, dim=-1)
    return roma.unitquat_to_rotmat(unit.roll(-1, dims=-1))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Return the quaternion of a matrix whose real part is not negative."""
    quaternion = roma.rotmat_to_unitquat(matrix).roll(1, dims=-1)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def continuous_quaternions(quaternions: Float[Tensor, "frames 4"]) -> Float[Tensor, "frames 4"]:
    """Choose of each quaternion and its negative the one nearer to the frame before."""
    dots = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdim=True)
    signs = torch.where(dots < 0, -torch.ones_like(dots), torch.ones_like(dots)).cumprod(0)
    return torch.cat((quaternions[:1], quaternions[1:] * signs))


def rotation_vector_to_matrix(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Exponential map: the rotation about ``vector`` by its length."""
    return roma.rotvec_to_rotmat(vector)


def matrix_to_rotation_vector(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Logarithm: the rotation vector of length at most π; exact near 0 and near π."""
    return roma.unitquat_to_rotvec(roma.rotmat_to_unitquat(matrix))


def rotation_6d_to_matrix(columns: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Gram–Schmidt on the first and second column [Zhou2019, eq. 15].

    Degenerate input (a zero or parallel pair of columns) gives a matrix that is finite but no
    rotation; networks do not emit it, readers validate before they come here.
    """
    first, second = columns[..., :3], columns[..., 3:]
    x = torch.nn.functional.normalize(first, dim=-1)
    y = second - (x * second).sum(-1, keepdim=True) * x
    y = torch.nn.functional.normalize(y, dim=-1)
    return torch.stack((x, y, torch.linalg.cross(x, y)), dim=-1)


def matrix_to_rotation_6d(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """Return the first column followed by the second column."""
    return torch.cat((matrix[..., :, 0], matrix[..., :, 1]), dim=-1)


def axis_rotation(axis: str, angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the rotation about the coordinate axis ``"X"``, ``"Y"`` or ``"Z"``."""
    first, second = {"X": (1, 2), "Y": (2, 0), "Z": (0, 1)}[axis]
    matrix = torch.zeros(*angle.shape, 3, 3, dtype=angle.dtype, device=angle.device)
    matrix[..., AXES.index(axis), AXES.index(axis)] = 1
    matrix[..., first, first] = matrix[..., second, second] = angle.cos()
    matrix[..., first, second] = -angle.sin()
    matrix[..., second, first] = angle.sin()
    return matrix


def euler_to_matrix(
    angles: Float[Tensor, "*batch axes"], order: str
) -> Float[Tensor, "*batch 3 3"]:
    """Return ``R(order[0]) @ R(order[1]) @ …``: intrinsic rotations, as in BVH.

    ``order`` is any word of the letters X, Y, Z with one letter per angle.
    Raises InvalidInputError for another ``order``.
    """
    if not order or set(order) - set(AXES) or len(order) != angles.shape[-1]:
        raise InvalidInputError(
            f"Euler order must be {angles.shape[-1]} letters out of X, Y, Z (one per angle), "
            f"got {order!r}."
        )
    matrix = axis_rotation(order[0], angles[..., 0])
    for i, axis in enumerate(order[1:], start=1):
        matrix = matrix @ axis_rotation(axis, angles[..., i])
    return matrix


def matrix_to_euler(matrix: Float[Tensor, "*batch 3 3"], order: str) -> Float[Tensor, "*batch 3"]:
    """Return intrinsic Euler angles in ``order`` (six Tait–Bryan and six proper orders).

    At gimbal lock, where first and last axis coincide, the last angle is set to 0.
    Raises InvalidInputError for another ``order``.
    """
    valid = len(order) == 3 and not set(order) - set(AXES)
    if not valid or order[0] == order[1] or order[1] == order[2]:
        raise InvalidInputError(
            f"Euler order must be three letters X, Y, Z, no letter twice in a row, got {order!r}."
        )
    i, j = AXES.index(order[0]), AXES.index(order[1])
    proper = order[0] == order[2]
    k = 3 - i - j
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = matrix
    if proper:
        sine = torch.hypot(m[..., i, j], m[..., i, k])
        middle = torch.atan2(sine, m[..., i, i])
        free = torch.atan2(m[..., j, i], -sign * m[..., k, i])
        last = torch.atan2(m[..., i, j], sign * m[..., i, k])
    else:
        sine = torch.hypot(m[..., i, i], m[..., i, j])  # the cosine of the middle angle
        middle = torch.atan2(sign * m[..., i, k], sine)
        free = torch.atan2(-sign * m[..., j, k], m[..., k, k])
        last = torch.atan2(-sign * m[..., i, j], m[..., i, i])
    locked = sine < 16 * torch.finfo(m.dtype).eps
    locked_first = torch.atan2(sign * m[..., k, j], m[..., j, j])
    first = torch.where(locked, locked_first, free)
    return torch.stack((first, middle, torch.where(locked, torch.zeros_like(last), last)), dim=-1)


def relative_rotation(
    start: Float[Tensor, "*#batch 3 3"], end: Float[Tensor, "*#batch 3 3"]
) -> Float[Tensor, "*#batch 3 3"]:
    """Return the rotation ``r`` with ``start @ r == end``."""
    return start.transpose(-1, -2) @ end


def slerp(
    start: Float[Tensor, "*#batch 3 3"],
    end: Float[Tensor, "*#batch 3 3"],
    weight: Float[Tensor, "*#batch"],
) -> Float[Tensor, "*#batch 3 3"]:
    """Rotate from ``start`` (weight 0) to ``end`` (weight 1) along the shortest arc."""
    vector = matrix_to_rotation_vector(relative_rotation(start, end))
    return start @ rotation_vector_to_matrix(vector * weight[..., None])


def geodesic_distance(
    start: Float[Tensor, "*#batch 3 3"], end: Float[Tensor, "*#batch 3 3"]
) -> Float[Tensor, "*#batch"]:
    """Angle in [0, π] of the rotation between the two; exact near 0 and near π."""
    quaternion = matrix_to_quaternion(relative_rotation(start, end))
    return 2 * torch.atan2(quaternion[..., 1:].norm(dim=-1), quaternion[..., 0])


def shortest_arc(
    start: Float[Tensor, "*#batch 3"], end: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """Return the smallest rotation that points ``start`` along ``end``; lengths do not matter.

    Opposite directions are half a turn apart about some axis across; a vector without length gives
    the identity.
    """
    a = torch.nn.functional.normalize(start, dim=-1)
    b = torch.nn.functional.normalize(end, dim=-1)
    a, b = torch.broadcast_tensors(a, b)
    real = 1 + (a * b).sum(-1, keepdim=True)
    opposite = real < 4 * torch.finfo(a.dtype).eps
    least = torch.nn.functional.one_hot(a.abs().argmin(dim=-1), 3).to(a)
    axis = torch.where(opposite, torch.linalg.cross(a, least), torch.linalg.cross(a, b))
    real = torch.where(opposite, torch.zeros_like(real), real)
    return quaternion_to_matrix(torch.cat((real, axis), dim=-1))


def twist_angle(
    matrix: Float[Tensor, "*batch 3 3"], axis: Float[Tensor, "*#batch 3"]
) -> Float[Tensor, "*batch"]:
    """Angle in (-π, π] of the twist about the unit ``axis`` (swing–twist decomposition)."""
    quaternion = matrix_to_quaternion(matrix)
    angle = 2 * torch.atan2((quaternion[..., 1:] * axis).sum(-1), quaternion[..., 0])
    return wrap_angle(angle)


def wrap_angle(angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Return the equal angle in (-π, π]."""
    return math.pi - torch.remainder(math.pi - angle, 2 * math.pi)


def unwrap_angle(angle: Float[Tensor, "*batch frames"]) -> Float[Tensor, "*batch frames"]:
    """Add multiples of 2π so that neighbouring frames differ by at most π."""
    steps = wrap_angle(angle.diff(dim=-1))
    return torch.cat((angle[..., :1], angle[..., :1] + steps.cumsum(-1)), dim=-1)


def yaw_matrix(angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the turn about the vertical from heading 0 (+Z) to ``angle`` (towards +X)."""
    return axis_rotation("Y", angle)
