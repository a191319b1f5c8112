"""Limbs: which way knees and elbows bend, for limbs that are too straight to say it themselves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.motion.joint_matching import chains, path_to, role_indices
from marey.skeleton import Skeleton

_STRAIGHT = 0.1
"""A knee or elbow that is bent by less, in radians, does not know which way to bend."""
_BENT_AT_REST = math.radians(30)
"""A limb that is bent by more in the rest pose shows there which way it bends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Limb:
    """A leg or an arm: its two ends, the joint that bends between them, and how it bends."""

    start: int
    middle: int
    end: int
    axis: Float[Tensor, "3"]
    """About which the middle joint turns to bend the limb, in its parent's frame, at rest."""


@lru_cache(maxsize=8)
def limbs_of(skeleton: Skeleton) -> tuple[Limb, ...]:
    """Return the legs and arms whose roles the skeleton names.

    Knees bend backwards and elbows forwards, unless the rest pose shows otherwise.
    """
    roles = role_indices(skeleton)
    rest = torch.zeros(skeleton.num_joints, 3, dtype=torch.float64)
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            rest[joint] = rest[parent] + skeleton.rest_offsets[joint].double()
    limbs = []
    for name, chain in chains(skeleton, roles).items():
        side, part = name.split("_") if "_" in name else ("", "")
        if part == "leg":
            start, between, end = roles[f"{side}_hip"], chain.joints, roles[f"{side}_heel"]
        elif part == "arm" and chain.joints:
            start, between, end = chain.joints[0], chain.joints[1:], roles[f"{side}_hand"]
        else:
            continue
        if between:
            middle = max(
                between,
                key=lambda m: min((rest[m] - rest[start]).norm(), (rest[end] - rest[m]).norm()),
            )
            axis = bending_axis(rest[middle] - rest[start], rest[end] - rest[middle], part)
            limbs.append(Limb(start=start, middle=middle, end=end, axis=axis))
    return tuple(limbs)


def bend_straight_limbs(
    limbs: Sequence[Limb],
    local: Float[Tensor, "frames joints 3 3"],
    turned: Float[Tensor, "frames joints 3 3"],
    places: Float[Tensor, "frames joints 3"],
    pulls: Mapping[int, Float[Tensor, "frames 3"]],
    skeleton: Skeleton,
) -> Float[Tensor, "frames joints 3 3"]:
    """Bend straight limbs a little whose end is pulled towards their start.

    ``pulls`` says by how much joints are to be moved. To first order a straight limb cannot get
    shorter, so that a solver finds no way, or the wrong one. Other limbs and frames stay.
    """
    local = local.clone()
    for limb in limbs:
        pull = next((pulls[j] for j in pulls if limb.end in path_to(skeleton, j)), None)
        if pull is None:
            continue
        start, middle, end = (places[:, j] for j in (limb.start, limb.middle, limb.end))
        upper, lower = middle - start, end - middle
        bend = _angle(upper, lower)
        wanted = torch.minimum(
            _bend_for((end + pull - start).norm(dim=-1), upper, lower), torch.tensor(_STRAIGHT)
        )
        shorter = (end + pull - start).norm(dim=-1) < (end - start).norm(dim=-1) - 1e-6
        parent = turned[:, skeleton.parents[limb.middle]]
        axis = parent @ limb.axis.to(parent)
        signed = torch.atan2(
            (torch.linalg.cross(upper, lower) * axis).sum(-1), (upper * lower).sum(-1)
        )
        more = torch.where(shorter & (bend < _STRAIGHT), wanted - signed, 0.0).clamp(min=0)
        turn = rotations.rotation_vector_to_matrix(more[:, None] * limb.axis.to(more))
        local[:, limb.middle] = turn @ local[:, limb.middle]
    return local


def bending_axis(
    upper: Float[Tensor, "3"], lower: Float[Tensor, "3"], part: str
) -> Float[Tensor, "3"]:
    """Return the axis about which an "arm" or a "leg" bends, of its two bones in rest pose.

    The body faces +Z: knees bend backwards and elbows forwards, unless the limb is bent at rest.
    """
    towards = lower
    if float(_angle(upper, lower)) < _BENT_AT_REST:
        towards = upper.new_tensor([0.0, 0.0, -1.0 if part == "leg" else 1.0])
    axis = torch.linalg.cross(upper, towards)
    return axis / axis.norm().clamp(min=1e-9)


def _angle(first: Float[Tensor, "*batch 3"], second: Float[Tensor, "*batch 3"]) -> Tensor:
    return torch.atan2(torch.linalg.cross(first, second).norm(dim=-1), (first * second).sum(-1))


def _bend_for(distance: Tensor, upper: Tensor, lower: Tensor) -> Float[Tensor, " frames"]:
    """Bend of a limb whose ends are ``distance`` apart, by the law of cosines."""
    a, b = upper.norm(dim=-1), lower.norm(dim=-1)
    cosine = (distance.square() - a.square() - b.square()) / (2 * a * b).clamp(min=1e-12)
    return cosine.clamp(-1, 1).acos()
