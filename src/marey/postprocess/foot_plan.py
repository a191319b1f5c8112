"""Foot plan: where heels and toes should be, and the body near enough to put them there."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.motion import foot_contacts
from marey.postprocess.draft import GROUND, Draft
from marey.postprocess.foot_lock import (
    follow_feet,
    foot_targets,
    lift_heights,
    onto_legs,
    share_without_haste,
)
from marey.postprocess.limbs import limbs_of
from marey.postprocess.reach import shift_into_reach
from marey.postprocess.stance import anchors, released, split_at_drags, split_at_pins, without_short
from marey.postprocess.swing import clear_ground
from marey.skeleton import Skeleton

_ALMOST_STRAIGHT = 0.995
"""Share of its length to which a leg may be stretched that was bent more before."""
_REACH_SECONDS = 0.25
"""How far in time the body's way to its feet reaches, see ``spread``."""
HELD = 3e-3
"""A foot that would have to be further, in metres, from where it stands does not stand there."""
_ROUNDS = 4
_SIDES = [0, 0, 1, 1]
"""Left or right, of left heel, left toe, right heel and right toe."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stance:
    """What is asked of heels and toes in each frame."""

    target: Float[Tensor, "frames 4 3"]
    """Where they should be where they are ``kept``."""
    locked: Bool[Tensor, "frames 4"]
    """Where they stand, and are not pinned themselves."""
    kept: Bool[Tensor, "frames 4"]
    """Where they stand, are pinned or are lifted."""


def let_root_follow(draft: Draft) -> None:
    """Take the glide out of planted feet by moving the body over the ground, where it is free."""
    pinned = draft.path_pinned | draft.posed
    feet = draft.positions()[:, draft.skeleton.foot_indices]
    shift = follow_feet(feet, draft.contacts, pinned, draft.fps)
    share = share_without_haste(shift, draft.root[:, GROUND], pinned, draft.fps)
    if bool((share < 1).any()):
        shift = follow_feet(feet, draft.contacts, pinned, draft.fps, share=share)
    root = draft.root.clone()
    root[:, GROUND] += shift
    draft.root = root


def stand(draft: Draft, places: Float[Tensor, "frames joints 3"], *, floor: float) -> Stance:
    """Decide which heels and toes stand where, with joints at ``places``.

    Contacts are broken between pins in different places and where the body drags a foot too far.
    """
    feet, forced = places[:, draft.skeleton.foot_indices], draft.forced
    told = draft.told_contacts(True)
    contacts = split_at_pins(feet, draft.contacts, forced, draft.fps)
    contacts = split_at_drags(feet, contacts, told, draft.fps)
    draft.contacts = without_short(contacts, draft.fps)
    target, locked = anchors(
        feet,
        draft.contacts,
        forced,
        floor=floor,
        told=told,
        clearance=_clearance(draft.skeleton),
    )
    locked = locked & ~forced
    ground = draft.ground(floor)[:, draft.skeleton.foot_indices]
    target[..., 1] = torch.where(locked, torch.maximum(target[..., 1], ground), target[..., 1])
    return Stance(target=target, locked=locked, kept=locked | forced)


def plan_feet(draft: Draft, *, floor: float) -> Float[Tensor, "frames 4 3"]:
    """Return where heels and toes should be, and move the body to where its legs reach there.

    A foot that cannot be held where it stands, because the body is pinned elsewhere, is no longer
    in contact. One that is told not to touch, and does, is lifted.
    """
    places = draft.positions()
    feet = places[:, draft.skeleton.foot_indices]
    touching = torch.zeros_like(draft.forced)
    held, shift, stands = feet, torch.zeros_like(draft.root), draft.forced
    ground = draft.ground(floor)[:, draft.skeleton.foot_indices]
    for _ in range(_ROUNDS):
        touching = touching | _touches(draft, places, held, floor)
        stance = _lifted(draft, stand(draft, places, floor=floor), touching, floor)
        wanted = foot_targets(feet, stance.target, stance.kept, draft.fps, ground=ground)
        shift, held = _within_reach(draft, places, wanted, stance, ground, floor=floor)
        stands = stance.locked | draft.forced
        lost = stance.locked & ((held - wanted).norm(dim=-1) > HELD)
        draft.contacts = released(draft.contacts, lost, draft.fps)
        if not bool(lost.any() | (_touches(draft, places, held, floor) & ~touching).any()):
            break
    draft.root = draft.root + shift
    return clear_ground(held, stands, stands | draft.told_contacts(False), draft.fps)


def _touches(
    draft: Draft,
    places: Float[Tensor, "frames joints 3"],
    feet: Float[Tensor, "frames 4 3"],
    floor: float,
) -> Bool[Tensor, "frames 4"]:
    """Say where heels and toes are low and still although they are told not to touch."""
    forbidden = draft.told_contacts(False) & ~draft.forced
    if not bool(forbidden.any()):
        return forbidden
    above = places.clone()
    above[:, draft.skeleton.foot_indices] = feet
    above[..., 1] -= floor
    labels = foot_contacts(above, draft.skeleton, draft.fps, limits=draft.limits)
    return labels & forbidden


def _lifted(
    draft: Draft, stance: Stance, touching: Bool[Tensor, "frames 4"], floor: float
) -> Stance:
    """Lift what touches where it is told not to."""
    if not bool(touching.any()):
        return stance
    forbidden = draft.told_contacts(False) & ~stance.kept
    heights = stance.target[..., 1] - floor
    least = lift_heights(heights, touching, forbidden, stance.kept, draft.fps, limits=draft.limits)
    lifted = forbidden & (least > heights)
    target = stance.target.clone()
    target[..., 1] = floor + torch.where(lifted, least, heights)
    return Stance(target=target, locked=stance.locked, kept=stance.kept | lifted)


def _within_reach(
    draft: Draft,
    places: Float[Tensor, "frames joints 3"],
    wanted: Float[Tensor, "frames 4 3"],
    stance: Stance,
    ground: Float[Tensor, "frames 4"],
    *,
    floor: float,
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames 4 3"]]:
    """Return the shift of the body that lets it reach locked feet, its core above the floor.

    Returns the feet, too, brought to where the legs reach if the body may not move enough.
    """
    skeleton = draft.skeleton
    hips = places[:, [skeleton.role("left_hip"), skeleton.role("right_hip")]]
    feet = places[:, skeleton.foot_indices]
    own = (feet - hips[:, _SIDES]).norm(dim=-1)
    reach = torch.maximum(_ALMOST_STRAIGHT * _leg_lengths(places, skeleton), own)
    over, up = draft.path_pinned | draft.posed, draft.height_pinned | draft.posed
    core = places[:, [0, *skeleton.children[0]], 1].amin(dim=1)
    shift = shift_into_reach(
        hips[:, _SIDES],
        wanted,
        reach.masked_fill(~stance.locked, torch.inf),
        floor - core,
        torch.stack((over, up, over), dim=-1),
        draft.fps,
        seconds=_REACH_SECONDS,
    )
    lengths = (feet[:, ::2] - feet[:, 1::2]).norm(dim=-1)
    held = onto_legs(
        wanted, hips + shift[:, None], reach[:, ::2], lengths, stance.kept, ground=ground
    )
    return shift, held


def _leg_lengths(
    places: Float[Tensor, "frames joints 3"], skeleton: Skeleton
) -> Float[Tensor, "frames 4"]:
    """Return how far heels and toes come from their hips when knee and ankle are straight."""
    knees = {limb.end: limb.middle for limb in limbs_of(skeleton)}
    columns = []
    for side in ("left", "right"):
        hip, heel, toe = (skeleton.role(f"{side}_{role}") for role in ("hip", "heel", "toe"))
        way = places[:, [hip, knees.get(heel, hip), heel, toe]].diff(dim=1).norm(dim=-1)
        columns += [way[:, :2].sum(1), way.sum(1)]
    return torch.stack(columns, dim=1)


@lru_cache(maxsize=8)
def _clearance(skeleton: Skeleton) -> tuple[float, float]:
    """Return the heights of heel and toe above the lowest point of the rest pose."""
    rest = skeleton.rest_offsets.new_zeros(skeleton.num_joints, 3)
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            rest[joint] = rest[parent] + skeleton.rest_offsets[joint]
    tips = [float(rest[joint, 1]) + offset[1] for joint, offset in skeleton.end_sites]
    lowest = min([float(rest[:, 1].min()), *tips])
    heel, toe = (float(rest[skeleton.role(f"left_{role}"), 1]) for role in ("heel", "toe"))
    return heel - lowest, toe - lowest
