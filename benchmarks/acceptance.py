"""Does an evaluator notice what it must? Its acceptance tests on real motions.

    marey train alignment evaluator --data stores/cmu --run runs/evaluator
    python benchmarks/acceptance.py stores/cmu runs/evaluator/alignment.safetensors

One window a clip of the splits ``test`` and ``test_repetition``, with its first written caption.
Several files (seeds) are averaged. What an evaluator was trained on is printed: one that has seen
these splits remembers captions, so that its twin `evaluator-train` belongs beside it.
"""

import argparse
from pathlib import Path

from marey.data import MotionStore
from marey.evaluation.acceptance import accept, acceptance_table
from marey.evaluation.evaluator import Evaluator
from marey.retrieval import gallery_windows
from marey.text import MiniLMEncoder


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--splits", nargs="+", default=["test", "test_repetition"])
    options = parser.parse_args()
    store = MotionStore.open(options.store)
    windows = gallery_windows([w for split in options.splits for w in store.windows_of(split)])
    told = [(w, [t.text for t in w.texts if t.source == "caption"]) for w in windows if not w.flip]
    told = [(window, texts[0]) for window, texts in told if texts]
    evaluator = Evaluator.load(options.models, MiniLMEncoder())
    print(f"{len(told)} windows of {', '.join(options.splits)}; {len(options.models)} models")
    for model in evaluator.models:
        print(f"{model.name}: trained on {', '.join(model.notes['splits'])}")
    print()
    motions = [store.window_motion(window) for window, _ in told]
    print(acceptance_table(accept(evaluator, motions, [text for _, text in told])))


if __name__ == "__main__":
    main()
