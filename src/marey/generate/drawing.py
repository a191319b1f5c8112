"""Drawing: the motions of all samples of all jobs, piece by piece."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from marey.constraints import Goal
from marey.generate.job import Job
from marey.generate.pieces import LOOP_SECONDS, Piece, piece_of, spec_of
from marey.generate.seams import GROUND, eased, step_after, step_before
from marey.motion import Motion, concatenate
from marey.sampling import sample_features
from marey.text import condition_from_scripts

Progress = Callable[[int, int], None]
"""Called with (network steps done, in all); raises ``marey.errors.Cancelled`` to stop."""

BATCH_FRAMES = 3200
"""Samples are drawn in groups of about so many frames, to bound memory."""


@dataclass(eq=False)
class Track:
    """One motion while it is drawn."""

    job: Job
    sample: int
    motion: Motion | None
    """What there is so far, on the model's skeleton and in the user's world; it begins with the
    end of the motion that is continued."""


def draw_tracks(jobs: Sequence[Job], *, progress: Progress | None) -> list[list[Motion]]:
    """Return each sample of each job, on the model's skeleton and in the user's world.

    A motion that goes on from another begins with the end of that one. A sample is what it would
    be alone, to float rounding. Segments of one motion are drawn one after the other, those of
    different motions together.
    """
    tracks = [
        [Track(job=job, sample=i, motion=job.known) for i in range(job.request.samples)]
        for job in jobs
    ]
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
    return [[_finished(track) for track in row] for row in tracks]


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
    if number >= job.drawn_segments:
        return round(LOOP_SECONDS * job.model.fps)
    segment = job.segments[number if job.redrawn is None else job.redrawn]
    return segment.end - segment.first


def _draw(batch: Sequence[Track], number: int, progress: Progress | None) -> None:
    """Draw a round of some tracks and put the new frames in place."""
    job = batch[0].job
    pieces = [piece_of(track.job, track.motion, number) for track in batch]
    scripts = list(dict.fromkeys(piece.segment.script for piece in pieces))
    text = condition_from_scripts(scripts, job.encoder, job.model.fps)
    drawn = sample_features(
        job.model,
        text.select([scripts.index(piece.segment.script) for piece in pieces]),
        [spec_of(t.job, piece, t.sample) for t, piece in zip(batch, pieces, strict=True)],
        steps=job.steps,
        guidance=job.guidance,
        progress=progress,
    )
    for track, piece, features in zip(batch, pieces, drawn, strict=True):
        track.motion = _with_piece(track, piece, features)


def _with_piece(track: Track, piece: Piece, features: Float[Tensor, "frames feats"]) -> Motion:
    """Return a track's motion with a piece in its place.

    What was shown of its neighbours stays as it is. Where the piece would jump, it is moved as a
    whole, or, if it is pinned to a place, the difference fades.
    """
    job, motion, segment = track.job, track.motion, piece.segment
    own = _decoded(job, piece, features, first=motion is None)
    start, end = job.lead_frames + segment.first, job.lead_frames + segment.end
    if motion is None:
        return own
    if piece.following is not None:
        own = eased(own, end=step_before(piece.following, own))
    rest = [motion.crop(end, motion.num_frames)] if end < motion.num_frames else []
    if start == 0:
        return concatenate([own, *rest])
    before = motion.crop(0, start)
    step = step_after(before, own)
    if piece.following is None and not _is_placed(job, piece):
        own = own.translate((step.root_positions[1] - own.root_positions[0]) * GROUND)
    return concatenate([before, eased(own, start=step), *rest])


def _decoded(
    job: Job, piece: Piece, features: Float[Tensor, "frames feats"], *, first: bool
) -> Motion:
    """Return the frames of a piece's segment in the world.

    The ``first`` piece of a motion for which nothing is pinned starts exactly where it should.
    """
    representation = job.model.representation
    if first and not job.conditioning.goals:
        features = representation.canonicalise(features)
    pinned = torch.zeros(piece.frames, dtype=torch.bool)
    for goal in _goals_of(job, piece):
        if goal.kind == "root_path" or (goal.kind == "joint_position" and goal.joint == 0):
            pinned[goal.frames] = True
    motion = representation.decode(representation.translate(features, piece.place), pinned=pinned)
    return motion.crop(piece.lead, piece.lead + piece.inner)


def _goals_of(job: Job, piece: Piece) -> tuple[Goal, ...]:
    first = piece.segment.first - piece.lead
    return job.conditioning.within(first, first + piece.frames)


def _is_placed(job: Job, piece: Piece) -> bool:
    """Whether anything of a piece is pinned to a place over the ground."""
    return any(goal.kind in ("root_path", "joint_position") for goal in _goals_of(job, piece))


def _finished(track: Track) -> Motion:
    assert track.motion is not None
    return track.motion


def _as_part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return the callback for one batch, given one for all of them."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
