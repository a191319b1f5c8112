"""PoseSolver: inverse kinematics of many frames at once, by damped least squares.

Each frame's pose is changed as little as possible so that some joints come to given places or
orientations. Unknowns are a shift of the root and a turn of every joint that can move one of the
targets; bone lengths cannot change. Gauss-Newton with Levenberg's damping, in steps of bounded
length: a target out of reach is approached as far as the bones allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
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
    frames that are touched, ``hinges`` on the way to a target keep to their axes and limits.
    """
    if not targets:
        return root, local
    rows = TargetRows(targets, skeleton)
    hinges = (hinges or Hinges({}, skeleton)).among(rows.needed)
    turning = stiffness.joints[rows.needed][rows.turning, None].expand(len(root), -1, 3)
    cost = torch.cat((stiffness.root[:, None], turning), dim=1).double()
    dtype = local.dtype
    root, local = root.double(), local.double()
    rest = torch.stack([target.weight for target in targets]).any(0).nonzero()[:, 0]
    place, poses = root[rest], local[rest[:, None], rows.needed]
    for step in range(steps + 1):
        places, turned = _forward(place, poses, rows, skeleton)
        error = rows.errors(places, turned, rest)
        far = error.abs().amax(-1) > enough if step < steps else torch.zeros_like(rest).bool()
        if not bool(far.all()):
            root[rest[~far]], local[rest[~far, None], rows.needed] = place[~far], poses[~far]
            rest, place, poses = rest[far], place[far], poses[far]
            places, turned, error = places[far], turned[far], error[far]
        if not len(rest):
            break
        if step == 0:
            bent = _prepared(local[rest], places, turned, rest, rows, skeleton)
            poses = hinges.clamped(bent[:, rows.needed])
            places, turned = _forward(place, poses, rows, skeleton)
            error = rows.errors(places, turned, rest)
        price = _DAMPING * cost[rest]
        if step >= _PATIENCE:
            price[:, 1:] += rows.curvature(places, error, rest)[..., None]
        jacobian = rows.jacobian(places, rest)
        change = _step(jacobian, error, price, poses, turned, rows, hinges)
        place = place + change[:, 0]
        turns = rotations.rotation_vector_to_matrix(change[:, 1:])
        poses[:, rows.turning] = turns @ poses[:, rows.turning]
        poses = hinges.clamped(poses)
    return root.to(dtype), local.to(dtype)


def _forward(
    root: Float[Tensor, "frames 3"],
    local: Float[Tensor, "frames needed 3 3"],
    rows: TargetRows,
    skeleton: Skeleton,
) -> tuple[Float[Tensor, "frames needed 3"], Float[Tensor, "frames needed 3 3"]]:
    """Return places and global rotations of the needed joints."""
    offsets = skeleton.rest_offsets[rows.needed].to(local)
    places, turned = [root], list(local.unbind(1))
    for number, parent in list(enumerate(rows.parents))[1:]:
        places.append(places[parent] + turned[parent] @ offsets[number])
        turned[number] = turned[parent] @ turned[number]
    return torch.stack(places, dim=1), torch.stack(turned, dim=1)


def _prepared(
    local: Float[Tensor, "frames joints 3 3"],
    places: Float[Tensor, "frames needed 3"],
    turned: Float[Tensor, "frames needed 3 3"],
    frames: Int[Tensor, " frames"],
    rows: TargetRows,
    skeleton: Skeleton,
) -> Float[Tensor, "frames joints 3 3"]:
    """Bend straight limbs that must get shorter."""
    everywhere, turns = rows.spread_out(places), rows.spread_out(turned)
    pulls = rows.pulls(places, frames)
    return bend_straight_limbs(
        limbs_of(skeleton), local, turns, everywhere, pulls, skeleton=skeleton
    )


def _step(
    jacobian: Float[Tensor, "frames rows unknowns 3"],
    error: Float[Tensor, "frames rows"],
    price: Float[Tensor, "frames unknowns 3"],
    poses: Float[Tensor, "frames needed 3 3"],
    turned: Float[Tensor, "frames needed 3 3"],
    rows: TargetRows,
    hinges: Hinges,
) -> Float[Tensor, "frames unknowns 3"]:
    """Return the shift of the root and the turns of joints, in their parents' frames.

    A hinge turns about its axis only; one that would leave its limits does not turn at all.
    """
    above = turned[:, [rows.parents[joint] for joint in rows.turning]]
    if rows.turning[:1] == [0]:
        above[:, 0] = torch.eye(3)
    own = [k for k, joint in enumerate(hinges.joints) if joint in rows.turning]
    if not own:
        return _from_parents(_damped(jacobian, error, price), above)
    at = [rows.turning.index(hinges.joints[k]) for k in own]
    columns = [1 + k for k in at]
    axes = (above[:, at] @ hinges.axes[own][..., None])[:, None, :, :, 0]
    jacobian[:, :, columns] = (jacobian[:, :, columns] * axes).sum(-1, keepdim=True) * axes
    change = _from_parents(_damped(jacobian, error, price), above)
    bent = poses[:, [hinges.joints[k] for k in own]]
    leaving = hinges.would_leave(bent, change[:, columns], own)
    if not bool(leaving.any()):
        return change
    jacobian[:, :, columns] *= ~leaving[:, None, :, None]
    return _from_parents(_damped(jacobian, error, price), above)


def _from_parents(
    change: Float[Tensor, "frames unknowns 3"], above: Float[Tensor, "frames turning 3 3"]
) -> Float[Tensor, "frames unknowns 3"]:
    """Bring turns in the world into the frames of the joints' parents; the shift comes first."""
    turns = (above.transpose(-1, -2) @ change[:, 1:, :, None])[..., 0]
    return torch.cat((change[:, :1], turns), dim=1)


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
    # Padded, since a target on the root joint alone turns no joint.
    turns = torch.nn.functional.pad(change[:, 1:].norm(dim=-1), (1, 0), value=_MOST_TURN)
    return change * (_MOST_TURN / turns.amax(-1))[:, None, None]
