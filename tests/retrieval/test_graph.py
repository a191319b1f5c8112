"""Approximate search: what it finds of exact search's answers, and the file of its graph."""

import sys
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from marey.errors import FileFormatError, MissingExtraError
from marey.retrieval import MotionIndex
from marey.retrieval.graph import Graph
from marey.retrieval.index import GRAPH, SHARDS, IndexHeader, IndexSettings
from marey.retrieval.index_shards import FileRecord, write_shard

WIDTH, CLUSTERS, WINDOWS_A_FILE = 64, 200, 4
TOP = 10


def clustered(count: int, seed: int) -> Float[Tensor, "count width"]:
    """Points of unit length about common centres."""
    centres = torch.randn(CLUSTERS, WIDTH, generator=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(seed)
    which = torch.randint(CLUSTERS, (count,), generator=draw)
    return F.normalize(centres[which] + 0.6 * torch.randn(count, WIDTH, generator=draw), dim=-1)


def add(path: Path, points: Float[Tensor, "rows width"], *, shard: int = 0, each: int = 4) -> None:
    """Write points as a shard of an index: files of that many windows."""
    files = len(points) // each
    names = [f"{shard}/{number:05d}.npz" for number in range(files)]
    records = [FileRecord(name=name, stamp="1", rows=each) for name in names]
    starts = 2.0 * torch.arange(each).repeat(files)
    write_shard(path / SHARDS, shard, records, points, torch.stack((starts, starts + 4), dim=1))


def index_of(path: Path, points: Float[Tensor, "rows width"], *, each: int = 4) -> MotionIndex:
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
    add(path, points, each=each)
    return MotionIndex.open(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> MotionIndex:
    """20,000 windows of 5,000 files."""
    return index_of(tmp_path_factory.mktemp("large") / "i", clustered(20_000, seed=1))


def test_the_graph_finds_the_nearest_points(large: MotionIndex) -> None:
    graph = Graph.build(large.embeddings)
    queries = clustered(100, seed=2)
    nearest = (queries @ large.embeddings.float().T).topk(TOP).indices
    found = [graph.near(query[None], TOP)[0] for query in queries]
    shares = [
        torch.isin(near, rows).float().mean() for near, rows in zip(nearest, found, strict=True)
    ]
    assert torch.stack(shares).mean() >= 0.95
    assert all(len(rows) <= TOP for rows in found)


def test_approximate_search_finds_what_exact_search_finds(large: MotionIndex) -> None:
    hits = 0
    queries = clustered(100, seed=3)
    for query in queries:
        exact = large.search(query[None], top=TOP)
        found = large.search(query[None], top=TOP, approximate=True)
        scores = [each.score for each in found]
        assert scores == sorted(scores, reverse=True)
        assert len(found) == TOP
        expected = {(each.name, each.start, each.end): each.score for each in exact}
        for each in found:
            score = expected.get((each.name, each.start, each.end))
            hits += score is not None
            assert score is None or each.score == pytest.approx(score, abs=1e-5)
    assert hits >= 0.95 * TOP * len(queries)


def test_several_points_ask_together(large: MotionIndex) -> None:
    queries = clustered(3, seed=4)
    exact = large.search(queries, top=TOP)
    found = large.search(queries, top=TOP, approximate=True)
    assert len({each.name for each in exact} & {each.name for each in found}) >= TOP - 1


def test_a_long_clip_hides_no_other(tmp_path: Path) -> None:
    points = clustered(800, seed=5)
    points[:400] = points[0]
    index = index_of(tmp_path / "i", points, each=400)
    found = index.search(points[:1], top=2, approximate=True)
    assert found == index.search(points[:1], top=2)
    assert {each.name for each in found} == {"0/00000.npz", "0/00001.npz"}


@pytest.mark.parametrize("rows", [0, 4, 8])
def test_a_small_index_is_searched_whole(rows: int, tmp_path: Path) -> None:
    index = index_of(tmp_path / "i", clustered(rows, seed=6))
    query = clustered(1, seed=7)
    assert index.search(query, approximate=True) == index.search(query)


def test_the_graph_is_kept_until_the_index_changes(tmp_path: Path) -> None:
    path = tmp_path / "i"
    points = clustered(400, seed=8)
    index = index_of(path, points)
    assert not (path / GRAPH).exists()
    query = clustered(1, seed=9)
    first = index.search(query, top=1, approximate=True)
    kept = (path / GRAPH).stat()
    assert MotionIndex.open(path).search(query, top=1, approximate=True) == first
    assert (path / GRAPH).stat().st_ino == kept.st_ino
    add(path, query.repeat(4, 1), shard=1)
    changed = MotionIndex.open(path).search(query, top=1, approximate=True)
    assert [each.name for each in changed] == ["1/00000.npz"]
    assert (path / GRAPH).stat().st_ino != kept.st_ino


@pytest.mark.parametrize("damage", ["cut", "flipped", "other file"])
def test_a_damaged_graph_is_named_and_made_anew_once_deleted(damage: str, tmp_path: Path) -> None:
    path, query = tmp_path / "i", clustered(1, seed=10)
    found = index_of(path, clustered(400, seed=11)).search(query, top=1, approximate=True)
    content = (path / GRAPH).read_bytes()
    if damage == "cut":
        (path / GRAPH).write_bytes(content[:-3])
    elif damage == "flipped":
        (path / GRAPH).write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    else:
        shard = next((path / SHARDS).glob("*.safetensors"))
        (path / GRAPH).write_bytes(shard.read_bytes())
    with pytest.raises(FileFormatError, match=rf"{GRAPH}.*Delete it"):
        MotionIndex.open(path).search(query, top=1, approximate=True)
    (path / GRAPH).unlink()
    assert MotionIndex.open(path).search(query, top=1, approximate=True) == found


def test_without_faiss_the_command_to_install_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    index, query = index_of(tmp_path / "i", clustered(8, seed=12)), clustered(1, seed=13)
    with pytest.raises(MissingExtraError, match=r"marey\[search\]"):
        index.search(query, approximate=True)
    assert len(index.search(query, top=1)) == 1
