"""PoseSolver: inverse kinematics of many frames at once, by damped least squares.

Each frame's pose is changed as little as possible so that some joints come to given places or
orientations. Unknowns are a shift of the root and a turn of every joint that can move one of the
targets; bone lengths cannot change. Gauss-Newton with Levenberg's damping, in steps of bounded
length: a target out of reach is approached as far as the bones allow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.postprocess.joint_limits import Hinges
from marey.postprocess.limbs import bend_straight_limbs, limbs_of
from marey.postprocess.pose_targets import PoseTarget, TargetRows
from marey.skeleton import Skeleton

_DAMPING = 1e-4
_PATIENCE = 6
"""Steps after which a frame's targets are taken for out of reach (see ``curvature``)."""
_MOST_TURN = 0.5
"""Largest turn of a joint in one step, radians."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stiffness:
    """How unwilling the unknowns are to change; a change costs its square times this."""

    root: Float[Tensor, "frames 3"]
    """Of the root's shift, per square metre, along x, y, z."""
    joints: Float[Tensor, " joints"]
    """Of each joint's turn, per square radian."""


def solve_poses(
    root: Float[Tensor, "frames 3"],
    local: Float[Tensor, "frames joints 3 3"],
    targets: Sequence[PoseTarget],
    *,
    skeleton: Skeleton,
    stiffness: Stiffness,
    hinges: Hinges | None = None,
    steps: int = 12,
    enough: float = 1e-5,
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames joints 3 3"]]:
    """Return root positions and local rotations that bring joints to their targets.

    Frames do not depend on one another. A frame is done after ``steps`` or when no weighted error
    is above ``enough`` (metres, radians); one without such an error is not touched at all. In
    frames that are touched, ``hinges`` keep to their axes and limits.
    """
    if not targets:
        return root, local
    rows, hinges = TargetRows(targets, skeleton), hinges or Hinges({}, skeleton)
    turning = stiffness.joints[rows.joints, None].expand(len(root), -1, 3)
    cost = torch.cat((stiffness.root[:, None], turning), dim=1).double()
    dtype = local.dtype
    root, local = root.double(), local.double()
    rest = torch.stack([target.weight for target in targets]).any(0).nonzero()[:, 0]
    for step in range(steps):
        places, turned = _forward(root[rest], local[rest], rows.needed, skeleton)
        far = rows.errors(places, turned, rest).abs().amax(-1) > enough
        rest, places, turned = rest[far], places[far], turned[far]
        if not len(rest):
            break
        poses = local[rest]
        if step == 0:
            poses = _prepared(poses, places, turned, rows.pulls(places, rest), skeleton, hinges)
            places, turned = _forward(root[rest], poses, rows.needed, skeleton)
        error = rows.errors(places, turned, rest)
        jacobian = rows.jacobian(places, turned, rest)
        price = _DAMPING * cost[rest]
        if step >= _PATIENCE:
            price[:, 1:] += rows.curvature(places, error, rest)[..., None]
        change = _step(jacobian, error, price, poses[:, rows.joints], rows.joints, hinges)
        root[rest] += change[:, 0]
        poses[:, rows.joints] = (
            rotations.rotation_vector_to_matrix(change[:, 1:]) @ poses[:, rows.joints]
        )
        local[rest] = hinges.clamped(poses)
    return root.to(dtype), local.to(dtype)


def _forward(
    root: Tensor, local: Tensor, joints: Sequence[int], skeleton: Skeleton
) -> tuple[Float[Tensor, "frames joints 3"], Float[Tensor, "frames joints 3 3"]]:
    """Return places and global rotations of some joints, parents first; nonsense for the others."""
    places, turned = root[:, None].repeat(1, local.shape[1], 1), local.clone()
    offsets = skeleton.rest_offsets.to(local)
    for joint in joints[1:]:
        parent = skeleton.parents[joint]
        turned[:, joint] = turned[:, parent] @ local[:, joint]
        places[:, joint] = places[:, parent] + turned[:, parent] @ offsets[joint]
    return places, turned


def _prepared(
    poses: Tensor,
    places: Tensor,
    turned: Tensor,
    pulls: Mapping[int, Tensor],
    skeleton: Skeleton,
    hinges: Hinges,
) -> Float[Tensor, "frames joints 3 3"]:
    """Bend straight limbs that must get shorter, and keep hinges to their limits."""
    limbs = limbs_of(skeleton)
    return hinges.clamped(
        bend_straight_limbs(limbs, poses, turned, places, pulls, skeleton=skeleton)
    )


def _step(
    jacobian: Float[Tensor, "frames rows unknowns 3"],
    error: Float[Tensor, "frames rows"],
    price: Float[Tensor, "frames unknowns 3"],
    poses: Float[Tensor, "frames turning 3 3"],
    joints: Sequence[int],
    hinges: Hinges,
) -> Float[Tensor, "frames unknowns 3"]:
    """Return the shift of the root and the turns of ``joints``, in their parents' frames.

    A hinge turns about its axis only; one that would leave its limits does not turn at all.
    """
    at = [joints.index(joint) for joint in hinges.joints if joint in joints]
    if not at:
        return _damped(jacobian, error, price)
    own = [hinges.joints.index(joints[k]) for k in at]
    columns, axes = [1 + k for k in at], hinges.axes[own]
    jacobian[:, :, columns] = (jacobian[:, :, columns] * axes).sum(-1, keepdim=True) * axes
    change = _damped(jacobian, error, price)
    leaving = hinges.would_leave(poses[:, at], change[:, columns], own)
    if not bool(leaving.any()):
        return change
    jacobian[:, :, columns] *= ~leaving[:, None, :, None]
    return _damped(jacobian, error, price)


def _damped(
    jacobian: Float[Tensor, "frames rows unknowns 3"],
    error: Float[Tensor, "frames rows"],
    price: Float[Tensor, "frames unknowns 3"],
) -> Float[Tensor, "frames unknowns 3"]:
    """Solve ``(JᵀJ + P) Δ = Jᵀ e`` in the smaller of its two forms; no joint turns too far."""
    flat, weight = jacobian.flatten(2), 1 / price.flatten(1)
    rows, unknowns = flat.shape[1:]
    if rows < unknowns:
        cheap = flat * weight[:, None]
        system = cheap @ flat.transpose(-1, -2) + torch.eye(rows, dtype=flat.dtype)
        multipliers = torch.linalg.solve(system, error[..., None])
        change = (cheap.transpose(-1, -2) @ multipliers)[..., 0]
    else:
        system = flat.transpose(-1, -2) @ flat + torch.diag_embed(1 / weight)
        change = torch.linalg.solve(system, flat.transpose(-1, -2) @ error[..., None])[..., 0]
    change = change.unflatten(-1, (-1, 3))
    largest = change[:, 1:].norm(dim=-1).amax(-1).clamp(min=_MOST_TURN)
    return change * (_MOST_TURN / largest)[:, None, None]
