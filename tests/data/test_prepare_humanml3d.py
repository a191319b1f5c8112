"""AMASS → a folder in HumanML3D's layout → a store → two training steps, with every drop told."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey import rotations
from marey.cli.main import main
from marey.data import MotionStore
from marey.data.prepare import (
    AmassOptions,
    HumanML3DOptions,
    prepare_amass,
    prepare_humanml3d,
)
from marey.data.prepare.amass import mirrored_positions
from marey.data.prepare.amass_index import Cut, even_cuts, preamble, read_index
from marey.data.prepare.humanml3d_folder import FolderClip, HumanML3DFolder
from marey.data.prepare.humanml3d_texts import TimedCaption, caption_of, read_captions
from marey.errors import FileFormatError, InvalidInputError
from marey.io.amass import write_amass
from marey.io.cmu_pack import CmuPack
from marey.io.humanml3d import read_humanml3d
from marey.motion import Motion
from marey.motion.chain_body import HUMANML3D_BODY
from marey.motion.chain_features import chain_features
from marey.motion.chain_statistics import chain_statistics
from marey.skeleton import BODY22
from marey.skeleton.kinematics import joint_positions

Tree = Callable[..., Path]


def walking(seconds: float, fps: float = 120.0) -> Motion:
    """Somebody who swings arms and legs and moves on, turning a little."""
    frames = round(seconds * fps)
    time = torch.arange(frames) / fps
    vectors = torch.zeros(frames, 22, 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing = sign * (2 * math.pi * time).sin()
        vectors[:, BODY22.index(f"{side}_hip"), 0] = 0.5 * swing
        vectors[:, BODY22.index(f"{side}_knee"), 0] = 0.4 + 0.3 * swing
        vectors[:, BODY22.index(f"{side}_shoulder"), 2] = -sign * 1.2
        vectors[:, BODY22.index(f"{side}_elbow"), 1] = -sign * (0.5 + 0.2 * swing)
    vectors[:, 0, 1] = 0.3 * time
    root = torch.stack((0.1 * time, 0.9 + 0.02 * (12 * time).cos(), 1.1 * time), dim=-1)
    return Motion(
        root_positions=root,
        local_rotations=rotations.rotation_vector_to_matrix(vectors),
        fps=fps,
        skeleton=BODY22,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes a tree of AMASS files out of motions by path."""

    def make(files: dict[str, Motion], name: str = "amass") -> Path:
        for path, motion in files.items():
            write_amass(motion, tmp_path / name / path)
        return tmp_path / name

    return make


def damaged_beside(folder: Path, whole: Path) -> None:
    """Put files into a tree that cannot be used, each in its own way."""
    with np.load(whole) as found:
        arrays = dict(found)
    np.savez(folder / "KIT/3/shape.npz", betas=np.zeros(16), gender=np.array("male"))
    (folder / "KIT/3/cut_poses.npz").write_bytes(whole.read_bytes()[:3000])
    poses = arrays["poses"].copy()
    poses[7] = np.nan
    np.savez(folder / "KIT/3/nan_poses.npz", **arrays | {"poses": poses})
    rate = arrays.pop("mocap_frame_rate")
    np.savez(folder / "KIT/3/norate_poses.npz", **arrays)
    np.savez(folder / "KIT/3/zero_poses.npz", mocap_framerate=0 * rate, **arrays)


DROPS = {
    "clip: shorter than 2 s": 1,
    "file: fewer frames per second than the result": 1,
    "file: holds a shape and no motion": 1,
    "file: no usable frame rate": 2,
    "file: not-a-number or boundless values": 1,
    "file: damaged, or no NPZ": 1,
}


def test_cmu_windows_as_an_amass_tree_become_a_folder_a_store_and_a_model(
    tree: Tree, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = CmuPack.open(shared_data / "cmu")
    long = pack.motion("12_02").crop(0, 120)
    folder = tree(
        {
            "CMU/07/07_01_poses.npz": long.resample(120.0),
            "CMU/49/49_07_poses.npz": pack.motion("49_07").resample(60.0),
            "KIT/3/odd_poses.npz": long.resample(50.0),
            "KIT/3/short_poses.npz": long.crop(0, 30).resample(100.0),
            "KIT/3/slow_poses.npz": long.resample(12.0),
        }
    )
    damaged_beside(folder, folder / "CMU/49/49_07_poses.npz")
    texts, made = tmp_path / "texts", tmp_path / "humanml3d"
    for name in ("CMU/07/07_01_poses", "CMU/49/49_07_poses", "KIT/3/odd_poses"):
        (texts / name).parent.mkdir(parents=True, exist_ok=True)
        (texts / f"{name}.txt").write_text("a person walks to the left#a/DET person/NOUN#0.0#0.0\n")
    command = ["data", "prepare", "amass", str(folder), str(made), "--texts", str(texts)]
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dropped"] == DROPS
    assert sum(report["clips"].values()) == report["mirrored"] == report["captioned"] == 3
    assert report["interpolated"] == 1
    assert report["rest"] == {"the file's own rest joints": 3}
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "2  file: no usable frame rate" in printed
    assert "left out (job.jsonl names each place):" in printed
    assert "KIT/3/cut_poses.npz: file: expected an NPZ" in (made / "job.jsonl").read_text()
    assert "rest joints of 3 files: the file's own rest joints" in printed

    store = tmp_path / "store"
    assert main(["data", "prepare", "humanml3d", str(made), str(store), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert sum(count["clips"] for count in report["splits"].values()) == 3
    assert report["dropped"] == {"clip: a mirror image; training makes its own": 3}
    opened = MotionStore.open(store)
    by_name = {clip.clip_id: opened.motion(clip.clip_id) for clip in opened.clips}
    motion, source = by_name["CMU_07_07_01_poses_00"], long.resample(20.0)
    assert motion.skeleton == BODY22
    # The same body again: uniform bones and back; heights of joints within a few centimetres.
    heights = motion.joint_positions[..., 1] - source.joint_positions[: motion.num_frames, :, 1]
    assert float((heights - heights.mean()).abs().max()) < 0.08
    speed = (motion.root_positions[-1] - motion.root_positions[0]).norm() / motion.seconds
    expected = (source.root_positions[-1] - source.root_positions[0]).norm() / source.seconds
    assert float(speed / expected) == pytest.approx(1.0, abs=0.05)


def test_a_folder_trains_a_model(tree: Tree, tmp_path: Path) -> None:
    folder = tree({f"CMU/{n}/walk_poses.npz": walking(4.0) for n in range(4)})
    texts = tmp_path / "texts"
    for n in range(4):
        (texts / f"CMU/{n}").mkdir(parents=True)
        (texts / f"CMU/{n}/walk_poses.txt").write_text("a person walks\n")
    names = [f"CMU_{n}_walk_poses_00" for n in range(4)]
    splits = tmp_path / "splits"
    splits.mkdir()
    for file, own in zip(
        ("train.txt", "val.txt", "test.txt"), (names[:2], names[2:3], names[3:]), strict=True
    ):
        (splits / file).write_text("\n".join(own) + "\n")
    made, store, run = tmp_path / "made", tmp_path / "store", tmp_path / "run"
    prepare_amass(folder, made, texts=texts, splits=splits)
    report = prepare_humanml3d(made, store)
    assert {name: count.clips for name, count in report.splits.items()} == {
        "train": 2,
        "val": 1,
        "test": 1,
    }
    assert main(["train", "tiny", "--data", str(store), "--run", str(run), "--steps", "2"]) == 0
    assert (run / "checkpoint" / "model.safetensors").is_file()


# --- the folder --------------------------------------------------------------------------------


def test_what_the_folder_holds(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a_poses.npz": walking(4.0), "CMU/2/b.npz": walking(25.0)})
    out = tmp_path / "out"
    report = prepare_amass(folder, out)
    names = sorted(["CMU_1_a_poses_00", *(f"CMU_2_b_0{i}" for i in range(3))])
    listed = (out / "all.txt").read_text().split()
    assert sorted(listed) == sorted([*names, *(f"M{name}" for name in names)])
    by_split = [(out / f"{s}.txt").read_text().split() for s in ("train", "val", "test")]
    assert sorted(name for own in by_split for name in own) == sorted(listed)
    assert len({s for s, own in enumerate(by_split) for n in own if "CMU_2" in n}) == 1
    features = [np.load(out / "new_joint_vecs" / f"{name}.npy") for name in listed]
    assert {array.shape for array in features} == {(79, 263), (166, 263), (165, 263)}
    statistics = chain_statistics(map(torch.from_numpy, features), HUMANML3D_BODY)
    np.testing.assert_allclose(np.load(out / "Mean.npy"), statistics.mean, atol=1e-6)
    np.testing.assert_allclose(np.load(out / "Std.npy"), statistics.std, atol=1e-6)
    for name in listed:
        joints = read_humanml3d(out / "new_joints" / f"{name}.npy").joint_positions
        recovered = read_humanml3d(out / "new_joint_vecs" / f"{name}.npy").joint_positions
        assert float((joints - recovered).abs().max()) < 1e-4
    assert report.to_json() == json.loads((out / "report.json").read_text())
    rows = (out / "index.csv").read_text().splitlines()
    assert rows[0] == "source_path,start_frame,end_frame,new_name"
    assert "CMU/2/b.npz,167,333,CMU_2_b_01" in rows


def test_every_recording_keeps_clips_of_its_own(tree: Tree, tmp_path: Path) -> None:
    # Alike in plain letters, but for their case, by way of a mirror image, and too long.
    names = ["A/歩く/走", "A/歩く/跳", "A/s/a b", "A/s/a_b", "A/s/A-b", "A/s/a-b", "MB/x", "B/x"]
    folder = tree({f"{name}.npz": walking(2.2, 20.0) for name in (*names, "A/" + "n" * 120)})
    out = tmp_path / "out"
    report = prepare_amass(folder, out)
    listed = (out / "all.txt").read_text().split()
    assert sum(report.clips.values()) == report.mirrored == 9
    assert len({name.casefold() for name in listed}) == len(listed) == 18
    assert {file.stem for file in (out / "new_joints").iterdir()} == set(listed)
    rows = [row.split(",") for row in (out / "index.csv").read_text().splitlines()[1:]]
    assert len({row[0] for row in rows}) == 9
    _, drops = read_index(out / "index.csv", folder)
    assert drops == ()


def test_a_name_belongs_to_one_clip(tmp_path: Path) -> None:
    made = HumanML3DFolder(tmp_path / "out", HUMANML3D_BODY, job={})
    features = chain_features(walking(2.2, 20.0).joint_positions, HUMANML3D_BODY)

    def clip(source: str, name: str) -> FolderClip:
        cut = Cut(source=source, start=0, end=44, name=name)
        return FolderClip(cut=cut, split="train", features={"": features}, captions={})

    made.add("a.npz", [clip("a.npz", "walk")], ())
    resumed = HumanML3DFolder(tmp_path / "out", HUMANML3D_BODY, job={})
    for folder in (made, resumed):
        with pytest.raises(InvalidInputError, match=r"Walk: a clip of b\.npz has the name of"):
            folder.add("b.npz", [clip("b.npz", "Walk")], ())
    assert not (tmp_path / "out/new_joints/Walk.npy").exists()


def test_its_own_index_makes_the_same_folder_again(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a_poses.npz": walking(4.0), "Transitions_mocap/2/b.npz": walking(25.0)})
    one, other = tmp_path / "one", tmp_path / "other"
    prepare_amass(folder, one, splits=None)
    prepare_amass(folder, other, index=one / "index.csv")
    for file in sorted((one / "new_joint_vecs").iterdir()):
        twin = np.load(other / "new_joint_vecs" / file.name)
        np.testing.assert_array_equal(np.load(file), twin)
    assert (one / "all.txt").read_text() == (other / "all.txt").read_text()


def test_a_run_that_was_stopped_goes_on(tree: Tree, tmp_path: Path) -> None:
    folder = tree({f"CMU/{n}/a.npz": walking(3.0) for n in range(4)})
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    prepare_amass(folder, whole)
    seen: list[str] = []

    def stop(done: int, total: int, note: str) -> None:
        seen.append(note)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_amass(folder, stopped, progress=stop)
    assert not (stopped / "report.json").exists()
    with (stopped / "job.jsonl").open("a") as file:
        file.write('{"source": "half a li')  # as a killed run leaves it
    prepare_amass(folder, stopped)
    for name in ("all.txt", "index.csv", "Mean.npy", "Std.npy", "report.json", "job.jsonl"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name
    before = {p: p.stat().st_mtime_ns for p in whole.rglob("*") if p.is_file()}
    prepare_amass(folder, whole)
    assert before == {p: p.stat().st_mtime_ns for p in whole.rglob("*") if p.is_file()}
    with pytest.raises(InvalidInputError, match="other inputs or options"):
        prepare_amass(folder, whole, options=AmassOptions(fps=30.0))
    with pytest.raises(InvalidInputError, match="neither empty nor"):
        prepare_amass(folder, folder)


def test_other_inputs_are_refused(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a.npz": walking(4.0)})
    index, splits, texts, rest = (tmp_path / n for n in ("i.csv", "splits", "texts", "rest.npz"))
    header = "source_path,start_frame,end_frame,new_name\n"
    index.write_text(f"{header}CMU/1/a.npz,0,60,000001\n")
    splits.mkdir()
    for name in ("train.txt", "val.txt", "test.txt"):
        (splits / name).write_text("000001\n")
    texts.mkdir()
    (texts / "000001.txt").write_text("he walks")
    rest.write_bytes((folder / "CMU/1/a.npz").read_bytes())  # it holds rest joints

    def run() -> None:
        given = {"index": index, "splits": splits, "texts": texts, "rest": rest}
        prepare_amass(folder, tmp_path / "out", **given)

    run()
    run()
    for file in (index, splits / "val.txt", texts / "000001.txt", texts / "000002.txt", rest):
        before = file.read_bytes() if file.exists() else None
        if file == index:
            file.write_text(f"{header}CMU/1/a.npz,0,50,000001\n")
        elif file == rest:
            write_amass(walking(5.0), rest, force=True)
        else:
            file.write_text("000002\n")
        with pytest.raises(InvalidInputError, match="other inputs or options"):
            run()
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
    run()


def test_captions_that_are_not_there_are_refused(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a.npz": walking(4.0)})
    with pytest.raises(InvalidInputError, match=r"texts: expected a folder .*nothere"):
        prepare_amass(folder, tmp_path / "out", texts=tmp_path / "nothere")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"source": "x.npz"}',
        b'{"source": "x.npz", "clips": [{"name": 3}], "rest": "", "rate": "", "drops": []}',
        b'{"source": "x.npz", "clips": [], "rest": "", "rate": "", "drops": ["file"]}',
        b'{"source": "x.npz", "rest": "", "rate": "", "drops": [], "clips": [{"source": "x.npz", '
        b'"start": 0, "end": 9, "name": "../../x", "split": "train", "frames": 9, '
        b'"prefixes": [""], "captions": false}]}',
    ],
)
def test_a_damaged_job_is_told(tmp_path: Path, line: bytes) -> None:
    HumanML3DFolder(tmp_path / "out", HUMANML3D_BODY, job={"fps": 20.0})
    file = tmp_path / "out/job.jsonl"
    file.write_bytes(file.read_bytes() + line + b"\n")
    with pytest.raises(FileFormatError, match=r"job\.jsonl: line 2: .* give another folder"):
        HumanML3DFolder(tmp_path / "out", HUMANML3D_BODY, job={"fps": 20.0})
    file.write_bytes(line + b"\n")
    if not line.startswith(b'{"'):
        with pytest.raises(FileFormatError, match="line 1"):
            HumanML3DFolder(tmp_path / "out", HUMANML3D_BODY, job={"fps": 20.0})


def test_a_clip_that_is_gone_is_told(tree: Tree, tmp_path: Path) -> None:
    folder, out = tree({"CMU/1/a.npz": walking(3.0)}), tmp_path / "out"
    prepare_amass(folder, out)
    (out / "report.json").unlink()
    (out / "new_joint_vecs/CMU_1_a_00.npy").unlink()
    with pytest.raises(FileFormatError, match=r"CMU_1_a_00\.npy"):
        prepare_amass(folder, out)


def test_a_mirror_image_is_the_image_of_the_positions(tree: Tree, tmp_path: Path) -> None:
    motion = walking(3.0)
    positions = motion.joint_positions
    assert torch.equal(mirrored_positions(mirrored_positions(positions)), positions)
    torch.testing.assert_close(
        mirrored_positions(positions), motion.mirror().joint_positions, atol=1e-5, rtol=0
    )
    one, other = (
        tree({"CMU/1/a.npz": each}, name) for each, name in ((motion, "x"), (motion.mirror(), "y"))
    )
    for folder, out in ((one, "one"), (other, "other")):
        prepare_amass(folder, tmp_path / out)
    for own, image in (("CMU_1_a_00", "MCMU_1_a_00"), ("MCMU_1_a_00", "CMU_1_a_00")):
        a = np.load(tmp_path / "one" / "new_joint_vecs" / f"{own}.npy")
        b = np.load(tmp_path / "other" / "new_joint_vecs" / f"{image}.npy")
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_tree_of_which_nothing_can_be_used_is_refused(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a.npz": walking(1.0)})
    with pytest.raises(InvalidInputError, match="1 × clip: shorter than 2 s"):
        prepare_amass(folder, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match=r"no \.npz"):
        prepare_amass(tmp_path / "empty", tmp_path / "out2")
    with pytest.raises(InvalidInputError, match="min_seconds"):
        AmassOptions(min_seconds=5.0, max_seconds=3.0)


def test_whose_body_it_is_is_told(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"A/1/a.npz": walking(3.0)})
    with np.load(folder / "A/1/a.npz") as arrays:
        kept = {name: arrays[name] for name in ("poses", "trans", "mocap_frame_rate")}
    np.savez(folder / "A/1/a.npz", **kept)
    report = prepare_amass(folder, tmp_path / "out")
    assert report.rest == {"body22: the file holds no rest joints and none were given": 1}
    joints = [[0.0, 0.0, 0.0]]
    for joint in range(1, 22):
        start = joints[BODY22.parents[joint]]
        offset = (1.1 * BODY22.rest_offsets[joint]).tolist()
        joints.append([a + b for a, b in zip(start, offset, strict=True)])
    (tmp_path / "rest.json").write_text(json.dumps(joints))
    report = prepare_amass(folder, tmp_path / "out2", rest=tmp_path / "rest.json")
    assert report.rest == {"body model": 1}
    one, other = (np.load(tmp_path / o / "new_joint_vecs/A_1_a_00.npy") for o in ("out", "out2"))
    assert np.abs(one - other).max() > 1e-3  # the same rotations carry another body elsewhere


def test_another_body_moves_as_itself(tree: Tree, tmp_path: Path) -> None:
    small = replace(BODY22, rest_offsets=0.5 * BODY22.rest_offsets)
    motion = walking(3.0)
    child = replace(motion, skeleton=small, root_positions=0.5 * motion.root_positions)
    folder = tree({"A/1/adult.npz": motion, "A/1/child.npz": child})
    out = tmp_path / "out"
    prepare_amass(folder, out)
    one, other = (np.load(out / "new_joint_vecs" / f"A_1_{n}_00.npy") for n in ("adult", "child"))
    np.testing.assert_allclose(one, other, atol=1e-4)  # uniform bones make them the same


# --- index -------------------------------------------------------------------------------------


def test_an_index_names_clips(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"HDM05/bk/w_poses.npz": walking(9.0), "CMU/1/a_stageii.npz": walking(4.0)})
    index = tmp_path / "index.csv"
    index.write_text(
        "source_path,start_frame,end_frame,new_name\n"
        "./pose_data/MPI_HDM05/bk/w_poses.npy,0,80,000001.npy\n"
        "./pose_data/CMU/1/a_poses.npy,10,-1,000002.npy\n"
        "./pose_data/humanact12/x.npy,0,80,000003.npy\n"
        "./pose_data/CMU/1/a_poses.npy,50,20,000004.npy\n"
        "./pose_data/CMU/1/a_poses.npy,x,20,000005.npy\n"
        "./pose_data/CMU/1/a_poses.npy,0,20,../000006.npy\n"
        "./pose_data/CMU/../CMU/1/a_poses.npy,0,20,000007.npy\n"
        "./pose_data/CMU/1/a_poses.npy,0,60,000001.npy\n"
    )
    cuts, drops = read_index(index, folder)
    assert [(c.source, c.start, c.end, c.name) for c in cuts] == [
        ("HDM05/bk/w_poses.npz", 0, 80, "000001"),
        ("CMU/1/a_stageii.npz", 10, -1, "000002"),
    ]
    assert [drop.reason for drop in drops] == [
        "the tree has no such file",
        "end does not lie after start",
        "start or end is no number of frames",
        "new_name is no name of a file",
        "the tree has no such file",
        "a name for the second time, or one of a mirror image",
    ]
    report = prepare_amass(folder, tmp_path / "out", index=index)
    lengths = [
        len(np.load(tmp_path / "out" / "new_joint_vecs" / f"{n}.npy")) for n in ("000001", "000002")
    ]
    assert lengths == [79, 68]
    assert report.dropped["row: the tree has no such file"] == 2


def test_names_of_mirror_images_are_taken(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a.npz": walking(3.0)})
    index = tmp_path / "index.csv"
    rows = ["0,60,000001", "0,60,M000001", "0,60,Mb", "0,60,b", "0,60,M000002"]
    lines = "".join(f"CMU/1/a.npz,{row}\n" for row in rows)
    index.write_text(f"source_path,start_frame,end_frame,new_name\n{lines}")
    cuts, drops = read_index(index, folder)
    assert [cut.name for cut in cuts] == ["000001", "Mb", "M000002"]
    assert [drop.place for drop in drops] == [f"index.csv, line {n}: CMU/1/a.npz" for n in (3, 5)]


def test_clips_beyond_the_end_are_told(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a.npz": walking(4.0)})
    index = tmp_path / "index.csv"
    index.write_text(
        "source_path,start_frame,end_frame,new_name\n"
        "CMU/1/a.npz,0,80,whole\nCMU/1/a.npz,10,5000,beyond\nCMU/1/a.npz,70,5000,short\n"
    )
    report = prepare_amass(folder, tmp_path / "out", index=index)
    assert report.dropped == {
        "clip: shorter than 2 s": 1,
        "row: the recording ends before the clip does (clip kept, shorter)": 1,
    }
    assert "frame 5000 of 80" in (tmp_path / "out/job.jsonl").read_text()
    assert "CMU/1/a.npz,10,80,beyond" in (tmp_path / "out/index.csv").read_text()


SUBSETS = {  # as HumanML3D's index has them, and as they are called since
    "ACCAD": "ACCAD",
    "BMLhandball": "BMLhandball",
    "BMLmovi": "BMLmovi",
    "BioMotionLab_NTroje": "BMLrub",
    "CMU": "CMU",
    "DFaust_67": "DFaust",
    "EKUT": "EKUT",
    "Eyes_Japan_Dataset": "EyesJapanDataset",
    "HumanEva": "HumanEva",
    "KIT": "KIT",
    "MPI_HDM05": "HDM05",
    "MPI_Limits": "PosePrior",
    "MPI_mosh": "MoSh",
    "SFU": "SFU",
    "SSM_synced": "SSM",
    "TCD_handMocap": "TCDHands",
    "TotalCapture": "TotalCapture",
    "Transitions_mocap": "Transitions",
}


@pytest.mark.parametrize("renamed", [False, True])
def test_every_part_of_amass_is_found_by_the_index(
    tree: Tree, tmp_path: Path, renamed: bool
) -> None:
    motion = walking(6.0, 60.0)
    names = {old: new if renamed else old for old, new in SUBSETS.items()}
    suffix = "stageii" if renamed else "poses"
    folder = tree({f"{name}/p 1/take_1_{suffix}.npz": motion for name in names.values()})
    index = tmp_path / "index.csv"
    rows = [
        f"./pose_data/{old}/p 1/take_1_poses.npy,0,50,{number:06d}.npy\n"
        for number, old in enumerate(SUBSETS)
    ]
    index.write_text("source_path,start_frame,end_frame,new_name\n" + "".join(rows))
    report = prepare_amass(folder, tmp_path / "out", index=index)
    assert report.dropped == {}
    assert sum(report.clips.values()) == report.mirrored == len(SUBSETS) == 18
    lengths = {len(np.load(f)) for f in (tmp_path / "out" / "new_joint_vecs").iterdir()}
    assert lengths == {49}


def test_preambles_are_cut_off(tree: Tree, tmp_path: Path) -> None:
    motion = walking(9.0)
    folder = tree({"HDM05/1/a.npz": motion, "CMU/1/a.npz": motion.crop(360, motion.num_frames)})
    prepare_amass(folder, tmp_path / "out")
    one, other = (
        np.load(tmp_path / "out" / "new_joint_vecs" / f"{n}_1_a_00.npy") for n in ("HDM05", "CMU")
    )
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert [
        preamble(f"{n}/1/a.npz") for n in ("MPI_HDM05", "PosePrior", "Transitions_mocap", "KIT")
    ] == [3, 1, 0.5, 0]


def test_pieces_are_even_and_not_too_long() -> None:
    cuts = even_cuts("A b/c d.npz", "A_b_c_d", 450, 200)
    assert [(cut.start, cut.end) for cut in cuts] == [(0, 150), (150, 300), (300, 450)]
    assert cuts[0].name == "A_b_c_d_00"
    assert len(even_cuts("a/b.npz", "a_b", 200, 200)) == 1


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "source_path,start_frame,end_frame,new_name\n", "\xff"]
)
def test_another_table_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "index.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(FileFormatError, match="index"):
        read_index(tmp_path / "index.csv", tmp_path)


def test_what_is_no_table_is_told_in_short(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected a file, got a folder"):
        read_index(tmp_path, tmp_path)
    (tmp_path / "track.json").write_text('{"positions": [' + "0.5, " * 3000 + "1]}")
    with pytest.raises(FileFormatError, match="columns source_path") as told:
        read_index(tmp_path / "track.json", tmp_path)
    assert len(str(told.value)) < 400 + len(str(tmp_path))


# --- texts -------------------------------------------------------------------------------------


def test_captions_are_read_and_written_alike() -> None:
    line = "a man turns left, then waves#a/DET man/NOUN turn/VERB left/ADV#0.5#3.25"
    caption = caption_of(line)
    assert caption.line == line
    assert caption.mirrored().line == line.replace("left", "right")
    assert caption.mirrored().mirrored() == caption
    assert caption_of("  he  walks ") == TimedCaption(text="he walks")
    assert caption_of("he walks#he/PRON#nan#nan").end == 0.0
    bad_times = ("a#b#x#0", "a#b#-1#0", "a#b#0#inf", "a#b#5.0#3.0", "a#b#5.0#5.0")
    for bad in ("#a#0#0", "a#b#0", *bad_times):
        with pytest.raises(InvalidInputError, match="expected"):
            caption_of(bad)


def test_captions_of_a_stretch() -> None:
    caption = TimedCaption(text="he waves", start=4.0, end=9.0)
    assert caption.within(5.0, 8.0) == replace(caption, start=0.0, end=3.0)
    assert caption.within(8.0, 20.0) == replace(caption, start=0.0, end=1.0)
    assert caption.within(9.0, 20.0) is None
    whole = TimedCaption(text="he waves")
    assert whole.within(5.0, 8.0) == whole
    on = caption_of("he waves#x#4.0#0.0")
    assert on.within(2.0, 8.0) == replace(on, start=2.0, end=6.0)
    assert on.within(0.0, 4.0) is None


def test_captions_by_clip_win_and_mirror_images_have_their_own(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"CMU/1/a.npz": walking(4.0), "CMU/1/b.npz": walking(4.0)})
    texts = tmp_path / "texts"
    (texts / "CMU/1").mkdir(parents=True)
    (texts / "CMU/1/a.txt").write_text("of the recording")
    (texts / "CMU_1_a_00.txt").write_text("goes left#go/VERB left/ADV#0.0#0.0\nbad#line\n")
    (texts / "MCMU_1_a_00.txt").write_text("goes to the right by hand#x#0.0#0.0\n")
    (texts / "CMU/1/b.txt").write_text("a left turn#x#1.0#2.0\n")
    out = tmp_path / "out"
    report = prepare_amass(folder, out, texts=texts)
    assert (out / "texts/CMU_1_a_00.txt").read_text() == "goes left#go/VERB left/ADV#0.0#0.0\n"
    assert "by hand" in (out / "texts/MCMU_1_a_00.txt").read_text()
    assert (out / "texts/MCMU_1_b_00.txt").read_text() == "a right turn#x#1.0#2.0\n"
    assert report.captioned == 2
    assert report.dropped == {"text: no usable caption in a line": 1}
    assert read_captions(out / "texts/CMU_1_b_00.txt")[0][0].end == 2.0


# --- the store ---------------------------------------------------------------------------------


@pytest.fixture
def humanml3d(tmp_path: Path) -> Path:
    """A folder as the published one: three clips in three lists, texts with times, faults."""
    folder = tmp_path / "humanml3d"
    for name in ("new_joints", "new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True)
    positions = walking(4.0, 20.0).joint_positions.numpy()
    for name in ("000001", "M000001", "000002", "000003"):
        np.save(folder / "new_joints" / f"{name}.npy", positions)
    np.save(folder / "new_joints" / "000005.npy", np.full((30, 22, 3), np.nan))
    np.save(folder / "new_joint_vecs" / "000006.npy", np.zeros((50, 263), dtype=np.float32))
    (folder / "train.txt").write_text("000001\nM000001\n000004\n000005\n000006\n../x\n")
    (folder / "val.txt").write_text("000002\n000001\n")
    (folder / "test.txt").write_text("000003\n")
    (folder / "texts/000001.txt").write_text(
        "a person walks#x#0.0#0.0\nhe walks on#x#0.0#0.0\nhe waves#x#1.0#3.0\n"
        "blink#x#1.0#1.2\nno#line\nhe stops#x#2.5#0.0\nbackwards#x#3.0#1.0\n"
    )
    (folder / "texts/000002.txt").write_text("a person runs#x#nan#nan\n")
    return folder


def test_a_folder_as_the_published_one_becomes_a_store(humanml3d: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    report = prepare_humanml3d(humanml3d, out)
    store = MotionStore.open(out)
    assert {(c.clip_id, c.split) for c in store.clips} == {
        ("000001", "train"),
        ("000002", "val"),
        ("000003", "test"),
    }
    windows = {(w.clip_id, w.start, w.end): [t.text for t in w.texts] for w in store.windows}
    assert windows == {
        ("000001", 0, 80): ["a person walks", "he walks on"],
        ("000001", 20, 60): ["he waves"],
        ("000001", 50, 80): ["he stops"],
        ("000002", 0, 80): ["a person runs"],
    }
    assert report.dropped == {
        "clip: a mirror image; training makes its own": 1,
        "clip: in two lists": 1,
        "clip: no motion file": 1,
        "clip: the name is no name of a file": 1,
        "clip: unreadable": 2,
        "text: no usable caption in a line": 2,
        "text: no text file (clip kept)": 3,
        "window: shorter than 1 s": 1,
    }
    motion = store.motion("000001")
    assert motion.skeleton == BODY22
    lowest = float(walking(4.0, 20.0).joint_positions[..., 1].min())
    assert float(motion.joint_positions[..., 1].min()) == pytest.approx(lowest + 0.02, abs=0.005)
    again = prepare_humanml3d(humanml3d, out)
    assert again.to_json() == report.to_json()
    with pytest.raises(InvalidInputError, match="other inputs or options"):
        prepare_humanml3d(humanml3d, out, options=HumanML3DOptions(min_seconds=0.5))


def test_the_body_of_the_data_can_be_given(
    humanml3d: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bent = BODY22.rest_offsets.clone()
    bent[BODY22.index("spine3")] = torch.tensor([0.0, 0.05, 0.04])
    build = replace(BODY22, rest_offsets=bent)
    joints = joint_positions(torch.zeros(3), torch.eye(3).expand(22, 3, 3), build)
    np.save(tmp_path / "rest.npy", joints.numpy())
    motion = replace(walking(4.0, 20.0), skeleton=build)
    np.save(humanml3d / "new_joints" / "000001.npy", motion.joint_positions.numpy())
    command = ["data", "prepare", "humanml3d", str(humanml3d)]
    assert main([*command, str(tmp_path / "plain")]) == 0
    assert main([*command, str(tmp_path / "own"), "--rest", str(tmp_path / "rest.npy")]) == 0
    capsys.readouterr()
    plain, own = (MotionStore.open(tmp_path / name) for name in ("plain", "own"))
    assert plain.fingerprint != own.fingerprint
    straight = [float(rotation_of(store.motion("000001"), "spine2")) for store in (plain, own)]
    assert straight[1] < math.radians(3) < math.radians(15) < straight[0]


def rotation_of(motion: Motion, joint: str) -> torch.Tensor:
    """Mean local rotation of a joint, radians."""
    local = motion.local_rotations[:, BODY22.index(joint)]
    return rotations.geodesic_distance(local, torch.eye(3).expand_as(local)).mean()


def test_a_store_without_anything_to_train_on_is_told(
    humanml3d: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "prepare", "humanml3d", str(humanml3d)]
    assert main([*command, str(tmp_path / "with")]) == 0
    assert "warning" not in capsys.readouterr().err
    (humanml3d / "texts/000001.txt").unlink()
    assert main([*command, str(tmp_path / "without"), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["splits"]["train"]["windows"] == 0
    assert "warning: no window to train on" in told.err


def test_a_switch_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for command, flag in (("amass", "--no-mirrored  Make no"), ("cmu", "--no-measured  Add no")):
        assert main(["data", "prepare", command, "--help"]) == 0
        words = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert " ".join(flag.split()) in words
        assert "(default: True)" not in words


def test_mirror_images_can_be_taken_in(humanml3d: Path, tmp_path: Path) -> None:
    options = HumanML3DOptions(mirrored=True, fps=10.0, measured=True)
    prepare_humanml3d(humanml3d, tmp_path / "store", options=options)
    store = MotionStore.open(tmp_path / "store")
    assert "M000001" in {clip.clip_id for clip in store.clips}
    assert store.fps == 10.0


def test_kit_folders_are_read_alike(tmp_path: Path) -> None:
    from marey.motion import retarget
    from marey.skeleton import KIT21

    folder = tmp_path / "kit"
    (folder / "new_joints").mkdir(parents=True)
    motion = retarget(walking(4.0, 12.5), KIT21).motion
    np.save(folder / "new_joints" / "00001.npy", 1000 * motion.joint_positions.numpy())
    for file, names in (("train.txt", "00001\n"), ("val.txt", ""), ("test.txt", "")):
        (folder / file).write_text(names)
    prepare_humanml3d(folder, tmp_path / "store")
    store = MotionStore.open(tmp_path / "store")
    (clip,) = store.clips
    assert clip.source_fps == 12.5
    back = store.motion("00001")
    assert back.seconds == pytest.approx(4.0, abs=0.1)
    wrist = BODY22.index("left_wrist")
    own = (
        walking(4.0, 20.0).joint_positions[:78, wrist] - walking(4.0, 20.0).joint_positions[:78, 0]
    )
    other = back.joint_positions[:78, wrist] - back.joint_positions[:78, 0]
    assert float((own - other).norm(dim=-1).mean()) < 0.12


def test_a_folder_without_lists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new_joints").mkdir()
    with pytest.raises(FileFormatError, match=r"train\.txt"):
        prepare_humanml3d(tmp_path, tmp_path / "store")
    (tmp_path / "CMU").mkdir()
    write_amass(walking(1.0), tmp_path / "CMU/a.npz")
    with pytest.raises(FileFormatError, match="run marey data prepare amass"):
        prepare_humanml3d(tmp_path, tmp_path / "store")
    for file in ("train.txt", "val.txt", "test.txt"):
        (tmp_path / file).write_text("000001\n")
    with pytest.raises(InvalidInputError, match=r"No clip .*can be used"):
        prepare_humanml3d(tmp_path, tmp_path / "store")
    with pytest.raises(InvalidInputError, match="positive rates"):
        HumanML3DOptions(fps=0.0)
