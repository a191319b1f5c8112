"""Standing: rigs whose rest pose is no T- or A-pose, because their bones have axes of their own."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.joint_matching import rest_positions, role_indices
from marey.motion.soles import rest_facing
from marey.rigs.doubts import folded
from marey.rigs.matching import match_rig
from marey.rigs.naming import shipped_namings
from marey.rigs.rig_map import RigMap
from marey.skeleton import Skeleton


def stands(skeleton: Skeleton) -> bool:
    """Return whether, in rest pose, a rig has its head above its hips and its feet below them.

    Above is the way from feet to head, whichever axis that is. True where these are not known.
    """
    return not folded(skeleton, _matched(skeleton).roles)


def _matched(skeleton: Skeleton) -> RigMap:
    """Match by the shipped namings only: what a file is read as must not depend on settings."""
    return match_rig(skeleton, known=list(shipped_namings().values()))


def standing_pose(motion: Motion) -> Float[Tensor, "joints 3 3"] | None:
    """Return the rotations with which the rig of a file stands; None if its rest pose does.

    That is the file's first frame, as exporters of bones with axes of their own begin with, turned
    about the body's long axis so that it faces along a coordinate axis. None, too, if the first
    frame does not stand either. Joints are known by the shipped namings, not by the user's own.
    """
    skeleton = motion.skeleton
    if stands(skeleton):
        return None
    rest = motion.local_rotations[0].clone()
    standing = stood_up(skeleton, rest)
    roles = _matched(standing).roles
    if folded(standing, roles):
        return None
    rest[0] = _facing_ahead(replace(standing, roles=roles)) @ rest[0]
    return rest


def upright(motion: Motion) -> Motion:
    """Return the same motion on a rig that stands in rest pose; itself if its own does.

    Joints are where they were; bones of the new rig have the world's axes in rest pose.
    """
    rest = standing_pose(motion)
    if rest is None:
        return motion
    standing = stood_up(motion.skeleton, rest)
    turned = motion.global_rotations @ stance(motion.skeleton, rest).transpose(-1, -2)
    local = kinematics.local_rotations(turned, standing)
    return replace(motion, local_rotations=local, skeleton=standing)


def _facing_ahead(skeleton: Skeleton) -> Float[Tensor, "3 3"]:
    """Return the turn about the body's long axis that lays its hips along a coordinate axis."""
    roles = role_indices(skeleton)
    if not {"left_hip", "right_hip"} <= roles.keys():
        return torch.eye(3)
    facing = rest_facing(skeleton, roles)
    rest = rest_positions(skeleton) @ facing
    across = rest[roles["left_hip"]] - rest[roles["right_hip"]]
    turn = rotations.yaw_matrix(-torch.atan2(-across[2], across[0]))
    return facing @ turn @ facing.T


def stood_up(skeleton: Skeleton, rest: Float[Tensor, "joints 3 3"]) -> Skeleton:
    """Return a rig whose rest pose, at identity rotations, is that of the local rotations ``rest``.

    Raises InvalidInputError if ``rest`` has not a rotation for each joint.
    """
    turned = stance(skeleton, rest)
    places = kinematics.joint_positions(torch.zeros(3), turned, skeleton)
    offsets = skeleton.rest_offsets.clone()
    offsets[1:] = places[1:] - places[list(skeleton.parents[1:])]
    tips = []
    for joint, tip in skeleton.end_sites:
        x, y, z = (turned[joint] @ torch.tensor(tip)).tolist()
        tips.append((joint, (x, y, z)))
    return replace(skeleton, rest_offsets=offsets, end_sites=tuple(tips))


def stance(skeleton: Skeleton, rest: Float[Tensor, "joints 3 3"]) -> Float[Tensor, "joints 3 3"]:
    """Return the global rotations of the pose in which a rig stands.

    Raises InvalidInputError if ``rest`` has not a rotation for each joint.
    """
    if tuple(rest.shape) != (skeleton.num_joints, 3, 3):
        raise InvalidInputError(
            f"rest: expected a rotation matrix for each of the {skeleton.num_joints} joints of "
            f"{skeleton.name!r}, got shape {tuple(rest.shape)}."
        )
    return kinematics.global_rotations(rest, skeleton)
