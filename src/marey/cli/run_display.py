"""Progress of a training run on the terminal, and stopping it so that it can be gone on with."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from marey.training import LoopConfig, Report

EXIT_INTERRUPTED = 130
UNBOUNDED_STEPS = 1_000_000_000
"""Steps of a run that only time ends."""
LINE_SECONDS = 30.0
"""Time between two lines of progress where there is no terminal."""


def is_main() -> bool:
    """Whether this is the only process of a run, or its first under ``torchrun``."""
    return os.environ.get("RANK", "0") == "0"


class Wish:
    """Whether the user asked to stop."""

    wanted = False


@contextmanager
def stopping() -> Iterator[Wish]:
    """Turn the first Ctrl-C (or SIGTERM) into a wish; the second one interrupts at once.

    Under ``torchrun`` every process gets the signal, and the first tells the others.
    """
    wish = Wish()

    def on_signal(number: int, frame: object) -> None:
        if wish.wanted:
            raise KeyboardInterrupt
        wish.wanted = is_main()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield wish
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class Watch:
    """What a run tells while it works, and whether the user has asked it to stop."""

    def __init__(self, display: "Display", wish: Wish, config: "LoopConfig") -> None:
        self._display, self._wish, self._config = display, wish, config

    def listen(self, report: "Report") -> None:
        """Show a training step. Raises Cancelled where the user wants to stop."""
        from marey.errors import Cancelled

        self._display.step(report, self._config)
        if self._wish.wanted:
            raise Cancelled("interrupted")

    def note(self, what: str, done: int, total: int) -> None:
        """Show how much of the data is read. Raises KeyboardInterrupt likewise."""
        self._display.read(what, done, total)
        if self._wish.wanted:
            raise KeyboardInterrupt


@contextmanager
def watched(config: "LoopConfig") -> Iterator[Watch]:
    """Show a run of a configuration, and let the first Ctrl-C ask it to save and stop."""
    with stopping() as wish, Display() as display:
        yield Watch(display, wish, config)


class Display:
    """Progress on stderr: a live line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last_line = -LINE_SECONDS

    def __enter__(self) -> "Display":
        if self._console.is_terminal and is_main():
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                BarColumn(bar_width=20), TextColumn("{task.description}"), console=self._console
            )
            self._task = self._bar.add_task("reading the store", total=None)
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def read(self, what: str, done: int, total: int) -> None:
        """Show how much of the data is read."""
        self.count(f"reading {what}", done, total)

    def count(self, what: str, done: int, total: int) -> None:
        """Show how much of something is done."""
        self._show(f"{what}: {done} of {total}", share=done / max(1, total))

    def step(self, report: "Report", config: "LoopConfig") -> None:
        """Show a training step."""
        self._show(_line(report, config), share=report.progress)

    def _show(self, text: str, *, share: float) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=share, total=1.0, description=text)
        elif time.monotonic() - self._last_line >= LINE_SECONDS or share >= 1:
            self._last_line = time.monotonic()
            print(text, file=sys.stderr)


def _line(report: "Report", config: "LoopConfig") -> str:
    end = f" of {config.steps}" if config.steps < UNBOUNDED_STEPS else ""
    left = report.seconds * (1 - report.progress) / max(1e-9, report.progress)
    return (
        f"step {report.step + 1}{end}  loss {report.losses['total']:.3f}  "
        f"learning rate {report.learning_rate:.1e}  "
        f"{report.batch_size / max(1e-9, report.step_seconds):.0f} samples/s  {_span(left)} left"
    )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
