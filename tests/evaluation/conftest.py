"""A small store with windows of every split, and the manifest of it."""

from pathlib import Path

import pytest
import torch

from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.evaluation.manifest import Manifest
from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22

FPS, FRAMES = 20.0, 50
SAYINGS = (
    "a person walks forward",
    "a person raises the left arm and waves",
    "someone turns around slowly",
    "a man glides backward with a raised right arm",
    "a person runs forward quickly",
    "someone turns to the right while stepping sideways",
)
KIT = "this sentence is from KIT"


def moving(number: int) -> Motion:
    """A body that glides, turns and raises an arm, each number in its own way."""
    time = torch.arange(FRAMES) / FPS
    local = torch.eye(3).repeat(FRAMES, BODY22.num_joints, 1, 1)
    arm = ("left_shoulder", "right_shoulder")[number % 2]
    local[:, BODY22.index(arm)] = axis_rotation("Z", 0.4 * (number % 3) * time)
    local[:, 0] = axis_rotation("Y", 0.3 * (number % 4 - 1) * time)
    zero = torch.zeros(FRAMES)
    root = torch.stack((zero, zero + 0.95, 0.5 * (number - 2) * time), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)


def write_store(path: Path, splits: tuple[str, ...]) -> MotionStore:
    """Write a store with six clips of each split; every other has a sentence of KIT's first."""
    spec = StoreSpec(fps=FPS, skeleton=BODY22, fingerprint="-".join(splits), options={})
    writer = StoreWriter.open(path, spec)
    for split in splits:
        for number, said in enumerate(SAYINGS):
            name = f"{split}{number}"
            record = ClipRecord(
                clip_id=name, shard=0, start=0, length=FRAMES, source_fps=FPS, split=split
            )
            kit = (WindowText(text=KIT, source="kit"),) * (number % 2)
            texts = (*kit, WindowText(text=said, source="caption"))
            window = WindowRecord(clip_id=name, start=0, end=FRAMES, split=split, texts=texts)
            half = WindowRecord(clip_id=name, start=0, end=FRAMES - 5, split=split, texts=texts)
            writer.append(name, moving(number), record=record, windows=(window, half))
    return writer.finish()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    """Store with six clips in train, test and test_repetition."""
    path = tmp_path_factory.mktemp("evaluation") / "store"
    return write_store(path, ("train", "test", "test_repetition"))


@pytest.fixture(scope="session")
def manifest(store: MotionStore) -> Manifest:
    """Manifest of that store."""
    return Manifest.of(store)
