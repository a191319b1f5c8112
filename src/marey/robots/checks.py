"""Checks: what a motion asks of a robot's hinges, beside what they can do.

Nothing is changed. Speeds are those of steps between frames, accelerations those of steps between
speeds. The robot's table holds limits of angles only; those of speeds and accelerations depend on
motors, gears and controllers, so they are the user's to give.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from marey.errors import FileFormatError, InvalidInputError
from marey.motion.robot_motion import RobotMotion
from marey.robots.foot_targets import sole_corners
from marey.skeleton import G1
from marey.skeleton.robot import Robot

_FEET = ("ankle", "toe")
_OTHERS = [
    k for k, name in enumerate(G1.skeleton.joint_names) if not any(foot in name for foot in _FEET)
]
_SUNK = 0.005  # of a sole's corner below the ground: rounding and soft floors, metres


@dataclass(frozen=True, kw_only=True)
class HingeLimits:
    """Highest speeds and accelerations of hinges by name; hinges that are not named have none."""

    velocity: Mapping[str, float] = field(default_factory=dict)
    """Radians per second."""
    acceleration: Mapping[str, float] = field(default_factory=dict)
    """Radians per second squared."""


@dataclass(frozen=True, kw_only=True)
class HingeCheck:
    """What a motion asks of one hinge; radians and seconds."""

    lowest: float
    highest: float
    frames_beyond: float
    """Share of the frames with an angle outside the limits."""
    most_beyond: float
    """How far the angle lies outside at most."""
    velocity: float
    """Highest speed."""
    too_fast: float
    """Share of the steps above the speed limit; 0 where none was given."""
    acceleration: float
    too_sudden: float
    """Share of the steps above the limit of acceleration; 0 where none was given."""


@dataclass(frozen=True, kw_only=True)
class RobotCheck:
    """What a motion asks of a robot."""

    frames: int
    fps: float
    hinges: dict[str, HingeCheck]
    lowest_sole: float
    """Lowest height of a corner of a sole, metres."""
    lowest_joint: str
    """The joint that comes lowest, feet aside."""
    lowest_height: float
    """Its height then, metres: hands, knees and elbows are some centimetres thick."""
    frames_sunk: float
    """Share of the frames in which a corner lies more than 5 mm below the ground."""

    @property
    def passes(self) -> bool:
        """Whether angles, speeds and accelerations keep their limits, and feet the ground."""
        rows = self.hinges.values()
        kept = all(not (row.most_beyond or row.too_fast or row.too_sudden) for row in rows)
        return kept and not self.frames_sunk


def check_motion(motion: RobotMotion, *, limits: HingeLimits | None = None) -> RobotCheck:
    """Report angles, speeds and accelerations of every hinge, and how the feet meet the ground.

    Raises InvalidInputError for limits of hinges that the robot does not have.
    """
    limits = limits or HingeLimits()
    robot, excess = motion.robot, motion.excess
    velocity = motion.angles.diff(dim=0).abs() * motion.fps
    acceleration = motion.angles.diff(dim=0, n=2).abs() * motion.fps**2
    fastest = _by_hinge(limits.velocity, robot)
    most_sudden = _by_hinge(limits.acceleration, robot)
    hinges = {
        name: HingeCheck(
            lowest=float(motion.angles[:, k].min()),
            highest=float(motion.angles[:, k].max()),
            frames_beyond=float((excess[:, k] > 0).double().mean()),
            most_beyond=float(excess[:, k].max()),
            velocity=_highest(velocity[:, k]),
            too_fast=_share_above(velocity[:, k], fastest[k]),
            acceleration=_highest(acceleration[:, k]),
            too_sudden=_share_above(acceleration[:, k], most_sudden[k]),
        )
        for k, name in enumerate(robot.hinge_names)
    }
    heights = sole_corners(motion)[..., 1].amin(-1)
    lowest = motion.joint_positions[:, _OTHERS, 1].amin(0)
    return RobotCheck(
        frames=motion.num_frames,
        fps=motion.fps,
        hinges=hinges,
        lowest_sole=float(heights.min()),
        lowest_joint=robot.skeleton.joint_names[_OTHERS[int(lowest.argmin())]],
        lowest_height=float(lowest.min()),
        frames_sunk=float((heights < -_SUNK).double().mean()),
    )


def read_hinge_limits(path: str | Path, robot: Robot) -> HingeLimits:
    """Read limits from JSON: ``{"velocity": 20, "acceleration": {"left_knee_joint": 300, …}}``.

    A number holds for all hinges, an object names them; both keys may be left out. Raises
    FileFormatError for anything else.
    """
    path = Path(path)
    fix = 'Write {"velocity": 20} or {"velocity": {"left_knee_joint": 20}}; radians and seconds.'
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(path, "file", expected="JSON", got=str(error), fix=fix) from error
    keys = ("velocity", "acceleration")
    if not isinstance(content, dict) or set(content) - set(keys):
        got = ", ".join(content) if isinstance(content, dict) else type(content).__name__
        expected = f"an object with {' and '.join(keys)}"
        raise FileFormatError(path, "file", expected=expected, got=got, fix=fix)
    rows = {key: _limits(path, key, content.get(key, {}), robot) for key in keys}
    return HingeLimits(velocity=rows["velocity"], acceleration=rows["acceleration"])


def _limits(path: Path, key: str, value: Any, robot: Robot) -> dict[str, float]:
    rows: dict[str, Any] = (
        value if isinstance(value, dict) else dict.fromkeys(robot.hinge_names, value)
    )
    for name, limit in rows.items():
        if name not in robot.hinge_names or not _is_positive(limit):
            raise FileFormatError(
                path,
                key,
                expected="positive numbers by names of hinges",
                got=f"{name!r}: {limit!r}"[:100],
                fix=f"The hinges are {', '.join(robot.hinge_names)}.",
            )
    return {name: float(limit) for name, limit in rows.items()}


def _is_positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < math.inf


def _by_hinge(limits: Mapping[str, float], robot: Robot) -> list[float]:
    unknown = sorted(set(limits) - set(robot.hinge_names))
    if unknown:
        raise InvalidInputError(
            f"Expected limits of hinges of {robot.name!r}, got {', '.join(unknown)}; its hinges "
            f"are {', '.join(robot.hinge_names)}."
        )
    return [limits.get(name, math.inf) for name in robot.hinge_names]


def _highest(values: Float[Tensor, " samples"]) -> float:
    return float(values.max()) if len(values) else 0.0


def _share_above(values: Float[Tensor, " samples"], limit: float) -> float:
    return float((values > limit).double().mean()) if len(values) else 0.0
