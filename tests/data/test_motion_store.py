import json
from pathlib import Path

import pytest
import torch

from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.data.prepare import prepare_cmu
from marey.errors import FileFormatError, InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.rotations import rotation_vector_to_matrix
from marey.skeleton import BODY22


@pytest.fixture
def store(pack_folder: Path, tmp_path: Path) -> MotionStore:
    prepare_cmu(pack_folder, tmp_path / "store")
    return MotionStore.open(tmp_path / "store")


def a_motion(frames: int = 30, fps: float = 20.0) -> Motion:
    generator = torch.Generator().manual_seed(frames)
    turns = torch.randn(frames, 22, 3, generator=generator)
    return Motion(
        root_positions=torch.randn(frames, 3, generator=generator),
        local_rotations=rotation_vector_to_matrix(turns),
        fps=fps,
        skeleton=BODY22,
    )


def a_clip(name: str, split: str = "train") -> ClipRecord:
    return ClipRecord(
        clip_id=name, shard=0, start=0, length=1, source_fps=20.0, split=split, flips=(3,)
    )


def a_window(name: str, split: str = "train", *, end: int = 30) -> WindowRecord:
    texts = (WindowText(text="läuft 走る", source="user"),)
    return WindowRecord(clip_id=name, start=0, end=end, split=split, texts=texts)


SPEC = StoreSpec(fps=20.0, skeleton=BODY22, fingerprint="f00", options={"a": 1})


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    writer = StoreWriter.open(tmp_path / "s", SPEC)
    motion, window = a_motion(), a_window("x/y")
    writer.append("file", motion, record=a_clip("x/y"), windows=[window])
    store = writer.finish()
    read = store.motion("x/y")
    torch.testing.assert_close(read.local_rotations, motion.local_rotations, atol=1e-6, rtol=0)
    assert torch.equal(read.root_positions, motion.root_positions)
    assert (read.fps, read.skeleton) == (20.0, BODY22)
    assert store.windows == (window,)
    assert store.clip("x/y").flips == (3,)
    assert store.options == {"a": 1}
    assert torch.equal(store.motion("x/y", 4, 9).root_positions, motion.root_positions[4:9])


def test_clips_are_the_resampled_clips_of_the_pack(store: MotionStore, pack_folder: Path) -> None:
    pack = CmuPack.open(pack_folder)
    assert [clip.clip_id for clip in store.clips] == [clip.name for clip in pack.clips]
    for clip in store.clips:
        expected = pack.motion(clip.clip_id).resample(20.0).joint_positions
        got = store.motion(clip.clip_id).joint_positions
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_no_window_of_another_split_is_in_train(store: MotionStore) -> None:
    for split in ("train", "val", "test", "test_repetition"):
        windows = store.windows_of(split)
        assert windows
        assert {store.clip(window.clip_id).split for window in windows} == {split}
    assert sum(len(store.windows_of(s)) for s in store.statistics["splits"]) == len(store.windows)
    with pytest.raises(InvalidInputError, match="test_repetition"):
        store.windows_of("testing")


def test_frames_outside_a_clip_are_refused(store: MotionStore) -> None:
    with pytest.raises(InvalidInputError, match="frames 0 to 50"):
        store.motion("00_01", 3, 51)
    with pytest.raises(InvalidInputError, match="no clip 'zz'"):
        store.motion("zz")
    assert store.window_motion(store.windows[0]).num_frames == store.windows[0].num_frames


def spoil_version(folder: Path) -> None:
    index = json.loads((folder / "store.json").read_text())
    (folder / "store.json").write_text(json.dumps(index | {"version": 99}))


def spoil_split(folder: Path) -> None:
    text = (folder / "windows.jsonl").read_text()
    (folder / "windows.jsonl").write_text(text.replace('"split": "test"', '"split": "train"'))


def spoil_frames(folder: Path) -> None:
    text = (folder / "windows.jsonl").read_text()
    (folder / "windows.jsonl").write_text(text.replace('"end": 50', '"end": 51'))


def spoil_fields(folder: Path) -> None:
    text = (folder / "clips.jsonl").read_text()
    (folder / "clips.jsonl").write_text(text.replace('"subject"', '"sujet"'))


def spoil_shard(folder: Path) -> None:
    file = folder / "shards" / "00000_rotations.npy"
    file.write_bytes(file.read_bytes()[:-100])


def lose_shard(folder: Path) -> None:
    (folder / "shards" / "00000_root_positions.npy").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_version, "expected marey-motion-store 1, got marey-motion-store 99"),
        (spoil_split, "windows.jsonl: line .* split 'test'"),
        (spoil_frames, "windows.jsonl: line 1: expected frames inside the 50"),
        (spoil_fields, "clips.jsonl: line 1.*sujet"),
        (spoil_shard, "00000_rotations.npy"),
        (lose_shard, "no such file"),
    ],
)
def test_a_damaged_store_is_named(store: MotionStore, spoil, message: str) -> None:
    spoil(store.path)
    with pytest.raises(FileFormatError, match=message):
        MotionStore.open(store.path)


def test_a_folder_that_is_no_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="marey data prepare"):
        MotionStore.open(tmp_path)
    StoreWriter.open(tmp_path / "s", SPEC).append("a", a_motion(), record=a_clip("a"))
    with pytest.raises(FileFormatError, match=r"unfinished.*goes on where it stopped"):
        MotionStore.open(tmp_path / "s")


def test_the_writer_refuses_what_does_not_fit(tmp_path: Path) -> None:
    writer = StoreWriter.open(tmp_path / "s", SPEC)
    with pytest.raises(InvalidInputError, match="resample"):
        writer.append("a", a_motion(fps=24.0), record=a_clip("a"))
    with pytest.raises(InvalidInputError, match="split must be one of"):
        writer.append("a", a_motion(), record=a_clip("a", "dev"))
    for window in (a_window("a", "val"), a_window("b"), a_window("a", end=31)):
        with pytest.raises(InvalidInputError, match="does not fit clip 'a'"):
            writer.append("a", a_motion(), record=a_clip("a"), windows=[window])
    writer.append("a", a_motion(), record=a_clip("a"))
    with pytest.raises(InvalidInputError, match="already"):
        writer.append("a", a_motion(), record=a_clip("a"))
    with pytest.raises(InvalidInputError, match="holds clips"):
        writer.abandon()
    writer.finish()
    with pytest.raises(InvalidInputError, match="finished"):
        writer.append("b", a_motion(), record=a_clip("b"))


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InvalidInputError, match="nothing is written"):
        StoreWriter.open(tmp_path, SPEC)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
