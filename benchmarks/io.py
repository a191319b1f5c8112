"""Seconds to read and write one BVH beside bvhio, in one run on one core.

    OMP_NUM_THREADS=1 python benchmarks/io.py [--frames 1000] [--file CLIP.bvh]

Without --file the clip is made up: the 22 joints of body22, turning at random. bvhio is not a
dependency (pip install bvhio); without it its rows say so.
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from marey import rotations
from marey.io import read_bvh, read_npz, write_bvh, write_npz
from marey.motion import Motion
from marey.skeleton import BODY22


def random_walk(frames: int) -> Motion:
    """Joints that turn smoothly at random while the root wanders."""
    generator = torch.Generator().manual_seed(0)
    vectors = 0.05 * torch.randn(frames, BODY22.num_joints, 3, generator=generator)
    return Motion(
        root_positions=0.01 * torch.randn(frames, 3, generator=generator).cumsum(0),
        local_rotations=rotations.rotation_vector_to_matrix(vectors.cumsum(0)),
        fps=30.0,
        skeleton=BODY22,
    )


def best_seconds(call: Callable[[], object], *, repeats: int) -> float:
    """Shortest time of several calls: noise only ever adds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def measure_marey(source: Path, folder: Path, *, repeats: int) -> dict[str, float]:
    """Time marey's readers and writers on one file."""
    motion = read_bvh(source)
    npz = folder / "clip.npz"
    write_npz(motion, npz)

    def with_positions() -> None:
        assert read_bvh(source).joint_positions.isfinite().all()

    calls: dict[str, Callable[[], object]] = {
        "read BVH": lambda: read_bvh(source),
        "read BVH + joint positions": with_positions,
        "write BVH": lambda: write_bvh(motion, folder / "marey.bvh", force=True),
        "read NPZ": lambda: read_npz(npz),
        "write NPZ": lambda: write_npz(motion, npz, force=True),
    }
    return {name: best_seconds(call, repeats=repeats) for name, call in calls.items()}


def measure_bvhio(source: Path, folder: Path, *, repeats: int) -> dict[str, float]:
    """Time bvhio on the same file; empty where it is not installed."""
    if importlib.util.find_spec("bvhio") is None:
        return {}
    import bvhio

    root = bvhio.readAsHierarchy(str(source))
    first, last = root.getKeyframeRange()

    def with_positions() -> None:
        body = bvhio.readAsHierarchy(str(source))
        for frame in range(first, last + 1):
            body.loadPose(frame)
            assert [joint.PositionWorld for joint, _, _ in body.layout()]

    target = str(folder / "bvhio.bvh")
    calls: dict[str, Callable[[], object]] = {
        "read BVH": lambda: bvhio.readAsHierarchy(str(source)),
        "read BVH + joint positions": with_positions,
        "write BVH": lambda: bvhio.writeHierarchy(target, root, frameTime=1 / 30),
    }
    return {name: best_seconds(call, repeats=repeats) for name, call in calls.items()}


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = arguments.file or folder / "source.bvh"
        if arguments.file is None:
            write_bvh(random_walk(arguments.frames), source)
        motion = read_bvh(source)
        ours = measure_marey(source, folder, repeats=arguments.repeats)
        theirs = measure_bvhio(source, folder, repeats=arguments.repeats)
    print(f"{motion.num_frames} frames, {motion.skeleton.num_joints} joints, ", end="")
    print(f"Python {sys.version.split()[0]}, torch {torch.__version__}")
    print("\n| task | marey | bvhio | ratio |\n|---|---|---|---|")
    for task, seconds in ours.items():
        other = theirs.get(task)
        absent = "not installed" if "BVH" in task and not theirs else "-"
        shown = f"{1000 * other:.0f} ms | {other / seconds:.0f} x" if other else f"{absent} | -"
        print(f"| {task} | {1000 * seconds:.1f} ms | {shown} |")


if __name__ == "__main__":
    main()
