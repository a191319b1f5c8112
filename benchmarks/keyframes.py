"""Do the two ways to find keyframes agree? By facts, and by sentences and their embedding.

    OMP_NUM_THREADS=1 python benchmarks/keyframes.py [STORE] [SPLIT] [CLIPS]

Reads 5 s from the middle of every so many-th clip of the split. Prints keyframes per second of both
ways over thresholds, and their agreement (F-score within 0.25 s, the first frame left out) for the
default of the facts against each threshold of the sentences, beside two floors: as many keyframes
at even distances, and those of the next clip.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import torch

from marey.data import MotionStore
from marey.motion import Motion
from marey.predicates import PoseFacts
from marey.text import (
    CachedEncoder,
    MiniLMEncoder,
    TextEncoder,
    keyframe_agreement,
    keyframes_from_facts,
    keyframes_from_sentences,
    pose_sentences,
)
from marey.text.keyframes import SAME_FACTS, SAME_SENTENCE

Keyframes = list[tuple[int, ...]]
SECONDS = 5.0
FACT_THRESHOLDS = (0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6)
SENTENCE_THRESHOLDS = (0.95, 0.925, 0.9, 0.875, 0.85, 0.8)


def excerpts(store: MotionStore, split: str, count: int) -> list[Motion]:
    """The middle of ``count`` clips of a split, evenly spread over those that are long enough."""
    frames = round(SECONDS * store.fps)
    clips = [c for c in store.clips if c.split == split and c.length >= frames]
    chosen = [clips[i * len(clips) // count] for i in range(min(count, len(clips)))]
    starts = [(clip.length - frames) // 2 for clip in chosen]
    return [store.motion(c.clip_id, s, s + frames) for c, s in zip(chosen, starts, strict=True)]


def even(frames: int, count: int) -> tuple[int, ...]:
    """As many frames at even distances, the first at 0."""
    return tuple(i * frames // count for i in range(count))


def timed(work: Callable[[], Keyframes]) -> tuple[Keyframes, float]:
    """Keyframes and the milliseconds per clip that they took."""
    start = time.perf_counter()
    found = work()
    return found, 1e3 * (time.perf_counter() - start) / len(found)


def agreement(first: Keyframes, second: Keyframes, fps: float) -> float:
    """Mean over clips; the first frame, which both have, does not count."""
    pairs = zip(first, second, strict=True)
    return mean(keyframe_agreement(a[1:], b[1:], fps) for a, b in pairs)


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    path, split, count = ([*sys.argv[1:], *("stores/cmu", "val", "50")[len(sys.argv) - 1 :]])[:3]
    motions = excerpts(MotionStore.open(path), split, int(count))
    fps = motions[0].fps
    facts = [PoseFacts.of(motion) for motion in motions]
    sentences = [[text.whole for text in pose_sentences(each)] for each in facts]
    total = sum(motion.seconds for motion in motions)
    print(f"{len(motions)} excerpts of {SECONDS:g} s, split {split}, {fps:g} fps")
    print(f"{len({s for row in sentences for s in row})} pose texts in {total * fps:g} frames\n")
    for threshold in FACT_THRESHOLDS:
        work = [keyframes_from_facts(f, fps, threshold=threshold) for f in facts]
        print(f"facts under {threshold:5.3f}: {sum(map(len, work)) / total:5.2f} keyframes/s")
    defaults, milliseconds = timed(lambda: [keyframes_from_facts(f, fps) for f in facts])
    print(f"default {SAME_FACTS:g}: {milliseconds:.2f} ms per excerpt\n")
    with TemporaryDirectory() as folder:
        encoder = CachedEncoder(MiniLMEncoder(), Path(folder) / "text.sqlite")
        compare(sentences, defaults, encoder, fps)


def compare(
    sentences: list[list[str]], defaults: Keyframes, encoder: TextEncoder, fps: float
) -> None:
    """Print a row for each threshold of the sentences."""
    total = sum(map(len, sentences)) / fps
    print(f"{'sentences under':<18}{'per s':>7}{'agreement':>11}{'even':>7}{'next':>7}")
    for threshold in SENTENCE_THRESHOLDS:
        found, took = timed(
            lambda t=threshold: [
                keyframes_from_sentences(row, encoder, t, fps=fps) for row in sentences
            ]
        )
        spread = [even(len(row), len(k)) for row, k in zip(sentences, found, strict=True)]
        figures = (
            sum(map(len, found)) / total,
            agreement(defaults, found, fps),
            agreement(defaults, spread, fps),
            agreement(defaults, [*found[1:], found[0]], fps),
        )
        mark = "  (default)" if threshold == SAME_SENTENCE else ""
        print(
            f"{threshold:<18.3f}{figures[0]:7.2f}{figures[1]:11.3f}{figures[2]:7.3f}{figures[3]:7.3f}{mark}"
        )
        if threshold == SENTENCE_THRESHOLDS[0]:
            print(f"  (the first of these rows took {took:.0f} ms per excerpt, mostly to embed)")


if __name__ == "__main__":
    main()
