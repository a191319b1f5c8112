"""Pose pins: joints are brought to their goals in the pinned frames, and the rest follows."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.postprocess.draft import Draft
from marey.postprocess.pose_solver import PoseTarget, Stiffness, solve_poses
from marey.postprocess.spreading import spread
from marey.skeleton import Skeleton

_LEAN = 0.2
"""Weight of a radian beside a metre: a degree counts as much as 3.5 mm."""
_SOLVER_STEPS = 30
_FOLLOW_SECONDS = 0.25
_MOVE_SECONDS = 0.5
_LIFT_SECONDS = 0.3
"""How far in time changes of joints, and of the root over the ground and in height, reach."""
FREE_ROOT, PINNED_ROOT = 4.0, 1e5
"""Stiffness of the root's place where it may give way, and where it is pinned."""


def meet_pins(drafts: Sequence[Draft], *, follow: bool) -> None:
    """Solve all pinned frames of all drafts together.

    With ``follow`` the frames between are changed along, smoothly; without it only the pinned
    frames are, which is meant for a last touch of millimetres.
    """
    drafts = [draft for draft in drafts if bool(draft.posed.any())]
    if not drafts:
        return
    where = [draft.posed.nonzero()[:, 0] for draft in drafts]
    root = torch.cat([d.root[f] for d, f in zip(drafts, where, strict=True)])
    local = torch.cat([d.local[f] for d, f in zip(drafts, where, strict=True)])
    skeleton = drafts[0].skeleton
    new_root, new_local = solve_poses(
        root,
        local,
        _targets(drafts, where),
        skeleton=skeleton,
        stiffness=_stiffness(drafts, where, skeleton),
        steps=_SOLVER_STEPS,
    )
    turns = rotations.matrix_to_rotation_vector(local.transpose(-1, -2) @ new_local)
    sizes = [len(frames) for frames in where]
    parts = zip(drafts, where, (new_root - root).split(sizes), turns.split(sizes), strict=True)
    for draft, frames, shift, turn in parts:
        _apply(draft, frames, shift, turn, follow=follow)


def _apply(draft: Draft, frames: Tensor, shift: Tensor, turn: Tensor, *, follow: bool) -> None:
    count = draft.num_frames
    shifts, turns = torch.zeros(count, 3), torch.zeros(count, *turn.shape[1:])
    shifts[frames], turns[frames] = shift, turn
    if follow:
        held = draft.posed | draft.path_pinned
        over = spread(shifts, held, fps=draft.fps, seconds=_MOVE_SECONDS, hold=True)
        up = spread(shifts, draft.posed, fps=draft.fps, seconds=_LIFT_SECONDS)
        shifts = torch.stack((over[:, 0], up[:, 1], over[:, 2]), dim=-1)
        flat = spread(turns.flatten(1), draft.posed, fps=draft.fps, seconds=_FOLLOW_SECONDS)
        turns = flat.view_as(turns)
    draft.root = draft.root + shifts
    draft.local = draft.local @ rotations.rotation_vector_to_matrix(turns)


def _targets(drafts: Sequence[Draft], where: Sequence[Tensor]) -> list[PoseTarget]:
    """One target for each joint and kind that any draft pins."""
    starts = torch.tensor([0, *(len(frames) for frames in where)]).cumsum(0).tolist()
    pools: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}
    for draft, start, frames in zip(drafts, starts[:-1], where, strict=True):
        row = torch.full((draft.num_frames,), -1)
        row[frames] = torch.arange(start, start + len(frames))
        for goal in draft.goals_of("joint_position", "joint_rotation"):
            empty = (torch.zeros(starts[-1], *goal.target.shape[1:]), torch.zeros(starts[-1]))
            if goal.kind == "joint_rotation":
                empty[0][:] = torch.eye(3)
            values, weight = pools.setdefault((goal.kind, goal.joint), empty)
            values[row[goal.frames]] = goal.target.to(values)
            scale = 1.0 if goal.kind == "joint_position" else _LEAN
            weight[row[goal.frames]] = scale * goal.weight**0.5
    return [
        PoseTarget(joint=joint, weight=weight, position=values)
        if kind == "joint_position"
        else PoseTarget(joint=joint, weight=weight, rotation=values)
        for (kind, joint), (values, weight) in pools.items()
    ]


def _stiffness(drafts: Sequence[Draft], where: Sequence[Tensor], skeleton: Skeleton) -> Stiffness:
    path = torch.cat([d.path_pinned[f] for d, f in zip(drafts, where, strict=True)])
    height = torch.cat([d.height_pinned[f] for d, f in zip(drafts, where, strict=True)])
    over = torch.where(path, PINNED_ROOT, FREE_ROOT)
    up = torch.where(height, PINNED_ROOT, FREE_ROOT)
    return Stiffness(root=torch.stack((over, up, over), dim=-1), joints=joint_stiffness(skeleton))


def joint_stiffness(skeleton: Skeleton) -> Float[Tensor, " joints"]:
    """Limbs give way first, then the spine; the pelvis turns last."""
    stiff = torch.ones(skeleton.num_joints)
    for joint, part in enumerate(skeleton.parts):
        if part == "torso":
            stiff[joint] = 4.0
    stiff[0] = 30.0
    return stiff
