from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.predicates import POSE_FACTS, PoseFacts
from marey.text import (
    TextStates,
    keyframe_agreement,
    keyframes_from_facts,
    keyframes_from_sentences,
)

FPS = 20.0


class Angles:
    """An encoder of sentences that are numbers: degrees on a circle."""

    name, version, width = "angles", "1", 2

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        self.encoded += texts
        angles = torch.tensor([float(text) for text in texts]).deg2rad()
        vectors = torch.stack((angles.cos(), angles.sin()), dim=1)
        return [TextStates(states=vector[None], vector=vector) for vector in vectors]


def facts(changed: list[int]) -> PoseFacts:
    """Poses of which as many facts as given are in the second bin, the others in the first."""
    column = torch.arange(len(POSE_FACTS))
    codes = (column < torch.tensor(changed)[:, None]).long()
    upright = torch.zeros(len(codes), dtype=torch.int64)
    return PoseFacts(values=codes.float(), codes=codes, postures=upright)


def test_a_pose_that_differs_in_enough_facts_is_a_keyframe() -> None:
    share = round(0.3 * len(POSE_FACTS))
    poses = [0] * 10 + [share - 2] * 10 + [share + 2] * 10 + [2 * share] * 10
    assert keyframes_from_facts(facts(poses), FPS, threshold=0.7) == (0, 20)
    assert keyframes_from_facts(facts(poses), FPS, threshold=0.999) == (0, 10, 20, 30)


def test_a_slow_change_adds_up() -> None:
    assert len(keyframes_from_facts(facts(list(range(80))), FPS, threshold=0.75)) == 4


def test_keyframes_keep_their_distance() -> None:
    wild = facts([0, len(POSE_FACTS)] * 40 + [0])
    found = torch.tensor(keyframes_from_facts(wild, FPS))
    assert int(found.diff().min()) >= 4
    assert len(found) > 10


def test_sentences_that_differ_enough_are_keyframes() -> None:
    sentences = ["0"] * 10 + ["20"] * 10 + ["40"] * 10 + ["60"] * 10
    encoder = Angles()
    assert keyframes_from_sentences(sentences, encoder, 0.9, fps=FPS) == (0, 20)
    assert encoder.encoded == ["0", "20", "40", "60"]
    assert keyframes_from_sentences(sentences, Angles(), 0.95, fps=FPS) == (0, 10, 20, 30)


def test_a_change_after_a_long_rest_is_found() -> None:
    assert keyframes_from_facts(facts([0] * 900 + [60] * 5), FPS) == (0, 900)


def test_agreement_is_the_share_of_keyframes_with_a_partner() -> None:
    assert keyframe_agreement((0, 20, 40), (0, 20, 40), FPS) == 1
    assert keyframe_agreement((0, 20, 40), (5, 25, 45), FPS) == 1
    assert keyframe_agreement((0, 20, 40), (6, 26, 46), FPS) == 0
    assert keyframe_agreement((0, 20, 40, 60), (0, 40), FPS) == pytest.approx(4 / 6)
    assert keyframe_agreement((0, 4), (2,), FPS) == pytest.approx(2 / 3)
    assert keyframe_agreement((), (), FPS) == 1
    assert keyframe_agreement((0,), (), FPS) == 0
    assert keyframe_agreement((0, 20, 41), (3, 44), FPS) == keyframe_agreement(
        (3, 44), (0, 20, 41), FPS
    )


def test_thresholds_and_frames_are_checked() -> None:
    with pytest.raises(InvalidInputError, match="threshold"):
        keyframes_from_facts(facts([0]), FPS, threshold=1.5)
    with pytest.raises(InvalidInputError, match="one sentence per frame"):
        keyframes_from_sentences([], Angles(), fps=FPS)


def test_real_keyframes(shared_data: Path) -> None:
    motion = CmuPack.open(shared_data / "cmu").motion("144_09")
    found = keyframes_from_facts(PoseFacts.of(motion), motion.fps)
    assert found == keyframes_from_facts(PoseFacts.of(motion.mirror()), motion.fps)
    assert len(found) > 5
    still = replace(
        motion,
        root_positions=motion.root_positions[:1].expand(100, 3),
        local_rotations=motion.local_rotations[:1].expand(100, -1, -1, -1),
    )
    assert keyframes_from_facts(PoseFacts.of(still), motion.fps) == (0,)
