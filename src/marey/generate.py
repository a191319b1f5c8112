"""The one door to generation: a request goes in, motions and a report come out.

The command line, the server and the studio use only this.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import torch

from marey.errors import InvalidInputError
from marey.metrics import foot_skate_from_contacts, foot_skate_from_height, jerk, path_length
from marey.models import DiffusionModel, load_diffusion_model
from marey.motion import Motion
from marey.motion.retarget import RetargetReport, retarget
from marey.sampling import Guidance, SampleSpec, sample_features
from marey.skeleton import Skeleton
from marey.text import (
    MiniLMEncoder,
    TextEncoder,
    TextScript,
    collate_conditions,
    condition_from_scripts,
)

Progress = Callable[[int, int], None]
"""Called with (network steps done, in all); raises ``marey.errors.Cancelled`` to stop."""

DEFAULT_STEPS = 20
BATCH_FRAMES = 3200
"""Samples are drawn in groups of about so many frames, to bound memory."""


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """What to generate. Raises InvalidInputError for values out of range."""

    script: TextScript
    seconds: float | None = None
    """Length of the motion; None lets ``default_seconds`` choose."""
    samples: int = 1
    seed: int = 0
    """Sample ``i`` depends on (seed, i) and on nothing else of the batch."""
    model: str = "small"
    """Name of a bundled model or path of a checkpoint folder."""
    steps: int | None = None
    """Network steps; None takes the model's own default."""
    guidance: Guidance | None = None
    """None takes the model's own default."""
    heading: float = 0.0
    """Direction that the body faces first, radians; 0 = +Z, positive towards +X."""
    fps: float | None = None
    """Frame rate of the result; None keeps the model's."""
    skeleton: Skeleton | None = None
    """Skeleton of the result; None keeps the model's."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InvalidInputError(f"samples must be at least 1, got {self.samples}.")
        for name in ("seconds", "fps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InvalidInputError(f"{name} must be positive and finite, got {value}.")

    def to_json(self) -> dict[str, Any]:
        """Return the request as a JSON object."""
        guidance = None if self.guidance is None else asdict(self.guidance)
        skeleton = None if self.skeleton is None else self.skeleton.name
        rest = ("seconds", "samples", "seed", "model", "steps", "heading", "fps")
        return {
            "script": self.script.to_json(),
            **{name: getattr(self, name) for name in rest},
            "guidance": guidance,
            "skeleton": skeleton,
        }


@dataclass(frozen=True, kw_only=True)
class MotionReport:
    """What was measured on one generated motion, on the model's skeleton."""

    seed: int
    sample: int
    frames: int
    seconds: float
    path_metres: float
    """Length of the root's way over the ground."""
    forward_metres: float
    """Displacement along the first heading."""
    left_metres: float
    turn_degrees: float
    """Change of heading, positive to the left."""
    skate_height: float
    """Mean speed of low toes, m/s (``metrics.foot_skate_from_height``)."""
    skate_contacts: float
    """Mean speed of feet that the model says are planted, m/s."""
    jerk: float
    """Mean over joints and frames, m/s³."""


@dataclass(frozen=True, kw_only=True)
class GenerationResult:
    """Motions in sample order, with what was measured."""

    request: GenerationRequest
    motions: tuple[Motion, ...]
    reports: tuple[MotionReport, ...]
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds spent on loading, text, sampling and the rest."""
    retargeting: RetargetReport | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything but the motions' arrays as a JSON object."""
        return {
            "request": self.request.to_json(),
            "motions": [asdict(report) for report in self.reports],
            "timings": {name: round(value, 4) for name, value in self.timings.items()},
        }


def generate(request: GenerationRequest, *, progress: Progress | None = None) -> GenerationResult:
    """Generate the motions of one request.

    Raises InvalidInputError for an unknown model or a length beyond what the model has seen.
    """
    return generate_many([request], progress=progress)[0]


def generate_many(
    requests: Sequence[GenerationRequest], *, progress: Progress | None = None
) -> list[GenerationResult]:
    """Generate several requests together, which is faster than one after the other.

    Those that share model, steps and guidance share network calls, whatever their texts and
    lengths; each result is what ``generate`` would return for its request alone (to float
    rounding).
    """
    if not requests:
        raise InvalidInputError("generate_many needs at least one request.")
    clock = _Clock()
    jobs = [_Job.of(request, number) for number, request in enumerate(requests)]
    groups: dict[tuple[object, ...], list[_Job]] = {}
    for job in jobs:
        groups.setdefault((job.request.model, job.steps, job.guidance), []).append(job)
    clock.mark("load")
    batches = [part for group in groups.values() for part in _batches(group)]
    total = sum(part[0][0].steps for part in batches)
    found: dict[tuple[int, int], Motion] = {}
    before = 0
    for part in batches:
        at = before
        counted = None if progress is None else lambda k, _, at=at: progress(at + k, total)
        found |= _draw(part, clock, counted)
        before += part[0][0].steps
    return [_result(job, found, clock) for job in jobs]


def default_seconds(script: TextScript, *, most: float) -> float:
    """Length for a script that states none: 5 s, 2.5 s more for each further thing to do.

    A further thing begins with "then", "before", "after", a semicolon or a new sentence; spans in
    time count by their last end. Never more than ``most``.
    """
    ends = [s.end for s in script.statements if s.end is not None]
    if ends:
        return min(most, max(ends))
    more = re.findall(r"\bthen\b|\bbefore\b|\bafter\b|;|\.\s+\w", script.prompt.lower())
    return min(most, 5.0 + 2.5 * len(more))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    """A request with everything settled that it left open."""

    number: int
    request: GenerationRequest
    model: DiffusionModel
    steps: int
    guidance: Guidance
    frames: int

    @classmethod
    def of(cls, request: GenerationRequest, number: int) -> "_Job":
        model = _model(request.model)
        defaults = model.notes.get("sampling", {})
        seconds = request.seconds or default_seconds(request.script, most=model.max_seconds)
        if seconds > model.max_seconds + 1e-6:
            raise InvalidInputError(
                f"Model {model.name!r} makes motions of up to {model.max_seconds:g} s, "
                f"got seconds={seconds:g}."
            )
        return cls(
            number=number,
            request=request,
            model=model,
            steps=request.steps or int(defaults.get("steps", DEFAULT_STEPS)),
            guidance=request.guidance or Guidance(**defaults.get("guidance", {})),
            frames=max(1, round(seconds * model.fps)),
        )


def _batches(jobs: list[_Job]) -> list[list[tuple[_Job, int]]]:
    """Split the samples of jobs into groups of similar length and bounded size."""
    samples = [(job, i) for job in jobs for i in range(job.request.samples)]
    samples.sort(key=lambda pair: pair[0].frames)
    batches: list[list[tuple[_Job, int]]] = [[]]
    for job, i in samples:
        if batches[-1] and job.frames * (len(batches[-1]) + 1) > BATCH_FRAMES:
            batches.append([])
        batches[-1].append((job, i))
    return batches


def _draw(
    part: list[tuple[_Job, int]], clock: "_Clock", progress: Progress | None
) -> dict[tuple[int, int], Motion]:
    first = part[0][0]
    encoder = _encoder(first.model.text_encoder)
    jobs = list({id(job): job for job, _ in part}.values())
    row = {id(job): i for i, job in enumerate(jobs)}
    conditions = condition_from_scripts([j.request.script for j in jobs], encoder, first.model.fps)
    text = collate_conditions([conditions]).select([row[id(job)] for job, _ in part])
    clock.mark("text")
    specs = [
        SampleSpec(frames=j.frames, seed=j.request.seed, index=i, heading=j.request.heading)
        for j, i in part
    ]
    drawn = sample_features(
        first.model,
        text,
        specs,
        steps=first.steps,
        guidance=first.guidance,
        progress=progress,
    )
    clock.mark("sampling")
    representation = first.model.representation
    motions = [representation.decode(representation.canonicalise(f)) for f in drawn]
    clock.mark("decoding")
    return {(job.number, i): m for (job, i), m in zip(part, motions, strict=True)}


def _result(
    job: _Job, found: Mapping[tuple[int, int], Motion], clock: "_Clock"
) -> GenerationResult:
    request, report = job.request, None
    raw = [found[job.number, i] for i in range(request.samples)]
    reports = tuple(_report(m, request.seed, i) for i, m in enumerate(raw))
    motions = []
    for i, motion in enumerate(raw):
        if request.skeleton is not None:
            done = retarget(motion, request.skeleton)
            motion, report = done.motion, done.report
        if request.fps is not None:
            motion = motion.resample(request.fps)
        motions.append(
            motion.with_metadata(
                text=request.script.prompt, seed=request.seed, sample=i, model=job.model.name
            )
        )
    clock.mark("finishing")
    return GenerationResult(
        request=request,
        motions=tuple(motions),
        reports=reports,
        timings=dict(clock.spent),
        retargeting=report,
    )


def _report(motion: Motion, seed: int, sample: int) -> MotionReport:
    positions, skeleton = motion.joint_positions, motion.skeleton
    root, heading = motion.root_positions, motion.heading
    moved = (root[-1] - root[0])[[0, 2]]
    ahead = torch.stack((heading[0].sin(), heading[0].cos()))
    left = torch.stack((heading[0].cos(), -heading[0].sin()))
    turns = torch.remainder(heading.diff() + torch.pi, 2 * torch.pi) - torch.pi
    assert motion.contacts is not None
    return MotionReport(
        seed=seed,
        sample=sample,
        frames=motion.num_frames,
        seconds=motion.seconds,
        path_metres=path_length(root[:, [0, 2]]),
        forward_metres=float(moved @ ahead),
        left_metres=float(moved @ left),
        turn_degrees=float(turns.sum().rad2deg()),
        skate_height=foot_skate_from_height(positions, skeleton, motion.fps).mean,
        skate_contacts=foot_skate_from_contacts(
            positions, motion.contacts, skeleton, motion.fps
        ).mean,
        jerk=jerk(positions, motion.fps).mean,
    )


class _Clock:
    """Adds up the seconds between marks by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, name: str) -> None:
        now = time.perf_counter()
        self.spent[name] = self.spent.get(name, 0.0) + now - self._last
        self._last = now


@cache
def _model(name: str) -> DiffusionModel:
    return load_diffusion_model(name)


@cache
def _encoder(name: str) -> TextEncoder:
    """Return the encoder that a checkpoint names; other names than MiniLM's are Hugging Face's."""
    if name == MiniLMEncoder.name:
        return MiniLMEncoder()
    from marey.text.huggingface import HuggingFaceEncoder

    return HuggingFaceEncoder(name)
