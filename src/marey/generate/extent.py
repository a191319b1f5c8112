"""Extent: on what skeleton, at what rate and for how long a request's motion is made."""

import math
from dataclasses import dataclass, replace

import torch

from marey.constraints import Clip
from marey.errors import InvalidInputError
from marey.generate.loading import shared_model
from marey.generate.request import GenerationRequest, default_seconds
from marey.io import load_motion
from marey.models import DiffusionModel
from marey.motion import Motion, RetargetReport, retarget
from marey.skeleton import Roles, Skeleton

LONGEST_SECONDS = 600.0
"""Longest motion that is made in one request."""
_SAME = 1e-4
"""Bones that differ by less than this, metres, are the same: a BVH file rounds them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Extent:
    """The clip that a request asks for, as the user gets it and as the model makes it."""

    delivered: Clip
    """Its skeleton has the roles that follow from the model's."""
    model: Clip
    retargeting: RetargetReport | None
    base: Motion | None
    """The motion of which a segment is drawn anew, on the delivered skeleton."""

    @classmethod
    def of(cls, request: GenerationRequest, model: DiffusionModel) -> "Extent":
        """Settle a request's extent. Raises InvalidInputError for one that cannot be made."""
        body = model.representation.skeleton
        fps = model.fps if request.fps is None else float(request.fps)
        retargeting = _retargeting(request, model)
        skeleton = _with_roles(request.skeleton, retargeting, model)
        if request.base is None:
            base, frames = None, max(1, round(_seconds(request, model) * model.fps))
            count = _delivered_frames(frames, fps / model.fps, lead=bool(request.continue_from))
        else:
            base = _base(request, skeleton, fps, slack=1 / fps + 1 / model.fps)
            count = base.num_frames
            first = 0 if request.continue_from else 1  # the last frame before, or the first of all
            frames = math.ceil((count - first) * model.fps / fps - 1e-6) + first
        return cls(
            delivered=Clip(skeleton=skeleton, fps=fps, frames=count),
            model=Clip(skeleton=body, fps=model.fps, frames=frames),
            retargeting=retargeting,
            base=base,
        )


def clip_of(request: GenerationRequest) -> Clip:
    """Return the clip that a request's constraints are about: its skeleton, rate and length.

    Raises InvalidInputError for an unknown model or a skeleton that does not fit it.
    """
    return Extent.of(request, shared_model(request.model)).delivered


def has_feet(skeleton: Skeleton) -> bool:
    """Whether a skeleton's roles name what post-processing and reports look at."""
    roles = skeleton.roles
    feet = (roles.left_heel, roles.left_toe, roles.right_heel, roles.right_toe)
    return all((*feet, roles.left_hip, roles.right_hip))


def same_bones(one: Skeleton, other: Skeleton) -> bool:
    """Whether two skeletons have the same bones, perhaps in another order."""
    if set(one.joint_names) != set(other.joint_names):
        return False
    order = [one.index(name) for name in other.joint_names]
    parents = [one.joint_names[one.parents[joint]] for joint in order[1:]]
    offsets = one.rest_offsets[order]
    return (
        order[0] == 0
        and parents == [other.joint_names[parent] for parent in other.parents[1:]]
        and bool(torch.allclose(offsets[1:], other.rest_offsets[1:], rtol=0, atol=_SAME))
    )


def on_same_bones(motion: Motion, skeleton: Skeleton) -> Motion:
    """Return the same rotations on a skeleton of the same bones (see ``same_bones``)."""
    order = [motion.skeleton.index(name) for name in skeleton.joint_names]
    return replace(motion, local_rotations=motion.local_rotations[:, order], skeleton=skeleton)


def _seconds(request: GenerationRequest, model: DiffusionModel) -> float:
    """Return the length in seconds that is asked for, or that the script suggests."""
    seconds = request.seconds or default_seconds(request.script, most=model.max_seconds)
    if seconds > LONGEST_SECONDS:
        raise InvalidInputError(
            f"seconds: expected at most {LONGEST_SECONDS:g} s, got {seconds:g}. Make the motion in "
            "parts, each with continue_from."
        )
    return seconds


def _delivered_frames(frames: int, rate: float, *, lead: bool) -> int:
    """How many frames the model's are at another rate.

    The first comes at the model's first, or one frame of its own after the motion that it goes on
    from.
    """
    if lead:
        return max(1, int(frames * rate + 1e-6))
    return int((frames - 1) * rate + 1e-6) + 1


def _retargeting(request: GenerationRequest, model: DiffusionModel) -> RetargetReport | None:
    """Return what retargeting will do, so that a skeleton that does not fit is refused at once."""
    if request.skeleton is None:
        return None
    body = model.representation.skeleton
    rest = Motion(
        root_positions=torch.zeros(1, 3),
        local_rotations=torch.eye(3).repeat(1, body.num_joints, 1, 1),
        fps=model.fps,
        skeleton=body,
    )
    return retarget(rest, request.skeleton).report


def _with_roles(
    skeleton: Skeleton | None, retargeting: RetargetReport | None, model: DiffusionModel
) -> Skeleton:
    """Fill in roles that a skeleton does not name from the joints that its joints follow."""
    body = model.representation.skeleton
    if skeleton is None or retargeting is None:
        return body
    followers = {source: joint for joint, source in retargeting.joint_map.items()}
    lent = {role: followers.get(joint, "") for role, joint in vars(body.roles).items()}
    own = {role: joint for role, joint in vars(skeleton.roles).items() if joint}
    return replace(skeleton, roles=Roles(**(lent | own)))


def _base(request: GenerationRequest, skeleton: Skeleton, fps: float, *, slack: float) -> Motion:
    """Load the motion of which a segment is drawn anew; errors where it is not the request's."""
    assert request.base is not None
    motion = load_motion(request.base)
    if not same_bones(motion.skeleton, skeleton) or abs(motion.fps - fps) > 0.01:
        raise InvalidInputError(
            f"base: {request.base} has skeleton {motion.skeleton.name!r} at {motion.fps:g} fps, "
            f"the request {skeleton.name!r} at {fps:g}; give the same skeleton and fps as when it "
            "was made."
        )
    if request.seconds is not None and abs(motion.seconds - request.seconds) > slack:
        raise InvalidInputError(
            f"base: {request.base} lasts {motion.seconds:g} s, the request {request.seconds:g} s; "
            "give the same sentences and lengths as when it was made."
        )
    return replace(on_same_bones(motion, skeleton), fps=fps)
