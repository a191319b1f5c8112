"""Body: a motion's joints in the world, with the roles, limbs and soles that fitting asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.motion.joint_matching import SIDES, rest_positions, role_indices
from marey.motion.soles import has_soles, rest_facing, sole
from marey.rigs.limb_reach import Reach, reaches_of
from marey.skeleton import Skeleton

LEGS = tuple(f"{side}_leg" for side in SIDES)
ARMS = tuple(f"{side}_arm" for side in SIDES)


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
    def thickness(self) -> float:
        """Height of the toe joints above the lowest point of the rest pose, metres."""
        facing = rest_facing(self.skeleton, self.roles)
        rest = rest_positions(self.skeleton) @ facing
        tips = [rest[j] + torch.tensor(tip) @ facing for j, tip in self.skeleton.end_sites]
        lowest = torch.cat((rest, *(tip[None] for tip in tips)))[:, 1].min()
        ends = [
            rest[self.roles[f"{side}_heel"]] + sole(self.skeleton, self.roles, side)
            for side in SIDES
        ]
        return float(torch.stack(ends)[:, 1].mean() - lowest)

    def feet(self) -> Float[Tensor, "frames points 3"]:
        """World places of left heel, end of its sole, right heel and end of its sole, metres.

        The end of a sole is the toe joint, or of a foot without one its end site.
        """
        heels = [self.places[:, self.roles[f"{side}_heel"]] for side in SIDES]
        soles = [self.sole(side) for side in SIDES]
        ends = [heel + own for heel, own in zip(heels, soles, strict=True)]
        return torch.stack((heels[0], ends[0], heels[1], ends[1]), dim=1)

    def sole_height(self) -> Float[Tensor, " frames"]:
        """Height of the lower sole's lower end, metres, less the soles' thickness."""
        heights = [
            self.places[:, self.roles[f"{side}_heel"], 1] + self.lowest_of_foot(side)
            for side in SIDES
        ]
        return torch.stack(heights).amin(0) - (self.thickness if self.has_soles else 0.0)
