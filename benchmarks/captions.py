"""How fast captions are made: processor time of one core, every window once.

    python benchmarks/captions.py --data stores/cmu --count 300

The windows are drawn with a seed from all splits. Words that poses share are put together once and
kept; a first fifth of the windows, which is not counted, fills that memory as any folder of clips
soon does. The time holds forward kinematics, events, pose facts, keyframes and wording.
"""

import argparse
import time
from pathlib import Path

import torch

from marey.data import MotionStore
from marey.text import caption


def main() -> None:
    """Print how much faster than real time captions are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a motion store")
    parser.add_argument("--count", type=int, default=300, help="windows that are counted")
    options = parser.parse_args()
    torch.set_num_threads(1)
    store = MotionStore.open(options.data)
    order = torch.randperm(len(store.windows), generator=torch.Generator().manual_seed(0))
    first = options.count // 5
    spent = seconds = 0.0
    for number, index in enumerate(order[: first + options.count].tolist()):
        motion = store.window_motion(store.windows[index])
        begin = time.process_time()
        caption(motion)
        if number >= first:
            spent, seconds = spent + time.process_time() - begin, seconds + motion.seconds
    print(f"{options.count} windows of {seconds / options.count:.1f} s at {store.fps:g} fps:")
    print(f"{seconds / spent:.0f} x real time, {1000 * spent / options.count:.1f} ms a window")


if __name__ == "__main__":
    main()
