"""The index of motions: updates, kills, damage, and what search finds."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from marey import rotations
from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter
from marey.errors import FileFormatError, InvalidInputError
from marey.io import save_motion
from marey.models.alignment import AlignmentModel, load_alignment
from marey.motion import Motion
from marey.motion.motion import concatenate
from marey.retrieval import Moment, MotionIndex, embed_windows, open_source, update_index
from marey.retrieval.index_shards import newest, read_shards
from marey.retrieval.indexing import windows
from marey.retrieval.moments import best_moments
from marey.skeleton import BODY22


def moving(seed: int, frames: int = 60, fps: float = 20.0) -> Motion:
    """A body whose joints swing at random rates about random axes, and that glides somewhere."""
    draw = torch.Generator().manual_seed(seed)
    axes = F.normalize(torch.randn(22, 3, generator=draw), dim=-1)
    rates = 3 * torch.rand(22, 1, generator=draw)
    times = torch.arange(frames) / fps
    turns = (times[:, None, None] * rates).sin() * axes
    speed = torch.randn(3, generator=draw) * torch.tensor([1.0, 0.0, 1.0])
    return Motion(
        root_positions=torch.tensor([0.0, 0.95, 0.0]) + times[:, None] * speed,
        local_rotations=rotations.rotation_vector_to_matrix(turns),
        fps=fps,
        skeleton=BODY22,
    )


@pytest.fixture(scope="module")
def model(tiny_alignment: Path) -> AlignmentModel:
    return load_alignment(tiny_alignment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four motions, one of them long, in a folder and one in it."""
    for seed, name in enumerate(("a", "b", "in/c")):
        save_motion(moving(seed), tmp_path / f"motions/{name}.npz")
    save_motion(moving(7, frames=250), tmp_path / "motions/long.bvh")
    return tmp_path / "motions"


def same(one: Path, other: Path) -> bool:
    """Whether two indices hold the same windows of the same files, to the bit."""
    a, b = MotionIndex.open(one), MotionIndex.open(other)
    return (
        a.files == b.files
        and torch.equal(a.owners, b.owners)
        and torch.equal(a.spans, b.spans)
        and torch.equal(a.embeddings, b.embeddings)
    )


def test_windows_cover_a_motion() -> None:
    for frames in (1, 79, 80, 81, 120, 121, 333):
        found = windows(moving(0, frames), 4.0, 2.0)
        assert found[0][0] == 0
        assert found[-1][1] == frames
        assert {end - start for start, end in found} == {min(frames, 80)}
        assert all(0 < b[0] - a[0] <= 40 for a, b in pairwise(found))


def test_all_motions_of_a_folder_are_found(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    seen = list[tuple[int, int, str]]()
    report = update_index(
        tmp_path / "i", open_source(folder), model, progress=lambda *each: seen.append(each)
    )
    index = MotionIndex.open(tmp_path / "i")
    names = ["a.npz", "b.npz", "in/c.npz", "long.bvh"]
    assert [record.name for record in index.files] == names
    assert (report.files, report.new, report.windows) == (4, 4, len(index.spans))
    assert seen == [(i + 1, 4, name) for i, name in enumerate(names)]
    assert [record.rows for record in index.files] == [1, 1, 1, 6]
    long = index.spans[index.owners == 3]
    assert long[:3].tolist() == [[0, 4], [2, 6], [4, 8]]
    assert long[-1, 1] == pytest.approx(12.5, abs=0.051)
    torch.testing.assert_close(
        index.embeddings.float().norm(dim=1), torch.ones(9), atol=1e-3, rtol=0
    )


def test_a_motion_finds_itself_first(folder: Path, tmp_path: Path, model: AlignmentModel) -> None:
    source = open_source(folder)
    update_index(tmp_path / "i", source, model)
    index = MotionIndex.open(tmp_path / "i")
    for name in ("a.npz", "b.npz", "in/c.npz"):
        points, _ = embed_windows(source.motion(name), model, index.header.settings)
        first, *others = index.search(points)
        assert (first.name, first.start, first.end) == (name, 0.0, 3.0)
        assert first.score == pytest.approx(1, abs=1e-3)
        assert all(first.score >= each.score for each in others)
    inside = source.motion("long.bvh").crop(80, 160)
    points, _ = embed_windows(inside, model, index.header.settings)
    first = index.search(points, top=1)[0]
    assert first.name == "long.bvh"
    assert first.start <= 4
    assert first.end >= 8


def test_search_is_exact(tmp_path: Path, model: AlignmentModel, folder: Path) -> None:
    update_index(tmp_path / "i", open_source(folder), model)
    index = MotionIndex.open(tmp_path / "i")
    query = torch.randn(2, index.header.settings.width)
    expected = F.cosine_similarity(index.embeddings.float()[:, None], query[None], dim=-1)
    torch.testing.assert_close(index.scores(query), expected.amax(1), atol=1e-3, rtol=0)
    best = max(range(9), key=lambda row: float(index.scores(query)[row]))
    assert index.search(query, top=1)[0].name == index.files[int(index.owners[best])].name
    with pytest.raises(InvalidInputError, match="top >= 1"):
        index.search(query, top=0)


def test_updates_equal_a_new_index(folder: Path, tmp_path: Path, model: AlignmentModel) -> None:
    step = tmp_path / "step"
    update_index(step, open_source(folder), model)
    save_motion(moving(11), folder / "b.npz", force=True)
    save_motion(moving(12), folder / "d.npz")
    (folder / "a.npz").unlink()
    os.utime(folder / "in/c.npz", ns=(1, 1))  # touched, not changed
    report = update_index(step, open_source(folder), model)
    assert (report.new, report.changed, report.removed) == (1, 1, 1)
    update_index(tmp_path / "whole", open_source(folder), model)
    step_index, whole = MotionIndex.open(step), MotionIndex.open(tmp_path / "whole")
    assert torch.equal(step_index.embeddings, whole.embeddings)
    assert torch.equal(step_index.spans, whole.spans)
    names = ["b.npz", "d.npz", "in/c.npz", "long.bvh"]
    assert [each.name for each in step_index.files] == [each.name for each in whole.files] == names
    shards = list((step / "shards").iterdir())
    again = update_index(step, open_source(folder), model)
    assert (again.new, again.changed, again.removed) == (0, 0, 0)
    assert list((step / "shards").iterdir()) == shards


def test_a_file_that_comes_back_is_found_again(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    update_index(tmp_path / "i", open_source(folder), model)
    (folder / "a.npz").rename(tmp_path / "a.npz")
    update_index(tmp_path / "i", open_source(folder), model)
    (tmp_path / "a.npz").rename(folder / "a.npz")
    assert update_index(tmp_path / "i", open_source(folder), model).new == 1
    update_index(tmp_path / "whole", open_source(folder), model)
    assert same(tmp_path / "i", tmp_path / "whole")


KILLED = """
import os, sys
from pathlib import Path
from marey.io import tensor_file
from marey.models.alignment import load_alignment
from marey.retrieval import indexing, index_shards, open_source

folder, index, model, place = sys.argv[1:]
write = index_shards.write_tensors

def die_before_the_names(*words, **more):
    write(*words, **more)
    if sum(1 for _ in Path(index, "shards").glob("*.safetensors")) == 2:
        os._exit(9)

def die_between(done, total, name):
    if done == 3:
        os._exit(9)

if place == "inside":
    index_shards.write_tensors = die_before_the_names
progress = die_between if place == "between" else None
indexing.update_index(
    index, open_source(folder), load_alignment(Path(model)), rows_per_shard=1, progress=progress
)
"""


@pytest.mark.parametrize(("place", "finished"), [("between", 3), ("inside", 1)])
def test_a_killed_update_goes_on(
    place: str, finished: int, folder: Path, tmp_path: Path, tiny_alignment: Path
) -> None:
    words = (str(folder), str(tmp_path / "i"), str(tiny_alignment), place)
    done = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, timeout=300)
    assert done.returncode == 9
    # What is there is whole: it can be searched, and nothing of it is read again.
    assert len(MotionIndex.open(tmp_path / "i").files) == finished
    model = load_alignment(tiny_alignment)
    report = update_index(tmp_path / "i", open_source(folder), model)
    assert (report.new, report.files) == (4 - finished, 4)
    update_index(tmp_path / "whole", open_source(folder), model)
    assert same(tmp_path / "i", tmp_path / "whole")


def test_an_interrupted_update_keeps_all(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    def interrupt(done: int, total: int, name: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(tmp_path / "i", open_source(folder), model, progress=interrupt)
    assert [each.name for each in MotionIndex.open(tmp_path / "i").files] == ["a.npz", "b.npz"]


def test_broken_files_are_told_and_left_out(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    (folder / "broken.bvh").write_text("HIERARCHY\nROOT\n")
    save_motion(moving(3, frames=1), folder / "still.npz")
    report = update_index(tmp_path / "i", open_source(folder), model)
    assert (report.files, report.windows) == (6, 9)
    assert set(report.errors) == {"broken.bvh", "still.npz"}
    assert "2 frames" in report.errors["still.npz"]
    again = update_index(tmp_path / "i", open_source(folder), model)
    assert again.errors == report.errors
    save_motion(moving(3), folder / "still.npz", force=True)
    assert set(update_index(tmp_path / "i", open_source(folder), model).errors) == {"broken.bvh"}


def test_another_model_or_settings_are_refused(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    source = open_source(folder)
    update_index(tmp_path / "i", source, model)
    index = MotionIndex.open(tmp_path / "i")
    index.require_model(replace(model, name="renamed", notes={"steps": 1}))  # the same points
    other = replace(model, normalizer=replace(model.normalizer, mean=torch.ones(135)))
    with pytest.raises(InvalidInputError, match="model of this index, tiny"):
        index.require_model(other)
    with pytest.raises(InvalidInputError, match="fingerprint"):
        update_index(tmp_path / "i", source, other)
    with pytest.raises(InvalidInputError, match=r"stride 2\.0 instead of 1\.0"):
        update_index(tmp_path / "i", source, model, stride=1.0)
    with pytest.raises(InvalidInputError, match="bvh"):
        update_index(tmp_path / "i", open_source(folder, bvh={"up": "Z"}), model)
    with pytest.raises(InvalidInputError, match="longest"):
        update_index(tmp_path / "j", source, model, seconds=11.0)
    assert not (tmp_path / "j").exists()


def test_a_moved_folder_has_to_be_told(folder: Path, tmp_path: Path, model: AlignmentModel) -> None:
    update_index(tmp_path / "i", open_source(folder), model)
    moved = folder.rename(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError, match="--moved"):
        update_index(tmp_path / "i", open_source(moved), model)
    with pytest.raises(InvalidInputError, match="moved"):
        open_source(folder)
    report = update_index(tmp_path / "i", open_source(moved), model, moved=True)
    assert (report.new, report.changed, report.removed) == (0, 0, 0)
    assert MotionIndex.open(tmp_path / "i").header.root == moved.resolve()


def test_an_empty_folder_does_not_empty_the_index(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    update_index(tmp_path / "i", open_source(folder), model)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(InvalidInputError, match="got none"):
        update_index(tmp_path / "i", open_source(folder), model)
    assert len(MotionIndex.open(tmp_path / "i").spans) == 9


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "cut lines", "no lines"])
def test_a_damaged_shard_is_named_and_mended(
    damage: str, folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    update_index(tmp_path / "i", open_source(folder), model, rows_per_shard=2)
    shard = read_shards(tmp_path / "i/shards")[1].path
    lines = shard.with_suffix(".jsonl")
    content = shard.read_bytes()
    if damage == "cut":
        shard.write_bytes(content[:-3])
    elif damage == "flipped":
        shard.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif damage == "missing":
        shard.unlink()
    elif damage == "cut lines":
        lines.write_text(lines.read_text()[:-20])
    else:
        lines.write_text("")
    with pytest.raises(FileFormatError, match=rf"{shard.stem}.*Delete {shard.stem}\.\*"):
        MotionIndex.open(tmp_path / "i")
    for file in (shard, lines):
        file.unlink(missing_ok=True)
    update_index(tmp_path / "i", open_source(folder), model)
    update_index(tmp_path / "whole", open_source(folder), model)
    assert same(tmp_path / "i", tmp_path / "whole")


def test_other_folders_are_no_index(folder: Path, tmp_path: Path, model: AlignmentModel) -> None:
    with pytest.raises(FileFormatError, match="marey search index"):
        MotionIndex.open(folder)
    with pytest.raises(InvalidInputError, match="no index"):
        update_index(folder, open_source(folder), model)
    update_index(tmp_path / "i", open_source(folder), model)
    header = tmp_path / "i/index.json"
    content = json.loads(header.read_text())
    header.write_text(json.dumps({**content, "version": 2}))
    with pytest.raises(FileFormatError, match=r"index\.json.*motion-index 2\. Update marey"):
        MotionIndex.open(tmp_path / "i")
    for broken in ("{", "[]", json.dumps({**content, "settings": {"model": 1}})):
        header.write_text(broken)
        with pytest.raises(FileFormatError, match=r"index\.json"):
            MotionIndex.open(tmp_path / "i")


def test_a_store_is_a_source(tmp_path: Path, model: AlignmentModel) -> None:
    spec = StoreSpec(fps=30.0, skeleton=BODY22, fingerprint="f", options={})
    writer = StoreWriter.open(tmp_path / "store", spec)
    for seed, name in enumerate(("x", "y")):
        motion = moving(seed, frames=90, fps=30.0)
        record = ClipRecord(
            clip_id=name, shard=0, start=0, length=90, source_fps=30.0, split="train"
        )
        writer.append(name, motion, record=record, windows=(), drops=())
    assert isinstance(writer.finish(), MotionStore)
    source = open_source(tmp_path / "store")
    assert update_index(tmp_path / "i", source, model).new == 2
    assert update_index(tmp_path / "i", source, model).new == 0
    index = MotionIndex.open(tmp_path / "i")
    points, _ = embed_windows(source.motion("y"), model, index.header.settings)
    assert index.search(points)[0].name == "y"


def test_the_newest_record_of_a_file_counts(
    folder: Path, tmp_path: Path, model: AlignmentModel
) -> None:
    update_index(tmp_path / "i", open_source(folder), model)
    save_motion(moving(20), folder / "a.npz", force=True)
    update_index(tmp_path / "i", open_source(folder), model)
    first, second = read_shards(tmp_path / "i/shards")
    assert newest([first, second])["a.npz"] is second.records[0]
    assert newest([first])["a.npz"] is first.records[0]


def window(name: str, start: int, score: float) -> Moment:
    return Moment(name=name, start=float(start), end=start + 4.0, score=score)


def test_overlapping_windows_are_one_moment() -> None:
    rows = [window("a", 4, 0.9), window("a", 2, 0.88), window("a", 6, 0.87), window("b", 0, 0.8)]
    found, _ = best_moments(rows, 10)
    assert found == [Moment(name="a", start=2.0, end=10.0, score=0.9), rows[3]]


def test_much_worse_windows_do_not_stretch_a_moment() -> None:
    rows = [window("a", 4, 0.9), window("a", 2, 0.5), window("a", 8, 0.4)]
    found, _ = best_moments(rows, 10)
    assert found == [rows[0], rows[2]]  # the third begins where the first ends


def test_moments_never_overlap() -> None:
    draw = torch.Generator().manual_seed(0)
    starts = (torch.randint(0, 20, (200,), generator=draw) * 2).tolist()
    scores = torch.rand(200, generator=draw).sort(descending=True).values.tolist()
    rows = [window("ab"[i % 2], *each) for i, each in enumerate(zip(starts, scores, strict=True))]
    found, _ = best_moments(rows, 8)
    assert len(found) == 8
    assert found == sorted(found, key=lambda each: -each.score)
    for i, a in enumerate(found):
        for b in found[:i]:
            assert a.name != b.name or a.end <= b.start or b.end <= a.start


def test_search_looks_as_far_as_it_must(tmp_path: Path, model: AlignmentModel) -> None:
    """A long clip whose windows are all alike must not hide the other clips."""
    long = concatenate([moving(0, frames=1)] * 2000)
    save_motion(long, tmp_path / "m/long.npz")
    save_motion(moving(1), tmp_path / "m/other.npz")
    update_index(tmp_path / "i", open_source(tmp_path / "m"), model)
    index = MotionIndex.open(tmp_path / "i")
    points, _ = embed_windows(long.crop(0, 80), model, index.header.settings)
    found = index.search(points, top=2)
    assert found[0] == Moment(name="long.npz", start=0.0, end=100.0, score=found[0].score)
    assert found[1].name == "other.npz"
