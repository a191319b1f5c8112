"""FullBodyKeyframe: the whole body in some frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from marey.constraints.beside import NOTHING, Beside
from marey.constraints.clip import Clip
from marey.constraints.constraint import Constraint, require_number, source_frames
from marey.constraints.goal import DEFAULT_TOLERANCE, Goal
from marey.constraints.times import Times
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.path_smoothing import DEFAULT_MARGIN


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FullBodyKeyframe(Constraint):
    """Positions of all joints in some frames, with rotations and the root path where given.

    ``tolerance`` is that of positions, metres; the path is met by 6 cm more, the pelvis's sway.
    """

    times: Times
    joint_names: tuple[str, ...]
    positions: Float[Tensor, "keys joints 3"]
    """World positions, metres."""
    rotations: Float[Tensor, "keys joints 3 3"] | None = None
    """Global rotations."""
    root_path: Float[Tensor, "keys 2"] | None = None
    """x and z of the smoothed root path (see ``RootWaypoint``), which the pelvis sways around."""
    rotation_tolerance: float | int | None = None
    """Radians; None is 1°."""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = tuple(self.joint_names)
        object.__setattr__(self, "joint_names", names)
        if not names or len(set(names)) < len(names):
            raise InvalidInputError(
                f"joint_names: expected at least one name and none twice, got {names!s:.100}."
            )
        self.keep_array("positions", len(self.times), len(names), 3)
        if self.rotations is not None:
            self.keep_rotations("rotations", len(self.times), len(names))
        if self.root_path is not None:
            self.keep_array("root_path", len(self.times), 2)
        if self.rotation_tolerance is not None:
            require_number("rotation_tolerance", self.rotation_tolerance)

    def goals(self, clip: Clip, source: int = 0, beside: Beside = NOTHING) -> tuple[Goal, ...]:
        """Return a goal for each joint's position and rotation, and for the root path."""
        frames = self.times.frame_numbers(clip)
        joints = clip.skeleton.indices(self.joint_names)
        places = self.joint_goals(
            "joint_position",
            frames,
            self.positions,
            source=source,
            joints=joints,
            tolerance=self.tolerance,
        )
        goals = places
        if self.rotations is not None:
            turns = self.joint_goals(
                "joint_rotation",
                frames,
                self.rotations,
                source=source,
                joints=joints,
                tolerance=self.rotation_tolerance,
            )
            goals = [goal for pair in zip(places, turns, strict=True) for goal in pair]
        if self.root_path is not None:
            # The path says where the body goes; the pinned pelvis may sway about it.
            sway = DEFAULT_MARGIN + max(self.tolerance or 0.0, DEFAULT_TOLERANCE["root_path"])
            path = self.root_path
            goals.append(self.goal("root_path", frames, path, source=source, tolerance=sway))
        return tuple(goals)

    @classmethod
    def from_motion(
        cls,
        motion: Motion,
        frames: Sequence[int],
        *,
        rotations: bool = True,
        at: Sequence[int] | None = None,
    ) -> "FullBodyKeyframe":
        """Pin the poses of a motion, with its smoothed root path.

        ``at`` are the frames of the new clip they are to come at; None is the same as in
        ``motion``. Raises InvalidInputError for frames that the motion does not have.
        """
        rows = source_frames(motion, frames)
        path = motion.root_path
        return cls(
            times=Times(frames=tuple(rows if at is None else at)),
            joint_names=motion.skeleton.joint_names,
            positions=motion.joint_positions[rows],
            rotations=motion.global_rotations[rows] if rotations else None,
            root_path=path[rows],
        )
