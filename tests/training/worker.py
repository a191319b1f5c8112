"""What the training tests train on and with; as a script, one process of a run.

python worker.py STORE RUN CONFIG.json
"""

import json
import math
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from marey.data import ClipRecord, MotionStore, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22
from marey.text import TextStates
from marey.training import TrainConfig, recipe, train

WIDTH, FPS = 16, 20.0
TEXTS = ("a person walks forward", "a person raises the left arm", "someone turns right slowly")


class WordEncoder:
    """A text encoder for tests: one state a word, drawn from a hash of the word."""

    name, version, width = "words", "1", WIDTH

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        return [self._states(text) for text in texts]

    def _states(self, text: str) -> TextStates:
        seeds = [zlib.crc32(word.encode()) for word in text.split()]
        rows = [torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        states = torch.stack(rows)
        return TextStates(
            states=states, vector=torch.nn.functional.normalize(states.mean(0), dim=0)
        )


def swinging(frames: int, *, speed: float, turn: float = 0.0) -> Motion:
    """A body that glides and turns while its limbs swing."""
    time = torch.arange(frames) / FPS
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    swing = 0.5 * (2 * math.pi * time).sin()
    for joint, sign in (("left_hip", 1), ("right_hip", -1), ("left_shoulder", 1)):
        local[:, BODY22.index(joint)] = axis_rotation("X", sign * swing)
    local[:, 0] = axis_rotation("Y", turn * time)
    root = torch.stack((0.05 * swing, 0.85 + 0.02 * swing.abs(), speed * time), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)


def make_store(path: Path) -> MotionStore:
    """Six training clips and two of validation, one window each, of different lengths."""
    spec = StoreSpec(fps=FPS, skeleton=BODY22, fingerprint="test", options={})
    writer = StoreWriter.open(path, spec)
    for i in range(8):
        split, frames = ("val" if i > 5 else "train"), 30 + 7 * i
        motion = swinging(frames, speed=0.3 * i, turn=0.4 * (i % 3 - 1))
        record = ClipRecord(
            clip_id=f"clip{i}", shard=0, start=0, length=frames, source_fps=FPS, split=split
        )
        texts = (WindowText(text=TEXTS[i % 3], source="user"),)
        window = WindowRecord(clip_id=f"clip{i}", start=0, end=frames, split=split, texts=texts)
        writer.append(f"clip{i}", motion, record=record, windows=(window,))
    return writer.finish()


def tiny(**changes: Any) -> TrainConfig:
    """The recipe ``tiny`` with some settings changed."""
    return replace(recipe("tiny"), **changes)


if __name__ == "__main__":
    torch.set_num_threads(1)
    settings = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))
    train(tiny(**settings), sys.argv[1], sys.argv[2], encoder=WordEncoder(), samples=False)
