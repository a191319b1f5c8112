"""Up: whether a BVH file that was read as Y up plainly has Z up."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from marey import skeleton as kinematics
from marey.motion import Motion

ALONG, SHARE = 0.8, 0.9
"""Cosine of the body's length with an axis along which it lies, and the share of the frames."""
_NEEDED = ("left_hip", "right_hip", "left_heel", "right_heel")


def is_z_up(motion: Motion) -> bool:
    """Say whether a body stands along Z nearly all the time, and along Z or X in its rest pose.

    Its length is that from the heels to the hips, and on to the head where the skeleton names one;
    a body that only lies down has a rest pose that stands along Y. False where roles are missing.
    """
    roles = motion.skeleton.roles
    if not all(getattr(roles, role) for role in _NEEDED):
        return False
    rest = kinematics.joint_positions(
        torch.zeros(1, 3), torch.eye(3).repeat(1, motion.skeleton.num_joints, 1, 1), motion.skeleton
    )
    y_in_rest, z = _along(rest, motion)[..., 1], _along(motion.joint_positions, motion)[..., 2]
    return bool((y_in_rest < ALONG).any() and (z >= ALONG).all(0).float().mean() >= SHARE)


def _along(places: Tensor, motion: Motion) -> Tensor:
    """Directions of the legs and, with a head, of the trunk, [2, frames, 3]."""
    held = {role: places[:, motion.skeleton.role(role)] for role in _NEEDED}
    hips = (held["left_hip"] + held["right_hip"]) / 2
    lengths = [hips - (held["left_heel"] + held["right_heel"]) / 2]
    if motion.skeleton.roles.head:
        lengths.append(places[:, motion.skeleton.role("head")] - hips)
    return normalize(torch.stack(lengths), dim=-1)
