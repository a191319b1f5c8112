"""Which joint of one skeleton follows which joint of another.

Nothing is looked up in a table of names: the roles of the two skeletons say where hips, hands,
feet and head are, and tree and rest pose say what lies between them. Where one skeleton has
several joints for the other's one (a robot's hinges, twist bones, a longer spine), the last of
them holds the rotation of all; the other way round one takes it and the others keep their rest
pose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from marey import skeleton as kinematics
from marey.skeleton import Skeleton

SIDES = ("left", "right")
_MIDDLE = 0.25
"""A knee or elbow lies at least this share of the limb's length from either end."""
_NEAR = 0.3
"""A joint on a bone's way belongs to the end from which it lies at most this share of the way."""
_NARROW = 0.1
"""Share of the distance from hip to heel: arm joints nearer to the mid-plane are collars, and
the joints of a spine that lie within it are hinges at one place."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The joints between two ends, in order from the pelvis outwards; neither end is included."""

    joints: tuple[int, ...]
    places: tuple[float, ...]
    """How far along the way from the pelvis to the chain's limb end each joint lies, in [0, 1];
    of the twists of a limb how far along their bone."""

    def part(self, start: int, stop: int | None) -> "Chain":
        """Return some of the chain's joints, as a slice does."""
        return Chain(joints=self.joints[start:stop], places=self.places[start:stop])


@dataclass(frozen=True, kw_only=True)
class Limb:
    """An arm or a leg as three joints and two bones, however many joints the skeleton has there."""

    joints: tuple[int, int, int]
    """Hip, knee and heel, or shoulder, elbow and hand; of a hip of several hinges the first."""
    groups: tuple[tuple[int, ...], ...]
    """Each of the three with the hinges that lie near it. A bone begins at the last of a group,
    since what lies before holds the hinges apart, and ends at the next of the three joints."""
    twists: tuple[Chain, ...]
    """The joints on the way along the two bones, which turn the bone's far part about it."""

    @property
    def turning(self) -> tuple[tuple[int, ...], ...]:
        """The joints that turn with each of the two bones, and those of the limb's end."""
        along = (*(twist.joints for twist in self.twists), ())
        return tuple(group + more for group, more in zip(self.groups, along, strict=True))

    @property
    def bones(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """From where to where each of the two bones is measured."""
        return (self.groups[0][-1], self.joints[1]), (self.groups[1][-1], self.joints[2])


def match_joints(source: Skeleton, target: Skeleton) -> dict[int, int]:
    """Return, by index, the source joint that each matched joint of ``target`` follows.

    If one skeleton's names are all among the other's, names decide. Otherwise joints of the
    same role correspond, so do the three joints of a limb, and between them the joints of a
    chain (spine, neck, collar, twists, foot): chains of equal length in order, others by their
    place along the chain. A target joint then follows the last source joint before its
    successor's, so that a longer source spine is folded into a shorter one; surplus target joints
    stay unmatched. What is still free corresponds if the names are equal.
    """
    names = set(source.joint_names) & set(target.joint_names)
    if len(names) == min(source.num_joints, target.num_joints):
        return {target.index(name): source.index(name) for name in names}
    there, here = role_indices(source), role_indices(target)
    matched = {here[role]: there[role] for role in here.keys() & there.keys()}
    matched |= dict.fromkeys(_above_pelvis(target, here), there["pelvis"])
    source_limbs, target_limbs = limbs(source, there), limbs(target, here)
    source_chains, target_chains = chains(source, there), chains(target, here)
    for name in target_chains.keys() & source_chains.keys():
        one, other = source_chains[name], target_chains[name]
        if name == "torso":
            hinges = _at_one_place(source, there, one), _at_one_place(target, here, other)
            one, other = _gathered(one, other, hinges)
        if name in target_limbs.keys() & source_limbs.keys():
            limb, own = source_limbs[name], target_limbs[name]
            one, other = _before(one, limb), _before(other, own)
            matched |= _match_limb(limb, own)
        matched |= _match_chain(one, other)
    for name in sorted(names):
        joint, followed = target.index(name), source.index(name)
        if joint not in matched and followed not in matched.values():
            matched[joint] = followed
    return matched


def role_indices(skeleton: Skeleton) -> dict[str, int]:
    """Return the joint of each role that the skeleton names, and of ``pelvis``.

    The pelvis is the joint at which the legs part; the root if the hips are not known. A toe
    role that is held by the heel's joint is left out: such a foot has no toe joint.
    """
    held = {role: skeleton.index(name) for role, name in vars(skeleton.roles).items() if name}
    for side in SIDES:
        if held.get(f"{side}_toe") == held.get(f"{side}_heel"):
            held.pop(f"{side}_toe", None)
    hips = [path_to(skeleton, held[role]) for role in ("left_hip", "right_hip") if role in held]
    return {"pelvis": _fork(*hips) if len(hips) == 2 else 0, **held}


def chains(skeleton: Skeleton, roles: Mapping[str, int]) -> dict[str, Chain]:
    """Return the chains between the joints with a role; those without their roles are left out.

    ``torso`` begins after the pelvis, or the joint above it from which the spine leaves, and ends
    with the joint at which the arms leave the spine; ``neck`` begins after it;
    the others are ``left_arm``, ``left_leg`` (hip to heel) and ``left_foot`` (heel to toe), and
    the same on the right.
    """
    paths = {role: path_to(skeleton, joint) for role, joint in roles.items()}
    found: dict[str, Chain] = {}

    def add(name: str, path: list[int], first: int, last: int) -> None:
        if first in path[: last + 1]:
            found[name] = _chain(skeleton, roles["pelvis"], path, path.index(first) + 1, last)

    trunks = [paths[role] for role in ("head", "left_hand", "right_hand") if role in paths]
    if len(trunks) > 1:
        trunk = trunks[0]
        chest = max((_fork(trunk, other) for other in trunks[1:]), key=trunk.index)
        add("torso", trunk, _fork(paths["pelvis"], trunk), trunk.index(chest) + 1)
        if "head" in paths:
            add("neck", trunk, chest, len(trunk) - 1)
        spine = trunk[: trunk.index(chest) + 1]
        for side in SIDES:
            if arm := paths.get(f"{side}_hand"):
                add(f"{side}_arm", arm, _fork(spine, arm), len(arm) - 1)
    for side in SIDES:
        for name, first, last in (("leg", "hip", "heel"), ("foot", "heel", "toe")):
            if f"{side}_{first}" in roles and (path := paths.get(f"{side}_{last}")):
                add(f"{side}_{name}", path, roles[f"{side}_{first}"], len(path) - 1)
    return found


def limbs(skeleton: Skeleton, roles: Mapping[str, int]) -> dict[str, Limb]:
    """Return the arms and legs under the names of their chains, as far as they can be told.

    Knee and elbow are the joints nearest to the middle of the limb: twist bones right beside them
    can be taken for them. An arm begins where it has left the mid-plane, which takes a body with
    legs to measure by.
    """
    rest = rest_positions(skeleton)
    size = _leg_span(rest, roles)
    found: dict[str, Limb | None] = {}
    for name, chain in chains(skeleton, roles).items():
        side, _, part = name.partition("_")
        if part == "leg":
            path = (roles[f"{side}_hip"], *chain.joints, roles[f"{side}_heel"])
            found[name] = _limb(rest, path)
        elif part == "arm" and size:
            across = rest[roles["left_hip"]] - rest[roles["right_hip"]]
            aside = ((rest - rest[roles["pelvis"]]) @ across / across.norm()).abs().tolist()
            collars = [joint for joint in chain.joints if aside[joint] < _NARROW * size]
            path = (*chain.joints[len(collars) :], roles[f"{side}_hand"])
            found[name] = _limb(rest, path)
    return {name: limb for name, limb in found.items() if limb is not None}


def _above_pelvis(skeleton: Skeleton, roles: Mapping[str, int]) -> list[int]:
    """Return the joints from which the spine leaves on the way to a pelvis that has but legs.

    Daz's figures have them: they turn with the pelvis, or the spine would stay behind.
    """
    if "head" not in roles:
        return []
    pelvis = path_to(skeleton, roles["pelvis"])
    return pelvis[pelvis.index(_fork(pelvis, path_to(skeleton, roles["head"]))) : -1]


def rest_positions(skeleton: Skeleton) -> Float[Tensor, "joints 3"]:
    """Return where the joints are in rest pose with the root joint at the origin, metres."""
    identity = torch.eye(3).expand(skeleton.num_joints, 3, 3)
    return kinematics.joint_positions(torch.zeros(3), identity, skeleton)


def path_to(skeleton: Skeleton, joint: int) -> list[int]:
    """Return the joints from the root to ``joint``, both included."""
    path = [joint]
    while skeleton.parents[path[-1]] >= 0:
        path.append(skeleton.parents[path[-1]])
    return path[::-1]


def _fork(first: list[int], second: list[int]) -> int:
    """Return the last joint that two paths from the root share."""
    return [a for a, b in zip(first, second, strict=False) if a == b][-1]


def _leg_span(rest: Float[Tensor, "joints 3"], roles: Mapping[str, int]) -> float:
    """Return the mean distance from hip to heel, metres; 0 if the legs are not known."""
    ends = [(f"{side}_hip", f"{side}_heel") for side in SIDES]
    if not all(role in roles for pair in ends for role in pair):
        return 0.0
    spans = [float((rest[roles[hip]] - rest[roles[heel]]).norm()) for hip, heel in ends]
    return sum(spans) / len(spans)


def _limb(rest: Float[Tensor, "joints 3"], path: Sequence[int]) -> Limb | None:
    """Return the limb of the joints from hip to heel or shoulder to hand; None without a middle."""
    ways = torch.cat((torch.zeros(1), rest[list(path)].diff(dim=0).norm(dim=-1).cumsum(0)))
    places = (ways / ways[-1].clamp(min=1e-6)).tolist()
    between = [i for i, place in enumerate(places) if _MIDDLE <= place <= 1 - _MIDDLE]
    if not between:
        return None
    middle = min(between, key=lambda i: abs(places[i] - 0.5))
    groups: list[tuple[int, ...]] = [(path[0],)]
    twists = []
    for first, last in ((0, middle), (middle, len(path) - 1)):
        inner = path[first + 1 : last]
        bone = rest[path[last]] - rest[path[first]]
        along = (rest[list(inner)] - rest[path[first]]) @ bone
        shares = (along / bone.square().sum().clamp(min=1e-6)).tolist()
        begin, end = 0, len(inner)
        while begin < end and shares[begin] <= _NEAR:
            begin += 1
        while end > begin and shares[end - 1] >= 1 - _NEAR:
            end -= 1
        groups[-1] += tuple(inner[:begin])
        groups.append((*inner[end:], path[last]))
        twists.append(Chain(joints=tuple(inner[begin:end]), places=tuple(shares[begin:end])))
    return Limb(
        joints=(path[0], path[middle], path[-1]), groups=tuple(groups), twists=tuple(twists)
    )


def _at_one_place(skeleton: Skeleton, roles: Mapping[str, int], chain: Chain) -> bool:
    """Return whether the joints of a spine lie so near to each other that they act as one."""
    if len(chain.joints) < 2:
        return False
    rest = rest_positions(skeleton)
    span = rest[chain.joints[-1]] - rest[chain.joints[0]]
    return float(span.norm()) < _NARROW * _leg_span(rest, roles)


def _gathered(source: Chain, target: Chain, hinges: tuple[bool, bool]) -> tuple[Chain, Chain]:
    """Take hinges at one place for one joint, unless both chains are the same number of them."""
    if all(hinges) and len(source.joints) == len(target.joints):
        return source, target
    if hinges[0]:
        source = source.part(-1, None)
    if hinges[1]:
        target = target.part(0, 1)
    return source, target


def _before(chain: Chain, limb: Limb) -> Chain:
    """Return the joints of the chain that come before the limb's first, such as collars."""
    first = limb.joints[0]
    count = chain.joints.index(first) if first in chain.joints else 0
    return chain.part(0, count)


def _match_limb(source: Limb, target: Limb) -> dict[int, int]:
    """Match two limbs; where the target has no twists the joint before them turns as they do."""
    matched: dict[int, int] = {}
    for bone, group in enumerate(target.groups):
        followed = source.groups[bone]
        if bone < len(target.twists):
            theirs, own = source.twists[bone], target.twists[bone]
            matched |= _match_chain(theirs, own)
            if theirs.joints and not own.joints:
                followed = (*followed[:-1], theirs.joints[-1])
        if len(followed) == len(group):
            matched |= dict(zip(group, followed, strict=True))
        else:
            matched[target.joints[bone]] = followed[-1]
    return matched


def _chain(skeleton: Skeleton, pelvis: int, path: list[int], start: int, stop: int) -> Chain:
    """Return the chain ``path[start:stop]`` with its places on the way to the path's end."""
    begin = path.index(pelvis) + 1 if pelvis in path else 1
    ways = skeleton.rest_offsets[path].norm(dim=-1)
    ways[:begin] = 0
    places = ways.cumsum(0) / ways.sum().clamp(min=1e-6)
    return Chain(joints=tuple(path[start:stop]), places=tuple(places[start:stop].tolist()))


def _match_chain(source: Chain, target: Chain) -> dict[int, int]:
    """Match two chains in order; the shorter one finds its places on the longer one."""
    rows, columns = np.arange(len(target.joints)), np.arange(len(source.joints))
    if len(rows) != len(columns):  # a convex cost on a line is least where nothing crosses
        apart = np.subtract.outer(np.array(target.places), np.array(source.places))
        rows, columns = linear_sum_assignment(apart**2)
    ends = [*columns[1:].tolist(), len(source.joints)]
    return {
        target.joints[row]: source.joints[end - 1]
        for row, end in zip(rows.tolist(), ends, strict=False)
    }
