"""``marey reason tune``: a LoRA adapter of a local language model, tuned on annotated windows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from marey.cli.run_display import EXIT_INTERRUPTED, UNBOUNDED_STEPS, watched
from marey.cli.train import Device, Run, Store, device_of

if TYPE_CHECKING:
    from marey.reasoning.tuning_examples import TokenizedExample
    from marey.text.chat_model import ChatModel

ModelFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_FOLDER")]
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Note = Callable[[str, int, int], None]
"""Called with (what is read, how much of it, how much there is)."""


def tune(
    model: ModelFolder,
    *,
    data: Store,
    run: Run,
    annotations: File = None,
    hours: float | None = None,
    steps: int | None = None,
    rank: int = 16,
    batch_size: int = 8,
    learning_rate: float = 2e-4,
    most_tokens: int = 4096,
    checkpointing: bool = False,
    device: Device = "auto",
    seed: int = 0,
) -> int:
    """Tune a language model to write part texts; the same command goes on with a stopped run.

    Learns from the annotated windows of the split train; val is for the curve, test is not read.
    Then ask with `marey reason TEXT --llm MODEL_FOLDER --adapter RUN/adapter`.

    Args:
        model: Folder of an instruction-tuned transformers model; it is left as it is.
        data: Store that `marey data prepare` made.
        run: Folder of the run; its folder adapter is the result.
        annotations: File that `marey annotate` made; the store's measured one by default.
        hours: End after so much training time instead of after the steps.
        steps: End after so many steps; 1000 if no hours are given.
        rank: Rank of the learned matrices: more learn more, and weigh more.
        batch_size: Sentences a step.
        learning_rate: Highest learning rate.
        most_tokens: Sentences whose prompt and answer take more tokens are left out.
        checkpointing: Take less memory and a third more time.
        device: Where to compute; auto takes a GPU where there is one.
        seed: Decides the first parameters and the order of sentences.
    """
    import torch

    from marey.errors import Cancelled
    from marey.reasoning.tuning import TuneConfig, tuning_dtype
    from marey.reasoning.tuning import tune as tune_model
    from marey.text.chat_model import load_chat_model

    config = TuneConfig(
        hours=hours,
        steps=TuneConfig.steps if steps is None else steps,
        rank=rank,
        batch_size=batch_size,
        learning_rate=learning_rate,
        checkpointing=checkpointing,
        seed=seed,
    )
    if hours is not None and steps is None:
        config = replace(config, steps=UNBOUNDED_STEPS)
    place = torch.device(device_of(device))
    chat = load_chat_model(model, dtype=tuning_dtype(place), device=place)
    with watched(config) as watch:
        examples = _examples(chat, data, annotations, most_tokens, watch.note)
        try:
            adapter = tune_model(
                config,
                chat,
                examples["train"],
                run,
                validation=examples["val"],
                listen=watch.listen,
            )
        except Cancelled:
            print(f"Saved in {run}. To go on, give the same command again.")
            return EXIT_INTERRUPTED
    print(f"{adapter}: tuned; marey reason TEXT --llm {model} --adapter {adapter}")
    return 0


def _examples(
    chat: "ChatModel", data: Path, annotations: Path | None, most_tokens: int, note: Note
) -> "dict[str, list[TokenizedExample]]":
    """Return the examples of train and val, and tell how many there are and what was left out."""
    from marey.annotation import GEOMETRY, annotation_path, read_part_texts
    from marey.data import MotionStore
    from marey.reasoning.tuning_examples import examples_of, tokenized

    store = MotionStore.open(data)
    texts = read_part_texts(annotations or annotation_path(data, GEOMETRY))
    found: dict[str, list[TokenizedExample]] = {}
    for split in ("train", "val"):
        told, dropped = examples_of(store.windows_of(split), texts)

        def progress(done: int, total: int, split: str = split) -> None:
            note(f"sentences of {split}", done, total)

        found[split], dropped["too many tokens"] = tokenized(
            chat, told, most_tokens=most_tokens, progress=progress
        )
        left_out = ", ".join(f"{why} {count}" for why, count in dropped.items() if count)
        print(f"{split}: {len(found[split])} sentences; left out: {left_out or 'none'}")
    return found
