"""``marey reason train``: the small network that writes part texts, from annotated windows."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from marey.cli.reason import stated_source
from marey.cli.run_display import EXIT_INTERRUPTED, UNBOUNDED_STEPS, watched
from marey.cli.train import Run, cached

Store = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]


def train(
    data: Store,
    *,
    run: Run,
    annotations: File = None,
    hours: float | None = None,
    steps: int | None = None,
    source: str = "not stated",
    seed: int = 0,
) -> int:
    """Train the writer of part texts; the same command goes on with a stopped run.

    Learns from the annotated windows of the split train; what does best on val is kept, test is
    not read. Then ask with `marey reason TEXT --by writer --writer RUN/writer.safetensors`.

    Args:
        data: Store that `marey data prepare` made.
        run: Folder of the run; its file writer.safetensors is the result.
        annotations: File that `marey annotate` made; the store's measured one by default.
        hours: End after so much training time instead of after the steps.
        steps: End after so many steps.
        source: Where motions and sentences come from, and under which terms; cmu: the CMU pack.
        seed: Decides the first parameters and all draws.
    """
    from marey.annotation import GEOMETRY, annotation_path, read_part_texts
    from marey.data import MotionStore
    from marey.errors import Cancelled
    from marey.reasoning.writer_training import WriterTrainConfig, train_writer
    from marey.text import MiniLMEncoder

    config = WriterTrainConfig(hours=hours, seed=seed)
    if steps is not None or hours is not None:
        config = replace(config, steps=UNBOUNDED_STEPS if steps is None else steps)
    texts = read_part_texts(annotations or annotation_path(data, GEOMETRY))
    with watched(config) as watch:
        try:
            writer = train_writer(
                config,
                MotionStore.open(data),
                texts,
                run,
                encoder=cached(MiniLMEncoder()),
                source=stated_source(source),
                listen=watch.listen,
                say=lambda line: print(line, file=sys.stderr),
            )
        except Cancelled:
            print(f"Saved in {run}. To go on, give the same command again.")
            return EXIT_INTERRUPTED
    file = run / "writer.safetensors"
    print(f"{file}: {writer.validation:.3f} nats a word of val; marey reason TEXT --writer {file}")
    return 0
