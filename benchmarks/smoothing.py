"""Time and accuracy of the exact path smoother beside the legacy one, on one core.

    OMP_NUM_THREADS=1 python benchmarks/smoothing.py [PACK]

Without PACK (the folder of the CMU pack) the paths are made up: a walk that turns and sways.
With it they are the root paths of all its training clips, at their own frame rates.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from marey.io.cmu_pack import CmuPack
from marey.motion.path_smoothing import DEFAULT_MARGIN, smooth_path
from marey.representations.legacy_smoothing import smooth_path_legacy

SMOOTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "exact": smooth_path,
    "legacy": smooth_path_legacy,
}


def synthetic_walk(frames: int, *, seed: int) -> Tensor:
    """A walk at 20 frames per second: 1.2 m/s, wandering heading, 3 cm of sway."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(frames, dtype=torch.float64) / 20
    heading = (0.03 * torch.randn(frames, generator=generator, dtype=torch.float64)).cumsum(0)
    forward = torch.stack((heading.sin(), heading.cos()), dim=1)
    side = forward.flip(1) * torch.tensor([1.0, -1.0], dtype=torch.float64)
    sway = 0.03 * (2 * torch.pi * 0.9 * t).sin()
    return (forward * 1.2 / 20).cumsum(0) + sway[:, None] * side


def measure(name: str, paths: list[Tensor]) -> str:
    """One row: milliseconds per path, largest distance from it, mean curvature energy."""
    smoother = SMOOTHERS[name]
    milliseconds, distances, curvatures = [], [], []
    for path in paths:
        start = time.perf_counter()
        smooth = smoother(path)
        milliseconds.append(1e3 * (time.perf_counter() - start))
        distances.append(float((smooth - path).norm(dim=1).max()))
        curvatures.append(float(smooth.diff(n=2, dim=0).square().sum()))
    times = torch.tensor(milliseconds)
    return (
        f"{name:<8}{float(times.mean()):>10.2f}{float(times.max()):>10.2f}"
        f"{100 * max(distances):>16.2f}{sum(curvatures) / len(curvatures):>16.3e}"
    )


def table(title: str, paths: list[Tensor]) -> None:
    """Print one row per smoother."""
    print(f"{title} (margin {100 * DEFAULT_MARGIN:g} cm)")
    print(f"{'':<8}{'ms mean':>10}{'ms max':>10}{'distance cm':>16}{'Σ‖bend‖² m²':>16}")
    for name in SMOOTHERS:
        print(measure(name, paths))


def main() -> None:
    """Measure made-up paths of several lengths, or those of a pack."""
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        pack = CmuPack.open(Path(sys.argv[1]))
        names = [clip.name for clip in pack.clips if clip.split == "train"]
        paths = [pack.motion(name).root_positions[:, [0, 2]].double() for name in names]
        table(f"{len(paths)} training clips", paths)
        return
    for frames in (50, 200, 1000, 5000):
        table(f"{frames} frames, 10 paths", [synthetic_walk(frames, seed=i) for i in range(10)])


if __name__ == "__main__":
    main()
