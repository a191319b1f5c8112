"""Which joint of one skeleton follows which joint of another.

Nothing is looked up in a table of names: the roles of the two skeletons say where hips, hands,
feet and head are, and the tree says what lies between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from marey.skeleton import Skeleton

_SIDES = ("left", "right")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The joints between two ends, in order from the pelvis outwards; neither end is included."""

    joints: tuple[int, ...]
    places: tuple[float, ...]
    """How far along the way from the pelvis to the chain's limb end each joint lies, in [0, 1]."""


def match_joints(source: Skeleton, target: Skeleton) -> dict[int, int]:
    """Return, by index, the source joint that each matched joint of ``target`` follows.

    If one skeleton's names are all among the other's, names decide. Otherwise joints of the
    same role correspond, and between them the joints of a chain (spine, neck, arm, leg, foot):
    chains of equal length in order, others by their place along the chain. A target joint then
    follows the last source joint before its successor's, so that a longer source spine is
    folded into a shorter one; surplus target joints stay unmatched. What is still free
    corresponds if the names are equal.
    """
    names = set(source.joint_names) & set(target.joint_names)
    if len(names) == min(source.num_joints, target.num_joints):
        return {target.index(name): source.index(name) for name in names}
    there, here = role_indices(source), role_indices(target)
    matched = {here[role]: there[role] for role in here.keys() & there.keys()}
    source_chains, target_chains = chains(source, there), chains(target, here)
    for name in target_chains.keys() & source_chains.keys():
        matched |= _match_chain(source_chains[name], target_chains[name])
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
    for side in _SIDES:
        if held.get(f"{side}_toe") == held.get(f"{side}_heel"):
            held.pop(f"{side}_toe", None)
    hips = [path_to(skeleton, held[role]) for role in ("left_hip", "right_hip") if role in held]
    return {"pelvis": _fork(*hips) if len(hips) == 2 else 0, **held}


def chains(skeleton: Skeleton, roles: Mapping[str, int]) -> dict[str, Chain]:
    """Return the chains between the joints with a role; those without their roles are left out.

    ``torso`` ends with the joint at which the arms leave the spine, ``neck`` begins after it;
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
        add("torso", trunk, roles["pelvis"], trunk.index(chest) + 1)
        if "head" in paths:
            add("neck", trunk, chest, len(trunk) - 1)
        spine = trunk[: trunk.index(chest) + 1]
        for side in _SIDES:
            if arm := paths.get(f"{side}_hand"):
                add(f"{side}_arm", arm, _fork(spine, arm), len(arm) - 1)
    for side in _SIDES:
        for name, first, last in (("leg", "hip", "heel"), ("foot", "heel", "toe")):
            if f"{side}_{first}" in roles and (path := paths.get(f"{side}_{last}")):
                add(f"{side}_{name}", path, roles[f"{side}_{first}"], len(path) - 1)
    return found


def path_to(skeleton: Skeleton, joint: int) -> list[int]:
    """Return the joints from the root to ``joint``, both included."""
    path = [joint]
    while skeleton.parents[path[-1]] >= 0:
        path.append(skeleton.parents[path[-1]])
    return path[::-1]


def _fork(first: list[int], second: list[int]) -> int:
    """Return the last joint that two paths from the root share."""
    return [a for a, b in zip(first, second, strict=False) if a == b][-1]


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
