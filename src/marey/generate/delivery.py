"""Delivery: from drawn motions to those that the user gets, with what was measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from marey.constraints import Clip, FullBodyKeyframe, Goal, goals_on
from marey.generate.extent import has_feet
from marey.generate.job import Job
from marey.generate.report import ConstraintReport, constraint_reports, mismatch
from marey.generate.result import MotionReport
from marey.generate.seams import eased, last_round, next_round, put_between
from marey.generate.segments import overlap_frames
from marey.metrics import foot_skate_from_height
from marey.motion import Motion, concatenate, retarget
from marey.postprocess import refine, smooth_rotations

ROUND_SECONDS = 1.0
"""How much of a loop's other end is looked at on either side."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivered:
    """A finished motion and its reports."""

    motion: Motion
    report: MotionReport
    constraints: tuple[ConstraintReport, ...]
    rank: tuple[float, float]
    """How far the model was off, in tolerances, and how much feet slid: less is better."""


def deliver(job: Job, drawn: Sequence[Motion]) -> list[Delivered]:
    """Smooth, retarget, resample, correct and measure the samples of a job.

    On a skeleton of which hips or feet are not known, correction and measures come before
    retargeting.
    """
    raw = [_on_clip(job, each) for each in drawn]
    goals = [goals_on(job.request.constraints, motion) for motion in raw]
    finished = _corrected(job, raw, goals) if job.request.postprocess else raw
    finished = [_beside_base(job, motion) for motion in finished]
    return [
        _delivered(job, sample, before, after, own)
        for sample, (before, after, own) in enumerate(zip(raw, finished, goals, strict=True))
    ]


# --- the clip ----------------------------------------------------------------------------------


def _on_clip(job: Job, drawn: Motion) -> Motion:
    """Return the frames of the clip, on its skeleton where that has feet, at its rate."""
    clip = job.extent.delivered
    first = max(0, job.lead_frames - 1)  # with the frame that the clip goes on from
    motion = smooth_rotations(drawn, job.smoothing).crop(first, drawn.num_frames)
    if has_feet(clip.skeleton):
        motion = _on_skeleton(job, motion)
    motion = motion.resample(float(clip.fps))
    if job.lead is not None:
        motion = eased(motion, start=job.lead)
        motion = motion.crop(min(1, motion.num_frames - 1), motion.num_frames)
    return _beside_base(job, _of_length(motion, clip.frames))


def _on_skeleton(job: Job, motion: Motion) -> Motion:
    if job.request.skeleton is None:
        return motion
    moved = retarget(motion, job.request.skeleton).motion
    return replace(moved, skeleton=job.extent.delivered.skeleton)


def _of_length(motion: Motion, frames: int) -> Motion:
    """Leave frames out at the end, or repeat the last."""
    last = motion.crop(motion.num_frames - 1, motion.num_frames)
    missing = max(0, frames - motion.num_frames)
    return concatenate([motion, *[last] * missing]).crop(0, frames)


def _beside_base(job: Job, motion: Motion) -> Motion:
    """Put back the frames of the base motion that were not to be drawn anew."""
    base = job.extent.base
    if base is None or base.skeleton != motion.skeleton:
        return motion
    assert job.redrawn is not None
    segment, rate = job.segments[job.redrawn], motion.fps / job.model.fps
    return put_between(
        base,
        motion,
        round(segment.first * rate),
        min(motion.num_frames, round(segment.end * rate)),
        margin=overlap_frames(motion.fps),
    )


# --- correction --------------------------------------------------------------------------------


def _corrected(job: Job, raw: Sequence[Motion], goals: Sequence[tuple[Goal, ...]]) -> list[Motion]:
    """Plant feet and meet goals, so that what leads into a clip or a loop still does."""
    limits = job.model.representation.contact_limits
    if _is_wrapped(job, goals):
        count = min(raw[0].num_frames, round(ROUND_SECONDS * raw[0].fps))
        wide = [_wrapped(motion, count) for motion in raw]
        moved = [[replace(goal, frames=goal.frames + count) for goal in own] for own in goals]
        refined = refine(wide, moved, contact_limits=limits)
        return [motion.crop(count, motion.num_frames - count) for motion in refined]
    if job.lead is not None:
        goals = [(*own, *_first_pose(motion, own)) for motion, own in zip(raw, goals, strict=True)]
    return refine(raw, goals, contact_limits=limits)


def _is_wrapped(job: Job, goals: Sequence[Sequence[Goal]]) -> bool:
    """Whether a clip is corrected as a loop; a smoothed path that is pinned ends with the clip."""
    path = any(goal.kind == "root_path" for own in goals for goal in own)
    return job.request.loop and not path


def _wrapped(motion: Motion, count: int) -> Motion:
    """A loop with the end of the round before it, and the beginning of the next one."""
    return concatenate([last_round(motion, count), motion, next_round(motion, count)])


def _first_pose(motion: Motion, goals: Sequence[Goal]) -> tuple[Goal, ...]:
    """Goals that keep the first pose, which goes on from another motion, as it is."""
    if any(0 in goal.frames and goal.kind != "contact" for goal in goals):
        return ()
    pose = FullBodyKeyframe.from_motion(motion, [0])
    return replace(pose, root_path=None).goals(Clip.of(motion), source=-1)


# --- what is measured --------------------------------------------------------------------------


def _delivered(
    job: Job, sample: int, before: Motion, after: Motion, goals: Sequence[Goal]
) -> Delivered:
    request = job.request
    skate = foot_skate_from_height(before.joint_positions, before.skeleton, before.fps).mean
    notes = {"text": _said(job), "seed": request.seed, "sample": sample}
    last = after
    if not has_feet(job.extent.delivered.skeleton):
        last = _beside_base(job, _on_skeleton(job, after))
    return Delivered(
        motion=_in_place(job, last).with_metadata(**notes, model=job.model.name),
        report=MotionReport.of(after, seed=request.seed, sample=sample),
        constraints=constraint_reports(
            request.constraints,
            goals,
            before,
            after,
            warnings=job.warnings,
            postprocessed=request.postprocess,
        ),
        rank=(mismatch(goals, before), skate),
    )


def _said(job: Job) -> str:
    script = job.request.script
    return script.prompt or "; ".join(each.text for each in script.statements)


def _in_place(job: Job, motion: Motion) -> Motion:
    """Take the way over the ground out of a motion, if that is asked for; sway and turns stay."""
    if not job.request.in_place:
        return motion
    root = motion.root_positions.clone()
    count = min(motion.num_frames, round(ROUND_SECONDS * motion.fps)) * int(job.request.loop)
    around = _wrapped(motion, count) if count else motion
    path = around.root_path
    root[:, [0, 2]] -= path[count : count + motion.num_frames]
    return replace(motion, root_positions=root)
