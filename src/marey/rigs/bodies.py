"""Body: a motion's joints in the world, with the roles, limbs and soles that fitting asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.motion.joint_matching import SIDES, path_to, rest_positions, role_indices
from marey.motion.soles import has_soles, rest_facing, sole
from marey.rigs.limb_reach import Reach, reaches_of
from marey.skeleton import Skeleton

LEGS = tuple(f"{side}_leg" for side in SIDES)
ARMS = tuple(f"{side}_arm" for side in SIDES)
_THICKEST = 0.03
"""Share of the leg's length that soles are thick at most."""
_STRAIGHT = 0.9999
"""Cosine between a bone and a tip that goes on along it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """One body over time; global rotations and places of its joints belong together."""

    skeleton: Skeleton
    root: Float[Tensor, "frames 3"]
    turned: Float[Tensor, "frames joints 3 3"]

    @cached_property
    def places(self) -> Float[Tensor, "frames joints 3"]:
        """World positions of the joints, metres."""
        return kinematics.joint_positions(self.root, self.turned, self.skeleton)

    @cached_property
    def roles(self) -> Mapping[str, int]:
        return role_indices(self.skeleton)

    @cached_property
    def limbs(self) -> Mapping[str, Reach]:
        return reaches_of(self.skeleton, self.roles)

    @property
    def has_feet(self) -> bool:
        """Whether hips, heels and both legs are known."""
        return all(leg in self.limbs for leg in LEGS)

    @cached_property
    def has_soles(self) -> bool:
        return self.has_feet and has_soles(self.skeleton, self.roles)

    def sole(self, side: str) -> Float[Tensor, "frames 3"]:
        """From the heel to the end of the sole (toe joint or end site), in the world, metres."""
        facing = rest_facing(self.skeleton, self.roles)
        own = facing @ sole(self.skeleton, self.roles, side)
        return self.turned[:, self.roles[f"{side}_heel"]] @ own

    def lowest_of_foot(self, side: str) -> Float[Tensor, " frames"]:
        """Height of the lower end of a sole above its heel joint, metres; negative.

        A sole reaches from below the heel, level with the toe in rest pose, to the toe.
        """
        facing = rest_facing(self.skeleton, self.roles)
        own = sole(self.skeleton, self.roles, side)
        below = facing @ (own * torch.tensor([0.0, 1.0, 0.0]))
        heel = self.turned[:, self.roles[f"{side}_heel"]] @ below
        return torch.minimum(heel[:, 1], self.sole(side)[:, 1])

    @cached_property
    def thickness(self) -> float | None:
        """Height of the toe joints above the lowest points of the feet in rest pose, metres.

        None if nothing shows it: no joint or tip beyond the toes, but for tips that go on straight
        along their bone, as exporters make them up. At most 3 cm for a leg of a metre.
        """
        facing = rest_facing(self.skeleton, self.roles)
        rest = rest_positions(self.skeleton) @ facing
        depths = []
        for side in SIDES:
            heel = self.roles[f"{side}_heel"]
            end = rest[heel] + sole(self.skeleton, self.roles, side)
            inner = (heel, self.roles.get(f"{side}_toe", heel))
            foot = [j for j in range(len(rest)) if heel in path_to(self.skeleton, j)]
            points = [rest[joint] for joint in foot if joint not in inner]
            points += [
                rest[joint] + torch.tensor(tip) @ facing
                for joint, tip in self.skeleton.end_sites
                if joint in foot and not self._straight_on(joint, tip)
            ]
            if not points:
                return None
            depths.append(max(0.0, float(end[1] - torch.stack(points)[:, 1].min())))
        thickest = _THICKEST * max(self.limbs[leg].length for leg in LEGS)
        return min(sum(depths) / len(depths), thickest)

    def _straight_on(self, joint: int, tip: tuple[float, float, float]) -> bool:
        bone, way = self.skeleton.rest_offsets[joint], torch.tensor(tip)
        return float(torch.nn.functional.cosine_similarity(bone, way, dim=0)) > _STRAIGHT

    def feet(self) -> Float[Tensor, "frames points 3"]:
        """World places of left heel, end of its sole, right heel and end of its sole, metres.

        The end of a sole is the toe joint, or of a foot without one its end site.
        """
        heels = [self.places[:, self.roles[f"{side}_heel"]] for side in SIDES]
        soles = [self.sole(side) for side in SIDES]
        ends = [heel + own for heel, own in zip(heels, soles, strict=True)]
        return torch.stack((heels[0], ends[0], heels[1], ends[1]), dim=1)

    def sole_height(self) -> Float[Tensor, " frames"]:
        """Height of the lower sole's lower end, metres: of a toe joint or below a heel."""
        heights = [
            self.places[:, self.roles[f"{side}_heel"], 1] + self.lowest_of_foot(side)
            for side in SIDES
        ]
        return torch.stack(heights).amin(0)
