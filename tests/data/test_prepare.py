import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.data import MotionStore
from marey.data.prepare import BvhOptions, CmuOptions, prepare_bvh, prepare_cmu, report_of
from marey.errors import FileFormatError, InvalidInputError
from marey.io import save_motion
from marey.motion import Motion
from marey.rigs import put_on_rig
from marey.rotations import axis_rotation
from marey.skeleton import BODY22

Library = Callable[..., tuple[Path, Path]]


def texts_of(store: MotionStore, clip: str) -> list[tuple[str, str]]:
    return [(t.text, t.source) for w in store.windows if w.clip_id == clip for t in w.texts]


# --- the pack ----------------------------------------------------------------------------------


@pytest.fixture
def store(pack_folder: Path, tmp_path: Path) -> MotionStore:
    prepare_cmu(pack_folder, tmp_path / "store")
    return MotionStore.open(tmp_path / "store")


def test_windows_carry_the_texts_of_their_segment(store: MotionStore) -> None:
    assert texts_of(store, "00_01") == [
        ("a person walks", "caption"),
        ("a person walks to the left, slowly", "caption"),
        ("A figure moves.", "kit"),
        ("someone turns left", "caption"),
    ]
    assert texts_of(store, "01_01") == [("a person jumps", "caption")]


def test_a_clip_without_segments_is_described_by_its_recorders(store: MotionStore) -> None:
    assert texts_of(store, "06_01") == [("jog through", "trial")]
    assert texts_of(store, "07_01") == []
    assert store.clip("07_01").length == 51


def test_seconds_and_flips_become_frames_of_the_store(store: MotionStore) -> None:
    first, second = store.windows[:2]
    assert (first.start, first.end) == (0, 50)
    assert (second.start, second.end) == (20, 40)
    assert store.clip("01_01").flips == (10, 11)
    jump = next(w for w in store.windows if w.clip_id == "01_01")
    assert (jump.end, jump.flip, jump.weight, jump.action) == (41, True, 0.0, "jump")


def test_flags_follow_the_source(store: MotionStore) -> None:
    assert {w.clip_id for w in store.windows if w.coarse} == {"03_01"}
    assert {w.clip_id for w in store.windows if w.off_floor} == {"05_01"}
    assert store.clip("03_01").source_fps == 12
    assert {w.weight for w in store.windows if w.split != "train"} == {1.0}


def test_everything_left_out_is_counted(store: MotionStore) -> None:
    report = report_of(store)
    assert report.dropped == {
        "text: KIT sentence of a clip that is longer than window / 0.5": 2,
        "window: no caption, and the recorders' description says nothing (clip kept)": 1,
        "window: shorter than 1 s": 1,
    }
    assert report.sources == {"caption": 8, "kit": 1, "trial": 1}
    assert sum(count.clips for count in report.splits.values()) == 8
    assert sum(count.windows for count in report.splits.values()) == len(store.windows)
    for line in ("train", "shorter than 1 s", "off_floor 1"):
        assert line in report.table()
    saved = json.loads((store.path / "report.json").read_text())
    assert saved == json.loads(json.dumps(report.to_json()))
    assert str(store.path) not in (store.path / "report.json").read_text()


def test_options_leave_out_what_they_say(pack_folder: Path, tmp_path: Path) -> None:
    options = CmuOptions(include_12hz=False, include_kit=False, fps=10.0, min_seconds=0.0)
    prepare_cmu(pack_folder, tmp_path / "ten", options=options)
    assert len(MotionStore.open(tmp_path / "ten").clips) == 8  # 12 fps is enough for 10
    report = prepare_cmu(
        pack_folder, tmp_path / "twenty", options=CmuOptions(include_12hz=False, include_kit=False)
    )
    store = MotionStore.open(tmp_path / "twenty")
    assert "03_01" not in {clip.clip_id for clip in store.clips}
    assert "kit" not in report.sources
    assert report.dropped["clip: recorded at 12 fps, left out by include_12hz=False"] == 1
    with pytest.raises(InvalidInputError, match="positive fps"):
        CmuOptions(fps=0.0)


def test_some_clips_of_the_real_pack(shared_data: Path, tmp_path: Path) -> None:
    names = ("02_01", "35_01", "02_03", "103_02", "01_06")
    report = prepare_cmu(shared_data / "cmu", tmp_path / "store", clips=names)
    store = MotionStore.open(tmp_path / "store")
    assert tuple(clip.clip_id for clip in store.clips) == names
    first, *measured = texts_of(store, "02_03")
    assert first == ("run or jog", "trial")
    assert {source for _, source in measured} == {"measured"}
    assert report.measured["run"] == 1
    assert report.fps == 20
    for window in store.windows:
        motion = store.window_motion(window)
        steps = motion.joint_positions.diff(dim=0).norm(dim=-1)
        assert window.flip or float(steps.max()) < 0.8


# --- a user's own library ----------------------------------------------------------------------


def test_a_library_becomes_windows(library: Library, tmp_path: Path) -> None:
    folder, table = library(
        "a.bvh,0.0,1.5,a person walks,train",
        'a.bvh,0.0,1.5,"walks, slowly",',
        "a.bvh,1.5,,a person stops,",
        "walks/c.bvh,,,a person walks,val",
    )
    report = prepare_bvh(folder, table, tmp_path / "store")
    store = MotionStore.open(tmp_path / "store")
    spans = [(w.clip_id, w.start, w.end, w.split) for w in store.windows]
    assert spans == [
        ("a", 0, 30, "train"),
        ("a", 30, 60, "train"),
        ("walks/c", 0, 60, "val"),
    ]
    assert texts_of(store, "a")[:2] == [("a person walks", "user"), ("walks, slowly", "user")]
    assert report.dropped["file: no line of the table names it"] == 2
    motion = store.motion("a")
    speed = motion.root_positions.diff(dim=0).norm(dim=-1) * 20
    assert 0.5 < float(speed.mean()) < 1.5  # 0.9 m/s, scaled with the legs
    assert float(motion.joint_positions[..., 1].min()) == pytest.approx(0.05, abs=0.1)
    assert prepare_bvh(folder, table, tmp_path / "store") == report


def test_bad_lines_and_files_are_counted_by_reason(library: Library, tmp_path: Path) -> None:
    folder, table = library(
        "a.bvh,0,2,a person walks,train",
        "nope.bvh,0,2,a person walks,train",
        "../texts.csv,0,2,a person walks,train",
        "a.bvh,x,2,a person walks,train",
        "a.bvh,nan,2,a person walks,train",
        "a.bvh,2,1,a person walks,train",
        "a.bvh,0,2, ,train",
        "a.bvh,0,2,walks,dev",
        "a.bvh,0,2,walks, and stops,train",
        "a.bvh,2,9,walks,train",
        "a.bvh,1,1.2,walks,train",
        "cut.bvh,0,2,walks,train",
        "b.bvh,0,1,walks,train",
        "b.bvh,1,3,walks,test",
    )
    report = prepare_bvh(folder, table, tmp_path / "store")
    rows = {reason for reason in report.dropped if reason.startswith("row")}
    assert len(rows) == 8
    assert report.dropped["window: ends after the file"] == 1
    assert report.dropped["window: shorter than 1 s"] == 1
    assert report.dropped["file: unreadable (FileFormatError)"] == 1
    assert report.dropped["file: its windows are in different splits"] == 1
    store = MotionStore.open(tmp_path / "store")
    assert [clip.clip_id for clip in store.clips] == ["a"]
    places = [drop.place for drop in store.drops]
    assert "texts.csv, line 3" in places
    assert any(place.startswith("cut.bvh: line ") for place in places)
    assert not any(str(tmp_path) in place for place in places)


def test_strict_stops_at_the_first(library: Library, tmp_path: Path) -> None:
    strict = BvhOptions(strict=True)
    folder, table = library("a.bvh,0,2,walks,", "nope.bvh,0,2,walks,train")
    with pytest.raises(InvalidInputError, match=r"the folder has no such file: texts\.csv, line 3"):
        prepare_bvh(folder, table, tmp_path / "store", options=strict)
    assert not (tmp_path / "store").exists()
    folder, table = library("a.bvh,0,2,walks,", "cut.bvh,0,2,walks,train")
    with pytest.raises(InvalidInputError, match=r"cut\.bvh: line"):
        prepare_bvh(folder, table, tmp_path / "store", options=strict)


def test_a_library_without_anything_usable_is_an_error(library: Library, tmp_path: Path) -> None:
    folder, table = library("cut.bvh,0,2,walks,train", "nope.bvh,0,2,walks,train")
    with pytest.raises(InvalidInputError, match=r"Nothing of .* can be used: .*1 × file: unread"):
        prepare_bvh(folder, table, tmp_path / "store")
    folder, table = library("a.bvh,0,2,walks,train")
    prepare_bvh(folder, table, tmp_path / "store")  # nothing is in the way of the mended library


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("file,start,end", "line 1.*text"),
        ("file,text,colour", "columns file,start,end,text,split"),
        ("file,text,text", "line 1"),
    ],
)
def test_a_table_with_another_header_is_refused(
    library: Library, tmp_path: Path, header: str, message: str
) -> None:
    folder, table = library("a.bvh,walks", header=header)
    with pytest.raises(FileFormatError, match=message):
        prepare_bvh(folder, table, tmp_path / "store")


def test_a_table_that_is_none_is_refused(library: Library, tmp_path: Path) -> None:
    folder, table = library()
    table.write_bytes(b"file,text\na.bvh,l\xe4uft\n")
    with pytest.raises(FileFormatError, match="UTF-8"):
        prepare_bvh(folder, table, tmp_path / "store")
    with pytest.raises(FileFormatError, match="CSV"):
        prepare_bvh(folder, tmp_path / "none.csv", tmp_path / "store")
    with pytest.raises(InvalidInputError, match="folder of BVH"):
        prepare_bvh(tmp_path / "none", table, tmp_path / "store")


def test_the_library_keeps_its_motion(shared_data: Path, tmp_path: Path) -> None:
    table = tmp_path / "texts.csv"
    table.write_text("file,start,text\n02_01.bvh,0.1,a person walks\n")
    prepare_bvh(shared_data / "bvh_cmu", table, tmp_path / "own")
    prepare_cmu(shared_data / "cmu", tmp_path / "cmu", clips=("02_01",))
    own = MotionStore.open(tmp_path / "own").motion("02_01")
    pack = MotionStore.open(tmp_path / "cmu").motion("02_01")
    lengths = [(m.root_positions[-1] - m.root_positions[2]).norm(dim=-1) for m in (own, pack)]
    torch.testing.assert_close(lengths[0], lengths[1], atol=0.15, rtol=0)


def test_a_rig_that_is_folded_up_without_rotations_is_read_as_it_stands(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bones along axes of their own: only the file's first frame shows how the rig stands."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    rigs = importlib.import_module("rig_models")
    folded, rest = rigs.with_own_axes(rigs.rig("mixamo"), "Y")
    bow = torch.eye(3).repeat(40, 22, 1, 1)
    for joint, angle in (("spine1", 0.7), ("left_hip", -1.0), ("left_knee", 1.2)):
        bow[:, BODY22.index(joint)] = axis_rotation("X", torch.tensor(angle))
    source = Motion(
        root_positions=torch.tensor([0.0, 0.9, 0.0]).repeat(40, 1),
        local_rotations=bow,
        fps=20.0,
        skeleton=BODY22,
    )
    moved = put_on_rig(source, folded, rest=rest, feet=False, hands=False).motion
    frames = torch.cat((rest[None], moved.local_rotations))
    roots = torch.cat((moved.root_positions[:1], moved.root_positions))
    save_motion(replace(moved, local_rotations=frames, root_positions=roots), tmp_path / "a.bvh")
    (tmp_path / "texts.csv").write_text("file,start,text\na.bvh,0.1,a person bows\n")
    prepare_bvh(tmp_path, tmp_path / "texts.csv", tmp_path / "store")
    read = MotionStore.open(tmp_path / "store").motion("a")
    limbs = BODY22.indices(("spine3", "left_knee", "left_ankle", "right_ankle", "left_wrist"))
    above = [BODY22.parents[joint] for joint in limbs]
    bones = [m.joint_positions[5, limbs] - m.joint_positions[5, above] for m in (source, read)]
    cosines = torch.nn.functional.cosine_similarity(*bones, dim=-1)
    assert float(cosines.min()) > 0.999
