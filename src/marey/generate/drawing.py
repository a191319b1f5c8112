"""Drawing: the features of all samples of all jobs, segment by segment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey.generate.job import Job, model_clip
from marey.generate.segments import Segment, ground_place, joined, overlap_frames, shown
from marey.sampling import SampleSpec, sample_features
from marey.text import condition_from_scripts

Progress = Callable[[int, int], None]
"""Called with (network steps done, in all); raises ``marey.errors.Cancelled`` to stop."""

BATCH_FRAMES = 3200
"""Samples are drawn in groups of about so many frames, to bound memory."""
LOOP_SECONDS = 1.0
"""How much of a motion's end is drawn anew so that it leads back to its beginning."""
_SEGMENT_SEEDS = 0x9E3779B1
"""Segments of a motion draw from different seeds."""


@dataclass(eq=False)
class Track:
    """One motion while it is drawn; frame 0 of its features is above the clip's start."""

    job: Job
    sample: int
    features: Float[Tensor, "frames feats"] | None = None
    """Of what is drawn so far, in the user's world moved by the clip's start."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A stretch of a track to be drawn, with what is shown of the track before and after it."""

    segment: Segment
    before: Float[Tensor, "overlap feats"] | None = None
    after: Float[Tensor, "more feats"] | None = None

    @property
    def lead(self) -> int:
        """Frames that are shown before the segment."""
        return 0 if self.before is None else len(self.before)

    @property
    def frames(self) -> int:
        return (
            self.lead
            + (self.segment.end - self.segment.first)
            + (0 if self.after is None else len(self.after))
        )


def draw_tracks(jobs: Sequence[Job], *, progress: Progress | None) -> list[list[Tensor]]:
    """Return the features of each sample of each job, in the user's world.

    A sample is what it would be alone, to float rounding. Segments of one motion are drawn one
    after the other, those of different motions together.
    """
    tracks = [[Track(job=job, sample=i) for i in range(job.request.samples)] for job in jobs]
    every = [track for row in tracks for track in row]
    rounds = [
        batch
        for number in range(max(job.rounds for job in jobs))
        for batch in _batches([t for t in every if number < t.job.rounds], number)
    ]
    total = sum(batch[0].job.steps for batch, _ in rounds)
    done = 0
    for batch, number in rounds:
        _draw(batch, number, _as_part(progress, done, total))
        done += batch[0].job.steps
    return [[_in_world(track) for track in row] for row in tracks]


def _batches(tracks: Sequence[Track], number: int) -> list[tuple[list[Track], int]]:
    """Group the tracks whose pieces of a round can share network calls.

    In a batch are samples of one model, number of steps and guidance, of similar length, and no
    more than fit into BATCH_FRAMES.
    """
    groups: dict[tuple[object, ...], list[tuple[int, Track]]] = {}
    for track in tracks:
        job = track.job
        length = _length(job, number)
        groups.setdefault((id(job.model), job.steps, job.guidance), []).append((length, track))
    batches: list[tuple[list[Track], int]] = []
    for group in groups.values():
        batch: list[Track] = []
        for length, track in sorted(group, key=lambda pair: pair[0]):  # what comes is the longest
            if batch and length * (len(batch) + 1) > BATCH_FRAMES:
                batches.append((batch, number))
                batch = []
            batch.append(track)
        batches.append((batch, number))
    return batches


def _length(job: Job, number: int) -> int:
    """About how many frames a track draws in a round."""
    if number >= len(job.segments) or job.request.regenerate is not None:
        return round(LOOP_SECONDS * job.model.fps)
    segment = job.segments[number]
    return segment.end - segment.first


def _draw(batch: Sequence[Track], number: int, progress: Progress | None) -> None:
    """Draw a round of some tracks and put the new frames in place."""
    job = batch[0].job
    pieces = [_piece(track, number) for track in batch]
    scripts = list(dict.fromkeys(piece.segment.script for piece in pieces))
    text = condition_from_scripts(scripts, job.encoder, job.model.fps)
    places = [_place(piece, track) for piece, track in zip(pieces, batch, strict=True)]
    drawn = sample_features(
        job.model,
        text.select([scripts.index(piece.segment.script) for piece in pieces]),
        [
            _spec(track, piece, place, number)
            for track, piece, place in zip(batch, pieces, places, strict=True)
        ],
        steps=job.steps,
        guidance=job.guidance,
        progress=progress,
    )
    for track, piece, place, features in zip(batch, pieces, places, drawn, strict=True):
        _put(track, piece, place, features)


def _piece(track: Track, number: int) -> Piece:
    job = track.job
    again = job.request.regenerate
    if job.base is not None and again is not None and number == 0:
        track.features = job.base
        return _between(track, job.segments[again])
    if number >= job.rounds - int(job.request.loop) and job.request.loop:
        return _closing(track)
    segment = job.segments[number]
    overlap = overlap_frames(job.model.fps)
    if track.features is not None:
        return Piece(segment=segment, before=track.features[-overlap:])
    if job.lead is not None:
        return Piece(segment=segment, before=job.model.representation.encode(job.lead)[-overlap:])
    return Piece(segment=segment)


def _between(track: Track, segment: Segment) -> Piece:
    """A segment that is drawn anew between what comes before and after it."""
    assert track.features is not None
    overlap = overlap_frames(track.job.model.fps)
    before = track.features[max(0, segment.first - overlap) : segment.first]
    after = track.features[segment.end : segment.end + overlap]
    return Piece(
        segment=segment,
        before=before if len(before) else None,
        after=after if len(after) else None,
    )


def _closing(track: Track) -> Piece:
    """The end of the motion, drawn anew so that its beginning can follow."""
    job, features = track.job, track.features
    assert features is not None
    representation, fps = job.model.representation, job.model.fps
    count = min(round(LOOP_SECONDS * fps), max(1, len(features) // 2))
    first = len(features) - count
    script = job.segments[-1].script
    overlap = min(overlap_frames(fps), first)
    head = features[:overlap]
    turn = representation.heading(features[-1]) - representation.heading(head[0])
    head = representation.rotate(head, turn)
    step = ground_place(features[-1:], representation) - ground_place(
        features[-2:-1], representation
    )
    end = ground_place(features[-1:], representation) + step
    head = representation.translate(head, end - ground_place(head, representation))
    return Piece(
        segment=Segment(script=script, first=first, end=len(features)),
        before=features[first - overlap : first],
        after=head,
    )


def _place(piece: Piece, track: Track) -> Float[Tensor, "3"]:
    """Where in the track the drawn features' origin lies."""
    if piece.before is None:
        return torch.zeros(3)
    return ground_place(piece.before, track.job.model.representation)


def _spec(track: Track, piece: Piece, place: Float[Tensor, "3"], number: int) -> SampleSpec:
    job, request = track.job, track.job.request
    representation = job.model.representation
    blocks = []
    if piece.before is not None:
        blocks.append((0, representation.translate(piece.before, -place)))
    if piece.after is not None:
        first = piece.frames - len(piece.after)
        blocks.append((first, representation.translate(piece.after, -place)))
    facts = job.conditioning.facts(
        model_clip(job.model, job.frames),
        piece.segment.first - piece.lead,
        piece.frames,
        offset=place,
    )
    heading = float(request.heading)
    if piece.before is not None:
        heading = float(representation.heading(piece.before[0]))
    elif facts is not None and bool(facts.heading_mask[0]):
        heading = float(facts.heading[0])
    return SampleSpec(
        frames=piece.frames,
        seed=request.seed + _SEGMENT_SEEDS * number,
        index=track.sample,
        heading=heading,
        facts=facts,
        observation=shown(piece.frames, blocks) if blocks else None,
    )


def _put(track: Track, piece: Piece, place: Float[Tensor, "3"], drawn: Tensor) -> None:
    """Put drawn features into their track; frames that were shown are blended."""
    representation = track.job.model.representation
    if piece.before is None and not track.job.conditioning.goals:
        drawn = representation.canonicalise(drawn)
    drawn = representation.translate(drawn, place)
    if track.features is None:
        if piece.before is not None:  # the motion that is continued is not part of this one
            drawn = joined(piece.before, drawn, piece.lead)[piece.lead :]
        track.features = drawn
        return
    segment, whole = piece.segment, track.features
    new = joined(whole[: segment.first], drawn, piece.lead)
    if piece.after is not None:
        new = new[: segment.end]
    track.features = torch.cat((new, whole[segment.end :])) if segment.end < len(whole) else new


def _in_world(track: Track) -> Tensor:
    assert track.features is not None
    return track.job.model.representation.translate(track.features, track.job.conditioning.start)


def _as_part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return the callback for one batch, given one for all of them."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
