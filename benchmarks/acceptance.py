"""Do evaluators notice what they must? Their acceptance tests on real motions, side by side.

    marey train alignment evaluator --data stores/cmu --run runs/evaluator-0
    marey train alignment evaluator-train --data stores/cmu --run runs/evaluator-train-0
    python benchmarks/acceptance.py stores/cmu runs/evaluator-*/alignment.safetensors

One window a clip of the splits ``test`` and ``test_repetition``, with its first written caption.
Files of one recipe (its seeds) are one evaluator; without files, those that come with the package.
An evaluator that has seen these splits remembers captions: its twin `evaluator-train`, which has
not, stands beside it.
"""

import argparse
from itertools import groupby
from pathlib import Path

from marey.data import MotionStore
from marey.evaluation.acceptance import accept, acceptance_table
from marey.evaluation.evaluator import Evaluator, shipped_evaluator
from marey.models.alignment import load_alignment
from marey.retrieval import gallery_windows
from marey.text import MiniLMEncoder


def evaluators(files: list[Path]) -> list[Evaluator]:
    """Read evaluators, the files of each recipe together."""
    encoder = MiniLMEncoder()
    if not files:
        return [shipped_evaluator(encoder, twin=twin) for twin in (False, True)]
    models = sorted((load_alignment(file) for file in files), key=lambda model: model.name)
    groups = [tuple(group) for _, group in groupby(models, key=lambda model: model.name)]
    return [Evaluator(models=group, encoder=encoder) for group in groups]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("models", type=Path, nargs="*")
    parser.add_argument("--splits", nargs="+", default=["test", "test_repetition"])
    options = parser.parse_args()
    store = MotionStore.open(options.store)
    windows = gallery_windows([w for split in options.splits for w in store.windows_of(split)])
    told = [(w, [t.text for t in w.texts if t.source == "caption"]) for w in windows if not w.flip]
    told = [(window, texts[0]) for window, texts in told if texts]
    print(f"{len(told)} windows of {', '.join(options.splits)}.\n")
    motions, captions = [store.window_motion(w) for w, _ in told], [text for _, text in told]
    judged = {}
    for evaluator in evaluators(options.models):
        first = evaluator.models[0]
        splits = ", ".join(first.notes["splits"])
        print(f"{first.name}: {len(evaluator.models)} models, trained on {splits}", flush=True)
        judged[first.name] = accept(evaluator, motions, captions)
    print(f"\n{acceptance_table(judged)}")


if __name__ == "__main__":
    main()
