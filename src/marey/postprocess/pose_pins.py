"""Pose pins: joints are brought to their goals in the pinned frames, and the rest follows."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.constraints import Goal
from marey.postprocess.draft import Draft
from marey.postprocess.foot_plan import HELD, Stance, stand
from marey.postprocess.joint_limits import Hinges
from marey.postprocess.pose_solver import Stiffness, solve_poses
from marey.postprocess.pose_targets import PoseKind, PoseTarget
from marey.postprocess.spreading import spread
from marey.postprocess.stance import released
from marey.skeleton import Skeleton

_LEAN = 0.2
"""Weight of a radian beside a metre: a degree counts as much as 3.5 mm."""
BESIDE_PINS = 0.3
"""Weight of feet and floor in frames in which joints are pinned, beside 1 of the pins."""
_SOLVER_STEPS = 30
_FOLLOW_SECONDS = 0.25
_MOVE_SECONDS = 0.5
_LIFT_SECONDS = 0.3
"""How far in time changes of joints, and of the root over the ground and in height, reach."""
FREE_ROOT, PINNED_ROOT = 30.0, 1e5
"""Stiffness of the root's place where it may give way, and where it is pinned."""


def meet_pins(drafts: Sequence[Draft], hinges: Hinges, *, follow: bool, floor: float = 0.0) -> None:
    """Solve all pinned frames of all drafts together.

    With ``follow`` the frames between are changed along, smoothly, and feet that stand hold the
    body back a little; without it only the pinned frames are changed, which is meant for a last
    touch of millimetres.
    """
    drafts = [draft for draft in drafts if bool(draft.posed.any())]
    if not drafts:
        return
    where = [draft.posed.nonzero()[:, 0] for draft in drafts]
    feet = [
        stand(draft, draft.positions(), floor=floor) if follow and draft.has_feet else None
        for draft in drafts
    ]
    root, local = _solved(drafts, where, feet, hinges)
    if follow and _free_feet(drafts, where, feet, root, local):
        root, local = _solved(drafts, where, feet, hinges)
    for draft, frames, own_root, own_local in zip(drafts, where, root, local, strict=True):
        shift = own_root - draft.root[frames]
        turns = draft.local[frames].transpose(-1, -2) @ own_local
        turn = rotations.matrix_to_rotation_vector(turns)
        _apply(draft, frames, shift, turn, follow=follow)
        draft.local = hinges.clamped(draft.local)


def _solved(
    drafts: Sequence[Draft],
    where: Sequence[Tensor],
    feet: Sequence[Stance | None],
    hinges: Hinges,
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Return root positions and local rotations of each draft in its pinned frames."""
    skeleton, sizes = drafts[0].skeleton, [len(frames) for frames in where]
    targets = pin_targets(drafts, where)
    held = [
        (s.target[f], (s.locked & ~d.forced)[f])
        for s, d, f in zip(feet, drafts, where, strict=True)
        if s is not None
    ]
    for channel, joint in enumerate(skeleton.foot_indices if held else []):
        value = torch.cat([target[:, channel] for target, _ in held])
        weight = BESIDE_PINS * torch.cat([locked[:, channel] for _, locked in held])
        targets.append(PoseTarget(kind="position", joint=joint, value=value, weight=weight))
    root, local = solve_poses(
        torch.cat([draft.root[f] for draft, f in zip(drafts, where, strict=True)]),
        torch.cat([draft.local[f] for draft, f in zip(drafts, where, strict=True)]),
        targets,
        skeleton=skeleton,
        stiffness=_stiffness(drafts, where, skeleton),
        hinges=hinges,
        steps=_SOLVER_STEPS,
    )
    return root.split(sizes), local.split(sizes)


def _free_feet(
    drafts: Sequence[Draft],
    where: Sequence[Tensor],
    feet: Sequence[Stance | None],
    root: Sequence[Tensor],
    local: Sequence[Tensor],
) -> bool:
    """Give up contacts that pins do not leave alone; return whether there are any."""
    found = False
    for draft, frames, stance, own_root, own_local in zip(
        drafts, where, feet, root, local, strict=True
    ):
        if stance is not None:
            turned = kinematics.global_rotations(own_local, draft.skeleton)
            places = kinematics.joint_positions(own_root, turned, draft.skeleton)
            off = places[:, draft.skeleton.foot_indices] - stance.target[frames]
            lost = torch.zeros_like(draft.forced)
            lost[frames] = (stance.locked & ~draft.forced)[frames] & (off.norm(dim=-1) > HELD)
            draft.forced = draft.forced | lost
            draft.contacts = released(draft.contacts, lost, draft.fps)
            found = found or bool(lost.any())
    return found


def pin_targets(drafts: Sequence[Draft], where: Sequence[Tensor]) -> list[PoseTarget]:
    """Return one target for each joint and kind that any draft pins, over some of its frames."""
    starts = torch.tensor([0, *(len(frames) for frames in where)]).cumsum(0).tolist()
    pools: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}
    for draft, start, frames in zip(drafts, starts[:-1], where, strict=True):
        row = torch.full((draft.num_frames,), -1)
        row[frames] = torch.arange(start, start + len(frames))
        for goal in draft.goals_of("joint_position", "joint_rotation", "heading"):
            rows = row[goal.frames]
            values, weight = pools.setdefault((goal.kind, goal.joint), _blank(goal, starts[-1]))
            values[rows[rows >= 0]] = goal.target.to(values)[rows >= 0]
            scale = 1.0 if goal.kind == "joint_position" else _LEAN
            weight[rows[rows >= 0]] = scale * goal.weight**0.5
    return [
        PoseTarget(kind=_KINDS[kind], joint=joint, value=values, weight=weight)
        for (kind, joint), (values, weight) in pools.items()
    ]


_KINDS: dict[str, PoseKind] = {
    "joint_position": "position",
    "joint_rotation": "rotation",
    "heading": "heading",
}


def joint_stiffness(skeleton: Skeleton) -> Float[Tensor, " joints"]:
    """Limbs give way first, then the spine; the pelvis turns last.

    A skeleton whose joints belong to no parts bends everywhere alike but at the pelvis.
    """
    stiff = torch.ones(skeleton.num_joints)
    for joint, part in enumerate(skeleton.parts):
        if part == "torso":
            stiff[joint] = 4.0
    stiff[0] = 30.0
    return stiff


def _apply(draft: Draft, frames: Tensor, shift: Tensor, turn: Tensor, *, follow: bool) -> None:
    count = draft.num_frames
    shifts, turns = torch.zeros(count, 3), torch.zeros(count, *turn.shape[1:])
    shifts[frames], turns[frames] = shift, turn
    if follow:
        held = draft.posed | draft.path_pinned
        over = spread(shifts, held, fps=draft.fps, seconds=_MOVE_SECONDS)
        up = spread(shifts, draft.posed, fps=draft.fps, seconds=_LIFT_SECONDS)
        shifts = torch.stack((over[:, 0], up[:, 1], over[:, 2]), dim=-1)
        flat = spread(turns.flatten(1), draft.posed, fps=draft.fps, seconds=_FOLLOW_SECONDS)
        turns = flat.view_as(turns)
    draft.root = draft.root + shifts
    draft.local = draft.local @ rotations.rotation_vector_to_matrix(turns)


def _blank(goal: Goal, count: int) -> tuple[Tensor, Tensor]:
    values = torch.zeros(count, *goal.target.shape[1:])
    if goal.kind == "joint_rotation":
        values[:] = torch.eye(3)
    return values, torch.zeros(count)


def _stiffness(drafts: Sequence[Draft], where: Sequence[Tensor], skeleton: Skeleton) -> Stiffness:
    path = torch.cat([d.path_pinned[f] for d, f in zip(drafts, where, strict=True)])
    height = torch.cat([d.height_pinned[f] for d, f in zip(drafts, where, strict=True)])
    over = torch.where(path, PINNED_ROOT, FREE_ROOT)
    up = torch.where(height, PINNED_ROOT, FREE_ROOT)
    return Stiffness(root=torch.stack((over, up, over), dim=-1), joints=joint_stiffness(skeleton))
