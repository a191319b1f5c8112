"""What an edit left as it was: errors of the parts and frames that it was not to change."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.errors import InvalidInputError
from marey.metrics.constraint_errors import position_errors
from marey.metrics.summary import Summary
from marey.skeleton import Skeleton


def kept_joints(
    skeleton: Skeleton,
    frames: int,
    *,
    edited: Iterable[str],
    span: tuple[int, int] | None = None,
) -> Bool[Tensor, "frames joints"]:
    """Where an edit must change nothing: all but the joints of the edited parts.

    With a ``span`` the edit is of the frames from its first to before its second number, and all
    others are kept whole. Raises InvalidInputError for an unknown part, or a span outside the
    frames.
    """
    start, end = span or (0, frames)
    if not 0 <= start < end <= frames:
        raise InvalidInputError(
            f"An edit's span needs 0 <= start < end <= {frames} frames, got {start} and {end}."
        )
    joints = sorted({joint for part in edited for joint in skeleton.part_indices(part)})
    kept = torch.ones(frames, skeleton.num_joints, dtype=torch.bool)
    kept[start:end, joints] = False
    return kept


def preservation_error(
    edited: Float[Tensor, "frames joints 3"],
    original: Float[Tensor, "frames joints 3"],
    kept: Bool[Tensor, "frames joints"],
) -> Summary:
    """Summarise how far kept joints moved from where they were to the root joint, metres.

    In each frame both bodies are shifted so that their root joints (joint 0) lie at the origin;
    neither is turned. The root itself, 0 by construction, is not counted: measure its way by
    ``position_errors``. Joints beyond an edited one move with it although their own rotations
    are kept: an edit of the torso moves the arms.
    """
    moved = position_errors(edited - edited[:, :1], original - original[:, :1])
    return Summary.of(moved[:, 1:], kept[:, 1:])
