"""Draft: a motion while it is corrected, and what is asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.constraints import Goal, target_distance
from marey.motion import ContactLimits
from marey.motion.joint_matching import path_to
from marey.motion.path_smoothing import smooth_paths
from marey.postprocess.spreading import spread
from marey.skeleton import Skeleton

_SETTLED = 0.2
"""Share of its tolerance within which a goal is met well."""
_SINK_SECONDS = 0.1
"""How far in time the floor gives way around a pin that lies below it (see ``spread``)."""
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
    limits: ContactLimits
    forced: Bool[Tensor, "frames 4"] = field(init=False)
    """Where pinned joints leave a heel or toe no choice."""

    def __post_init__(self) -> None:
        self.forced = self._fixed_feet() if self.has_feet else torch.zeros_like(self.contacts)

    @property
    def num_frames(self) -> int:
        return len(self.root)

    @property
    def has_feet(self) -> bool:
        """Whether the skeleton names what foot locking needs: hips, heels and toes."""
        roles = self.skeleton.roles
        named = (roles.left_heel, roles.left_toe, roles.right_heel, roles.right_toe)
        return all((*named, roles.left_hip, roles.right_hip))

    def turned(self) -> Float[Tensor, "frames joints 3 3"]:
        """Global rotations as they are now."""
        return kinematics.global_rotations(self.local, self.skeleton)

    def positions(self) -> Float[Tensor, "frames joints 3"]:
        """World joint positions as they are now."""
        return kinematics.joint_positions(self.root, self.turned(), self.skeleton)

    def settled(self, path: Float[Tensor, "frames 2"]) -> bool:
        """Whether all goals but contacts are met well, so that nothing remains to be done.

        ``path`` is the smoothed root path.
        """
        turned = self.turned()
        places = kinematics.joint_positions(self.root, turned, self.skeleton)
        for goal in self.goals:
            frames = goal.frames
            match goal.kind:
                case "joint_position":
                    now = places[frames, goal.joint]
                case "joint_rotation":
                    now = turned[frames, goal.joint]
                case "root_path":
                    now = path[frames]
                    own = self.pelvis_pinned[frames]  # stronger than the path beside it
                    now = torch.where(own[:, None], goal.target.to(now), now)
                case "root_height":
                    now = self.root[frames, 1]
                case "heading":
                    now = kinematics.heading_angle(places[frames], self.skeleton)
                case "contact":
                    continue
            share = 0.9 if goal.kind == "root_path" else _SETTLED
            if float(target_distance(goal.kind, now, goal.target).max()) > share * goal.tolerance:
                return False
        return True

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
        return self.pins("joint_position", 0)

    @cached_property
    def path_pinned(self) -> Bool[Tensor, " frames"]:
        """Frames in which the root's place over the ground follows from its path."""
        return self.pinned(self.goals_of("root_path")) & ~self.pelvis_pinned

    @cached_property
    def height_pinned(self) -> Bool[Tensor, " frames"]:
        """Frames in which the root's height is pinned, and not as part of a place."""
        return self.pinned(self.goals_of("root_height")) & ~self.pelvis_pinned

    def ground(self, floor: float) -> Float[Tensor, "frames joints"]:
        """Return the height that each joint is to stay above.

        That is the floor; around a pin of the joint that lies deeper it sinks to there and rises
        again, so that the joint does not leap out of it.
        """
        depth = torch.zeros(self.num_frames, self.skeleton.num_joints)
        goals = self.goals_of("joint_position")
        for goal in goals:
            depth[goal.frames, goal.joint] = (goal.target[:, 1] - floor).clamp(max=0)
        for joint in (depth < 0).any(0).nonzero()[:, 0].tolist():
            known = self.pins("joint_position", joint)
            sunk = spread(depth[:, [joint]], known, fps=self.fps, seconds=_SINK_SECONDS)
            depth[:, joint] = sunk[:, 0].clamp(max=0)
        return floor + depth

    def told_contacts(self, value: bool) -> Bool[Tensor, "frames 4"]:
        """Where goals say of a heel or toe that it stands, or that it does not."""
        told = torch.zeros(self.num_frames, 4, dtype=torch.bool)
        for goal in self.goals_of("contact"):
            told[goal.frames, goal.joint] = (goal.target > 0.5) == value
        return told

    def as_told(self, contacts: Bool[Tensor, "frames 4"]) -> Bool[Tensor, "frames 4"]:
        """Return contacts as goals want them."""
        return (contacts | self.told_contacts(True)) & ~self.told_contacts(False)

    def _fixed_feet(self) -> Bool[Tensor, "frames 4"]:
        """Where a heel or toe is pinned itself, or everything above it is."""
        columns = []
        for foot in self.skeleton.foot_indices:
            chain = self.pins("joint_position", 0)
            for joint in path_to(self.skeleton, foot)[:-1]:
                chain = chain & self.pins("joint_rotation", joint)
            columns.append(self.pins("joint_position", foot) | chain)
        return torch.stack(columns, dim=1)

    def pins(self, kind: str, joint: int) -> Bool[Tensor, " frames"]:
        """Frames in which one joint's place or rotation is pinned."""
        return self.pinned([goal for goal in self.goals_of(kind) if goal.joint == joint])


def unsettled(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with which something remains to be done."""
    tracked = [draft for draft in drafts if draft.goals_of("root_path")]
    paths = smooth_paths([draft.root[:, GROUND] for draft in tracked])
    found = {id(draft): path for draft, path in zip(tracked, paths, strict=True)}
    return [d for d in drafts if not d.settled(found.get(id(d), d.root[:, GROUND]))]
