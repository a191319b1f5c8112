"""``marey train``: a model from a store of motions, in a run folder that can be gone on with."""

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from marey.models import DiffusionModel
    from marey.text import TextEncoder
    from marey.training import Report, TrainConfig

Recipe = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")]
Store = Annotated[Path, tyro.conf.arg(metavar="STORE")]
Run = Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
StartFrom = Annotated[str | None, tyro.conf.arg(name="from", metavar="MODEL")]
Device = Literal["auto", "cpu", "cuda"]

EXIT_INTERRUPTED = 130
UNBOUNDED_STEPS = 1_000_000_000
"""Steps of a run that only time ends."""
LINE_SECONDS = 30.0
"""Time between two lines of progress where there is no terminal."""


def train(
    recipe: Recipe,
    *,
    data: Store,
    run: Run,
    hours: float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    start_from: StartFrom = None,
    device: Device = "auto",
    seed: int = 0,
) -> int:
    """Train a model; the same command goes on with a run that was stopped or killed.

    Args:
        recipe: What to train: tiny (tests), small (the shipped default), base or kimodo-l.
        data: Store that `marey data prepare` made.
        run: Folder of the run; its checkpoint folder serves as --model.
        hours: End after so much training time instead of after the recipe's steps.
        steps: End after so many steps.
        batch_size: Samples a step.
        learning_rate: Highest learning rate.
        start_from: Name or checkpoint folder of a model to train further.
        device: Where to compute; auto takes a GPU where there is one.
        seed: Decides the first parameters and all draws.
    """
    from marey.errors import Cancelled
    from marey.models import load_diffusion_model
    from marey.training import train as train_model

    changes = {
        "hours": hours,
        "steps": UNBOUNDED_STEPS if hours and not steps else steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }
    config = _configured(recipe, seed=seed, changes=changes)
    model = load_diffusion_model(start_from) if start_from else None
    if importlib.util.find_spec("tensorboard") is None and _is_main():
        print("TensorBoard is not installed; metrics go to metrics.csv only. To have both:")
        print("pip install 'marey[train]'")
    with _stopping() as stopping, _Display() as display:

        def listen(report: "Report") -> None:
            display.step(report, config)
            if stopping.wanted:
                raise Cancelled("interrupted")

        def note(what: str, done: int, total: int) -> None:
            display.read(what, done, total)
            if stopping.wanted:
                raise KeyboardInterrupt

        try:
            train_model(
                config,
                data,
                run,
                encoder=_encoder(model),
                device=_device(device),
                start_from=model,
                listen=listen,
                note=note,
            )
        except Cancelled:
            if _is_main():
                print(f"Saved in {run}. To go on, give the same command again.")
            return EXIT_INTERRUPTED
    if _is_main():
        print(f"{run / 'checkpoint'}: trained; marey generate --model takes that folder")
    return 0


def _configured(name: str, *, seed: int, changes: dict[str, float | None]) -> "TrainConfig":
    from marey.training import recipe

    given = {key: value for key, value in changes.items() if value is not None}
    return replace(recipe(name), seed=seed, **given)


def _device(choice: Device) -> str:
    import torch

    if choice == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if choice == "cuda" and not torch.cuda.is_available():
        from marey.errors import InvalidInputError

        raise InvalidInputError(
            "--device cuda: expected a GPU that torch can use, found none. Install a torch built "
            "for your GPU, or use --device cpu."
        )
    return choice


def _encoder(model: "DiffusionModel | None") -> "TextEncoder":
    """Return the model's own encoder, the default one for a new model, behind a disk cache."""
    from marey.text import CachedEncoder
    from marey.text.encoders import load_encoder

    encoder = load_encoder() if model is None else load_encoder(model.text_encoder)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return CachedEncoder(encoder, caches / "marey" / "texts.sqlite")


def _is_main() -> bool:
    return os.environ.get("RANK", "0") == "0"


class _Wish:
    """Whether the user asked to stop."""

    wanted = False


@contextmanager
def _stopping() -> Iterator[_Wish]:
    """Turn the first Ctrl-C (or SIGTERM) into a wish; the second one interrupts at once.

    Under ``torchrun`` every process gets the signal, and the first tells the others.
    """
    wish = _Wish()

    def on_signal(number: int, frame: object) -> None:
        if wish.wanted:
            raise KeyboardInterrupt
        wish.wanted = _is_main()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield wish
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class _Display:
    """Progress on stderr: a live line on a terminal, else a line now and then."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last_line = -LINE_SECONDS

    def __enter__(self) -> "_Display":
        if self._console.is_terminal and _is_main():
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
        self._show(f"reading {what}: {done} of {total}", share=done / max(1, total))

    def step(self, report: "Report", config: "TrainConfig") -> None:
        """Show a training step."""
        self._show(_line(report, config), share=report.progress)

    def _show(self, text: str, *, share: float) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=share, total=1.0, description=text)
        elif time.monotonic() - self._last_line >= LINE_SECONDS or share >= 1:
            self._last_line = time.monotonic()
            print(text, file=sys.stderr)


def _line(report: "Report", config: "TrainConfig") -> str:
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
