"""Do evaluators notice what they must? Their acceptance tests on real motions, side by side.

    marey train alignment evaluator-train --data stores/cmu --run runs/evaluator-train-0
    python benchmarks/acceptance.py stores/cmu runs/evaluator-train-0/alignment.safetensors

One window a clip of the splits ``test`` and ``test_repetition``, with its first written caption.
The evaluator of the package has seen these splits and remembers captions: its twin
`evaluator-train`, which has not, stands beside it. Files of one recipe are its seeds.
"""

import argparse
from pathlib import Path

from marey.data import MotionStore
from marey.evaluation.acceptance import accept, acceptance_table
from marey.evaluation.evaluator import evaluators
from marey.retrieval import gallery_windows
from marey.text import MiniLMEncoder


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
    for name, evaluator in evaluators(MiniLMEncoder(), options.models).items():
        splits = ", ".join(evaluator.models[0].notes["splits"])
        print(f"{name}: {len(evaluator.models)} models, trained on {splits}", flush=True)
        judged[name] = accept(evaluator, motions, captions)
    print(f"\n{acceptance_table(judged)}")


if __name__ == "__main__":
    main()
