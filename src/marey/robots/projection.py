"""Projection: the motion nearest to a given one that a robot's hinges and limits allow.

A motion of the robot's skeleton that a network made turns joints a little across their hinges and
beyond their limits. Taking each joint's twist and cutting it off at the limit moves all that hangs
on the joint; here the other hinges and the root give way so that the joints' positions change as
little as possible. Frames that the robot can make pass bit for bit.

The nearest pose of each frame on its own may jump from one to the next: far outside the limits two
poses of a limb can be as near. There hinges are kept to their smoothed angles as well. That makes
them about as fast as their twists; of motions that leave the limits by far, some stay faster.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.motion import Motion
from marey.motion.robot_motion import EXACT, RobotMotion, twists
from marey.robots.fitting import Goal, fit, joint_points, put, take
from marey.robots.smoothing import smoothed, top_speeds
from marey.skeleton.robot import Robot

STIFFNESS = 0.01
"""Metres of position error that a radian away from the twist weighs as much as."""
_HASTE = 1.0
"""Haste at which the smoothed angles pull as much as the twist does, radians per second."""
_ROUNDS = 6


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
        result = _nearest(clamped, turned, places, impossible)
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
    """Fit the frames that the robot cannot make, each alone, then together where hinges haste.

    Haste is what a hinge is faster than its twist is nearby. It pulls the hinge to the angles
    smoothed over time, so that a motion without haste stays as frames fitted alone.
    """
    goal = _goal(turned, places)

    def fitted(start: RobotMotion, aim: Goal) -> RobotMotion:
        return put(clamped, which, fit(take(start, which), aim.part(which)))

    motion = fitted(clamped, goal)
    haste = _haste(motion, turned)
    for _ in range(_ROUNDS):
        if not bool(haste.any()):
            break
        smooth = smoothed(motion)
        start = replace(motion, angles=torch.where(haste > 0, smooth, motion.angles))
        motion = fitted(start, _pulled(goal, smooth, haste))
        haste = torch.maximum(haste, _haste(motion, turned))  # or what it mended would come back
    return motion


def _goal(turned: RobotMotion, places: Float[Tensor, "frames joints 3"]) -> Goal:
    frames, joints = places.shape[:2]
    return Goal(
        points=joint_points(range(joints)),
        targets=places,
        weights=torch.ones(frames, joints).double(),
        prior=turned.angles,
        stiffness=torch.full_like(turned.angles, STIFFNESS),
    )


def _haste(motion: RobotMotion, turned: RobotMotion) -> Float[Tensor, "frames hinges"]:
    return (top_speeds(motion) - top_speeds(turned)).clamp(min=0)


def _pulled(
    goal: Goal, smooth: Float[Tensor, "frames hinges"], haste: Float[Tensor, "frames hinges"]
) -> Goal:
    """Add a pull to smooth angles to that to the twists: the sum of both squares is a square."""
    pull = (STIFFNESS * haste / _HASTE).square()
    stiffness = goal.stiffness.square() + pull
    prior = torch.lerp(goal.prior, smooth, pull / stiffness)
    return replace(goal, prior=prior, stiffness=stiffness.sqrt())


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
