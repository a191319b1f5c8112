"""Memory, latency and recall of exact and approximate search among many windows, side by side.

    python benchmarks/search.py --windows 100000 --threads 1

Points lie about made-up centres, or anywhere (``--clusters 0``, the hardest case for a graph). They
are as wide as those of a default alignment model, written as an index and then read back by another
process. A query is one point drawn likewise, so that no text is encoded; its time is that of the
processor. Approximate search needs faiss; its recall is the share of exact search's moments that
it finds.
"""

import multiprocessing
import resource
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
import tyro
from torch.nn import functional as F

from marey.models.alignment import AlignmentConfig
from marey.representations import JointMotion
from marey.retrieval import Moment, MotionIndex
from marey.retrieval.index import GRAPH, SHARDS, IndexHeader, IndexSettings
from marey.retrieval.index_shards import FileRecord, write_shard
from marey.retrieval.indexing import ROWS_PER_SHARD

WINDOWS_A_FILE, TOP = 32, 10
SPREAD = 0.6
"""Length of the way from a centre to its points, over the centre's."""
WIDTH = AlignmentConfig(feats=JointMotion().layout.size, text_width=384).latent


def points(count: int, clusters: int, seed: int) -> torch.Tensor:
    """Draw points of unit length."""
    draw = torch.Generator().manual_seed(seed)
    found = torch.randn(count, WIDTH, generator=draw)
    if clusters:
        centres = torch.randn(clusters, WIDTH, generator=torch.Generator().manual_seed(0))
        found = centres[torch.randint(clusters, (count,), generator=draw)] + SPREAD * found
    return F.normalize(found, dim=-1)


def write_index(path: Path, windows: int, clusters: int) -> None:
    """Write an index of made-up points, in shards of the usual size."""
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
    starts = 2.0 * torch.arange(WINDOWS_A_FILE)
    spans = torch.stack((starts, starts + 4), dim=1)
    files = ROWS_PER_SHARD // WINDOWS_A_FILE
    for shard in range(-(-windows // ROWS_PER_SHARD)):
        records = [
            FileRecord(name=f"{shard:05d}/{i:03d}.bvh", stamp="1 1", rows=WINDOWS_A_FILE)
            for i in range(files)
        ]
        drawn = points(ROWS_PER_SHARD, clusters, seed=1 + shard)
        write_shard(path / SHARDS, shard, records, drawn, spans.repeat(files, 1))


def megabytes(folder: Path, pattern: str) -> str:
    """Size of some files."""
    return f"{sum(f.stat().st_size for f in folder.rglob(pattern) if f.is_file()) / 1e6:.0f} MB"


def peak() -> str:
    """Largest memory of this process so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"


def ask(
    index: MotionIndex, queries: torch.Tensor, *, approximate: bool
) -> tuple[list[list[Moment]], str]:
    """Answer one query after the other, and say how much processor time they took."""
    answers, seconds = [], []
    for query in queries:
        start = time.process_time()
        answers.append(index.search(query[None], top=TOP, approximate=approximate))
        seconds.append(time.process_time() - start)
    return (
        answers,
        f"median {1e3 * statistics.median(seconds):.1f}, longest {1e3 * max(seconds):.1f}",
    )


def recall(found: list[list[Moment]], exact: list[list[Moment]]) -> float:
    """Share of exact search's moments that were found."""
    places = [
        [{(each.name, each.start, each.end) for each in answer} for answer in answers]
        for answers in (found, exact)
    ]
    hits = sum(len(a & b) for a, b in zip(*places, strict=True))
    return hits / sum(map(len, places[1]))


def main(
    windows: int = 100_000, clusters: int = 2000, threads: int = 2, queries: int = 100
) -> None:
    """Print the table.

    Args:
        windows: How many, rounded up to whole shards.
        clusters: How many centres the points lie about; 0 for none.
        threads: Of torch; set OMP_NUM_THREADS for those of faiss.
        queries: How many to take the median of.
    """
    torch.set_num_threads(threads)
    print("| search | windows | on disk | ready after | peak memory | ms a query | recall@10 |")
    print("|---|---|---|---|---|---|---|")
    asked = points(queries, clusters, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        writer = multiprocessing.get_context("spawn").Process(
            target=write_index, args=(path, windows, clusters)
        )
        writer.start()
        writer.join()
        before, disk = peak(), megabytes(path, "*")
        start = time.perf_counter()
        index = MotionIndex.open(path)
        ready = f"{time.perf_counter() - start:.1f} s"
        exact, told = ask(index, asked, approximate=False)
        rows = f"{len(index.spans):,}"
        memory = f"{peak()} (of it Python, torch: {before})"
        print(f"| exact | {rows} | {disk} | {ready} | {memory} | {told} | 1 |", flush=True)
        starts = [time.perf_counter()]
        for _ in ("build", "read"):
            index = MotionIndex.open(path)
            index.search(asked[:1], approximate=True)
            starts.append(time.perf_counter())
        build, read = (after - before for before, after in pairwise(starts))
        ready = f"{build:.1f} s once, then {read:.1f} s"
        found, told = ask(index, asked, approximate=True)
        share = f"{recall(found, exact):.3f}"
        disk = f"{megabytes(path, GRAPH)} more"
        print(f"| approximate | {rows} | {disk} | {ready} | {peak()} | {told} | {share} |")


if __name__ == "__main__":
    tyro.cli(main)
