"""Planting: the legs are posed so that locked feet stand and nothing lies under the floor."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from marey.postprocess.draft import GROUND, Draft
from marey.postprocess.foot_lock import follow_feet, foot_targets
from marey.postprocess.pose_pins import PINNED_ROOT, joint_stiffness
from marey.postprocess.pose_solver import PoseTarget, Stiffness, solve_poses
from marey.postprocess.spreading import spread

_LOOSE = 0.02
"""Weight of a heel or toe that is not locked, beside 1 of one that is."""
_ROOT = 30.0
"""Stiffness of the root's place while legs reach for their stance."""
_SOLVER_STEPS = 12
_LIFT_SECONDS = 0.1


def let_root_follow(draft: Draft) -> None:
    """Take the glide out of planted feet by moving the body over the ground, where it is free."""
    pinned = draft.path_pinned | draft.posed
    feet = draft.positions()[:, draft.skeleton.foot_indices]
    shift = follow_feet(feet, draft.contacts, pinned, draft.fps)
    root = draft.root.clone()
    root[:, GROUND] += shift
    draft.root = root


def plant(drafts: Sequence[Draft], *, floor: float) -> None:
    """Lock feet and lift what lies below the floor, all frames of all drafts together."""
    skeleton = drafts[0].skeleton
    feet = skeleton.foot_indices
    wanted = [_wanted(draft, floor) for draft in drafts]
    sunk = sorted(
        {joint for places, weight in wanted for joint in weight.any(0).nonzero()[:, 0].tolist()}
        | set(feet)
    )
    root, local = solve_poses(
        torch.cat([draft.root for draft in drafts]),
        torch.cat([draft.local for draft in drafts]),
        [
            PoseTarget(
                joint=joint,
                weight=torch.cat([weight[:, joint] for _, weight in wanted]),
                position=torch.cat([places[:, joint] for places, _ in wanted]),
            )
            for joint in sunk
        ],
        skeleton=skeleton,
        stiffness=Stiffness(
            root=torch.cat([_root_stiffness(draft) for draft in drafts]),
            joints=joint_stiffness(skeleton).index_fill(0, torch.tensor([0]), 1e4),
        ),
        steps=_SOLVER_STEPS,
    )
    sizes = [draft.num_frames for draft in drafts]
    for draft, own_root, own_local in zip(
        drafts, root.split(sizes), local.split(sizes), strict=True
    ):
        draft.root, draft.local = own_root, own_local


def _wanted(
    draft: Draft, floor: float
) -> tuple[Float[Tensor, "frames joints 3"], Float[Tensor, "frames joints"]]:
    """Where joints should be, and how much that counts; 0 where they may be anywhere."""
    places = draft.positions()
    weight = torch.zeros(places.shape[:2])
    below = (floor - places[..., 1]).clamp(min=0)
    for joint in (below > 0).any(0).nonzero()[:, 0].tolist():
        lift = spread(
            below[:, joint, None], below[:, joint] > 0, fps=draft.fps, seconds=_LIFT_SECONDS
        )[:, 0]
        places[:, joint, 1] += lift.clamp(min=0)
        weight[:, joint] = torch.where(lift.abs() > 1e-5, _LOOSE, 0.0)
    feet = draft.skeleton.foot_indices
    target, locked = foot_targets(
        draft.positions()[:, feet], draft.contacts, draft.fixed_feet, draft.fps, floor=floor
    )
    places[:, feet] = target
    weight[:, feet] = torch.where(locked | draft.fixed_feet, 1.0, _LOOSE)
    return places, weight


def _root_stiffness(draft: Draft) -> Float[Tensor, "frames 3"]:
    over = torch.where(draft.path_pinned | draft.posed, PINNED_ROOT, _ROOT)
    up = torch.where(draft.height_pinned | draft.posed, PINNED_ROOT, _ROOT)
    return torch.stack((over, up, over), dim=-1)
