"""Standing: rigs whose rest pose is no T- or A-pose, because their bones have axes of their own."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.rigs.matching import match_rig
from marey.rigs.rig_map import RigMap
from marey.skeleton import Skeleton


def stands(skeleton: Skeleton, rig_map: RigMap | None = None) -> bool:
    """Return whether, in rest pose, a rig has its head above its hips and its feet below them.

    Above is the way from feet to head, whichever axis that is. True where these are not known.
    """
    found = match_rig(skeleton) if rig_map is None else rig_map
    return not any("does not stand" in warning for warning in found.warnings)


def standing_pose(motion: Motion) -> Float[Tensor, "joints 3 3"] | None:
    """Return the rotations with which the rig of a file stands; None if its rest pose does.

    That is the file's first frame, as exporters of bones with axes of their own begin with; its
    root is turned as in the file. None, too, if the first frame does not stand either.
    """
    skeleton = motion.skeleton
    if stands(skeleton):
        return None
    rest = motion.local_rotations[0]
    return rest if stands(stood_up(skeleton, rest)) else None


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
