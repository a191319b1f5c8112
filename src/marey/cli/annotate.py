"""``marey annotate``: texts for the parts of every window of a store, measured or by a model."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

if TYPE_CHECKING:
    from marey.annotation import AnnotationReport, LanguageModel, Prices, Workers
    from marey.annotation.annotator import WindowAnnotator

Dataset = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="STORE|cmu")]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")]
Url = Annotated[str | None, tyro.conf.arg(metavar="URL|FOLDER")]
Name = Annotated[str | None, tyro.conf.arg(metavar="NAME")]
Address = Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")]
Json = Annotated[bool, tyro.conf.arg(name="json")]
Split = Literal["all", "train", "val", "test", "test_repetition"]
AnswerFormat = Literal["schema", "object", "text"]

EXIT_INCOMPLETE = 1
_LINE_SECONDS = 30.0
_LISTED = 20


def annotate(
    dataset: Dataset,
    *,
    llm: Url = None,
    model: Name = None,
    out: Folder = None,
    split: Split = "all",
    limit: int | None = None,
    rate: float | None = None,
    in_flight: int | None = None,
    price: tuple[float, float] | None = None,
    timeout: float = 120.0,
    answer_format: AnswerFormat = "schema",
    ray: Address = None,
    as_json: Json = False,
) -> int:
    """Write what every part does in each window of a store; a stopped run goes on where it stopped.

    Without --llm the texts are measured, with no language model. The API key of an endpoint comes
    from the environment variable MAREY_LLM_KEY. Exit code 1: some windows are left for another run.

    Args:
        dataset: Store that `marey data prepare` made; cmu stands for stores/cmu.
        llm: Endpoint like OpenAI's (http://localhost:8080/v1), or folder of a transformers model.
        model: Name of the model at the endpoint.
        out: Folder for the annotations; the store's own by default.
        split: Only the windows of this split.
        limit: Only so many windows, from the first on.
        rate: At most so many requests a minute.
        in_flight: So many windows at a time; 4 with an endpoint, else 1.
        price: What a million tokens of prompt, and of answer, cost.
        timeout: Seconds to wait for an answer.
        answer_format: What the endpoint enforces: the schema, any JSON object, or any text.
        ray: Work on the Ray cluster at this address; local starts one here.
        as_json: Print the report as JSON instead of text.
    """
    from marey.annotation import GEOMETRY, PROMPT_VERSION, Prices, annotation_path
    from marey.annotation import annotate as annotate_store
    from marey.data import MotionStore

    _check(llm, model, limit, in_flight)
    store = MotionStore.open(store_folder(dataset))
    windows = (store.windows if split == "all" else store.windows_of(split))[:limit]
    author = GEOMETRY if llm is None else (model or Path(llm).resolve().name)
    path = annotation_path(out or store.path, author)
    prices = Prices(prompt=price[0], answer=price[1]) if price else None
    make = partial(_annotator, llm, model, timeout, answer_format)
    workers = _workers(make, rate, in_flight or (4 if _is_url(llm) else 1), ray)
    began = time.perf_counter()
    with _progress(prices) as listen:
        report = annotate_store(
            store,
            path,
            workers,
            windows=windows,
            prompt="" if llm is None else PROMPT_VERSION,
            listen=listen,
        )
    seconds = time.perf_counter() - began
    if as_json:
        content = {"path": str(path), "seconds": seconds, **report.to_json()}
        print(json.dumps({**content, "money": prices.of(report.usage) if prices else None}))
    else:
        _show(report, path, prices, seconds)
        _show_coverage(path, {window.window_id for window in windows})
    return 0 if report.is_complete else EXIT_INCOMPLETE


def _check(llm: str | None, model: str | None, limit: int | None, in_flight: int | None) -> None:
    from marey.errors import InvalidInputError

    if _is_url(llm) and not model:
        raise InvalidInputError(f"--llm {llm}: expected --model NAME with it, got none.")
    if model and not _is_url(llm):
        raise InvalidInputError("--model: expected --llm URL with it. Give the endpoint, too.")
    for name, value in (("--limit", limit), ("--in-flight", in_flight)):
        if value is not None and value < 1:
            raise InvalidInputError(f"{name}: expected at least 1, got {value}.")


def _is_url(llm: str | None) -> bool:
    return llm is not None and "://" in llm


def store_folder(dataset: str) -> Path:
    """Return the folder that the user means: a store, or the name of one in ``stores``."""
    given, named = Path(dataset), Path("stores") / dataset
    return named if not given.exists() and named.is_dir() else given


def _annotator(
    llm: str | None,
    model: str | None,
    timeout: float,
    answer_format: AnswerFormat,
    rate: float | None,
) -> "WindowAnnotator":
    """The annotator that the options describe; also called on the machines of a cluster."""
    from marey.annotation import LanguageModelAnnotator, RateLimit, measure_window

    if llm is None:
        return measure_window
    return LanguageModelAnnotator(
        _language_model(llm, model or "", timeout, answer_format), RateLimit(rate)
    )


def _language_model(
    llm: str, model: str, timeout: float, answer_format: AnswerFormat
) -> "LanguageModel":
    from marey.annotation import LocalModel, OpenAIEndpoint

    if _is_url(llm):
        return OpenAIEndpoint(llm, model, timeout=timeout, answer_format=answer_format)
    return LocalModel(llm)


def _workers(
    make: "Callable[[float | None], WindowAnnotator]",
    rate: float | None,
    in_flight: int,
    ray: str | None,
) -> "Workers":
    from marey.annotation import in_cluster, in_threads

    if ray is None:
        return in_threads(make(rate), in_flight)
    share = rate / in_flight if rate else None
    return in_cluster(partial(make, share), in_flight, address=ray)


@contextmanager
def _progress(prices: "Prices | None") -> "Iterator[Callable[[AnnotationReport], None]]":
    """A progress bar on stderr where that is a terminal, else a line now and then."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    last = time.monotonic()
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task("", total=None)

        def listen(report: "AnnotationReport") -> None:
            nonlocal last
            note = _cost(report, prices)
            if report.failed:
                note = f"{report.failed} failed  {note}"
            bar.update(task, completed=report.done, total=report.total, description=note)
            if not console.is_terminal and time.monotonic() - last >= _LINE_SECONDS:
                last = time.monotonic()
                print(f"{report.done} of {report.total} windows  {note}", file=sys.stderr)

        yield listen


def _cost(report: "AnnotationReport", prices: "Prices | None") -> str:
    usage = report.usage
    if not usage.requests:
        return ""
    tokens = f"{usage.prompt_tokens:,} + {usage.answer_tokens:,} tokens"
    untold = f" ({usage.untold} replies did not tell)" if usage.untold else ""
    money = f", cost {prices.of(usage):.4f}" if prices else ""
    return f"{usage.requests} requests, {tokens}{untold}{money}"


def _show(report: "AnnotationReport", path: Path, prices: "Prices | None", seconds: float) -> None:
    print(
        f"{path}: {report.annotated} windows annotated in {seconds:.1f} s, "
        f"{report.known} known already, {report.failed} failed"
    )
    if cost := _cost(report, prices):
        print(cost)
    if report.discarded_lines:
        print("A half-written line of a killed run was discarded.")
    if report.sent_back:
        print("Answers sent back: " + _counts(report.sent_back))
    if report.dropped:
        print("Texts replaced because they contradict the motion: " + _counts(report.dropped))
    for reason, windows in report.failures.items():
        more = f" and {len(windows) - _LISTED} more" if len(windows) > _LISTED else ""
        print(f"Failed, {reason}: {', '.join(windows[:_LISTED])}{more}")
        print(f"  the first: {report.examples[reason]}")
    if left := report.total - report.done:
        print(f"Stopped after failures in a row; {left} windows were not tried.")
    if not report.is_complete:
        print("Give the same command again for the windows that are left.")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _show_coverage(path: Path, windows: set[str]) -> None:
    """Print, for every slot, how much the annotations of these windows say."""
    from marey.annotation import coverage, read_annotations

    lines = read_annotations(path).values()
    rows = coverage(line.annotation for line in lines if line.window_id in windows)
    print(f"\n{'slot':22}{'says something':>15}{'distinct texts':>16}{'distinct words':>16}")
    for row in rows:
        print(f"{row.slot:22}{row.share:>15.1%}{row.distinct_texts:>16,}{row.distinct_words:>16,}")
