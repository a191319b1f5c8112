"""Draft: a motion while it is corrected, and what is asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.constraints import Goal
from marey.skeleton import Skeleton

GROUND = [0, 2]
"""The horizontal axes x and z."""


@dataclass(eq=False)
class Draft:
    """Root path and rotations that stages change, contacts, and the goals that stay."""

    root: Float[Tensor, "frames 3"]
    local: Float[Tensor, "frames joints 3 3"]
    contacts: Bool[Tensor, "frames 4"]
    goals: tuple[Goal, ...]
    fps: float
    skeleton: Skeleton

    @property
    def num_frames(self) -> int:
        return len(self.root)

    def turned(self) -> Float[Tensor, "frames joints 3 3"]:
        """Global rotations as they are now."""
        return kinematics.global_rotations(self.local, self.skeleton)

    def positions(self) -> Float[Tensor, "frames joints 3"]:
        """World joint positions as they are now."""
        return kinematics.joint_positions(self.root, self.turned(), self.skeleton)

    def goals_of(self, *kinds: str) -> list[Goal]:
        return [goal for goal in self.goals if goal.kind in kinds]

    def pinned(self, goals: Sequence[Goal]) -> Bool[Tensor, " frames"]:
        """Frames in which any of some goals pins something."""
        known = torch.zeros(self.num_frames, dtype=torch.bool)
        for goal in goals:
            known[goal.frames] = True
        return known

    @cached_property
    def posed(self) -> Bool[Tensor, " frames"]:
        """Frames in which a joint is pinned."""
        return self.pinned(self.goals_of("joint_position", "joint_rotation"))

    @cached_property
    def pelvis_pinned(self) -> Bool[Tensor, " frames"]:
        """Frames in which the root joint itself is pinned to a place."""
        return self.pinned([g for g in self.goals_of("joint_position") if g.joint == 0])

    @cached_property
    def path_pinned(self) -> Bool[Tensor, " frames"]:
        """Frames in which the root's place over the ground follows from its path."""
        return self.pinned(self.goals_of("root_path")) & ~self.pelvis_pinned

    @cached_property
    def height_pinned(self) -> Bool[Tensor, " frames"]:
        """Frames in which the root's height is pinned, and not as part of a place."""
        return self.pinned(self.goals_of("root_height")) & ~self.pelvis_pinned

    @cached_property
    def fixed_feet(self) -> Bool[Tensor, "frames 4"]:
        """Where goals decide alone where a heel or toe is: itself pinned, or all above it."""
        places = {goal.joint: goal for goal in self.goals_of("joint_position")}
        turns = {goal.joint: goal for goal in self.goals_of("joint_rotation")}
        columns = []
        for foot in self.skeleton.foot_indices:
            direct = self.pinned([places[foot]] if foot in places else [])
            chain = self.pinned([places[0]] if 0 in places else [])
            joint = foot
            while (joint := self.skeleton.parents[joint]) >= 0:
                chain = chain & self.pinned([turns[joint]] if joint in turns else [])
            columns.append(direct | chain)
        return torch.stack(columns, dim=1)
