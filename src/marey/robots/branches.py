"""Branches: of several fits of each frame, the choice over time that jumps least.

A shoulder of three hinges can point an arm in two ways, and a fit ends in the one that it started
near; frame by frame that would make arms spin. Each limb is chosen on its own, by dynamic
programming over the frames.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from marey.motion.robot_motion import RobotMotion
from marey.robots.fitting import Goal
from marey.skeleton.robot import Robot

TURNING = 0.1
"""What a radian of turning between frames weighs: metres of error over a second."""


def steadiest(fits: Sequence[RobotMotion], goal: Goal) -> RobotMotion:
    """Return, limb by limb, the fits whose errors and turning are least over the whole motion.

    Errors are those of ``goal`` over time (square metres × seconds). Root and trunk are those of
    the first fit. A limb's points hang on its hinges; see ``_limbs``.
    """
    first = fits[0]
    angles = torch.stack([each.angles for each in fits])
    errors = torch.stack([_point_errors(each, goal) for each in fits])
    strain = (goal.stiffness * (angles - goal.prior)).square()
    chosen = first.angles.clone()
    for hinges, points in _limbs(first.robot, goal):
        price = (errors[..., points].sum(-1) + strain[..., hinges].sum(-1)) / first.fps
        path = _cheapest(price, angles[..., hinges])
        chosen[:, hinges] = angles[path, torch.arange(first.num_frames)][:, hinges]
    return replace(first, angles=chosen)


def _point_errors(motion: RobotMotion, goal: Goal) -> Float[Tensor, "frames points"]:
    places = goal.points.places(motion.joint_positions, motion.global_rotations)
    return goal.weights * (places - goal.targets).square().sum(-1)


def _limbs(robot: Robot, goal: Goal) -> list[tuple[list[int], list[int]]]:
    """Return the hinges and points of every limb: of arms and legs, by the skeleton's parts."""
    parts = robot.skeleton.parts
    rows = []
    for part in ("left_arm", "right_arm", "left_leg", "right_leg"):
        hinges = [k for k, joint in enumerate(robot.hinge_joints) if parts[joint] == part]
        points = [k for k, joint in enumerate(goal.points.joints) if parts[joint] == part]
        rows.append((hinges, points))
    return rows


def _cheapest(
    price: Float[Tensor, "fits frames"], angles: Float[Tensor, "fits frames hinges"]
) -> Int[Tensor, " frames"]:
    """Return which fit to take in each frame, by the Viterbi algorithm."""
    steps = angles[:, None, 1:] - angles[None, :, :-1]  # to, from
    turning = TURNING**2 * steps.square().sum(-1)
    total, origins = price[:, 0], []
    for frame in range(1, price.shape[1]):
        best = (total[None] + turning[:, :, frame - 1]).min(dim=1)
        total = best.values + price[:, frame]
        origins.append(best.indices)
    path = [int(total.argmin())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return torch.tensor(path[::-1])
