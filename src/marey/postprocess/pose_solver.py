"""PoseSolver: inverse kinematics of many frames at once, by damped least squares.

Each frame's pose is changed as little as possible so that some joints come to given places or
orientations. Unknowns are a shift of the root and a turn of every joint that can move one of the
targets; bone lengths cannot change. Gauss-Newton with Levenberg's damping; a target out of reach
is approached as far as the bones allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.skeleton import Skeleton

_DAMPING = 1e-4
_MOST_TURN = 0.5
"""Largest turn of a joint in one step, radians."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseTarget:
    """Where one joint should be, or how it should be turned, in some of the frames."""

    joint: int
    weight: Float[Tensor, " frames"]
    """How much it counts beside others that contradict it; 0 where there is no target."""
    position: Float[Tensor, "frames 3"] | None = None
    """World position, metres; exactly one of the two is given."""
    rotation: Float[Tensor, "frames 3 3"] | None = None
    """Global rotation."""


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
    steps: int = 8,
    enough: float = 5e-5,
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames joints 3 3"]]:
    """Return root positions and local rotations that bring joints to their targets.

    Stops after ``steps`` or when no error is above ``enough`` (metres, radians) any more. Frames
    do not depend on one another.
    """
    if not any(bool(target.weight.any()) for target in targets):
        return root, local
    dtype = local.dtype
    root, local = root.double(), local.double()
    chain = _Chain(skeleton, targets)
    cost = torch.cat(
        (
            stiffness.root.double(),
            stiffness.joints.double()[chain.joints].repeat_interleave(3).expand(len(root), -1),
        ),
        -1,
    )
    for _ in range(steps):
        turned = kinematics.global_rotations(local, skeleton)
        places = kinematics.joint_positions(root, turned, skeleton)
        jacobian, error = chain.rows(places, turned, targets)
        if float(error.abs().max()) < enough:
            break
        change = _solve(jacobian, error, cost)
        root = root + change[:, :3]
        local = _turn(local, turned, change[:, 3:].unflatten(-1, (-1, 3)), chain.joints, skeleton)
    return root.to(dtype), local.to(dtype)


class _Chain:
    """Which joints move which targets."""

    def __init__(self, skeleton: Skeleton, targets: Sequence[PoseTarget]) -> None:
        above = [_ancestors(skeleton, t.joint, own=t.rotation is not None) for t in targets]
        self.joints = sorted({joint for row in above for joint in row})
        self.moves = torch.tensor(
            [[float(joint in row) for joint in self.joints] for row in above], dtype=torch.float64
        )

    def rows(
        self, places: Tensor, turned: Tensor, targets: Sequence[PoseTarget]
    ) -> tuple[Float[Tensor, "frames rows unknowns"], Float[Tensor, "frames rows"]]:
        frames, unknowns = len(places), 3 + 3 * len(self.joints)
        jacobian = places.new_zeros(frames, 3 * len(targets), unknowns)
        error = places.new_zeros(frames, 3 * len(targets))
        pivots = places[:, self.joints]
        for k, target in enumerate(targets):
            rows = slice(3 * k, 3 * k + 3)
            scale = target.weight.to(places)[:, None]
            moves = self.moves[k][:, None, None]
            if target.position is not None:
                arms = places[:, target.joint, None] - pivots
                error[:, rows] = (target.position - places[:, target.joint]) * scale
                jacobian[:, rows, :3] = torch.eye(3, dtype=places.dtype) * scale[..., None]
                blocks = -_cross_matrix(arms) * moves
            else:
                assert target.rotation is not None
                rest = target.rotation.to(turned) @ turned[:, target.joint].transpose(-1, -2)
                error[:, rows] = rotations.matrix_to_rotation_vector(rest) * scale
                blocks = (torch.eye(3, dtype=places.dtype) * moves).expand(frames, -1, -1, -1)
            jacobian[:, rows, 3:] = blocks.transpose(1, 2).flatten(2) * scale[..., None]
        return jacobian, error


def _solve(jacobian: Tensor, error: Tensor, cost: Tensor) -> Tensor:
    """One damped step: ``(JᵀJ + λ C) Δ = Jᵀ e``."""
    normal = jacobian.transpose(-1, -2) @ jacobian
    normal.diagonal(dim1=-2, dim2=-1).add_(_DAMPING * cost)
    pull = jacobian.transpose(-1, -2) @ error[..., None]
    change = torch.cholesky_solve(pull, torch.linalg.cholesky(normal))[..., 0]
    largest = change[:, 3:].abs().amax(-1, keepdim=True).clamp(min=_MOST_TURN)
    return change * (_MOST_TURN / largest)


def _turn(
    local: Tensor, turned: Tensor, turns: Tensor, joints: Sequence[int], skeleton: Skeleton
) -> Tensor:
    """Turn joints by world-frame rotation vectors."""
    parents = [skeleton.parents[joint] for joint in joints]
    frames = turned[:, [max(parent, 0) for parent in parents]]
    for k, parent in enumerate(parents):
        if parent < 0:
            frames[:, k] = torch.eye(3, dtype=turned.dtype)
    own = (frames.transpose(-1, -2) @ turns[..., None])[..., 0]
    new = local.clone()
    new[:, joints] = rotations.rotation_vector_to_matrix(own) @ local[:, joints]
    return new


def _cross_matrix(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the matrix of ``v ×``."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def _ancestors(skeleton: Skeleton, joint: int, *, own: bool) -> set[int]:
    """Return the joints whose turn moves a joint, or turns it."""
    found = {joint} if own else set()
    while (joint := skeleton.parents[joint]) >= 0:
        found.add(joint)
    return found
