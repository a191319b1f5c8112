"""Pose facts: the distribution that the bins were read off, how often each bin occurs, and speed.

    OMP_NUM_THREADS=1 python benchmarks/pose_facts.py table [STORE] [SPLIT] [WINDOWS]
    OMP_NUM_THREADS=1 python benchmarks/pose_facts.py rates [PACK] [SPLIT]
    OMP_NUM_THREADS=1 python benchmarks/pose_facts.py speed [STORE]

`table` prints Markdown: a row per family of facts with its edges, hysteresis, percentiles and
share of frames per bin, over windows of the split drawn with seed 0 (those with flips or with feet
off the floor are left out). `rates` compares the codes of all clips recorded at 24 frames per
second with those of the clips resampled to 60, at the moments that both have, and with those of
mirrored ones. `speed` times 5 s.
"""

import random
import sys
import time
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from marey.data import MotionStore
from marey.io.cmu_pack import CmuPack
from marey.predicates import POSE_FACTS, PoseFact, PoseFacts

PERCENTILES = (1, 10, 50, 90, 99)
MOST_FRAMES = 1500
"""Of a long clip only its beginning is compared."""


def table(path: str = "stores/cmu", split: str = "train", count: str = "1500") -> None:
    """Print bins and distribution of every family."""
    store = MotionStore.open(path)
    windows = [w for w in store.windows_of(split) if not (w.flip or w.off_floor) and w.weight > 0]
    random.Random(0).shuffle(windows)
    facts = [PoseFacts.of(store.window_motion(window)) for window in windows[: int(count)]]
    values = torch.cat([each.values for each in facts])
    codes = torch.cat([each.codes for each in facts])
    print(f"{len(facts)} windows, {len(values)} frames of split {split}\n")
    heads = " | ".join(f"{p} %" for p in PERCENTILES)
    print(f"| fact | of | {heads} | ± | bins (upper edge, share of frames) |")
    print("|---|---|" + "---:|" * (len(PERCENTILES) + 1) + "---|")
    families: dict[str, list[int]] = {}
    for column, fact in enumerate(POSE_FACTS):
        families.setdefault(fact.family, []).append(column)
    for columns in families.values():
        print(row(POSE_FACTS[columns[0]], values[:, columns], codes[:, columns]))


def row(fact: PoseFact, values: Tensor, codes: Tensor) -> str:
    """One line of the table; both sides of a family are counted together."""
    digits = 0 if fact.unit == "deg" else 2
    unit = "°" if fact.unit == "deg" else " m"
    every = values.flatten()[:: max(1, values.numel() // 1_000_000)]
    at = torch.quantile(every, torch.tensor(PERCENTILES) / 100).tolist()
    shares = torch.bincount(codes.flatten(), minlength=len(fact.bins)) / codes.numel()
    edges = [*(f" < {edge:g}{unit}" for edge in fact.edges), ""]
    bins = [
        f"{word}{edge} {share:.1%}"
        for word, edge, share in zip(fact.bins, edges, shares.tolist(), strict=True)
    ]
    name = fact.family if fact.name == fact.family else f"(side) {fact.family}"
    figures = " | ".join(f"{value:.{digits}f}" for value in at)
    margin = f"{fact.hysteresis:g}{unit}"
    return f"| `{name}` | {fact.quantity} | {figures} | {margin} | {', '.join(bins)} |"


def rates(path: str = "../shared/data/cmu", split: str = "val") -> None:
    """Print the worst agreements over frame rates, and how many codes mirroring changes."""
    pack = CmuPack.open(path)
    clips = [clip for clip in pack.clips if clip.split == split and clip.fps == 24]
    agreements, wrong, compared = [], 0, 0
    for clip in clips:
        motion = pack.motion(clip.name)
        motion = motion.crop(0, min(motion.num_frames, MOST_FRAMES))
        native, fine = PoseFacts.of(motion), PoseFacts.of(motion.resample(60.0))
        # Frame 2 k of 24 per second and frame 5 k of 60 are the same moment.
        moments = min((native.num_frames + 1) // 2, (fine.num_frames + 4) // 5)
        same = native.codes[::2][:moments] == fine.codes[::5][:moments]
        agreements.append((float(same.float().mean()), clip.name))
        wrong += int((PoseFacts.of(motion.mirror()).codes != native.mirrored().codes).sum())
        compared += native.codes.numel()
    agreements.sort()
    mean = sum(share for share, _ in agreements) / len(agreements)
    print(f"{len(clips)} clips of split {split} at 24 fps against 60 fps: mean {mean:.4f}")
    print("worst:", ", ".join(f"{name} {share:.4f}" for share, name in agreements[:5]))
    print("below 0.98:", sum(share < 0.98 for share, _ in agreements))
    print(f"mirrored: {wrong} of {compared} codes differ")


def speed(path: str = "stores/cmu") -> None:
    """Print the time of 5 s at 20 frames per second, with and without forward kinematics."""
    store = MotionStore.open(path)
    clip = next(clip for clip in store.clips if clip.length >= 100)
    motion = store.motion(clip.clip_id, 0, 100)
    PoseFacts.of(motion)
    for name, fresh in (("pose facts", False), ("with forward kinematics", True)):
        times = []
        for _ in range(300):
            again = replace(motion) if fresh else motion
            start = time.perf_counter()
            PoseFacts.of(again)
            times.append(1e3 * (time.perf_counter() - start))
        print(f"{name}: fastest {min(times):.2f} ms, median {median(times):.2f} ms of 5 s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"table": table, "rates": rates, "speed": speed}[sys.argv[1]](*sys.argv[2:])
