"""Retargeting to a robot: a person's motion as root path and hinge angles that it can make.

First the rotations are carried over to the robot's skeleton as if its joints were balls
(``marey.motion.retarget``: path and heights scale with the legs, limbs point as the source's do).
Then all hinges are fitted at once, inside their limits, to where that puts pelvis, trunk, elbows,
knees and hands, and to soles that stand flat and still where the source's feet touch.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from marey.motion import Motion, retarget
from marey.motion.robot_motion import RobotMotion
from marey.robots.branches import steadiest
from marey.robots.fitting import Goal, Points, fit
from marey.robots.foot_targets import SOLES, levelled, plan_sole, sole_corners
from marey.robots.smoothing import smoothed, top_speeds
from marey.skeleton import G1

_ARM, _UP = 0.1, 0.25
_BODY: tuple[tuple[str, tuple[float, float, float], float], ...] = (
    *(("pelvis_skel", offset, 1.0) for offset in ((_ARM, 0, 0), (-_ARM, 0, 0), (0, 0, _ARM))),
    *(("waist_pitch_skel", o, 0.5) for o in ((_ARM, _UP, 0), (-_ARM, _UP, 0), (0, _UP, _ARM))),
    *((f"{side}_knee_skel", (0, 0, 0), 0.5) for side in ("left", "right")),
    *((f"{side}_elbow_skel", (0, 0, 0), 1.0) for side in ("left", "right")),
    *((f"{side}_wrist_yaw_skel", (0, 0, 0), 3.0) for side in ("left", "right")),
    *((f"{side}_hand_roll_skel", (0, 0, 0), 1.0) for side in ("left", "right")),
    *((f"{side}_wrist_yaw_skel", (_ARM, 0, 0), 0.1) for side in ("left", "right")),
)
"""Points of the body that are fitted: joint, offset in its frame (metres), weight."""
_ARMS = ((0.0, 0.2), (-1.5, 0.2), (-2.8, 0.2), (0.0, 1.8))
"""Pitch and roll of the shoulders that fits start from, radians: arms down, ahead, up, aside."""
_FLIP = 15.0
"""A hinge that turns faster goes from one way to hold an arm to another; radians per second."""
_SHIFTS = (12, 12, 4, 4)
"""Frames over which a way to hold an arm is offered to its neighbours then, round by round."""
_CLEARANCE = 0.03
"""Height above the ground that knees, elbows and hands aim for at least, metres."""
_SOLE_WEIGHT = 4.0
_CONTACT_HEIGHT, _CONTACT_SPEED = 0.05, 0.25
"""An end of a sole that is lower and slower touches the ground; metres, metres per second."""
_STIFFNESS = 0.03
"""Metres of error that a radian away from the smoothed angles weighs as much as, at rest."""
_HASTE = 6.0
"""Speed at which a hinge is twice as stiff, radians per second."""
_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class RobotRetargetReport:
    """How near the robot came; distances in metres, from places scaled to its size."""

    scale: float
    """Factor by which path and heights were scaled: the ratio of the leg lengths."""
    hands_mean: float
    hands_max: float
    """Of the wrists, from where they are with the source's arm directions and free joints, but
    not in the ground."""
    elbows_mean: float
    elbows_max: float
    soles_mean: float
    soles_max: float
    """Of the soles' corners, from where they were planned."""
    touching: float
    """Share of the frames in which a foot touches the ground; the ground is at height 0."""
    skate_before: float
    """Mean speed over the ground of the ends of the soles that touch, as if the robot's joints
    were balls; metres per second."""
    skate_after: float
    """The same with hinges, on soles that were planned to stand still."""
    lowest: float
    """Lowest point of a sole above the ground; negative if a foot sinks in, metres."""
    at_limits: dict[str, float]
    """Share of frames in which a hinge stands at one of its limits, for those that do."""


@dataclass(frozen=True, kw_only=True)
class RobotRetargeted:
    """A motion on the robot, and how it came there."""

    motion: RobotMotion
    report: RobotRetargetReport


def retarget_to_robot(motion: Motion, *, level: bool = False) -> RobotRetargeted:
    """Return a motion of any body with hips, heels and hands on the Unitree G1.

    No angle leaves its limits, and no corner of a sole sinks into the ground. Feet stand where
    ``motion.contacts`` say so, or else where heights and speeds do; the ground is at height 0.
    ``level=True`` takes the lowest sole within a second for the ground, which drift of a capture
    may have moved, and which then makes stairs flat. Raises InvalidInputError for a skeleton whose
    joints cannot be matched.
    """
    result = retarget(motion, G1.skeleton)
    moved = levelled(result.motion) if level else result.motion
    contacts = _contacts(motion, moved)
    soles = [
        plan_sole(
            sole,
            moved.joint_positions[:, sole.joint].double(),
            moved.global_rotations[:, sole.joint].double(),
            contacts[:, 2 * side : 2 * side + 2],
            fps=motion.fps,
        )
        for side, sole in enumerate(SOLES)
    ]
    goal = _goal(moved, torch.cat(soles, dim=1))
    fitted = _lifted(_fitted(_start(moved), goal))
    report = _report(moved, fitted, goal, contacts, scale=result.report.scale)
    return RobotRetargeted(motion=fitted, report=report)


def _contacts(motion: Motion, moved: Motion) -> Bool[Tensor, "frames 4"]:
    """Return the motion's own contacts, or find them by the soles on the robot's skeleton."""
    if motion.contacts is not None:
        return motion.contacts
    ends = _sole_ends(moved)
    steps = pad(ends.diff(dim=0).norm(dim=-1) * moved.fps, (0, 0, 0, 1), value=math.inf)
    steps[-1] = steps[-2] if len(steps) > 1 else 0.0
    return (ends[..., 1] < _CONTACT_HEIGHT) & (steps < _CONTACT_SPEED)


def _sole_ends(motion: Motion | RobotMotion) -> Float[Tensor, "frames 4 3"]:
    """Return left heel, left toe, right heel, right toe of the soles, metres."""
    return sole_corners(motion).double().unflatten(1, (4, 2)).mean(2)


def _goal(moved: Motion, soles: Float[Tensor, "frames corners 3"]) -> Goal:
    """Return the goal of all points: those of the body as they moved, the soles as planned."""
    skeleton = G1.skeleton
    body = Points(
        joints=tuple(skeleton.index(joint) for joint, _, _ in _BODY),
        offsets=torch.tensor([offset for _, offset, _ in _BODY]).double(),
    )
    points = Points(
        joints=(*body.joints, *(sole.joint for sole in SOLES for _ in sole.corners)),
        offsets=torch.cat((body.offsets, *(sole.corners for sole in SOLES))),
    )
    places = body.places(moved.joint_positions.double(), moved.global_rotations.double())
    parts = [skeleton.parts[skeleton.index(joint)] for joint, _, _ in _BODY]
    limbs = [k for k, part in enumerate(parts) if part != "torso"]
    places[:, limbs, 1] = places[:, limbs, 1].clamp(min=_CLEARANCE)
    targets = torch.cat((places, soles), dim=1)
    weights = [*(weight for _, _, weight in _BODY), *[_SOLE_WEIGHT] * soles.shape[1]]
    return Goal(
        points=points,
        targets=targets,
        weights=torch.tensor(weights).double().expand(len(targets), -1),
        prior=torch.zeros(len(targets), G1.num_hinges).double(),
        stiffness=torch.full((len(targets), G1.num_hinges), _STIFFNESS).double(),
    )


def _start(moved: Motion) -> RobotMotion:
    return RobotMotion(
        root_positions=moved.root_positions.double(),
        root_rotations=moved.local_rotations[:, 0].double(),
        angles=torch.zeros(moved.num_frames, G1.num_hinges).double(),
        fps=moved.fps,
        robot=G1,
        metadata=moved.metadata,
    )


def _fitted(motion: RobotMotion, goal: Goal) -> RobotMotion:
    """Fit in rounds, each kept to the smoothed angles of the one before, so that none jumps."""
    motion = steadiest([_roughly(start, goal) for start in _starts(motion)], goal)
    for frames in _SHIFTS:
        if float(top_speeds(motion).max()) < _FLIP:
            break
        shifted = [_shifted(motion, step) for step in (-frames, frames)]
        motion = steadiest([motion, *(_roughly(start, goal) for start in shifted)], goal)
    for _ in range(_ROUNDS):
        prior = smoothed(motion)
        stiff = _STIFFNESS * (1 + (top_speeds(motion) / _HASTE) ** 2)
        smooth = replace(goal, prior=prior, stiffness=stiff)
        motion = fit(replace(motion, angles=prior), smooth, iterations=20, tolerance=1e-5)
    return motion


def _starts(motion: RobotMotion) -> list[RobotMotion]:
    """Return the motion with its arms in poses from which a fit ends in one way or another."""
    starts = []
    for pitch, roll in _ARMS:
        angles = motion.angles.clone()
        for side, sign in (("left", 1.0), ("right", -1.0)):
            angles[:, G1.hinge_names.index(f"{side}_shoulder_pitch_joint")] = pitch
            angles[:, G1.hinge_names.index(f"{side}_shoulder_roll_joint")] = sign * roll
        starts.append(replace(motion, angles=angles))
    return starts


def _roughly(start: RobotMotion, goal: Goal) -> RobotMotion:
    return fit(start, goal, iterations=20, tolerance=1e-3)


def _shifted(motion: RobotMotion, frames: int) -> RobotMotion:
    """Give every frame the angles that the motion has some frames earlier, or later if negative."""
    places = (torch.arange(motion.num_frames) - frames).clamp(0, motion.num_frames - 1)
    return replace(motion, angles=motion.angles[places])


def _lifted(motion: RobotMotion) -> RobotMotion:
    """Raise the robot in frames in which a corner of a sole would lie below the ground."""
    sunk = (-sole_corners(motion)[..., 1].amin(-1)).clamp(min=0)
    root = motion.root_positions.clone()
    root[:, 1] += sunk
    return replace(motion, root_positions=root)


def _report(
    moved: Motion,
    fitted: RobotMotion,
    goal: Goal,
    contacts: Bool[Tensor, "frames 4"],
    *,
    scale: float,
) -> RobotRetargetReport:
    places = goal.points.places(fitted.joint_positions, fitted.global_rotations)
    errors = (places - goal.targets).norm(dim=-1)
    wrists, elbows = _points_of("wrist"), _points_of("elbow")
    soles = errors[:, len(_BODY) :]
    ends = _sole_ends(fitted)
    feet = _sole_ends(moved)
    angles = fitted.angles
    touched = ((angles <= G1.lower) | (angles >= G1.upper)).double().mean(0)
    return RobotRetargetReport(
        scale=scale,
        hands_mean=float(errors[:, wrists].mean()),
        hands_max=float(errors[:, wrists].max()),
        elbows_mean=float(errors[:, elbows].mean()),
        elbows_max=float(errors[:, elbows].max()),
        soles_mean=float(soles.mean()),
        soles_max=float(soles.max()),
        touching=float(contacts.any(-1).double().mean()),
        skate_before=_skate(feet, contacts, moved.fps),
        skate_after=_skate(ends, contacts, moved.fps),
        lowest=float(sole_corners(fitted)[..., 1].min()),
        at_limits={
            name: float(share) for name, share in zip(G1.hinge_names, touched, strict=True) if share
        },
    )


def _points_of(word: str) -> list[int]:
    """Return the points of the body at joints with a word in their names."""
    return [k for k, (joint, offset, _) in enumerate(_BODY) if word in joint and not any(offset)]


def _skate(
    feet: Float[Tensor, "frames 4 3"], contacts: Bool[Tensor, "frames 4"], fps: float
) -> float:
    """Mean horizontal speed of feet in frames in which they touch and in the next one do too."""
    steps = feet[..., [0, 2]].diff(dim=0).norm(dim=-1) * fps
    standing = contacts[1:] & contacts[:-1]
    return float(steps[standing].mean()) if bool(standing.any()) else 0.0
