"""Limb reach: a leg or an arm is posed so that its end comes to a place, exactly and at once.

Two bones and two places leave one freedom, the swivel about the line between them; it stays as it
was. A limb that is straight bends as its kind does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.motion.joint_matching import SIDES, limbs, path_to, rest_positions
from marey.motion.soles import rest_facing
from marey.postprocess.limbs import bending_axis
from marey.skeleton import Skeleton

_STRETCH = 0.999
"""Share of its length to which a limb may be stretched that was bent more before: a knee that locks
fully snaps."""
_STRAIGHT = 0.03
"""Sine of the bend below which a limb's own plane counts less than how its kind bends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reach:
    """An arm or a leg of a skeleton: three joints, and the axis that the middle one bends about."""

    start: int
    middle: int
    end: int
    upper: tuple[int, ...]
    """Joints that turn with the upper bone."""
    lower: tuple[int, ...]
    """Joints that turn with the lower bone; what hangs on the end keeps its way in the world."""
    axis: Float[Tensor, "3"]
    """In the frame of the middle joint's parent, at rest."""
    length: float
    """Of both bones, metres."""


def reaches_of(skeleton: Skeleton, roles: Mapping[str, int]) -> dict[str, Reach]:
    """Return the limbs (``left_leg``, ``right_arm`` …) that two straight bones make up."""
    rest = rest_positions(skeleton) @ rest_facing(skeleton, roles)
    found = {}
    for name, limb in limbs(skeleton, roles).items():
        start, middle, end = limb.joints
        part = name.removeprefix(f"{SIDES[0]}_").removeprefix(f"{SIDES[1]}_")
        bones = rest[middle] - rest[start], rest[end] - rest[middle]
        found[name] = Reach(
            start=start,
            middle=middle,
            end=end,
            upper=_between(skeleton, start, middle),
            lower=_between(skeleton, middle, end),
            axis=rest_facing(skeleton, roles) @ bending_axis(*bones, part),
            length=float(bones[0].norm() + bones[1].norm()),
        )
    return found


def reach(
    limb: Reach,
    goal: Float[Tensor, "frames 3"],
    turned: Float[Tensor, "frames joints 3 3"],
    places: Float[Tensor, "frames joints 3"],
    skeleton: Skeleton,
) -> Float[Tensor, "frames joints 3 3"]:
    """Return global rotations with which the limb's end is at ``goal``, or as near as it reaches.

    ``places`` are the joints' under the rotations ``turned``. What hangs on the limb's end keeps
    its global rotation; twist bones and sleeves go with their bone.
    """
    start, middle, end = (places[:, j].double() for j in (limb.start, limb.middle, limb.end))
    first, second = middle - start, end - middle
    above = turned[:, max(skeleton.parents[limb.middle], 0)].double()
    normal = _plane(first, second, above @ limb.axis.double())
    a, b = first.norm(dim=-1), second.norm(dim=-1)
    way = goal.double() - start
    span = way.norm(dim=-1).clamp(min=1e-9)
    far = torch.maximum(span, (a - b).abs() / _STRETCH)
    far = torch.minimum(far, torch.maximum(_STRETCH * (a + b), (end - start).norm(dim=-1)))
    along = way / span[:, None]
    swing = rotations.shortest_arc(end - start, along)
    plane = (swing @ normal[..., None])[..., 0]
    aside = torch.linalg.cross(along, plane)
    share = (a.square() - b.square() + far.square()) / (2 * far)
    height = (a.square() - share.square()).clamp(min=0).sqrt()
    knee = along * share[:, None] + aside * height[:, None]
    new = knee, along * far[:, None] - knee
    turns = [
        _frame(after, plane) @ _frame(before, normal).transpose(-1, -2)
        for before, after in zip((first, second), new, strict=True)
    ]
    result = turned.clone()
    for turn, joints in zip(turns, (limb.upper, limb.lower), strict=True):
        for joint in joints:
            result[:, joint] = (turn @ turned[:, joint].double()).to(turned)
    return result


def _plane(
    first: Float[Tensor, "frames 3"],
    second: Float[Tensor, "frames 3"],
    axis: Float[Tensor, "frames 3"],
) -> Float[Tensor, "frames 3"]:
    """Return the axis about which a limb is bent; of a straight one, about which it would be."""
    line = torch.nn.functional.normalize(first + second, dim=-1)
    bend = torch.linalg.cross(first, second)
    bend = bend / (first.norm(dim=-1) * second.norm(dim=-1)).clamp(min=1e-9)[:, None]
    own = axis - (axis * line).sum(-1, keepdim=True) * line
    little = (1 - bend.norm(dim=-1, keepdim=True) / _STRAIGHT).clamp(min=0)
    return torch.nn.functional.normalize(bend + _STRAIGHT * little * own, dim=-1)


def _frame(bone: Float[Tensor, "frames 3"], normal: Float[Tensor, "frames 3"]) -> Tensor:
    """Return axes along a bone, across it in its plane, and of the plane."""
    along = torch.nn.functional.normalize(bone, dim=-1)
    plane = normal - (normal * along).sum(-1, keepdim=True) * along
    plane = torch.nn.functional.normalize(plane, dim=-1)
    return torch.stack((along, torch.linalg.cross(plane, along), plane), dim=-1)


def _between(skeleton: Skeleton, first: int, last: int) -> tuple[int, ...]:
    """Return the joints that hang on ``first`` but not on ``last``, ``first`` included."""
    ways = [path_to(skeleton, joint) for joint in range(skeleton.num_joints)]
    return tuple(j for j, way in enumerate(ways) if first in way and last not in way)
