"""``marey train alignment``: motions and sentences in one space, for search and for judging."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from marey.cli.run_display import EXIT_INTERRUPTED, UNBOUNDED_STEPS, watched
from marey.cli.train import Recipe, Run, Store, cached

File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]


def train(
    recipe: Recipe,
    *,
    data: Store,
    run: Run,
    annotations: File = None,
    text_encoder: str | None = None,
    hours: float | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
) -> int:
    """Train an alignment model; the same command goes on with a run that was stopped or killed.

    Args:
        recipe: tmr, htma, htma-parts, htma-flat, parts, evaluator or evaluator-train.
        data: Store that `marey data prepare` made.
        run: Folder of the run; its file alignment.safetensors is the result.
        annotations: File that `marey annotate` made, for recipes with texts of parts; the
            store's measured one by default.
        text_encoder: Hugging Face encoder of the texts, such as distilbert-base-uncased; MiniLM by
            default. Which sentences mean the same is told by MiniLM in any case.
        hours: End after so much training time instead of after the recipe's steps.
        steps: End after so many steps.
        batch_size: Samples a step.
        seed: Decides the first parameters and all draws; the recipe's own by default.
    """
    from marey.annotation import GEOMETRY, annotation_path, read_part_texts
    from marey.data import MotionStore
    from marey.errors import Cancelled, InvalidInputError
    from marey.text.encoders import load_encoder
    from marey.training import (
        PartAlignmentTrainConfig,
        alignment_recipe,
        train_alignment,
        train_part_alignment,
    )

    given = {
        "hours": hours,
        "steps": UNBOUNDED_STEPS if hours and not steps else steps,
        "batch_size": batch_size,
        "seed": seed,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    config = replace(alignment_recipe(recipe), **changes)
    texts: dict[str, dict[str, str]] = {}
    if isinstance(config, PartAlignmentTrainConfig) or config.levels > 1:
        texts = read_part_texts(annotations or annotation_path(data, GEOMETRY))
    elif annotations is not None:
        raise InvalidInputError(f"--annotations: {recipe} reads no texts of parts; leave it out.")
    with watched(config) as watch:
        try:
            comparing = cached(load_encoder())
            encoder = cached(load_encoder(text_encoder)) if text_encoder else comparing
            options = {"comparing": comparing, "annotated": texts}
            options |= {"listen": watch.listen, "note": watch.note}
            store = MotionStore.open(data)
            if isinstance(config, PartAlignmentTrainConfig):
                train_part_alignment(config, store, run, encoder=encoder, **options)
            else:
                train_alignment(config, store, run, encoder=encoder, **options)
        except Cancelled:
            print(f"Saved in {run}. To go on, give the same command again.")
            return EXIT_INTERRUPTED
    print(f"{run / 'alignment.safetensors'}: trained")
    return 0
