"""Job: a request with everything settled that it left open."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marey.constraints import Finding, Goal, compile_goals, require_valid
from marey.constraints.compile import constraint_name
from marey.errors import InvalidInputError
from marey.generate.conditioning import Conditioning
from marey.generate.extent import Extent, has_feet
from marey.generate.loading import sampling_defaults, shared_encoder, shared_model
from marey.generate.request import GenerationRequest
from marey.generate.segments import Segment, overlap_frames, segments_of
from marey.generate.sources import base_on_model, lead_as_delivered, lead_on_model
from marey.io import load_motion
from marey.models import DiffusionModel
from marey.motion import Motion, concatenate
from marey.sampling import Guidance
from marey.text import TextEncoder, TextScript


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A request, what it is carried out with, and what it asks of the model's own clip."""

    request: GenerationRequest
    model: DiffusionModel
    encoder: TextEncoder
    steps: int
    guidance: Guidance
    smoothing: float
    extent: Extent
    segments: tuple[Segment, ...]
    conditioning: Conditioning
    warnings: tuple[Finding, ...]
    """What is doubtful about the constraints."""
    known: Motion | None
    """What there is before anything is drawn: the end of the motion that is continued, then the
    one of which a segment is drawn anew. On the model's skeleton, in the user's world."""
    lead_frames: int
    """How many of its frames come before the clip."""
    lead: Motion | None
    """The last frame before the clip, as it is delivered."""

    @classmethod
    def of(cls, request: GenerationRequest) -> "Job":
        """Settle a request. Raises InvalidInputError for one that cannot be carried out."""
        model = shared_model(request.model)
        _check_script(request.script, model)
        defaults = sampling_defaults(request.model)
        smoothing = request.smoothing
        extent = Extent.of(request, model)
        segments = _segments(request, extent, model)
        _check_redrawn(request, len(segments))
        conditioning, warnings = _conditioning(request, extent)
        known, lead_frames, lead = _known(request, extent, model)
        return cls(
            request=request,
            model=model,
            encoder=shared_encoder(model.text_encoder),
            steps=request.steps or defaults.steps,
            guidance=request.guidance or defaults.guidance,
            smoothing=float(defaults.smoothing if smoothing is None else smoothing),
            extent=extent,
            segments=segments,
            conditioning=conditioning,
            warnings=warnings,
            known=known,
            lead_frames=lead_frames,
            lead=lead,
        )

    @property
    def redrawn(self) -> int | None:
        """Number of the one segment that is drawn, if the others are there."""
        return self.request.regenerate

    @property
    def drawn_segments(self) -> int:
        """How many segments are drawn."""
        return len(self.segments) if self.redrawn is None else 1

    @property
    def grid(self) -> int:
        """How many frames the network reads at a time."""
        return self.model.denoiser.config.frames_per_token

    @property
    def overlap(self) -> int:
        """How many frames of its neighbours a segment is shown."""
        return overlap_frames(self.model.fps, grid=self.grid)

    @property
    def rounds(self) -> int:
        """How many times the model is sampled for one motion."""
        return self.drawn_segments + int(self.request.loop)


def _segments(
    request: GenerationRequest, extent: Extent, model: DiffusionModel
) -> tuple[Segment, ...]:
    """Cut the clip; where there is more than one piece to draw, each is shown its neighbours."""
    frames, fps = extent.model.frames, model.fps
    most = round(model.max_seconds * fps)
    timed = any(each.span is not None for each in request.script.statements)
    alone = frames <= most and not timed and request.continue_from is None
    overlap = overlap_frames(fps, grid=model.denoiser.config.frames_per_token)
    longest = most if alone else most - 2 * overlap
    return segments_of(request.script, frames=frames, fps=fps, longest=max(1, longest))


def _check_script(script: TextScript, model: DiffusionModel) -> None:
    """Refuse what the model would ignore or, worse, take for something else."""
    for statement in script.statements:
        if statement.slot not in model.text_slots:
            raise InvalidInputError(
                f"script: model {model.name!r} was not trained on text for {statement.slot!r}, "
                f"only for {', '.join(model.text_slots)}. Say it in the whole body's sentence."
            )


def _check_redrawn(request: GenerationRequest, segments: int) -> None:
    if request.regenerate is not None and not request.regenerate < segments:
        raise InvalidInputError(
            f"regenerate: expected the number of a segment from 0 to {segments - 1}, got "
            f"{request.regenerate}."
        )


def _conditioning(
    request: GenerationRequest, extent: Extent
) -> tuple[Conditioning, tuple[Finding, ...]]:
    """Return what constraints ask of the model, and what is doubtful about them."""
    delivered = extent.delivered
    if request.constraints and not has_feet(delivered.skeleton):
        raise InvalidInputError(
            f"constraints: skeleton {delivered.skeleton.name!r} names no hips and feet, so that "
            "they cannot be met on it; give Skeleton.roles."
        )
    warnings = require_valid(request.constraints, delivered)
    goals = compile_goals(request.constraints, delivered)
    conditioning = Conditioning.of(
        goals, delivered=delivered, model=extent.model, retargeting=extent.retargeting
    )
    return conditioning, (*warnings, *_taken_out(request, goals))


def _taken_out(request: GenerationRequest, goals: Sequence[Goal]) -> Iterator[Finding]:
    """Warn of places over the ground that the delivered motion is not at any more."""
    placed = {goal.source for goal in goals if goal.kind in ("root_path", "joint_position")}
    for number in sorted(placed) if request.in_place else ():
        yield Finding(
            severity="warning",
            kind="in_place",
            constraint=number,
            name=constraint_name(request.constraints[number], number),
            message="pins a place over the ground; it is met and measured before in_place takes "
            "the way over the ground out, and the delivered motion is elsewhere.",
        )


def _known(
    request: GenerationRequest, extent: Extent, model: DiffusionModel
) -> tuple[Motion | None, int, Motion | None]:
    """Return what there is already, how much of it comes before the clip, and its last frame."""
    parts: list[Motion] = []
    lead = None
    if request.continue_from is not None:
        source = load_motion(request.continue_from)
        parts = [lead_on_model(source, extent, model)]
        lead = lead_as_delivered(source, parts[0], extent)
    lead_frames = sum(part.num_frames for part in parts)
    if extent.base is not None:
        parts.append(base_on_model(extent, model))
    return concatenate(parts) if parts else None, lead_frames, lead
