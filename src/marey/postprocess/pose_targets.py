"""PoseTarget: what the pose solver is asked for, how far a pose is from it, and what moves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey import rotations
from marey.motion.joint_matching import path_to
from marey.skeleton import Skeleton, heading_angle

PoseKind = Literal["position", "rotation", "heading", "floor"]

_MOST_WAY = 0.2
"""Furthest that a step aims, metres or radians: further, and limbs would swing to and fro."""
_SIZES: dict[PoseKind, int] = {"position": 3, "rotation": 3, "heading": 1, "floor": 1}


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseTarget:
    """Where one joint should be, or how it should be turned, in some of the frames."""

    kind: PoseKind
    value: Float[Tensor, "frames *value"]
    """By kind: world position, metres; global rotation; direction that the hips face, radians;
    height that the joint should not be below, metres."""
    weight: Float[Tensor, " frames"]
    """How much it counts beside others that contradict it; 0 where there is no target."""
    joint: int = 0
    """Not used by headings."""


class TargetRows:
    """All targets as rows of one least-squares problem: errors, and how turns of joints and a
    shift of the root change them."""

    def __init__(self, targets: Sequence[PoseTarget], skeleton: Skeleton) -> None:
        self.targets, self.skeleton = targets, skeleton
        movers = [_movers(target, skeleton) for target in targets]
        self.joints = sorted({joint for path in movers for joint in path})
        """The joints whose turn changes a target."""
        column = {joint: k for k, joint in enumerate(self.joints)}
        self._columns = [[column[joint] for joint in path] for path in movers]
        ends = {target.joint for target in targets if target.kind != "heading"}
        if any(target.kind == "heading" for target in targets):
            ends |= {skeleton.role("left_hip"), skeleton.role("right_hip")}
        self.needed = sorted({joint for end in ends for joint in path_to(skeleton, end)})
        """The joints whose place or rotation matters; parents first."""
        starts = torch.tensor([0] + [_SIZES[target.kind] for target in targets]).cumsum(0).tolist()
        self._rows = [slice(a, b) for a, b in pairwise(starts)]

    def errors(
        self,
        places: Float[Tensor, "frames joints 3"],
        turned: Float[Tensor, "frames joints 3 3"],
        frames: Int[Tensor, " frames"],
    ) -> Float[Tensor, "frames rows"]:
        """Return the weighted way from what is to what should be, cut to ``_MOST_WAY``.

        ``frames`` says which frames of the targets the poses are.
        """
        ways = [
            _way(target, target.value[frames].to(places), places, turned, self.skeleton)
            * target.weight[frames, None].to(places)
            for target in self.targets
        ]
        return torch.cat(ways, dim=-1)

    def jacobian(
        self,
        places: Float[Tensor, "frames joints 3"],
        turned: Float[Tensor, "frames joints 3 3"],
        frames: Int[Tensor, " frames"],
    ) -> Float[Tensor, "frames rows unknowns 3"]:
        """Return how each row changes with the root's shift, which comes first, and with turns of
        ``joints``, as rotation vectors in their parents' frames."""
        size, eye = self._rows[-1].stop, torch.eye(3, dtype=places.dtype)
        jacobian = places.new_zeros(len(places), size, 1 + len(self.joints), 3)
        for target, rows, columns in zip(self.targets, self._rows, self._columns, strict=True):
            turns = jacobian[:, rows, 1:]
            if target.kind == "rotation":
                turns[:, :, columns] = eye[:, None]
            elif target.kind == "heading":
                turns[:, :, columns] = eye[1]
            else:
                pivots = places[:, [self.joints[k] for k in columns]]
                levers = -_cross_matrix(places[:, target.joint, None] - pivots).transpose(1, 2)
                moves = eye if target.kind == "position" else eye[1:2]
                if target.kind == "floor":
                    levers = levers[:, 1:2]
                turns[:, :, columns] = levers
                jacobian[:, rows, 0] = moves
            weight = target.weight[frames].to(places)
            if target.kind == "floor":
                weight = weight * (places[:, target.joint, 1] < target.value[frames])
            jacobian[:, rows] *= weight[:, None, None, None]
        for column, joint in enumerate(self.joints, start=1):
            if (parent := self.skeleton.parents[joint]) >= 0:
                jacobian[:, :, column] = jacobian[:, :, column] @ turned[:, parent]
        return jacobian

    def curvature(
        self,
        places: Float[Tensor, "frames joints 3"],
        error: Float[Tensor, "frames rows"],
        frames: Int[Tensor, " frames"],
    ) -> Float[Tensor, "frames turning"]:
        """Return what the second derivatives of places add to the cost of turning each joint.

        A lever that points the way its end is pulled loses by turning either way. Without this
        a limb that is stretched towards a target beyond its reach would swing to and fro.
        """
        bend = places.new_zeros(len(places), len(self.joints))
        for target, rows, columns in zip(self.targets, self._rows, self._columns, strict=True):
            if target.kind in ("position", "floor"):
                axes = slice(0, 3) if target.kind == "position" else slice(1, 2)
                pivots = places[:, [self.joints[k] for k in columns], axes]
                levers = places[:, target.joint, None, axes] - pivots
                gain = (levers * error[:, None, rows]).sum(-1).clamp(min=0)
                bend[:, columns] += gain * target.weight[frames, None].to(places)
        return bend

    def pulls(
        self, places: Float[Tensor, "frames joints 3"], frames: Int[Tensor, " frames"]
    ) -> dict[int, Float[Tensor, "frames 3"]]:
        """Return how far each joint with a place is from it."""
        return {
            t.joint: (t.value[frames].to(places) - places[:, t.joint])
            * (t.weight[frames, None] > 0)
            for t in self.targets
            if t.kind == "position"
        }


def _movers(target: PoseTarget, skeleton: Skeleton) -> list[int]:
    """Return the joints whose turn changes what is asked for, from the root outwards."""
    if target.kind == "heading":
        left, right = (path_to(skeleton, skeleton.role(f"{side}_hip")) for side in _SIDES)
        return [joint for joint in left[:-1] if joint in right[:-1]]
    path = path_to(skeleton, target.joint)
    return path if target.kind == "rotation" else path[:-1]


_SIDES = ("left", "right")


def _way(
    target: PoseTarget, value: Tensor, places: Tensor, turned: Tensor, skeleton: Skeleton
) -> Float[Tensor, "frames axes"]:
    if target.kind == "position":
        way = value - places[:, target.joint]
    elif target.kind == "rotation":
        rest = value @ turned[:, target.joint].transpose(-1, -2)
        way = rotations.matrix_to_rotation_vector(rest)
    elif target.kind == "heading":
        way = rotations.wrap_angle(value - heading_angle(places, skeleton))[:, None]
    else:
        way = (value - places[:, target.joint, 1]).clamp(min=0)[:, None]
    return way * (_MOST_WAY / way.norm(dim=-1, keepdim=True).clamp(min=_MOST_WAY))


def _cross_matrix(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the matrix of ``v ×``."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
