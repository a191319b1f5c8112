"""Memory and latency of exact search among many windows, as one row of a Markdown table.

    python benchmarks/search.py --windows 1000000 --threads 2

Points are random and as wide as those of a default alignment model, written as an index and then
read back by another process. A query is one random point, so that no text is encoded.
"""

import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch
import tyro
from torch.nn import functional as F

from marey.models.alignment import AlignmentConfig
from marey.representations import JointMotion
from marey.retrieval import MotionIndex
from marey.retrieval.index import SHARDS, IndexHeader, IndexSettings
from marey.retrieval.index_shards import FileRecord, write_shard
from marey.retrieval.indexing import ROWS_PER_SHARD

WINDOWS_A_FILE = 32
WIDTH = AlignmentConfig(feats=JointMotion().layout.size, text_width=384).latent


def write_index(path: Path, windows: int) -> None:
    """Write an index of random points, in shards of the usual size."""
    settings = IndexSettings(
        model="random",
        fingerprint="none",
        text_encoder="none",
        width=WIDTH,
        seconds=4.0,
        stride=2.0,
        fps=20.0,
    )
    IndexHeader(settings=settings, kind="folder", root=path).write(path)
    generator = torch.Generator().manual_seed(0)
    starts = 2.0 * torch.arange(WINDOWS_A_FILE)
    spans = torch.stack((starts, starts + 4), dim=1)
    files = ROWS_PER_SHARD // WINDOWS_A_FILE
    for shard in range(-(-windows // ROWS_PER_SHARD)):
        records = [
            FileRecord(name=f"{shard:05d}/{i:03d}.bvh", stamp="1 1", rows=WINDOWS_A_FILE)
            for i in range(files)
        ]
        points = torch.randn(ROWS_PER_SHARD, WIDTH, generator=generator)
        unit = F.normalize(points, dim=-1)
        write_shard(path / SHARDS, shard, records, unit, spans.repeat(files, 1))


def main(windows: int = 1_000_000, threads: int = 2, queries: int = 30) -> None:
    """Print the row.

    Args:
        windows: How many, rounded up to whole shards.
        threads: Of torch.
        queries: How many to take the median of.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        writer = multiprocessing.get_context("spawn").Process(
            target=write_index, args=(path, windows)
        )
        writer.start()
        writer.join()
        disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        index = MotionIndex.open(path)
        opened = time.perf_counter() - start
    points = torch.randn(queries, 1, WIDTH, generator=torch.Generator().manual_seed(1))
    seconds = []
    for point in points:
        start = time.perf_counter()
        index.search(point, top=10)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("| windows | width | on disk | open | peak memory (of it Python, torch) | ms a query |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(index.spans):,} | {WIDTH} | {disk / 1e6:.0f} MB | {opened:.1f} s "
        f"| {peak / 1024:.0f} MiB ({before / 1024:.0f}) "
        f"| median {1e3 * statistics.median(seconds):.0f}, longest {1e3 * max(seconds):.0f} |"
    )


if __name__ == "__main__":
    tyro.cli(main)
