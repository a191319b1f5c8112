"""Doubts: what in a rig map does not fit the rig, as sentences for its user."""

from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from marey.motion.joint_matching import SIDES, path_to, rest_positions
from marey.rigs.rig_map import RigMap
from marey.skeleton import BODY22, Roles, Skeleton

_UNFOLDED = 0.7
"""Straightness of the legs of a body that stands."""


def doubts(skeleton: Skeleton, rig_map: RigMap) -> tuple[str, ...]:
    """Return what does not fit between a rig and its map, as sentences; () if all does.

    Raises InvalidInputError if the map names joints that the rig lacks.
    """
    rig_map.check_joints(skeleton)
    return tuple(_doubts(skeleton, rig_map))


def folded(skeleton: Skeleton, roles: Roles) -> bool:
    """Return whether the rest pose has not the head above the hips and the feet below them.

    Above is the way from feet to head, whichever axis that is. False where these are not known.
    """
    at = _places(skeleton, roles)
    if at is None:
        return False
    hips = (at["left_hip"] + at["right_hip"]) / 2
    up, down = at["head"] - hips, (at["left_heel"] + at["right_heel"]) / 2 - hips
    opposite = float(up @ down) < -0.5 * float(up.norm() * down.norm())
    return not opposite or min(_straightness(skeleton, roles, side) for side in SIDES) < _UNFOLDED


def misplaced(skeleton: Skeleton, joint_map: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield joints that do not hang on the one that their limb goes on from, and that one.

    ``joint_map`` holds the joint of ``body22`` by the rig's that follows it.
    """
    followers: dict[str, list[str]] = {}
    for joint, follows in joint_map.items():
        followers.setdefault(follows, []).append(joint)
    for joint, follows in joint_map.items():
        own = BODY22.index(follows)
        above = next(
            (
                followers[BODY22.joint_names[j]]
                for j in reversed(path_to(BODY22, own)[:-1])
                if BODY22.parts[j] == BODY22.parts[own] != "torso"
                and BODY22.joint_names[j] in followers
            ),
            [],
        )
        way = {skeleton.joint_names[j] for j in path_to(skeleton, skeleton.index(joint))}
        if above and way.isdisjoint(above):
            yield joint, above[0]


def _doubts(skeleton: Skeleton, found: RigMap) -> Iterator[str]:
    if found.missing:
        yield f"nothing follows {', '.join(found.missing)} of body22."
    for joint, upper in misplaced(skeleton, found.joint_map):
        follows = found.joint_map
        yield (
            f"{joint} follows {follows[joint]} but does not hang on {upper}, which follows "
            f"{follows[upper]}: they may be exchanged."
        )
    roles = found.roles
    for side in SIDES:
        heel, toe = getattr(roles, f"{side}_heel"), getattr(roles, f"{side}_toe")
        if heel and heel == toe:
            yield f"the {side} foot has no toe joint: it is planted as one piece."
    if folded(skeleton, roles):
        yield (
            "the rest pose does not stand, with its head above the hips and its feet below: give "
            "the pose in which the rig stands (rest=)."
        )
    elif at := _places(skeleton, roles):
        yield from _exchanged_sides(at)


def _exchanged_sides(at: Mapping[str, Float[Tensor, "3"]]) -> Iterator[str]:
    """Yield whether legs or arms are on the other side, for a body that stands."""
    up = at["head"] - (at["left_hip"] + at["right_hip"]) / 2
    ahead = sum(at[f"{side}_toe"] - at[f"{side}_heel"] for side in SIDES)
    left = torch.linalg.cross(up, torch.as_tensor(ahead))
    if float((at["left_hip"] - at["right_hip"]) @ left) < 0:
        yield "left and right seem to be exchanged: the feet point backwards."
    elif "left_hand" not in at or "right_hand" not in at:
        return
    elif float((at["left_hand"] - at["right_hand"]) @ left) < 0:
        yield "left and right seem to be exchanged: each hand is on the other hip's side."


def _places(skeleton: Skeleton, roles: Roles) -> dict[str, Float[Tensor, "3"]] | None:
    """Return where the joints with roles are in rest pose; None without hips, feet and head."""
    rest = rest_positions(skeleton)
    at = {role: rest[skeleton.index(joint)] for role, joint in vars(roles).items() if joint}
    feet = [f"{side}_{end}" for side in SIDES for end in ("heel", "toe")]
    return at if {"left_hip", "right_hip", "head", *feet} <= at.keys() else None


def _straightness(skeleton: Skeleton, roles: Roles, side: str) -> float:
    """Return the distance from hip to heel in rest pose as a share of the way along the bones."""
    hip, heel = (skeleton.index(getattr(roles, f"{side}_{end}")) for end in ("hip", "heel"))
    way = path_to(skeleton, heel)
    bones = way[way.index(hip) + 1 :] if hip in way else way[1:]
    length = float(skeleton.rest_offsets[bones].norm(dim=-1).sum())
    rest = rest_positions(skeleton)
    return float((rest[heel] - rest[hip]).norm()) / max(length, 1e-9)
