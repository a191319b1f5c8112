"""The example that goes from a folder of BVH files to a new motion."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from marey.data import MotionStore
from marey.io import read_bvh


@pytest.fixture
def example(repository: Path) -> Callable[..., Any]:
    return runpy.run_path(str(repository / "examples" / "04_own_data.py"))["main"]


def options(folder: Path, *more: str) -> list[str]:
    return ["--out", str(folder), "--recipe", "tiny", "--steps", "2", *more]


def check(folder: Path) -> MotionStore:
    motion = read_bvh(folder / "new.bvh")
    assert motion.seconds == pytest.approx(3.0, abs=0.06)
    assert bool(torch.isfinite(motion.joint_positions).all())
    assert (folder / "run" / "checkpoint" / "model.safetensors").is_file()
    return MotionStore.open(folder / "store")


def test_cmu_clips_become_a_model(
    example: Callable[..., Any], shared_data: Path, tmp_path: Path
) -> None:
    example(options(tmp_path))
    store = check(tmp_path)
    assert len(store.windows_of("train")) == 3
    assert len(store.windows_of("val")) == 1


def test_a_library_of_ones_own_becomes_a_model(example: Callable[..., Any], tmp_path: Path) -> None:
    library, table = tmp_path / "mine", tmp_path / "mine.csv"
    example.__globals__["write_library"](library)
    table.write_text("file,text\nleft.bvh,a person lifts the left arm\n")
    example(options(tmp_path / "out", "--library", str(library), "--texts", str(table)))
    assert len(check(tmp_path / "out").clips) == 1


def test_without_any_library_it_writes_one(
    example: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(example.__globals__, "CMU", tmp_path / "nothing")
    example(options(tmp_path))
    assert {clip.clip_id for clip in check(tmp_path).clips} == {"left", "right"}
