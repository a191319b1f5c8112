"""Annotation of a store's windows: what is done already, what came of the rest, what it cost."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from marey.annotation.annotation_file import AnnotatedWindow, AnnotationFile
from marey.annotation.annotator import Outcome, Usage, WindowAnnotator, WindowTask
from marey.data import MotionStore
from marey.data.records import WindowRecord

STOP_AFTER = 10
"""Failures in a row after which a run stops, rather than ask a dead server for every window."""

Workers = Callable[[Iterable[WindowTask]], Generator[Outcome, None, None]]
"""Something that works tasks off, in any order; see `in_threads` and ``cluster.in_cluster``.

It takes the next task only after an outcome has been received, since that may be the last one."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What a million tokens cost, in the money of the person who pays."""

    prompt: float
    answer: float

    def of(self, usage: Usage) -> float:
        """Return what it cost; replies without numbers of tokens count as free."""
        return (usage.prompt_tokens * self.prompt + usage.answer_tokens * self.answer) / 1e6


@dataclass(kw_only=True)
class AnnotationReport:
    """What a run has done so far."""

    total: int
    """Windows that the run was asked to annotate; those of the same frames count once."""
    annotated: int = 0
    known: int = 0
    """Windows whose annotation of an earlier run stands."""
    failures: dict[str, list[str]] = field(default_factory=dict)
    """Windows without an annotation, by reason; the next run tries them again."""
    examples: dict[str, str] = field(default_factory=dict)
    """What the model or its server said, for the first failure of each reason."""
    sent_back: Counter[str] = field(default_factory=Counter)
    """First answers that were sent back, by what was wrong."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Texts that contradicted the motion and were replaced by measured ones, by slot."""
    discarded_lines: int = 0
    """Half-written lines of a killed run."""
    usage: Usage = field(default_factory=Usage)

    @property
    def failed(self) -> int:
        """Windows that were tried in vain."""
        return sum(map(len, self.failures.values()))

    @property
    def done(self) -> int:
        """Windows that the run is through with."""
        return self.annotated + self.known + self.failed

    @property
    def is_complete(self) -> bool:
        """Whether every window has an annotation now."""
        return self.annotated + self.known == self.total

    def to_json(self) -> dict[str, Any]:
        """Return the report as a plain dictionary."""
        counted = ("total", "annotated", "known", "discarded_lines", "failures", "examples")
        return {
            **{name: getattr(self, name) for name in counted},
            "left": self.total - self.done,
            "sent_back": dict(self.sent_back),
            "dropped": dict(self.dropped),
            "usage": dict(vars(self.usage)),
        }

    def _count(self, outcome: Outcome) -> None:
        self.usage.add(outcome.usage)
        self.sent_back.update(outcome.sent_back)
        if outcome.failure:
            self.failures.setdefault(outcome.failure, []).append(outcome.window_id)
            self.examples.setdefault(outcome.failure, outcome.details)
        elif outcome.annotation is None:
            self.known += 1
        else:
            self.annotated += 1
            self.dropped.update(list(outcome.annotation.dropped))


def annotate(
    store: MotionStore,
    path: str | Path,
    workers: Workers,
    *,
    windows: Sequence[WindowRecord] | None = None,
    prompt: str = "",
    listen: Callable[[AnnotationReport], None] | None = None,
) -> AnnotationReport:
    """Annotate windows of a store (all by default) into an `AnnotationFile`, and go on with it.

    ``prompt`` is the version of the prompt, for the record. ``listen`` is called after every
    window. After `STOP_AFTER` failures in a row the rest is left for the next run; what is being
    annotated then is waited for and kept.

    Raises InvalidInputError where another run writes to the file.
    """
    windows = store.windows if windows is None else windows
    together = _by_id(windows)
    report = AnnotationReport(total=len(together))
    failures_in_a_row = 0
    with AnnotationFile(path) as file:
        report.discarded_lines = file.discarded_lines
        tasks = takewhile(lambda _: failures_in_a_row < STOP_AFTER, _tasks(store, together, file))
        with closing(workers(tasks)) as outcomes:
            for outcome in outcomes:
                if outcome.annotation is not None:
                    file.append(
                        AnnotatedWindow(
                            window_id=outcome.window_id,
                            key=outcome.key,
                            prompt=prompt,
                            annotation=outcome.annotation,
                        )
                    )
                report._count(outcome)
                if listen is not None:
                    listen(report)
                failures_in_a_row = failures_in_a_row + 1 if outcome.failure else 0
    return report


def in_threads(annotator: WindowAnnotator, in_flight: int = 1) -> Workers:
    """Return workers that annotate ``in_flight`` windows at a time in this process."""

    def work(tasks: Iterable[WindowTask]) -> Generator[Outcome, None, None]:
        waiting = iter(tasks)
        pool = ThreadPoolExecutor(max_workers=in_flight)
        try:
            running = {pool.submit(annotator, task) for task in islice(waiting, in_flight)}
            while running:
                ready, others = wait(running, return_when=FIRST_COMPLETED)
                running: set[Future[Outcome]] = others
                for future in ready:
                    yield future.result()
                    running |= {pool.submit(annotator, task) for task in islice(waiting, 1)}
        finally:
            pool.shutdown(cancel_futures=True)

    return work


def _by_id(windows: Sequence[WindowRecord]) -> dict[str, list[WindowRecord]]:
    """Windows by name: a store may describe the same frames twice."""
    found: dict[str, list[WindowRecord]] = {}
    for window in windows:
        found.setdefault(window.window_id, []).append(window)
    return found


def _tasks(
    store: MotionStore, windows: Mapping[str, Sequence[WindowRecord]], file: AnnotationFile
) -> Iterator[WindowTask]:
    for window_id, same in windows.items():
        line = file.lines.get(window_id)
        # Measured texts say what the prompt says anyway, in the same words.
        written = [t.text for window in same for t in window.texts if t.source != "measured"]
        yield WindowTask(
            window_id=window_id,
            motion=store.window_motion(same[0]),
            context=tuple(dict.fromkeys(written)),
            known_key=line.key if line else "",
        )
