"""The same annotation on a Ray cluster; needs the extra ``cluster``."""

import importlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from marey.annotation.annotate import Workers
from marey.annotation.annotator import Outcome, WindowAnnotator, WindowTask
from marey.errors import MissingExtraError


def in_cluster(
    make_annotator: Callable[[], WindowAnnotator], in_flight: int = 1, *, address: str = "local"
) -> Workers:
    """Return workers that annotate ``in_flight`` windows at a time on the cluster at ``address``.

    ``make_annotator`` is called once on the machine of each worker, which must have marey (and
    the key of an endpoint in its environment); the motions travel there. ``local`` starts a
    cluster on this machine; an address is Ray's, such as ``auto`` or ``ray://head:10001``.

    Raises MissingExtraError without ray.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError("Annotation on a cluster", extra="cluster") from error

    def work(tasks: Iterable[WindowTask]) -> Generator[Outcome, None, None]:
        ours = not ray.is_initialized()
        if ours:
            ray.init(address=address, log_to_driver=False)
        try:
            yield from _work_off(ray, make_annotator, in_flight, tasks)
        finally:
            if ours:
                ray.shutdown()

    return work


def _work_off(
    ray: Any,
    make_annotator: Callable[[], WindowAnnotator],
    in_flight: int,
    tasks: Iterable[WindowTask],
) -> Iterator[Outcome]:
    actor = ray.remote(num_cpus=1)(_Worker)
    workers = [actor.remote(make_annotator) for _ in range(in_flight)]
    waiting = iter(tasks)
    running = {
        worker.annotate.remote(task): worker for worker, task in zip(workers, waiting, strict=False)
    }
    while running:
        ready, _ = ray.wait(list(running), num_returns=1)
        worker = running.pop(ready[0])
        yield ray.get(ready[0])
        if (task := next(waiting, None)) is not None:
            running[worker.annotate.remote(task)] = worker


class _Worker:
    """Lives on a machine of the cluster."""

    def __init__(self, make_annotator: Callable[[], WindowAnnotator]) -> None:
        self._annotate = make_annotator()

    def annotate(self, task: WindowTask) -> Outcome:
        return self._annotate(task)
