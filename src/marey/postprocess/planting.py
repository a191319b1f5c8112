"""Planting: the legs are posed so that locked feet stand and nothing lies under the floor."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from marey.postprocess.draft import Draft
from marey.postprocess.foot_plan import plan_feet
from marey.postprocess.joint_limits import Hinges
from marey.postprocess.pose_pins import BESIDE_PINS, PINNED_ROOT, joint_stiffness, pin_targets
from marey.postprocess.pose_solver import Stiffness, solve_poses
from marey.postprocess.pose_targets import PoseTarget

_SOLVER_STEPS = 15


def plant(drafts: Sequence[Draft], hinges: Hinges, *, floor: float) -> None:
    """Lock feet and lift what lies below the floor, all frames of all drafts together."""
    feet = [plan_feet(draft, floor=floor) if draft.has_feet else None for draft in drafts]
    sunk = [_sunk(draft, floor) for draft in drafts]
    free = [(~draft.posed).nonzero()[:, 0] for draft in drafts]
    _pose(drafts, feet, sunk, free, hinges, floor=floor, pins=False)
    posed = [draft.posed.nonzero()[:, 0] for draft in drafts]
    _pose(drafts, feet, sunk, posed, hinges, floor=floor, pins=True)


def _sunk(draft: Draft, floor: float) -> Bool[Tensor, "frames joints"]:
    """Say which joints are to be kept above the floor: those that are below it anywhere.

    Feet have places of their own, and pinned joints are where they are pinned.
    """
    below = (draft.positions()[..., 1] < floor).any(0)
    below[0] = False
    if draft.has_feet:
        below[draft.skeleton.foot_indices] = False
    kept = below.repeat(draft.num_frames, 1)
    for goal in draft.goals_of("joint_position"):
        kept[goal.frames, goal.joint] = False
    return kept


def _pose(
    drafts: Sequence[Draft],
    feet: Sequence[Tensor | None],
    sunk: Sequence[Tensor],
    where: Sequence[Tensor],
    hinges: Hinges,
    *,
    floor: float,
    pins: bool,
) -> None:
    """Solve some frames of each draft for feet and floor, and for its pins."""
    sizes = [len(frames) for frames in where]
    count, skeleton = sum(sizes), drafts[0].skeleton
    if not count:
        return
    weight = torch.full((count,), BESIDE_PINS if pins else 1.0)
    targets = pin_targets(drafts, where) if pins else []
    places = [own[f] for own, f in zip(feet, where, strict=True) if own is not None]
    for channel, joint in enumerate(skeleton.foot_indices if places else []):
        value = torch.cat(places)[:, channel]
        targets.append(PoseTarget(kind="position", joint=joint, value=value, weight=weight))
    kept = torch.cat([own[f] for own, f in zip(sunk, where, strict=True)])
    ground = torch.cat([draft.ground(floor)[f] for draft, f in zip(drafts, where, strict=True)])
    for joint in kept.any(0).nonzero()[:, 0].tolist():
        own = weight * kept[:, joint]
        targets.append(PoseTarget(kind="floor", joint=joint, value=ground[:, joint], weight=own))
    root, local = solve_poses(
        torch.cat([draft.root[f] for draft, f in zip(drafts, where, strict=True)]),
        torch.cat([draft.local[f] for draft, f in zip(drafts, where, strict=True)]),
        targets,
        skeleton=skeleton,
        stiffness=Stiffness(
            root=torch.full((count, 3), PINNED_ROOT),
            joints=joint_stiffness(skeleton).index_fill(0, torch.tensor([0]), 1e4),
        ),
        hinges=hinges,
        steps=_SOLVER_STEPS,
    )
    parts = zip(drafts, where, root.split(sizes), local.split(sizes), strict=True)
    for draft, frames, own_root, own_local in parts:
        draft.root, draft.local = draft.root.clone(), draft.local.clone()
        draft.root[frames], draft.local[frames] = own_root, own_local
