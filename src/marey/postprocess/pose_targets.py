"""PoseTarget: what the pose solver is asked for, how far a pose is from it, and what moves it."""

from collections.abc import Sequence
from dataclasses import dataclass
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
_SIDES = ("left", "right")


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
    """All targets as rows of one least-squares problem, and what turns of joints do to them.

    Rows are those of positions (three each), rotations (three), headings and floors (one).
    """

    def __init__(self, targets: Sequence[PoseTarget], skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._groups = {kind: _Group(kind, targets, skeleton) for kind in _ORDER}
        groups = list(self._groups.values())
        self.joints = sorted({joint for group in groups for path in group.movers for joint in path})
        """The joints whose turn changes a target."""
        ends = {joint for group in groups for joint in group.ends}
        self.needed = sorted({joint for end in ends for joint in path_to(skeleton, end)})
        """The joints whose place or rotation matters; parents first."""
        self._moved = {
            kind: torch.tensor([[float(j in path) for j in self.joints] for path in group.movers])
            .view(len(group.movers), len(self.joints))
            .double()
            for kind, group in self._groups.items()
        }

    def errors(
        self,
        places: Float[Tensor, "frames joints 3"],
        turned: Float[Tensor, "frames joints 3 3"],
        frames: Int[Tensor, " frames"],
    ) -> Float[Tensor, "frames rows"]:
        """Return the weighted way from what is to what should be, cut to ``_MOST_WAY``.

        ``frames`` says which frames of the targets the poses are.
        """
        ways = []
        for kind, group in self._groups.items():
            if group.joints:
                value, now = group.value[frames], group.joints
                if kind == "position":
                    way = value - places[:, now]
                elif kind == "rotation":
                    rest = value @ turned[:, now].transpose(-1, -2)
                    way = rotations.matrix_to_rotation_vector(rest)
                elif kind == "heading":
                    facing = heading_angle(places, self._skeleton)[:, None]
                    way = rotations.wrap_angle(value - facing)[..., None]
                else:
                    way = (value - places[:, now, 1]).clamp(min=0)[..., None]
                way = way * (_MOST_WAY / way.norm(dim=-1, keepdim=True).clamp(min=_MOST_WAY))
                ways.append((way * group.weight[frames, :, None]).flatten(1))
        return torch.cat(ways, dim=-1)

    def jacobian(
        self,
        places: Float[Tensor, "frames joints 3"],
        turned: Float[Tensor, "frames joints 3 3"],
        frames: Int[Tensor, " frames"],
    ) -> Float[Tensor, "frames rows unknowns 3"]:
        """Return how each row changes with the root's shift, which comes first, and with turns of
        ``joints``, as rotation vectors in their parents' frames."""
        count, eye = len(places), torch.eye(3, dtype=places.dtype)
        axes = turned[:, [max(0, self._skeleton.parents[joint]) for joint in self.joints]]
        if self.joints and self.joints[0] == 0:
            axes[:, 0] = eye
        blocks = []
        for kind, group in self._groups.items():
            if not group.joints:
                continue
            weight, moved = group.weight[frames], self._moved[kind]
            shift = places.new_zeros(count, len(group.joints), 3, 1, 3)
            if kind in ("position", "floor"):
                levers = self._levers(kind, places)[:, :, :, None]
                turns = torch.linalg.cross(axes.transpose(-1, -2)[:, None], levers)
                turns = (turns * moved[..., None, None]).permute(0, 1, 4, 2, 3)
                shift[..., 0, :] = eye
            else:
                turns = (axes.transpose(1, 2)[:, None] * moved[:, None, :, None]).expand(
                    count, -1, -1, -1, -1
                )
            block = torch.cat((shift, turns), dim=3)
            if kind in ("heading", "floor"):
                block = block[:, :, 1:2]
            if kind == "floor":
                weight = weight * (places[:, group.joints, 1] < group.value[frames])
            blocks.append((block * weight[..., None, None, None]).flatten(1, 2))
        return torch.cat(blocks, dim=1)

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
        group, levers = self._groups["position"], self._levers("position", places)
        pull = (
            error[:, : 3 * len(group.joints)].unflatten(1, (-1, 3)) * group.weight[frames, :, None]
        )
        gain = (levers * pull[:, :, None]).sum(-1).clamp(min=0) * self._moved["position"]
        return gain.sum(1)

    def pulls(
        self, places: Float[Tensor, "frames joints 3"], frames: Int[Tensor, " frames"]
    ) -> dict[int, Float[Tensor, "frames 3"]]:
        """Return how far each joint with a place is from it."""
        group = self._groups["position"]
        ways = group.value[frames] - places[:, group.joints]
        ways = ways * (group.weight[frames] > 0)[..., None]
        return dict(zip(group.joints, ways.unbind(1), strict=True))

    def _levers(
        self, kind: PoseKind, places: Float[Tensor, "frames joints 3"]
    ) -> Float[Tensor, "frames targets turning 3"]:
        return places[:, self._groups[kind].joints, None] - places[:, None, self.joints]


_ORDER: tuple[PoseKind, ...] = ("position", "rotation", "heading", "floor")


class _Group:
    """The targets of one kind side by side."""

    def __init__(self, kind: PoseKind, targets: Sequence[PoseTarget], skeleton: Skeleton) -> None:
        own = [target for target in targets if target.kind == kind]
        self.joints = [target.joint for target in own]
        hips = (
            [skeleton.role(f"{side}_hip") for side in _SIDES] if kind == "heading" and own else []
        )
        self.ends = hips if kind == "heading" else self.joints
        self.movers = [_movers(kind, target.joint, hips, skeleton) for target in own]
        if own:
            self.value = torch.stack([target.value for target in own], dim=1).double()
            self.weight = torch.stack([target.weight for target in own], dim=1).double()
        else:
            count = len(targets[0].weight)
            self.value, self.weight = torch.zeros(count, 0, 3), torch.zeros(count, 0)


def _movers(kind: PoseKind, joint: int, hips: Sequence[int], skeleton: Skeleton) -> list[int]:
    """Return the joints whose turn changes what is asked for, from the root outwards."""
    if kind == "heading":
        left, right = (path_to(skeleton, hip)[:-1] for hip in hips)
        return [joint for joint in left if joint in right]
    path = path_to(skeleton, joint)
    return path if kind == "rotation" else path[:-1]
