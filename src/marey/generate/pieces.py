"""Pieces: what a model draws in one go, and what it is shown before and after it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from marey.generate.job import Job
from marey.generate.seams import goal_round
from marey.generate.segments import Segment
from marey.generate.sources import PAST_SECONDS
from marey.motion import Motion
from marey.representations import Observation, SmoothRoot
from marey.sampling import SampleSpec

LOOP_SECONDS = 1.0
"""How much of a motion's end is drawn anew so that it leads back to its beginning."""
_SEGMENT_SEEDS = 0x9E3779B1
"""Segments of a motion draw from different seeds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A segment to be drawn, with frames of its neighbours; features are above the origin."""

    segment: Segment
    place: Float[Tensor, "3"]
    """Where in the user's world the origin of its features lies."""
    before: Float[Tensor, "lead feats"]
    """Frames before the segment, perhaps none."""
    after: Float[Tensor, "more feats"]
    """Frames after the segment, perhaps none."""
    following: Motion | None = None
    """What comes after the segment, in the world."""
    tail: int = 0
    """Frames after the segment that are drawn with it for the sake of what is pinned there, and
    then left to the next one."""
    heading: float
    """Direction that the body faces first, radians."""

    @property
    def lead(self) -> int:
        return len(self.before)

    @property
    def inner(self) -> int:
        """Number of frames of the segment itself."""
        return self.segment.end - self.segment.first

    @property
    def frames(self) -> int:
        """Number of frames that are drawn."""
        return self.lead + self.inner + len(self.after) + self.tail

    def shown(self) -> Observation | None:
        """Return what the model is shown of the neighbours."""
        if not self.lead + len(self.after):
            return None
        inner = self.before.new_zeros(self.inner + self.tail, self.before.shape[1])
        values = torch.cat((self.before, inner, self.after))
        known = torch.ones(self.frames, dtype=torch.bool)
        known[self.lead : self.frames - len(self.after)] = False
        return Observation(values=values, mask=known[:, None].expand_as(values).clone())


def piece_of(job: Job, drawn: Motion | None, number: int) -> Piece:
    """Return the piece that a job draws in a round, given what there is so far of the motion."""
    if number >= job.drawn_segments:
        assert drawn is not None
        return _closing(job, drawn)
    segment = job.segments[number if job.redrawn is None else job.redrawn]
    if drawn is None:
        return _first(job, segment)
    past, overlap = _frames(PAST_SECONDS, job), job.overlap
    end = job.lead_frames + segment.end
    if end < drawn.num_frames:
        segment = _on_grid(segment, job)
    start = job.lead_frames + segment.first
    future = drawn.crop(end, min(drawn.num_frames, end + past)) if end < drawn.num_frames else None
    if start == 0:  # the first segment of a motion, drawn anew
        beginning = _encoded(drawn.crop(0, min(past, drawn.num_frames)), job)
        return _piece(job, segment, beginning[:0], future, beginning)
    before = _encoded(drawn.crop(max(0, start - past), start), job)[-overlap:]
    return _piece(job, segment, before, future, before)


def _first(job: Job, segment: Segment) -> Piece:
    """The first segment of a motion that begins with it."""
    nothing = torch.zeros(0, job.model.representation.layout.size)
    facts = job.conditioning.facts(job.extent.model, segment.first, 1, origin=torch.zeros(3))
    heading = float(job.request.heading)
    if facts is not None and bool(facts.heading_mask[0]):
        heading = float(facts.heading[0])
    return Piece(
        segment=segment,
        place=job.conditioning.start,
        before=nothing,
        after=nothing,
        tail=_tail(job, segment),
        heading=heading,
    )


def _piece(
    job: Job, segment: Segment, before: Tensor, following: Motion | None, reference: Tensor
) -> Piece:
    """A piece that begins where the first frame of ``reference`` is."""
    representation = job.model.representation
    place = ground_place(reference, representation)
    after = before[:0]
    if following is not None:
        after = _encoded(following, job)[: job.overlap]
    return Piece(
        segment=segment,
        place=place,
        before=representation.translate(before, -place),
        after=representation.translate(after, -place),
        following=following,
        tail=0 if len(after) else _tail(job, segment),
        heading=float(representation.heading(reference[0])),
    )


def _closing(job: Job, drawn: Motion) -> Piece:
    """The end of a motion, drawn anew so that its beginning can follow."""
    past, overlap = _frames(PAST_SECONDS, job), job.overlap
    clip = drawn.crop(job.lead_frames, drawn.num_frames)
    first = clip.num_frames - min(_frames(LOOP_SECONDS, job), max(1, clip.num_frames // 2))
    script = job.segments[-1].script
    segment = Segment(number=len(job.segments), script=script, first=first, end=clip.num_frames)
    segment = _on_grid(segment, job)
    start = job.lead_frames + segment.first
    following = goal_round(clip, past)
    if start == 0:
        beginning = _encoded(clip, job)
        return _piece(job, segment, beginning[:0], following, beginning)
    before = _encoded(drawn.crop(max(0, start - past), start), job)[-overlap:]
    return _piece(job, segment, before, following, before)


def _on_grid(segment: Segment, job: Job) -> Segment:
    """Let a segment between known frames begin earlier, so that it fills whole tokens."""
    return replace(segment, first=max(0, segment.first - (segment.first - segment.end) % job.grid))


def _tail(job: Job, segment: Segment) -> int:
    """How many frames after a segment the model should know of, for what is pinned in them."""
    overlap = min(job.overlap, job.extent.model.frames - segment.end)
    pinned = job.conditioning.within(segment.end, segment.end + overlap)
    return overlap if pinned else 0


def _frames(seconds: float, job: Job) -> int:
    return max(2, round(seconds * job.model.fps))


def _encoded(motion: Motion, job: Job) -> Float[Tensor, "frames feats"]:
    return job.model.representation.encode(motion)


def ground_place(features: Tensor, representation: SmoothRoot) -> Float[Tensor, "3"]:
    """Where the root of the first frame stands over the ground; height 0."""
    root = features[0, representation.layout.slice("root_position")]
    return root * root.new_tensor([1.0, 0.0, 1.0])


def spec_of(job: Job, piece: Piece, sample: int) -> SampleSpec:
    """Return what the sampler is asked for."""
    segment = piece.segment
    return SampleSpec(
        frames=piece.frames,
        seed=job.request.seed + _SEGMENT_SEEDS * segment.number,
        index=sample,
        heading=piece.heading,
        facts=job.conditioning.facts(
            job.extent.model, segment.first - piece.lead, piece.frames, origin=piece.place
        ),
        observation=piece.shown(),
    )
