"""Make the manifest of `marey evaluate` from a store.

    marey data prepare cmu ../shared/data/cmu stores/cmu
    python benchmarks/manifest.py stores/cmu src/marey/evaluation/data/manifest.json

The one in the package was made so. Another store, or other defaults of preparation, make another
manifest, whose figures cannot be compared with those of the package's.
"""

import argparse
from collections import Counter
from pathlib import Path

from marey.data import MotionStore
from marey.evaluation.manifest import Manifest


def main() -> None:
    """Write it, and print what is in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--force", action="store_true")
    options = parser.parse_args()
    manifest = Manifest.of(MotionStore.open(options.store))
    manifest.write(options.output, force=options.force)
    counts = Counter(window.split for window in manifest.windows)
    print(f"manifest {manifest.fingerprint} of store {manifest.store}")
    for split, count in counts.items():
        print(f"{split}: {count} windows, one a clip")


if __name__ == "__main__":
    main()
