"""Projection: the motion nearest to a given one that a robot's hinges and limits allow.

A motion of the robot's skeleton that a network made turns joints a little across their hinges and
beyond their limits. Taking each joint's twist and cutting it off at the limit moves all that hangs
on the joint; here the other hinges and the root give way so that the joints' positions change as
little as possible. Frames that the robot can make pass bit for bit, and since the distance of a
frame to what is possible changes without jumps, so does the result.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.motion import Motion
from marey.motion.robot_motion import EXACT, RobotMotion, twists
from marey.robots.fitting import Goal, fit, joint_points, put, take
from marey.skeleton.robot import Robot

STIFFNESS = 0.01
"""Metres of position error that a radian away from the twist weighs as much as."""


@dataclass(frozen=True, kw_only=True)
class HingeReport:
    """What a hinge could not do."""

    frames_beyond: float
    """Share of the frames in which the twist lies outside the limits."""
    most_beyond: float
    """Radians."""
    most_off_axis: float
    """Largest rotation across the hinge, radians."""


@dataclass(frozen=True, kw_only=True)
class ProjectionReport:
    """What a projection changed; distances are between positions of joints, in metres."""

    frames: int
    frames_changed: int
    """Frames that the robot cannot make as they were."""
    hinges: dict[str, HingeReport]
    """Hinges that were asked for what they cannot do."""
    clamped_mean: float
    """Error where every twist is cut off at its limit."""
    clamped_max: float
    projected_mean: float
    """Error of the projection."""
    projected_max: float
    twist_speed: float
    """Highest speed of a hinge with every twist as it was, radians per second."""
    projected_speed: float


@dataclass(frozen=True, kw_only=True)
class Projected:
    """A motion that the robot can make, and what it cost."""

    motion: RobotMotion
    report: ProjectionReport


def project_motion(motion: Motion | RobotMotion, robot: Robot) -> Projected:
    """Bring a motion of the robot's skeleton into its hinges and limits.

    The limits are never violated. Angles beyond them by less than rounding are cut off. Raises
    InvalidInputError for another skeleton.
    """
    if isinstance(motion, RobotMotion):
        turned = motion
        rest = torch.zeros(motion.num_frames, robot.skeleton.num_joints).double()
        places = motion.joint_positions
    else:
        turned, rest = twists(motion, robot)
        places = motion.joint_positions.double()
    impossible = _impossible(turned, rest)
    clamped = turned.clamped()
    result = clamped
    if bool(impossible.any()):
        result = put(clamped, impossible, _nearest(clamped, turned, places, impossible))
    report = _report(turned, rest, places, clamped=clamped, projected=result)
    return Projected(motion=result, report=report)


def _impossible(
    turned: RobotMotion, rest: Float[Tensor, "frames joints"]
) -> Bool[Tensor, " frames"]:
    return (turned.excess.amax(-1) > EXACT) | (rest.amax(-1) > EXACT)


def _nearest(
    clamped: RobotMotion,
    turned: RobotMotion,
    places: Float[Tensor, "frames joints 3"],
    which: Bool[Tensor, " frames"],
) -> RobotMotion:
    robot, count = clamped.robot, int(which.sum())
    goal = Goal(
        points=joint_points(range(robot.skeleton.num_joints)),
        targets=places[which],
        weights=torch.ones(count, robot.skeleton.num_joints).double(),
        prior=turned.angles[which],
        stiffness=torch.full((count, robot.num_hinges), STIFFNESS).double(),
    )
    return fit(take(clamped, which), goal)


def _report(
    turned: RobotMotion,
    rest: Float[Tensor, "frames joints"],
    places: Float[Tensor, "frames joints 3"],
    *,
    clamped: RobotMotion,
    projected: RobotMotion,
) -> ProjectionReport:
    robot, excess = turned.robot, turned.excess
    off_axis = rest[:, list(robot.hinge_joints)]
    hinges = {
        name: HingeReport(
            frames_beyond=float((excess[:, k] > EXACT).double().mean()),
            most_beyond=float(excess[:, k].max()),
            most_off_axis=float(off_axis[:, k].max()),
        )
        for k, name in enumerate(robot.hinge_names)
        if float(excess[:, k].max()) > EXACT or float(off_axis[:, k].max()) > EXACT
    }
    before = (clamped.joint_positions - places).norm(dim=-1)
    after = (projected.joint_positions - places).norm(dim=-1)
    return ProjectionReport(
        frames=turned.num_frames,
        frames_changed=int(_impossible(turned, rest).sum()),
        hinges=hinges,
        clamped_mean=float(before.mean()),
        clamped_max=float(before.max()),
        projected_mean=float(after.mean()),
        projected_max=float(after.max()),
        twist_speed=_peak_speed(turned),
        projected_speed=_peak_speed(projected),
    )


def _peak_speed(motion: RobotMotion) -> float:
    speeds = motion.angles.diff(dim=0).abs() * motion.fps
    return float(speeds.max()) if len(speeds) else 0.0
