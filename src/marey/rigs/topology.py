"""Topology: the roles of joints whose names say nothing, from tree and rest pose alone.

A body stands on two legs, whose ends are the lowest of the tree, to the left and right of the
middle; its arms end furthest to either side; its head ends highest. Left is where it is if the feet
point forwards.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from marey.motion.joint_matching import path_to, rest_positions
from marey.skeleton import Roles, Skeleton

_ASIDE = 0.02
"""Share of the body's height by which a joint lies to one side of the middle."""
_SHORT = 0.05
"""Share of the body's height: bones that are shorter are those of fingers and toes."""
_GROUND = 0.08
"""Share of the body's height up to which feet reach."""
_FINGERS = 3
"""A joint with so many ends beyond it carries fingers."""
_STEEP = 0.8
"""Cosine to the vertical of bones that belong to a leg and no longer to a foot."""


def guess_roles(skeleton: Skeleton) -> Roles:
    """Return roles by shape; those that are not evident stay empty.

    The rest pose stands upright along Y, with arms to the sides or hanging.
    """
    rest = rest_positions(skeleton)
    rest = rest - rest[0] * torch.tensor([1.0, 0.0, 1.0])
    height = float(rest[:, 1].max() - rest[:, 1].min())
    if height <= 0:
        return Roles()
    leaves = [joint for joint in range(skeleton.num_joints) if not skeleton.children[joint]]
    legs = [_leg(skeleton, rest, leaves, sign, height) for sign in (1, -1)]
    if not all(legs):
        return Roles()
    forward = sum(float(rest[leg[-1], 2] - rest[leg[-2], 2]) for leg in legs)
    if forward < 0:  # it faces -Z, where left is -X
        legs.reverse()
    taken = {joint for leg in legs for joint in leg}
    upper = [leaf for leaf in leaves if taken.isdisjoint(path_to(skeleton, leaf)[1:])]
    sides = (1, -1) if forward >= 0 else (-1, 1)
    hands = [_hand(skeleton, rest, upper, sign, height) for sign in sides]
    names = skeleton.joint_names
    found: dict[str, str] = {}
    for side, leg, hand in zip(("left", "right"), legs, hands, strict=True):
        found |= {f"{side}_hip": names[leg[0]], f"{side}_heel": names[leg[-2]]}
        found[f"{side}_toe"] = names[leg[-1]]
        if hand is not None:
            found[f"{side}_hand"] = names[hand]
    arms = {joint for hand in hands if hand is not None for joint in path_to(skeleton, hand)[-2:]}
    head = _head(skeleton, rest, [leaf for leaf in upper if _apart(skeleton, leaf, arms)], height)
    return Roles(head="" if head is None else names[head], **found)


def _leg(
    skeleton: Skeleton,
    rest: Float[Tensor, "joints 3"],
    leaves: Sequence[int],
    sign: int,
    height: float,
) -> list[int]:
    """Return hip, what lies between, heel and toe of the leg on one side; nothing if there is none.

    Of the leaves near the ground it is the one furthest from its heel: toes are longer than heels.
    """
    low = float(rest[:, 1].min()) + _GROUND * height
    own = [
        leaf
        for leaf in leaves
        if sign * float(rest[leaf, 0]) > _ASIDE * height and float(rest[leaf, 1]) < low
    ]
    found = [_leg_to(skeleton, rest, leaf, sign, height) for leaf in own]
    return max(filter(None, found), key=lambda leg: _ahead(rest, leg).norm(), default=[])


def _ahead(rest: Float[Tensor, "joints 3"], leg: Sequence[int]) -> Float[Tensor, "2"]:
    """From heel to toe, over the ground."""
    return (rest[leg[-1]] - rest[leg[-2]])[[0, 2]]


def _leg_to(
    skeleton: Skeleton, rest: Float[Tensor, "joints 3"], leaf: int, sign: int, height: float
) -> list[int]:
    """Return the leg that ends with a leaf; nothing if no steep bone leads there."""
    path = path_to(skeleton, leaf)
    aside = [j for j in path if sign * float(rest[j, 0]) > _ASIDE * height]
    heel = None
    for above, joint in pairwise(aside):
        bone = rest[joint] - rest[above]
        if float(bone.norm()) > _SHORT * height and float(-bone[1] / bone.norm()) > _STEEP:
            heel = joint
    if heel is None or len(aside) < 3:
        return []
    toe = aside[min(aside.index(heel) + 1, len(aside) - 1)]
    return [*aside[: aside.index(heel)], heel, toe]


def _hand(
    skeleton: Skeleton,
    rest: Float[Tensor, "joints 3"],
    leaves: Sequence[int],
    sign: int,
    height: float,
) -> int | None:
    """Return the last joint before the fingers on the way to the leaf furthest aside.

    It is the last that carries several ends, or else the end of the last bone of some length.
    """
    own = [leaf for leaf in leaves if sign * float(rest[leaf, 0]) > 2 * _ASIDE * height]
    if not own:
        return None
    path = path_to(skeleton, max(own, key=lambda leaf: sign * float(rest[leaf, 0])))
    ends = [path_to(skeleton, leaf) for leaf in own]
    forks = [joint for joint in path if sum(joint in way for way in ends) >= _FINGERS]
    if forks and len(path_to(skeleton, forks[-1])) > 3:
        return forks[-1]
    long = [
        joint
        for joint in path[1:]
        if float((rest[joint] - rest[skeleton.parents[joint]]).norm()) > _SHORT * height
    ]
    return long[-1] if long else None


def _head(
    skeleton: Skeleton, rest: Float[Tensor, "joints 3"], leaves: Sequence[int], height: float
) -> int | None:
    """Return the last joint in the middle on the way to the highest leaf, or the one before it.

    A bone that is longer than the one below it goes from the head to its top.
    """
    if not leaves:
        return None
    path = path_to(skeleton, max(leaves, key=lambda leaf: float(rest[leaf, 1])))
    middle = [joint for joint in path if abs(float(rest[joint, 0])) < _ASIDE * height]
    if len(middle) < 3:
        return None
    neck, top = rest[middle[-3:]].diff(dim=0).norm(dim=-1).tolist()
    return middle[-2] if top > neck else middle[-1]


def _apart(skeleton: Skeleton, leaf: int, arms: set[int]) -> bool:
    return arms.isdisjoint(path_to(skeleton, leaf))
