"""PoseTarget: what the pose solver is asked for, how far a pose is from it, and what moves it."""

from collections.abc import Mapping, Sequence
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

    Rows are those of positions (three each), rotations (three), headings and floors (one). Places
    and rotations are those of the ``needed`` joints only, and unknowns are numbered by them.
    """

    def __init__(self, targets: Sequence[PoseTarget], skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        groups = [_Group(kind, targets, skeleton) for kind in _ORDER]
        ends = {joint for group in groups for joint in group.ends}
        self.needed = sorted({joint for end in ends for joint in path_to(skeleton, end)})
        """The joints whose place or rotation matters; parents first."""
        numbers = {joint: number for number, joint in enumerate(self.needed)}
        self.parents = [numbers.get(skeleton.parents[joint], 0) for joint in self.needed]
        movers = {numbers[joint] for group in groups for path in group.movers for joint in path}
        self.turning = sorted(movers)
        """Those of them whose turn changes a target, by number."""
        for group in groups:
            group.number(numbers, self.turning)
        self._groups = {group.kind: group for group in groups}

    def errors(
        self,
        places: Float[Tensor, "frames needed 3"],
        turned: Float[Tensor, "frames needed 3 3"],
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
                    facing = heading_angle(self.spread_out(places), self._skeleton)
                    way = rotations.wrap_angle(value - facing[:, None])[..., None]
                else:
                    way = (value - places[:, now, 1]).clamp(min=0)[..., None]
                way = way * (_MOST_WAY / way.norm(dim=-1, keepdim=True).clamp(min=_MOST_WAY))
                ways.append((way * group.weight[frames, :, None]).flatten(1))
        return torch.cat(ways, dim=-1)

    def jacobian(
        self, places: Float[Tensor, "frames needed 3"], frames: Int[Tensor, " frames"]
    ) -> Float[Tensor, "frames rows unknowns 3"]:
        """Return how each row changes with the root's shift, which comes first, and with turns of
        the ``turning`` joints, as rotation vectors in the world."""
        count, unknowns = len(places), 1 + len(self.turning)
        blocks = []
        for kind, group in self._groups.items():
            if not group.joints:
                continue
            weight = group.weight[frames]
            if kind == "floor":
                weight = weight * (places[:, group.joints, 1] < group.value[frames])
            share = weight[..., None] * group.moved
            block = places.new_zeros(count, len(group.joints), 3, unknowns, 3)
            if kind in ("position", "floor"):
                x, y, z = (self._levers(group, places) * share[..., None]).unbind(-1)
                for row, column, value in ((0, 1, z), (1, 2, x), (2, 0, y)):
                    block[:, :, row, 1:, column] = value
                    block[:, :, column, 1:, row] = -value
                for axis in range(3):
                    block[:, :, axis, 0, axis] = weight
            else:
                for axis in range(3):
                    block[:, :, axis, 1:, axis] = share
            if kind in ("heading", "floor"):
                block = block[:, :, 1:2]
            blocks.append(block.flatten(1, 2))
        return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1)

    def curvature(
        self,
        places: Float[Tensor, "frames needed 3"],
        error: Float[Tensor, "frames rows"],
        frames: Int[Tensor, " frames"],
    ) -> Float[Tensor, "frames turning"]:
        """Return what the second derivatives of places add to the cost of turning each joint.

        A lever that points the way its end is pulled loses by turning either way. Without this
        a limb that is stretched towards a target beyond its reach would swing to and fro.
        """
        group = self._groups["position"]
        pull = (
            error[:, : 3 * len(group.joints)].unflatten(1, (-1, 3)) * group.weight[frames, :, None]
        )
        gain = (self._levers(group, places) * pull[:, :, None]).sum(-1).clamp(min=0)
        return (gain * group.moved).sum(1)

    def pulls(
        self, places: Float[Tensor, "frames needed 3"], frames: Int[Tensor, " frames"]
    ) -> dict[int, Float[Tensor, "frames 3"]]:
        """Return how far each joint with a place, by its number in the skeleton, is from it."""
        group = self._groups["position"]
        ways = group.value[frames] - places[:, group.joints]
        ways = ways * (group.weight[frames] > 0)[..., None]
        joints = [self.needed[number] for number in group.joints]
        return dict(zip(joints, ways.unbind(1), strict=True))

    def spread_out(
        self, values: Float[Tensor, "frames needed *value"]
    ) -> Float[Tensor, "frames joints *value"]:
        """Number values by the skeleton's joints; zeros for those that are not needed."""
        whole = values.new_zeros(len(values), self._skeleton.num_joints, *values.shape[2:])
        whole[:, self.needed] = values
        return whole

    def _levers(self, group: "_Group", places: Tensor) -> Float[Tensor, "frames targets turning 3"]:
        return places[:, group.joints, None] - places[:, None, self.turning]


_ORDER: tuple[PoseKind, ...] = ("position", "rotation", "heading", "floor")


class _Group:
    """The targets of one kind side by side."""

    def __init__(self, kind: PoseKind, targets: Sequence[PoseTarget], skeleton: Skeleton) -> None:
        own = [target for target in targets if target.kind == kind]
        self.kind: PoseKind = kind
        self.joints = [target.joint for target in own]
        hips = (
            [skeleton.role(f"{side}_hip") for side in _SIDES] if kind == "heading" and own else []
        )
        self.ends = hips if kind == "heading" else self.joints
        self.movers = [_movers(kind, target.joint, hips, skeleton) for target in own]
        self.moved = torch.zeros(0, 0)
        """Whether each turning joint moves each target: 1 or 0."""
        if own:
            self.value = torch.stack([target.value for target in own], dim=1).double()
            self.weight = torch.stack([target.weight for target in own], dim=1).double()
        else:
            count = len(targets[0].weight)
            self.value, self.weight = torch.zeros(count, 0, 3), torch.zeros(count, 0)

    def number(self, numbers: Mapping[int, int], turning: Sequence[int]) -> None:
        """Call joints by their numbers among those that are needed from now on."""
        if self.kind != "heading":
            self.joints = [numbers[joint] for joint in self.joints]
        paths = [{numbers[joint] for joint in path} for path in self.movers]
        rows = [[float(joint in path) for joint in turning] for path in paths]
        self.moved = torch.tensor(rows, dtype=torch.float64).view(len(paths), len(turning))


def _movers(kind: PoseKind, joint: int, hips: Sequence[int], skeleton: Skeleton) -> list[int]:
    """Return the joints whose turn changes what is asked for, from the root outwards."""
    if kind == "heading":
        left, right = (path_to(skeleton, hip)[:-1] for hip in hips)
        return [joint for joint in left if joint in right]
    path = path_to(skeleton, joint)
    return path if kind == "rotation" else path[:-1]
