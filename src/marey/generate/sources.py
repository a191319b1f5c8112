"""Sources: the motions that a request goes on from or draws anew in part, as a model needs them."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.generate.extent import Extent, has_feet, on_same_bones, same_bones
from marey.generate.seams import backwards
from marey.models import DiffusionModel
from marey.motion import Motion, concatenate, foot_contacts, retarget

PAST_SECONDS = 2.0
"""How much of a motion is looked at to tell its smoothed path; the model is shown less of it."""


def lead_on_model(lead: Motion, extent: Extent, model: DiffusionModel) -> Motion:
    """Return the end of the motion that is continued, where the model goes on from it.

    Its last frame stays the last, over the same ground: retargeting scales places, too.
    """
    count = math.ceil(PAST_SECONDS * lead.fps) + 1
    end = lead.crop(max(0, lead.num_frames - count), lead.num_frames)
    moved = retarget(end, model.representation.skeleton).motion
    scale = 1.0 if extent.retargeting is None else extent.retargeting.scale
    placed = _above(moved, lead.root_positions[-1] / scale)
    return _with_contacts(backwards(backwards(placed).resample(model.fps)), model)


def lead_as_delivered(lead: Motion, on_model: Motion, extent: Extent) -> Motion:
    """Return the last frame of the motion that is continued, on the skeleton that is corrected.

    On the file's own skeleton that is the file's own pose.
    """
    last = lead.crop(lead.num_frames - 1, lead.num_frames)
    skeleton, fps = extent.delivered.skeleton, float(extent.delivered.fps)
    if not has_feet(skeleton):
        return replace(on_model.crop(on_model.num_frames - 1, on_model.num_frames), fps=fps)
    if same_bones(last.skeleton, skeleton):
        return replace(on_same_bones(last, skeleton), fps=fps)
    moved = replace(retarget(last, skeleton).motion, skeleton=skeleton, fps=fps)
    return _above(moved, last.root_positions[0])


def base_on_model(extent: Extent, model: DiffusionModel) -> Motion:
    """Return the motion of which a segment is drawn anew, in the frames of the model's clip."""
    assert extent.base is not None
    moved = retarget(extent.base, model.representation.skeleton).motion.resample(model.fps)
    missing = extent.model.frames - moved.num_frames  # the last frame of another rate's clip
    last = moved.crop(moved.num_frames - 1, moved.num_frames)
    return _with_contacts(concatenate([moved, *[last] * missing]), model)


def _above(motion: Motion, place: Float[Tensor, "3"]) -> Motion:
    """Move a motion over the ground so that its last root position is above a place."""
    return motion.translate((place - motion.root_positions[-1]) * torch.tensor([1.0, 0.0, 1.0]))


def _with_contacts(motion: Motion, model: DiffusionModel) -> Motion:
    if motion.contacts is not None:
        return motion
    limits = model.representation.contact_limits
    positions, skeleton = motion.joint_positions, motion.skeleton
    found = foot_contacts(positions, skeleton, motion.fps, limits=limits)
    return replace(motion, contacts=found)
