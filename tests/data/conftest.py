"""A tiny pack and a tiny library, written anew for each test."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marey.skeleton import BODY22

SPLITS = ("train", "train", "val", "train", "test", "train", "test_repetition", "train")
FPS = (24, 24, 24, 12, 24, 24, 24, 24)
FRAMES = (60, 49, 72, 36, 50, 80, 55, 61)

JOINT = "{{ OFFSET {} CHANNELS 3 Zrotation Xrotation Yrotation {} }}"


def _arrays() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(3)
    total, starts = sum(FRAMES), np.cumsum((0, *FRAMES[:-1]))
    root, pelvis = draw.integers(-99, 99, (3, total)), draw.integers(-60, 60, (4, total))
    turns = draw.integers(-200, 200, (18, 3, total))
    root[:, starts] = 0
    pelvis[:, starts] = np.array([16384, 0, 0, 0])[:, None]
    turns[:, :, starts] = 0
    return {
        "clip": np.array([f"{i:02d}_01" for i in range(len(FRAMES))]),
        "start": starts,
        "length": np.array(FRAMES),
        "fps": np.array(FPS),
        "root_first": np.tile(np.array([0, 9500, 0], dtype=np.int32), (len(FRAMES), 1)),
        "root_delta": root.astype(np.int16),
        "pelvis_quat_delta": pelvis.astype(np.int16),
        "rotvec_delta": turns.astype(np.int16),
        "rotvec_joint": np.array([*range(1, 9), *range(12, 22)]),
        "joint_name": np.array(BODY22.joint_names),
        "parent": np.array(BODY22.parents),
        "rest_offset": BODY22.rest_offsets.numpy(),
    }


def _clip(i: int) -> dict[str, object]:
    return {
        "clip": f"{i:02d}_01",
        "fps": FPS[i],
        "frames": FRAMES[i],
        "split": SPLITS[i],
        "flips": [12, 13] if i == 1 else [],
        "trial_text": ["JogThrough  CleanedGRS", "Unknown"][i % 2],
    } | ({"kit_sentence": "A figure moves."} if i == 0 else {})


def _segment(i: int, start: float, end: float, *captions: str, **flags: bool) -> dict[str, object]:
    return {
        "clip": f"{i:02d}_01",
        "start": start,
        "end": end,
        "split": SPLITS[i],
        "captions": captions,
        "flip": False,
        "off_floor": False,
    } | flags


@pytest.fixture
def pack_folder(tmp_path: Path) -> Path:
    """Eight clips: 6 and 7 have no segments, 3 has 12 fps, 1 has a flip."""
    folder = tmp_path / "pack"
    folder.mkdir()
    np.savez_compressed(folder / "motions.npz", **_arrays())
    segments = [
        _segment(0, 0.0, 2.5, "a person walks", "a person walks to the left, slowly"),
        _segment(0, 1.0, 2.0, "someone turns left"),
        _segment(0, 1.0, 1.5, "someone blinks"),
        _segment(1, 0.0, 2.04, "a person jumps", "A person JUMPS", flip=True),
        _segment(2, 0.0, 2.0, "a person kicks"),
        _segment(3, 0.0, 3.0, "a person walks"),
        _segment(4, 0.0, 2.0, "a person sits down"),
        _segment(5, 0.5, 3.0, "a person walks up", off_floor=True),
    ]
    clips = [_clip(i) for i in range(len(FRAMES))]
    for name, rows in (("clips", clips), ("segments", segments)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    return folder


def _bvh(frames: int) -> str:
    def chain(names: list[str], offsets: list[str]) -> str:
        text = "End Site { OFFSET 0 -5 5 }"
        for name, offset in reversed(list(zip(names, offsets, strict=True))):
            text = f"JOINT {name} " + JOINT.format(offset, text)
        return text

    legs = "".join(
        chain([f"{side}UpLeg", f"{side}Leg", f"{side}Foot"], [f"{x} 0 0", "0 -40 0", "0 -40 0"])
        for side, x in (("Left", 9), ("Right", -9))
    )
    arms = "".join(
        chain(
            [f"{side}Arm", f"{side}ForeArm", f"{side}Hand"], [f"{x} 20 0", f"{x} 0 0", f"{x} 0 0"]
        )
        for side, x in (("Left", 25), ("Right", -25))
    )
    trunk = "JOINT Spine " + JOINT.format("0 15 0", arms + chain(["Head"], ["0 40 0"]))
    channels = "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    head = f"HIERARCHY\nROOT Hips {{ OFFSET 0 0 0 {channels} {legs}{trunk} }}"
    rows = [f"0 85 {3 * t} " + " ".join(["0"] * 3 * 15) for t in range(frames)]
    head = head.replace("{", "\n{\n").replace("}", "\n}\n").replace("CHANNELS", "\nCHANNELS")
    head = head.replace("JOINT", "\nJOINT").replace("End Site", "\nEnd Site")
    return head + f"MOTION\nFrames: {frames}\nFrame Time: 0.0333333\n" + "\n".join(rows) + "\n"


@pytest.fixture
def library(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Writes a library of four files and a table with the given lines."""

    def write(*lines: str, header: str = "file,start,end,text,split") -> tuple[Path, Path]:
        folder, table = tmp_path / "library", tmp_path / "texts.csv"
        (folder / "walks").mkdir(parents=True, exist_ok=True)
        for name in ("a", "b", "walks/c"):
            (folder / f"{name}.bvh").write_text(_bvh(90))
        (folder / "cut.bvh").write_text(_bvh(90)[:900])
        table.write_text("\n".join((header, *lines)) + "\n")
        return folder, table

    return write
