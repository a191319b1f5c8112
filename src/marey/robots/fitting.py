"""Fitting: root and hinge angles that bring points of a robot to their places, inside its limits.

Each frame on its own minimises ``Σ weight · |point − target|² + stiffness² · |angle − prior|²``
over root position, root rotation and the angles, which stay within the robot's limits: damped
Gauss–Newton steps (Levenberg–Marquardt) over the angles that are not held by a limit, projected
onto the limits. A step is only taken where it lowers the sum, so that the result is never worse
than the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from marey import rotations
from marey.motion.joint_matching import path_to
from marey.motion.robot_motion import RobotMotion
from marey.skeleton.robot import Robot

_CHUNK = 256  # frames at once: bounds the memory of the Jacobians to some tens of megabytes
_DAMPING = (1e-6, 1e8)
_ROOT = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Points fixed to joints of a skeleton."""

    joints: tuple[int, ...]
    offsets: Float[Tensor, "points 3"]
    """In the frames of the joints, metres."""

    def places(
        self,
        joint_positions: Float[Tensor, "frames joints 3"],
        global_rotations: Float[Tensor, "frames joints 3 3"],
    ) -> Float[Tensor, "frames points 3"]:
        """Return where the points are in the world, metres."""
        joints = list(self.joints)
        turned = global_rotations[:, joints] @ self.offsets.to(global_rotations)[:, :, None]
        return joint_positions[:, joints] + turned.squeeze(-1)


def joint_points(joints: Sequence[int]) -> Points:
    """Return the joints themselves as points."""
    return Points(joints=tuple(joints), offsets=torch.zeros(len(joints), 3).double())


@dataclass(frozen=True, kw_only=True, eq=False)
class Goal:
    """Where the points should be, and what the angles should be like otherwise; float64."""

    points: Points
    targets: Float[Tensor, "frames points 3"]
    """World positions, metres."""
    weights: Float[Tensor, "frames points"]
    prior: Float[Tensor, "frames hinges"]
    """Angles that are kept to where the points leave a choice, radians."""
    stiffness: Float[Tensor, "frames hinges"]
    """Metres of error that a radian away from the prior weighs as much as."""

    def part(self, frames: Shaped[Tensor, " chosen"]) -> "Goal":
        """Return the goal of some frames."""
        return replace(
            self,
            targets=self.targets[frames],
            weights=self.weights[frames],
            prior=self.prior[frames],
            stiffness=self.stiffness[frames],
        )


def fit(
    start: RobotMotion, goal: Goal, *, iterations: int = 40, tolerance: float = 1e-6
) -> RobotMotion:
    """Return the motion that reaches the goal best, from the clamped ``start``.

    A frame is done when its step is shorter than ``tolerance`` (metres and radians). All angles of
    the result lie within the limits.
    """
    start = start.clamped()
    pieces = [
        _fit(take(start, frames), goal.part(frames), iterations, tolerance)
        for frames in torch.arange(start.num_frames).split(_CHUNK)
    ]
    return replace(
        start,
        root_positions=torch.cat([piece.root_positions for piece in pieces]),
        root_rotations=torch.cat([piece.root_rotations for piece in pieces]),
        angles=torch.cat([piece.angles for piece in pieces]),
    )


def take(motion: RobotMotion, frames: Shaped[Tensor, " chosen"]) -> RobotMotion:
    """Return some frames, by index or mask."""
    return replace(
        motion,
        root_positions=motion.root_positions[frames],
        root_rotations=motion.root_rotations[frames],
        angles=motion.angles[frames],
    )


def put(motion: RobotMotion, frames: Shaped[Tensor, " chosen"], values: RobotMotion) -> RobotMotion:
    """Return ``motion`` with some frames, by index or mask, replaced."""
    return replace(
        motion,
        root_positions=motion.root_positions.index_put((frames,), values.root_positions),
        root_rotations=motion.root_rotations.index_put((frames,), values.root_rotations),
        angles=motion.angles.index_put((frames,), values.angles),
    )


def cost(motion: RobotMotion, goal: Goal) -> Float[Tensor, " frames"]:
    """Return the sum that ``fit`` minimises, for each frame; square metres."""
    off = goal.points.places(motion.joint_positions, motion.global_rotations) - goal.targets
    strain = goal.stiffness * (motion.angles - goal.prior)
    return (goal.weights * off.square().sum(-1)).sum(-1) + strain.square().sum(-1)


def _fit(motion: RobotMotion, goal: Goal, iterations: int, tolerance: float) -> RobotMotion:
    damping = torch.full((motion.num_frames,), 1e-3).double()
    moved = _moved_by(motion.robot, goal.points)
    now = cost(motion, goal)
    busy = torch.arange(motion.num_frames)
    for _ in range(iterations):
        part, aim = take(motion, busy), goal.part(busy)
        gradient, curvature = _linearised(part, aim, moved)
        step = _step(part, gradient, curvature, damping[busy])
        tried = _stepped(part, step)
        then = cost(tried, aim)
        better = then < now[busy]
        if bool(better.any()):
            motion = put(motion, busy[better], take(tried, better))
        now[busy] = torch.where(better, then, now[busy])
        damping[busy] *= torch.where(better, 1 / 3, 5.0)
        damping.clamp_(*_DAMPING)
        short = step.abs().amax(-1) < tolerance
        busy = busy[~short]
        if not len(busy):
            break
    return motion


def _moved_by(robot: Robot, points: Points) -> Bool[Tensor, "hinges points"]:
    """Tell which points a hinge moves: those of its joint and of all that hang on it."""
    carried = [path_to(robot.skeleton, joint) for joint in points.joints]
    rows = [[hinge in above for above in carried] for hinge in robot.hinge_joints]
    return torch.tensor(rows)


def _linearised(
    motion: RobotMotion, goal: Goal, moved: Bool[Tensor, "hinges points"]
) -> tuple[Float[Tensor, "frames free"], Float[Tensor, "frames free free"]]:
    """Return half the gradient and the Gauss–Newton matrix, of root path, root turn and angles."""
    robot, joints = motion.robot, list(motion.robot.hinge_joints)
    places = goal.points.places(motion.joint_positions, motion.global_rotations)
    frames, points = places.shape[:2]
    axes = (motion.global_rotations[:, joints] @ robot.axes[:, :, None]).squeeze(-1)
    arms = places[:, None] - motion.joint_positions[:, joints, None]
    turns = torch.linalg.cross(axes[:, :, None].expand_as(arms), arms) * moved[:, :, None]
    identity = torch.eye(3).double()
    shifts = identity[None, :, None].expand(frames, 3, points, 3)
    around = (places - motion.root_positions[:, None])[:, None].expand(frames, 3, points, 3)
    spins = torch.linalg.cross(identity[None, :, None].expand_as(around), around)
    scale = goal.weights.sqrt()[:, None, :, None]
    jacobian = (torch.cat((shifts, spins, turns), dim=1) * scale).flatten(2)
    residual = ((places - goal.targets) * scale[:, 0]).flatten(1)
    gradient = (jacobian @ residual[:, :, None]).squeeze(-1)
    curvature = jacobian @ jacobian.transpose(-1, -2)
    gradient[:, _ROOT:] += goal.stiffness.square() * (motion.angles - goal.prior)
    curvature.diagonal(dim1=-2, dim2=-1)[:, _ROOT:] += goal.stiffness.square()
    return gradient, curvature


def _step(
    motion: RobotMotion,
    gradient: Float[Tensor, "frames free"],
    curvature: Float[Tensor, "frames free free"],
    damping: Float[Tensor, " frames"],
) -> Float[Tensor, "frames free"]:
    """Solve for the damped step; angles at a limit that they would leave stay."""
    robot, inward = motion.robot, gradient[:, _ROOT:]
    held = torch.zeros_like(gradient, dtype=torch.bool)
    held[:, _ROOT:] = ((motion.angles <= robot.lower) & (inward > 0)) | (
        (motion.angles >= robot.upper) & (inward < 0)
    )
    free = (~held).to(gradient)
    matrix = curvature * free[:, :, None] * free[:, None, :]
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    diagonal += damping[:, None] * (diagonal + 1e-4) + held.to(gradient)
    return -torch.linalg.solve(matrix, gradient * free)


def _stepped(motion: RobotMotion, step: Float[Tensor, "frames free"]) -> RobotMotion:
    turn = rotations.rotation_vector_to_matrix(step[:, 3:_ROOT])
    return replace(
        motion,
        root_positions=motion.root_positions + step[:, :3],
        root_rotations=turn @ motion.root_rotations,
        angles=motion.angles + step[:, _ROOT:],
    ).clamped()
