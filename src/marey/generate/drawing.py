"""Drawing: the motions of all samples of all jobs, piece by piece."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marey.generate.job import Job
from marey.generate.pieces import LOOP_SECONDS, Piece, piece_of, spec_of
from marey.generate.seams import eased
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

    What was shown of its neighbours stays as it is: the path of the piece begins and ends on it,
    and where the model turned a joint otherwise, the difference fades.
    """
    job, motion, segment = track.job, track.motion, piece.segment
    if motion is None and not job.conditioning.goals:
        features = job.model.representation.canonicalise(features)
    own, known = _decoded(job, piece, features)
    first, last = piece.lead, piece.lead + piece.inner
    begins, ends = piece.lead > 0, len(piece.after) > 0
    window = max(0, first - 1), last + int(ends)
    bent = eased(
        replace(own, root_positions=known.root_positions).crop(*window),
        start=known.crop(first - 1, first) if begins else None,
        end=known.crop(last, last + 1) if ends else None,
    )
    parts = [bent.crop(int(begins), int(begins) + piece.inner)]
    start, end = job.lead_frames + segment.first, job.lead_frames + segment.end
    if motion is not None:
        parts = [motion.crop(0, start), *parts] if start else parts
        parts += [motion.crop(end, motion.num_frames)] if end < motion.num_frames else []
    return concatenate(parts)


def _decoded(
    job: Job, piece: Piece, features: Float[Tensor, "frames feats"]
) -> tuple[Motion, Motion]:
    """Return a piece as the model drew it, and with its neighbours as they were shown to it."""
    representation = job.model.representation
    features = representation.translate(features, piece.place)
    known = features.clone()
    if piece.lead:
        known[: piece.lead] = representation.translate(piece.before, piece.place)
    if len(piece.after):
        known[-len(piece.after) :] = representation.translate(piece.after, piece.place)
    pinned = _pinned(job, piece)
    return representation.decode(features), representation.decode(known, pinned=pinned)


def _pinned(job: Job, piece: Piece) -> Bool[Tensor, " frames"]:
    """Frames of a piece in which the root is where it must be."""
    pinned = torch.ones(piece.frames, dtype=torch.bool)
    pinned[piece.lead : piece.frames - len(piece.after)] = False
    first = piece.segment.first - piece.lead
    for goal in job.conditioning.within(first, first + piece.frames):
        if goal.kind == "root_path" or (goal.kind == "joint_position" and goal.joint == 0):
            pinned[goal.frames] = True
    return pinned


def _finished(track: Track) -> Motion:
    assert track.motion is not None
    return track.motion


def _as_part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return the callback for one batch, given one for all of them."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
