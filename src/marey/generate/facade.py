"""Carrying requests out: settle, draw, deliver."""

import time
from collections.abc import Sequence

from marey.errors import InvalidInputError
from marey.generate.delivery import Delivered, deliver
from marey.generate.drawing import Progress, draw_tracks
from marey.generate.job import Job
from marey.generate.request import GenerationRequest
from marey.generate.result import GenerationResult


def generate(request: GenerationRequest, *, progress: Progress | None = None) -> GenerationResult:
    """Generate the motions of one request.

    The same request gives the same motions, bit for bit on one machine. Threads may call it at
    the same time: requests share models, which are only read, and nothing else. Raises
    InvalidInputError for an unknown model, constraints that contradict each other or do not fit,
    or a skeleton that has no joint in common with the model's; whatever ``progress`` raises
    passes.
    """
    return generate_many([request], progress=progress)[0]


def generate_many(
    requests: Sequence[GenerationRequest], *, progress: Progress | None = None
) -> list[GenerationResult]:
    """Generate several requests together, which is faster than one after the other.

    Those that share model, steps and guidance share network calls, whatever their texts,
    constraints and lengths; each result is what ``generate`` would return for its request alone,
    to float rounding. Raises as ``generate`` does, before anything is generated.
    """
    if not requests:
        raise InvalidInputError("generate_many needs at least one request.")
    clock = _Clock()
    jobs = [Job.of(request) for request in requests]
    clock.mark("load")
    drawn = draw_tracks(jobs, progress=progress)
    clock.mark("sampling")
    finished = [deliver(job, own) for job, own in zip(jobs, drawn, strict=True)]
    clock.mark("finishing")
    return [_result(job, own, clock) for job, own in zip(jobs, finished, strict=True)]


def _result(job: Job, delivered: list[Delivered], clock: "_Clock") -> GenerationResult:
    if job.request.best:
        delivered = [min(delivered, key=lambda each: each.rank)]
    return GenerationResult(
        request=job.request,
        motions=tuple(each.motion for each in delivered),
        reports=tuple(each.report for each in delivered),
        constraints=tuple(each.constraints for each in delivered),
        warnings=job.warnings,
        timings=clock.spent,
        retargeting=job.extent.retargeting,
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
