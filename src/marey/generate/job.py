"""Job: a request with everything settled that it left open."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.constraints import Clip, compile_goals, require_valid
from marey.errors import InvalidInputError
from marey.generate.conditioning import Conditioning
from marey.generate.loading import default_guidance, shared_encoder, shared_model
from marey.generate.request import GenerationRequest, default_seconds
from marey.generate.segments import Segment, overlap_frames, segments_of
from marey.io import load_motion
from marey.models import DiffusionModel
from marey.motion import Motion, concatenate
from marey.motion.retarget import RetargetReport, retarget
from marey.sampling import Guidance
from marey.skeleton import Roles, Skeleton
from marey.text import TextEncoder, TextScript

DEFAULT_STEPS = 20
"""Network steps of a model whose checkpoint does not say."""
LONGEST_SECONDS = 600.0
"""Longest motion that is made in one request."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A request, what it is carried out with, and what it asks of the model's own clip."""

    request: GenerationRequest
    model: DiffusionModel
    encoder: TextEncoder
    steps: int
    guidance: Guidance
    smoothing: float
    frames: int
    """Of the model's clip."""
    segments: tuple[Segment, ...]
    conditioning: Conditioning
    lead: Motion | None
    """The end of the motion that is continued, on the model's skeleton and frame rate."""
    base: Float[Tensor, "frames feats"] | None
    """Features of the motion of which only some is drawn anew."""
    retargeting: RetargetReport | None
    skeleton: Skeleton
    """Of the delivered motion, with the roles that follow from the model's."""

    @classmethod
    def of(cls, request: GenerationRequest) -> "Job":
        """Settle a request. Raises InvalidInputError for one that cannot be carried out."""
        model = shared_model(request.model)
        _check_script(request.script, model)
        sampling = model.notes.get("sampling", {})
        smoothing = request.smoothing
        frames = max(1, round(_seconds(request, model) * model.fps))
        retargeting = _retargeting(request, model)
        skeleton = _with_roles(request.skeleton, retargeting, model)
        segments = segments_of(
            request.script,
            frames=frames,
            fps=model.fps,
            longest=round(model.max_seconds * model.fps) - 2 * overlap_frames(model.fps)
            if frames > round(model.max_seconds * model.fps)
            else frames,
        )
        _check_segments(segments, model)
        return cls(
            request=request,
            model=model,
            encoder=shared_encoder(model.text_encoder),
            steps=request.steps or int(sampling.get("steps", DEFAULT_STEPS)),
            guidance=request.guidance or default_guidance(request.model),
            smoothing=float(sampling.get("smoothing", 0.0)) if smoothing is None else smoothing,
            frames=frames,
            segments=tuple(segments),
            conditioning=_conditioning(
                request,
                delivered=_delivered_clip(request, model, frames, skeleton),
                model=model_clip(model, frames),
                retargeting=retargeting,
            ),
            lead=_lead(request, model),
            base=_base(request, model, frames, segments),
            retargeting=retargeting,
            skeleton=skeleton,
        )

    @property
    def rounds(self) -> int:
        """How many times the model is sampled for one motion."""
        drawn = 1 if self.request.regenerate is not None else len(self.segments)
        return drawn + int(self.request.loop)


def model_clip(model: DiffusionModel, frames: int) -> Clip:
    """Return the clip as the model makes it."""
    return Clip(skeleton=model.representation.skeleton, fps=model.fps, frames=frames)


def clip_of(request: GenerationRequest) -> Clip:
    """Return the clip that a request's constraints are about: its skeleton, rate and length.

    Raises InvalidInputError for an unknown model or a skeleton that does not fit it.
    """
    model = shared_model(request.model)
    frames = max(1, round(_seconds(request, model) * model.fps))
    skeleton = _with_roles(request.skeleton, _retargeting(request, model), model)
    return _delivered_clip(request, model, frames, skeleton)


def has_feet(skeleton: Skeleton) -> bool:
    """Whether a skeleton's roles name what post-processing and reports look at."""
    roles = skeleton.roles
    feet = (roles.left_heel, roles.left_toe, roles.right_heel, roles.right_toe)
    return all((*feet, roles.left_hip, roles.right_hip))


def _delivered_clip(
    request: GenerationRequest, model: DiffusionModel, frames: int, skeleton: Skeleton
) -> Clip:
    """Return the clip as the user gets it, which is what constraints are about."""
    fps = model.fps if request.fps is None else float(request.fps)
    count = frames if fps == model.fps else int((frames - 1) * fps / model.fps + 1e-6) + 1
    return Clip(skeleton=skeleton, fps=fps, frames=count)


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


def _check_script(script: TextScript, model: DiffusionModel) -> None:
    """Refuse what the model would ignore or, worse, take for something else."""
    for statement in script.statements:
        if statement.slot not in model.text_slots:
            raise InvalidInputError(
                f"script: model {model.name!r} was not trained on text for {statement.slot!r}, "
                f"only for {', '.join(model.text_slots)}. Say it in the whole body's sentence."
            )


def _check_segments(segments: list[Segment], model: DiffusionModel) -> None:
    longest = round(model.max_seconds * model.fps) - overlap_frames(model.fps)
    if len(segments) > 1 and any(each.end - each.first > longest for each in segments):
        raise InvalidInputError("A segment is longer than the model draws.")


def _seconds(request: GenerationRequest, model: DiffusionModel) -> float:
    """Return the length in seconds that is asked for, or that the script suggests."""
    if request.seconds is None and request.base is not None:
        return load_motion(request.base).seconds
    seconds = request.seconds or default_seconds(request.script, most=model.max_seconds)
    if seconds > LONGEST_SECONDS:
        raise InvalidInputError(
            f"seconds: expected at most {LONGEST_SECONDS:g} s, got {seconds:g}. Make the motion in "
            "parts, each with continue_from."
        )
    return seconds


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


def _conditioning(
    request: GenerationRequest,
    *,
    delivered: Clip,
    model: Clip,
    retargeting: RetargetReport | None,
) -> Conditioning:
    if request.constraints and not has_feet(delivered.skeleton):
        raise InvalidInputError(
            f"constraints: skeleton {delivered.skeleton.name!r} names no hips and feet, so that "
            "they cannot be met on it; give Skeleton.roles."
        )
    require_valid(request.constraints, delivered)
    conditioning = Conditioning.of(
        compile_goals(request.constraints, delivered),
        delivered=delivered,
        model=model,
        retargeting=retargeting,
    )
    if request.continue_from is not None or request.base is not None:
        return replace(conditioning, start=torch.zeros(3))
    return conditioning


def _lead(request: GenerationRequest, model: DiffusionModel) -> Motion | None:
    if request.continue_from is None:
        return None
    return _as_models(load_motion(request.continue_from), model)


def _base(
    request: GenerationRequest, model: DiffusionModel, frames: int, segments: list[Segment]
) -> Float[Tensor, "frames feats"] | None:
    if request.base is None:
        return None
    motion = _as_models(load_motion(request.base), model)
    if motion.num_frames < frames:  # a motion at another rate may lack the last frame
        last = motion.crop(motion.num_frames - 1, motion.num_frames)
        motion = concatenate([motion, *[last] * (frames - motion.num_frames)])
    if request.regenerate is None or not request.regenerate < len(segments):
        raise InvalidInputError(
            f"regenerate: expected the number of a segment in [0, {len(segments) - 1}], got "
            f"{request.regenerate}."
        )
    return model.representation.encode(motion.crop(0, frames))


def _as_models(motion: Motion, model: DiffusionModel) -> Motion:
    return retarget(motion, model.representation.skeleton).motion.resample(model.fps)
