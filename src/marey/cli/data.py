"""``marey data``: motion stores, made from the CMU pack or from one's own BVH files."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.arguments import AS_BVH, BvhReading

if TYPE_CHECKING:
    from marey.data.prepare import PrepareReport

InputFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
StoreFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]
Json = Annotated[bool, tyro.conf.arg(name="json")]
OnUnlessSaid = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
"""A switch --no-…: its help says what the flag does, so that "default: True" would mislead."""


def cmu(
    pack: InputFolder,
    out: StoreFolder,
    *,
    fps: float = 20.0,
    include_12hz: OnUnlessSaid = True,
    include_kit: OnUnlessSaid = True,
    measured: OnUnlessSaid = True,
    as_json: Json = False,
) -> None:
    """Make a store from the CMU pack; a stopped run goes on where it stopped.

    Args:
        pack: Folder with motions.npz, clips.jsonl and segments.jsonl.
        out: Folder of the store to write.
        fps: Frames per second of the store.
        include_12hz: Leave clips out that were recorded with fewer frames per second.
        include_kit: Leave KIT sentences out; a store with them is not for redistribution.
        measured: Add no training windows whose texts are written from measurements.
        as_json: Print the report as JSON instead of text.
    """
    from marey.data.prepare import CmuOptions, prepare_cmu

    options = CmuOptions(
        fps=fps, include_12hz=include_12hz, include_kit=include_kit, measured=measured
    )
    with progress_bar("clips") as progress:
        report = prepare_cmu(pack, out, options=options, progress=progress)
    show_report(report, as_json=as_json)


def bvh(
    folder: InputFolder,
    out: StoreFolder,
    *,
    texts: Annotated[Path, tyro.conf.arg(metavar="FILE.csv")],
    fps: float = 20.0,
    reading: BvhReading = AS_BVH,
    strict: bool = False,
    as_json: Json = False,
) -> None:
    """Make a store from BVH files and a table of what happens in them.

    Args:
        folder: Folder of BVH files.
        out: Folder of the store to write.
        texts: Table with the columns file,start,end,text,split (seconds; split: train, val, test).
        fps: Frames per second of the store.
        reading: How to read the files.
        strict: Stop at the first line or file that cannot be used.
        as_json: Print the report as JSON instead of text.
    """
    from marey.data.prepare import BvhOptions, prepare_bvh

    options = BvhOptions(fps=fps, strict=strict, **vars(reading))
    with progress_bar("files") as progress:
        report = prepare_bvh(folder, texts, out, options=options, progress=progress)
    show_report(report, as_json=as_json)


def store_info(store: StoreFolder, *, as_json: Json = False) -> None:
    """Tell what is in a store, and what was left out of it and why.

    Args:
        store: Folder of a store.
        as_json: Print JSON instead of text.
    """
    from marey.data import MotionStore
    from marey.data.prepare import report_of

    show_report(report_of(MotionStore.open(store)), as_json=as_json)


def show_report(report: "PrepareReport", *, as_json: bool) -> None:
    """Print a report, as text or as JSON."""
    if as_json:
        print(json.dumps({"path": report.path, **report.to_json()}, ensure_ascii=False))
    else:
        print(f"{report.path}: {report.fps:g} fps, fingerprint {report.fingerprint}\n")
        print(report.table())


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int, note: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{what}: {note}")

        yield advance
