"""Quaternion order: whether a robot's file was read in the order that it was written in.

``wxyz`` and ``xyzw`` hold the same kind of numbers. Read in the wrong order, turning and leaning
change places, so that the robot stands on its head or leans as it turns and its feet leave the
ground.
"""

import torch

from marey.io.mujoco_csv import Quaternions, from_qpos, to_qpos
from marey.motion.robot_motion import RobotMotion
from marey.robots.foot_targets import sole_corners

_UPRIGHT = 0.5
"""Difference of the mean cosine of the root's lean that decides; below it the feet do."""
_UNSTEADY = 0.01
"""Mean distance of the lower sole from its usual height that is more than noise, metres."""


def likelier_order(motion: RobotMotion, stated: Quaternions) -> Quaternions | None:
    """Return the other order if the robot stands better in it than as read in the ``stated`` one.

    That is a hint: motions on the ground may be misjudged, and a robot that stands and faces
    ahead looks much the same in both.
    """
    other: Quaternions = "xyzw" if stated == "wxyz" else "wxyz"
    poses = to_qpos(motion)
    poses[:, 3:7] = poses[:, [6, 3, 4, 5] if stated == "wxyz" else [4, 5, 6, 3]]
    swapped = from_qpos(poses, robot=motion.robot, fps=motion.fps)
    gain = _uprightness(swapped) - _uprightness(motion)
    if abs(gain) > _UPRIGHT:
        return other if gain > 0 else None
    unsteady = _unsteadiness(motion)
    return other if unsteady > max(_UNSTEADY, 2 * _unsteadiness(swapped)) else None


def _uprightness(motion: RobotMotion) -> float:
    return float(motion.root_rotations[:, 1, 1].mean())


def _unsteadiness(motion: RobotMotion) -> float:
    lowest = sole_corners(motion)[..., 1].amin(-1)
    return float((lowest - torch.median(lowest)).abs().mean())
