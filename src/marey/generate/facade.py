"""Carrying requests out: models and encoders are loaded once, samples share network calls."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import torch

from marey.errors import InvalidInputError
from marey.generate.request import GenerationRequest, default_seconds
from marey.generate.result import GenerationResult, MotionReport
from marey.models import DiffusionModel, load_diffusion_model
from marey.models.checkpoint import checkpoint_folder
from marey.motion import Motion
from marey.motion.retarget import RetargetReport, retarget
from marey.postprocess import smooth_rotations
from marey.sampling import Guidance, SampleSpec, sample_features
from marey.text import MiniLMEncoder, TextEncoder, TextScript, condition_from_scripts

Progress = Callable[[int, int], None]
"""Called with (network steps done, in all); raises ``marey.errors.Cancelled`` to stop."""

DEFAULT_STEPS = 20
"""Network steps of a model whose checkpoint does not say."""
BATCH_FRAMES = 3200
"""Samples are drawn in groups of about so many frames, to bound memory."""


def generate(request: GenerationRequest, *, progress: Progress | None = None) -> GenerationResult:
    """Generate the motions of one request.

    The same request gives the same motions, bit for bit on one machine. Threads may call it at
    the same time: requests share models, which are only read, and nothing else. Raises
    InvalidInputError for an unknown model, a length or a span beyond what the model can do, or a
    skeleton that has no joint in common with the model's; whatever ``progress`` raises passes.
    """
    return generate_many([request], progress=progress)[0]


def generate_many(
    requests: Sequence[GenerationRequest], *, progress: Progress | None = None
) -> list[GenerationResult]:
    """Generate several requests together, which is faster than one after the other.

    Those that share model, steps and guidance share network calls, whatever their texts and
    lengths; each result is what ``generate`` would return for its request alone, to float
    rounding. Raises as ``generate`` does, before anything is generated.
    """
    if not requests:
        raise InvalidInputError("generate_many needs at least one request.")
    clock = _Clock()
    jobs = [_Job.of(request) for request in requests]
    clock.mark("load")
    motions: list[dict[int, Motion]] = [{} for _ in jobs]
    batches = _batches(jobs)
    before, total = 0, sum(jobs[batch[0][0]].steps for batch in batches)
    for batch in batches:
        drawn = _draw(
            [(jobs[number], sample) for number, sample in batch],
            clock,
            _as_part(progress, before, total),
        )
        for (number, sample), motion in zip(batch, drawn, strict=True):
            motions[number][sample] = motion
        before += jobs[batch[0][0]].steps
    finished = [_finished(job, found) for job, found in zip(jobs, motions, strict=True)]
    clock.mark("finishing")
    return [
        GenerationResult(
            request=job.request,
            motions=tuple(delivered),
            reports=tuple(reports),
            timings=clock.spent,
            retargeting=job.retargeting,
        )
        for job, (delivered, reports) in zip(jobs, finished, strict=True)
    ]


def default_guidance(model: str) -> Guidance:
    """Return the guidance that a model is used with where the request states none.

    Raises InvalidInputError for an unknown model.
    """
    return Guidance(**_model(model).notes.get("sampling", {}).get("guidance", {}))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    """A request with everything settled that it left open."""

    request: GenerationRequest
    model: DiffusionModel
    encoder: TextEncoder
    steps: int
    guidance: Guidance
    smoothing: float
    frames: int
    retargeting: RetargetReport | None

    @classmethod
    def of(cls, request: GenerationRequest) -> "_Job":
        model = _model(request.model)
        _check_script(request.script, model)
        sampling = model.notes.get("sampling", {})
        return cls(
            request=request,
            model=model,
            encoder=_encoder(model.text_encoder),
            steps=request.steps or int(sampling.get("steps", DEFAULT_STEPS)),
            guidance=request.guidance or default_guidance(request.model),
            smoothing=float(sampling.get("smoothing", 0.0))
            if request.smoothing is None
            else request.smoothing,
            frames=max(1, round(_seconds(request, model) * model.fps)),
            retargeting=_retargeting(request, model),
        )


def _check_script(script: TextScript, model: DiffusionModel) -> None:
    """Refuse what the model would ignore or, worse, take for something else."""
    for statement in script.statements:
        if statement.slot not in model.text_slots:
            raise InvalidInputError(
                f"script: model {model.name!r} was not trained on text for {statement.slot!r}, "
                f"only for {', '.join(model.text_slots)}. Say it in the whole body's sentence."
            )
        if statement.span is not None:
            raise InvalidInputError(
                f"script: {statement.text!r} has a span in time, which model {model.name!r} does "
                "not follow. Generate the parts one by one."
            )


def _seconds(request: GenerationRequest, model: DiffusionModel) -> float:
    """Return the length in seconds that is asked for, or that the script suggests."""
    seconds = request.seconds or default_seconds(request.script, most=model.max_seconds)
    if seconds > model.max_seconds + 1e-6:
        raise InvalidInputError(
            f"seconds: model {model.name!r} makes motions of up to {model.max_seconds:g} s, got "
            f"{seconds:g}. Ask for less, or generate the parts one by one."
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


def _batches(jobs: Sequence[_Job]) -> list[list[tuple[int, int]]]:
    """Group the samples, as (job, sample), that can share network calls.

    In a batch are samples of one model, number of steps and guidance, of similar length, and no
    more than fit into BATCH_FRAMES.
    """
    groups: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for number in sorted(range(len(jobs)), key=lambda number: jobs[number].frames):
        job = jobs[number]
        group = groups.setdefault((id(job.model), job.steps, job.guidance), [])
        group += [(number, sample) for sample in range(job.request.samples)]
    batches: list[list[tuple[int, int]]] = []
    for group in groups.values():
        batch: list[tuple[int, int]] = []
        for number, sample in group:  # by length: what comes now is the longest
            if batch and jobs[number].frames * (len(batch) + 1) > BATCH_FRAMES:
                batches.append(batch)
                batch = []
            batch.append((number, sample))
        batches.append(batch)
    return batches


def _draw(
    batch: Sequence[tuple[_Job, int]], clock: "_Clock", progress: Progress | None
) -> list[Motion]:
    """Draw the samples of one batch on the model's skeleton, in order."""
    first = batch[0][0]
    scripts = list(dict.fromkeys(job.request.script for job, _ in batch))
    text = condition_from_scripts(scripts, first.encoder, first.model.fps)
    clock.mark("text")
    features = sample_features(
        first.model,
        text.select([scripts.index(job.request.script) for job, _ in batch]),
        [
            SampleSpec(
                frames=job.frames, seed=job.request.seed, index=i, heading=job.request.heading
            )
            for job, i in batch
        ],
        steps=first.steps,
        guidance=first.guidance,
        progress=progress,
    )
    clock.mark("sampling")
    representation = first.model.representation
    motions = [representation.decode(representation.canonicalise(each)) for each in features]
    smooth = [
        smooth_rotations(motion, job.smoothing)
        for motion, (job, _) in zip(motions, batch, strict=True)
    ]
    clock.mark("decoding")
    return smooth


def _finished(job: _Job, found: dict[int, Motion]) -> tuple[list[Motion], list[MotionReport]]:
    """Measure the motions of a request, then put them on its skeleton and frame rate."""
    request = job.request
    motions, reports = [], []
    for sample in range(request.samples):
        motion = found[sample]
        reports.append(MotionReport.of(motion, seed=request.seed, sample=sample))
        if request.skeleton is not None:
            motion = retarget(motion, request.skeleton).motion
        if request.fps is not None:
            motion = motion.resample(request.fps)
        notes = {"text": request.script.prompt, "seed": request.seed, "sample": sample}
        motions.append(motion.with_metadata(**notes, model=job.model.name))
    return motions, reports


def _as_part(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return the callback for one batch, given one for all of them."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


class _Clock:
    """Adds up the seconds between marks by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, name: str) -> None:
        now = time.perf_counter()
        self.spent[name] = self.spent.get(name, 0.0) + now - self._last
        self._last = now


_LOADING = Lock()
"""Two threads that need one model load it once."""


def _model(name: str) -> DiffusionModel:
    """Return a model, loaded anew only when its files have changed (a training run goes on)."""
    folder = checkpoint_folder(name).resolve()
    files = (folder / "config.json", folder / "model.safetensors")
    state = tuple(file.stat().st_mtime_ns if file.exists() else None for file in files)
    with _LOADING:
        return _loaded_model(folder, state)


@lru_cache(maxsize=4)
def _loaded_model(folder: Path, state: tuple[int | None, ...]) -> DiffusionModel:
    return load_diffusion_model(folder)


def _encoder(name: str) -> TextEncoder:
    with _LOADING:
        return _loaded_encoder(name)


@lru_cache(maxsize=4)
def _loaded_encoder(name: str) -> TextEncoder:
    """Return the encoder that a checkpoint names; other names than MiniLM's are Hugging Face's."""
    if name == MiniLMEncoder.name:
        return MiniLMEncoder()
    from marey.text.huggingface import HuggingFaceEncoder

    return HuggingFaceEncoder(name)
