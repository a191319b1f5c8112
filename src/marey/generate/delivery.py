"""Delivery: from features to the motions that the user gets, with what was measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from marey.constraints import Goal, goals_on
from marey.generate.job import Job, has_feet
from marey.generate.report import ConstraintReport, constraint_reports, mismatch
from marey.generate.result import MotionReport
from marey.generate.segments import overlap_frames
from marey.io import load_motion
from marey.metrics import foot_skate_from_height
from marey.motion import Motion, concatenate, retarget, smooth_path
from marey.postprocess import refine, smooth_rotations


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivered:
    """A finished motion and its reports."""

    motion: Motion
    report: MotionReport
    constraints: tuple[ConstraintReport, ...]
    rank: tuple[float, float]
    """How far the model was off, in tolerances, and how much feet slid: less is better."""


def deliver(job: Job, features: Sequence[Tensor]) -> list[Delivered]:
    """Decode, smooth, retarget, resample, correct and measure the samples of a job.

    On a skeleton of which hips or feet are not known, correction and measures come before
    retargeting.
    """
    raw = [_decoded(job, each) for each in features]
    if has_feet(job.skeleton):
        raw = [_on_skeleton(job, motion) for motion in raw]
    raw = [_at_rate(job, motion) for motion in raw]
    goals = [goals_on(job.request.constraints, motion) for motion in raw]
    finished = raw
    if job.request.postprocess:
        limits = job.model.representation.contact_limits
        finished = refine(raw, goals, contact_limits=limits)
    if job.request.base is not None:
        finished = [_kept(job, motion) for motion in finished]
    return [
        _delivered(job, sample, before, after, own)
        for sample, (before, after, own) in enumerate(zip(raw, finished, goals, strict=True))
    ]


def _decoded(job: Job, features: Tensor) -> Motion:
    representation = job.model.representation
    pinned = torch.zeros(len(features), dtype=torch.bool)
    for goal in job.conditioning.goals:
        if goal.kind == "root_path" or (goal.kind == "joint_position" and goal.joint == 0):
            pinned[goal.frames] = True
    return smooth_rotations(representation.decode(features, pinned=pinned), job.smoothing)


def _on_skeleton(job: Job, motion: Motion) -> Motion:
    if job.request.skeleton is None:
        return motion
    return replace(retarget(motion, job.request.skeleton).motion, skeleton=job.skeleton)


def _at_rate(job: Job, motion: Motion) -> Motion:
    return motion if job.request.fps is None else motion.resample(job.request.fps)


def _kept(job: Job, motion: Motion) -> Motion:
    """Put back, bit for bit, the frames of the base motion that were not to be drawn anew."""
    request = job.request
    assert request.base is not None
    assert request.regenerate is not None
    base = load_motion(request.base)
    if base.skeleton != motion.skeleton or base.fps != motion.fps:
        return motion
    segment = job.segments[request.regenerate]
    rate = motion.fps / job.model.fps
    margin = overlap_frames(motion.fps)
    first = max(0, round(segment.first * rate) - margin)
    end = min(motion.num_frames, base.num_frames, round(segment.end * rate) + margin)
    parts = [base.crop(0, first)] if first else []
    parts.append(motion.crop(first, end))
    if end < base.num_frames:
        parts.append(base.crop(end, base.num_frames))
    return concatenate(parts)


def _delivered(
    job: Job, sample: int, before: Motion, after: Motion, goals: Sequence[Goal]
) -> Delivered:
    request = job.request
    skate = foot_skate_from_height(before.joint_positions, before.skeleton, before.fps).mean
    notes = {"text": _said(job), "seed": request.seed, "sample": sample}
    last = after if has_feet(job.skeleton) else _on_skeleton(job, after)
    return Delivered(
        motion=_in_place(last, request.in_place).with_metadata(**notes, model=job.model.name),
        report=MotionReport.of(after, seed=request.seed, sample=sample),
        constraints=constraint_reports(
            request.constraints, goals, before, after, postprocessed=request.postprocess
        ),
        rank=(mismatch(goals, before), skate),
    )


def _said(job: Job) -> str:
    script = job.request.script
    return script.prompt or "; ".join(each.text for each in script.statements)


def _in_place(motion: Motion, wanted: bool) -> Motion:
    """Take the way over the ground out of a motion; sway and heading stay."""
    if not wanted:
        return motion
    root = motion.root_positions.clone()
    root[:, [0, 2]] -= smooth_path(root[:, [0, 2]])
    return replace(motion, root_positions=root)
