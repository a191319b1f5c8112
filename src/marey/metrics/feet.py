"""How much feet slide while they should stand, in four definitions, and contact accuracy.

All of [Rempe2026, §6.1] but ``skating_ratio``. A frame's speed is that of the step to the next
frame, in metres per second and over all three axes; the last frame, which has no step, is not
counted. Ground is y = 0.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from marey.errors import InvalidInputError
from marey.metrics.summary import Summary
from marey.skeleton import Skeleton

TOE_HEIGHT = 0.05
"""A toe joint below this should stand still, metres."""

SKATE_SPEED = 0.2
"""A low toe joint faster than this skates, metres per second."""

SKATING_SPEED = 0.5
"""GMD's limit of the horizontal speed, metres per second."""

_TOES = ("left_toe", "right_toe")


def foot_skate_from_height(
    joint_positions: Float[Tensor, "frames joints 3"], skeleton: Skeleton, fps: float
) -> Summary:
    """Summarise the speed of the toe joints over frames in which they are below 5 cm.

    Metres per second; the count is of toe joints and frames. Raises InvalidInputError if the
    skeleton names no toes. Says little on a floor that is off, or about someone who tiptoes.
    """
    toes = _toes(joint_positions, skeleton)
    return Summary.of(_speeds(toes, fps), toes[:-1, :, 1] < TOE_HEIGHT)


def foot_skate_from_contacts(
    joint_positions: Float[Tensor, "frames joints 3"],
    contacts: Bool[Tensor, "labels 4"],
    skeleton: Skeleton,
    fps: float,
) -> Summary:
    """Summarise the speed of heels and toes over frames in which they are said to be in contact.

    Metres per second; the count is of foot joints and frames. Channels of ``contacts`` are left
    heel, left toe, right heel, right toe. Labels made from a speed limit bound this measure, so
    judge a motion by labels that it was asked to follow. Raises InvalidInputError if the
    skeleton names no feet or the frames of the two differ.
    """
    if len(contacts) != len(joint_positions):
        raise InvalidInputError(
            f"Contacts must have a row for each of the {len(joint_positions)} frames, "
            f"got {len(contacts)} rows."
        )
    return Summary.of(_speeds(joint_positions[:, skeleton.foot_indices], fps), contacts[:-1])


def foot_skate_ratio(
    joint_positions: Float[Tensor, "frames joints 3"], skeleton: Skeleton, fps: float
) -> Summary:
    """Share of the steps of low toe joints that are faster than 0.2 m/s.

    A toe joint is low if it is below 5 cm both before and after the step; the count is of such
    steps. Raises InvalidInputError if the skeleton names no toes.
    """
    toes = _toes(joint_positions, skeleton)
    low = toes[..., 1] < TOE_HEIGHT
    skates = (_speeds(toes, fps) > SKATE_SPEED).to(toes.dtype)
    return Summary.of(skates, low[:-1] & low[1:])


def skating_ratio(
    joint_positions: Float[Tensor, "frames joints 3"], skeleton: Skeleton, fps: float
) -> Summary:
    """Share of a clip's steps in which either toe joint skates, as GMD measures it.

    A toe skates if it is below 5 cm both before and after the step, and both the speed of the step
    and the mean speed of the five steps around it are above 0.5 m/s; speeds are horizontal (x, z)
    and steps beyond the clip count as still. The count is of steps. Defined at 20 frames per
    second: resample first, since five steps last longer at a lower rate. Raises InvalidInputError
    if the skeleton names no toes.

    Source: the foot skating ratio of [Karunratanakul2023], over the real length of a clip; code
    that divides by a padded length gives less.
    """
    toes = _toes(joint_positions, skeleton)
    low = toes[..., 1] < TOE_HEIGHT
    speeds = _speeds(toes[..., [0, 2]], fps)
    padded = functional.pad(speeds, (0, 0, 2, 2))
    around = torch.stack([padded[i : i + len(speeds)] for i in range(5)]).mean(0)
    skates = low[:-1] & low[1:] & (speeds > SKATING_SPEED) & (around > SKATING_SPEED)
    return Summary.of(skates.any(dim=1).to(toes.dtype))


def contact_accuracy(
    predicted: Bool[Tensor, "*predicted"], expected: Bool[Tensor, "*expected"]
) -> Summary:
    """Share of contact labels that are as expected.

    With the labels that a motion's own heights and speeds call for as ``expected``, this is the
    consistency of the predicted labels with the motion. Raises InvalidInputError if shapes differ.
    """
    if predicted.shape != expected.shape:
        raise InvalidInputError(
            f"Contacts to compare must have one shape, got {tuple(predicted.shape)} "
            f"and {tuple(expected.shape)}."
        )
    return Summary.of((predicted == expected).to(torch.float64))


def _toes(joint_positions: Tensor, skeleton: Skeleton) -> Float[Tensor, "frames 2 3"]:
    return joint_positions[:, [skeleton.role(role) for role in _TOES]]


def _speeds(
    positions: Float[Tensor, "frames feet axes"], fps: float
) -> Float[Tensor, "steps feet"]:
    """Speed of every step between neighbouring frames."""
    return positions.diff(dim=0).norm(dim=-1) * fps
