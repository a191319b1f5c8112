"""JointTarget and HoldJoint: one joint in some frames, or kept still over an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.constraints.beside import NOTHING, Beside
from marey.constraints.clip import Clip
from marey.constraints.constraint import Constraint, require_number, source_frames
from marey.constraints.goal import Goal, GoalKind
from marey.constraints.times import Interval, Times
from marey.errors import InvalidInputError
from marey.motion import Motion

_Kind = tuple[GoalKind, float | int | None]  # with its tolerance


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class JointTarget(Constraint):
    """Position, rotation or both of one joint in some frames.

    On the root joint it pins the pelvis itself, not the smoothed path. ``tolerance`` is that of
    positions and path, metres.
    """

    joint: str
    times: Times
    positions: Float[Tensor, "keys 3"] | None = None
    """World positions, metres."""
    rotations: Float[Tensor, "keys 3 3"] | None = None
    """Global rotations."""
    root_path: Float[Tensor, "keys 2"] | None = None
    """x and z of the smoothed root path (see ``RootWaypoint``) in the same frames."""
    rotation_tolerance: float | int | None = None
    """Radians; None is 1°."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.positions is None and self.rotations is None:
            raise InvalidInputError(
                "expected positions, rotations or both, got neither. Give the joint a target."
            )
        if self.positions is not None:
            self.keep_array("positions", len(self.times), 3)
        if self.rotations is not None:
            self.keep_rotations("rotations", len(self.times))
        if self.root_path is not None:
            self.keep_array("root_path", len(self.times), 2)
        if self.rotation_tolerance is not None:
            require_number("rotation_tolerance", self.rotation_tolerance)

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return a goal for the position, the rotation and the root path, where given."""
        frames = self.times.frame_numbers(clip)
        joint = clip.skeleton.index(self.joint)
        goals: list[Goal] = []
        if self.positions is not None:
            goals.append(
                self.goal(
                    "joint_position",
                    frames,
                    self.positions,
                    source=source,
                    joint=joint,
                    tolerance=self.tolerance,
                )
            )
        if self.rotations is not None:
            goals.append(
                self.goal(
                    "joint_rotation",
                    frames,
                    self.rotations,
                    source=source,
                    joint=joint,
                    tolerance=self.rotation_tolerance,
                )
            )
        if self.root_path is not None:
            path = self.root_path
            goals.append(
                self.goal("root_path", frames, path, source=source, tolerance=self.tolerance)
            )
        return tuple(goals)

    @classmethod
    def from_motion(
        cls,
        motion: Motion,
        joint: str,
        frames: Sequence[int],
        *,
        positions: bool = True,
        rotations: bool = False,
        root_path: bool = False,
        at: Sequence[int] | None = None,
    ) -> "JointTarget":
        """Pin a joint where a motion has it; ``at`` as in ``FullBodyKeyframe.from_motion``.

        Raises InvalidInputError for a joint or frames that the motion does not have.
        """
        rows = source_frames(motion, frames)
        index = motion.skeleton.index(joint)
        path = motion.root_path[rows] if root_path else None
        return cls(
            joint=joint,
            times=Times(frames=tuple(rows if at is None else at)),
            positions=motion.joint_positions[rows, index] if positions else None,
            rotations=motion.global_rotations[rows, index] if rotations else None,
            root_path=path,
        )


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class HoldJoint(Constraint):
    """A joint stays where it is: where the generated motion has it as the interval begins.

    Where another constraint pins the joint inside of the interval, it stays there instead, which
    the model can see; else the place is known only once there is a motion. A joint of the feet is
    held on the ground: its contact is pinned, too.
    """

    looks_beside: ClassVar[bool] = True

    joint: str
    interval: Interval
    rotation: bool = False
    """Whether it keeps its global rotation, too."""
    rotation_tolerance: float | int | None = None
    """Radians; None is 1°."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rotation_tolerance is not None:
            require_number("rotation_tolerance", self.rotation_tolerance)

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return the contact of a joint of the feet, and the place if another constraint pins it.

        Where another one pins the joint inside of the interval, it is held there.
        """
        frames = self.interval.frame_numbers(clip)
        joint = clip.skeleton.index(self.joint)
        goals: list[Goal] = []
        roles = clip.skeleton.roles
        feet = (roles.left_heel, roles.left_toe, roles.right_heel, roles.right_toe)
        if self.joint in feet:
            down = torch.ones(len(frames))
            goals.append(
                self.goal("contact", frames, down, source=source, joint=feet.index(self.joint))
            )
        for kind, tolerance in self._kinds:
            target = _pinned(beside, kind, joint, frames)
            if target is not None:
                goals.append(self._held(kind, frames, target, tolerance, source, joint))
        return tuple(goals)

    def goals_on(
        self, motion: Motion, source: int = 0, beside: Beside = NOTHING
    ) -> tuple[Goal, ...]:
        """Return the goals, at the motion's own place unless another constraint pins it."""
        goals = self.goals(Clip.of(motion), source, beside)
        frames = self.interval.frame_numbers(Clip.of(motion))
        start, joint = int(frames[0]), motion.skeleton.index(self.joint)
        there = {
            "joint_position": motion.joint_positions,
            "joint_rotation": motion.global_rotations,
        }
        known = {goal.kind for goal in goals}
        return goals + tuple(
            self._held(kind, frames, there[kind][start, joint], tolerance, source, joint)
            for kind, tolerance in self._kinds
            if kind not in known
        )

    @property
    def _kinds(self) -> tuple[_Kind, ...]:
        """What is held, each with its tolerance."""
        position: _Kind = ("joint_position", self.tolerance)
        rotation: _Kind = ("joint_rotation", self.rotation_tolerance)
        return (position, rotation) if self.rotation else (position,)

    def _held(
        self,
        kind: GoalKind,
        frames: Int[Tensor, " pins"],
        target: Float[Tensor, "*value"],
        tolerance: float | int | None,
        source: int,
        joint: int,
    ) -> Goal:
        same = target.expand(len(frames), *target.shape)
        return self.goal(kind, frames, same, source=source, joint=joint, tolerance=tolerance)


def _pinned(
    beside: Beside, kind: GoalKind, joint: int, frames: Int[Tensor, " pins"]
) -> Float[Tensor, "*value"] | None:
    """Target of the first pin of a quantity inside of ``frames``, or None."""
    found = beside.earliest(kind, joint)
    if found is None:
        return None
    numbers, targets = found
    row = int(torch.searchsorted(numbers, frames[0]))
    return targets[row] if row < len(numbers) and numbers[row] <= frames[-1] else None
