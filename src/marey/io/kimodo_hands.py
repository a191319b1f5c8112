"""SOMA's fingers: from 30 to 77 joints with relaxed hands, and back.

Kimodo's networks move 30 joints and its files hold 77 [Rempe2026]. The other 47, all but two of
them fingers, stay in one pose; the pose here is marey's own, not Kimodo's.
"""

from dataclasses import replace
from math import radians

import torch
from jaxtyping import Float
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import SOMA30, SOMA77, Skeleton

_CURL = {"Index": (18, 26, 14), "Middle": (24, 31, 17), "Ring": (29, 34, 19), "Pinky": (33, 36, 22)}
"""Degrees by which a finger's three joints bend: more towards the little finger, and most in the
middle joint, as in a hand that hangs down."""
_THUMB = (12, 14, 10)
"""Degrees by which the thumb's three joints bend towards the palm."""
_TOWARDS_PALM = (0.2, -0.7, -0.7)
"""Where a bent thumb moves: down and back, on a left hand with the palm down."""

_IN_77 = SOMA77.indices(SOMA30.joint_names)


def soma77_from_30(motion: Motion) -> Motion:
    """Return a motion of SOMA's 30 joints on 77, with relaxed hands.

    The 30 joints stay exactly where they are, but for the tips of thumb and middle finger, which
    go with the bent fingers. Raises InvalidInputError for another skeleton.
    """
    _require(motion, SOMA30)
    local = relaxed_hands().repeat(motion.num_frames, 1, 1, 1)
    local[:, _IN_77] = motion.local_rotations
    return replace(motion, local_rotations=local, skeleton=_with_bones_of(motion.skeleton, SOMA77))


def relaxed_hands() -> Float[Tensor, "77 3 3"]:
    """Return local rotations of SOMA's 77 joints: fingers bent a little, all else in T-pose.

    Left and right mirror each other.
    """
    vectors = torch.zeros(SOMA77.num_joints, 3)
    for finger, bends in _CURL.items():  # the palm is down: fingers along x bend about −z
        for number, bend in enumerate(bends, start=2):  # the first joint is inside the hand
            vectors[SOMA77.index(f"LeftHand{finger}{number}"), 2] = -radians(bend)
    thumb = SOMA77.rest_offsets[SOMA77.index("LeftHandThumb2")]
    axis = torch.linalg.cross(thumb, torch.tensor(_TOWARDS_PALM))
    for number, bend in enumerate(_THUMB, start=1):
        vectors[SOMA77.index(f"LeftHandThumb{number}")] = radians(bend) * axis / axis.norm()
    mirrored = vectors[list(SOMA77.mirror)] * torch.tensor([1.0, -1.0, -1.0])
    return rotations.rotation_vector_to_matrix(vectors + mirrored)


def _with_bones_of(own: Skeleton, target: Skeleton) -> Skeleton:
    """Return the target with the bones that both have as they are in ``own``."""
    offsets = target.rest_offsets.clone()
    for joint, name in enumerate(target.joint_names):
        if name in own.joint_names and joint:
            twin = own.index(name)
            if own.joint_names[own.parents[twin]] == target.joint_names[target.parents[joint]]:
                offsets[joint] = own.rest_offsets[twin]
    return replace(target, rest_offsets=offsets)


def _require(motion: Motion, skeleton: Skeleton) -> None:
    if motion.skeleton.joint_names != skeleton.joint_names:
        raise InvalidInputError(
            f"Expected a motion of {skeleton.name}, got one of {motion.skeleton.name!r}. Put it "
            f"on that skeleton first: retarget(motion, {skeleton.name.upper()}).motion."
        )
