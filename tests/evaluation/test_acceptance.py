"""Acceptance: a judge that sees passes, one that is blind does not."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from marey import rotations
from marey.errors import InvalidInputError
from marey.evaluation.acceptance import Check, accept, acceptance_table
from marey.evaluation.evaluator import Evaluator, similarity
from marey.models.alignment import Alignment, AlignmentConfig, AlignmentModel
from marey.motion import Motion
from marey.representations import JointMotion, Normalizer
from marey.skeleton import BODY22
from marey.text import TextStates

FEATS = JointMotion().layout.size


class Words:
    """An encoder of made-up states."""

    name, version, width = "words", "1", 8

    def encode(self, texts: Sequence[str]) -> list[TextStates]:
        states = [
            torch.randn(3, 8, generator=torch.Generator().manual_seed(sum(map(ord, text))))
            for text in texts
        ]
        return [TextStates(states=each, vector=each[0] / each[0].norm()) for each in states]


def tiny_model() -> AlignmentModel:
    torch.manual_seed(0)
    config = AlignmentConfig(
        feats=FEATS,
        text_width=8,
        width=16,
        layers=1,
        decoder_layers=1,
        heads=2,
        hidden=16,
        latent=8,
    )
    return AlignmentModel(
        name="tiny",
        network=Alignment(config).eval(),
        representation=JointMotion(),
        normalizer=Normalizer(mean=torch.zeros(FEATS), std=torch.ones(FEATS)),
        text_encoder="words 1",
    )


class Seeing(Evaluator):
    """Measures what corruptions change, and knows which way captions turn."""

    def embed_positions(self, positions: Sequence[Tensor]) -> Tensor:
        rows = []
        for each in positions:
            speed = each.diff(dim=0)
            turn = rotations.unwrap_angle(_heading(each)).diff().mean()
            drift = speed[:, 0, [0, 2]].mean(0).norm() * 20
            jerk = speed.diff(dim=0).abs().mean()
            gain = speed[30:].abs().mean() - speed[:30].abs().mean()
            told = (turn * 20, speed.std() * 30, drift * 3, jerk * 200, gain * 200)
            rows.append(torch.stack(told))
        return torch.stack(rows)[None]

    def embed_sentences(self, sentences: Sequence[str]) -> Tensor:
        way = {"left": 1.0, "right": -1.0}
        rows = [[next((w for k, w in way.items() if k in s), 0.0), 0, 0, 0, 0] for s in sentences]
        return torch.tensor(rows)[None]


class Blind(Seeing):
    """Sees the same everywhere."""

    def embed_positions(self, positions: Sequence[Tensor]) -> Tensor:
        return torch.ones(1, len(positions), 5)


def _heading(positions: Tensor) -> Tensor:
    across = positions[:, BODY22.index("right_hip")] - positions[:, BODY22.index("left_hip")]
    return torch.atan2(across[:, 2], -across[:, 0])


def turning(rate: float) -> Motion:
    """Turns on the spot, faster and faster."""
    time = torch.arange(60) / 20.0
    local = torch.eye(3).repeat(60, BODY22.num_joints, 1, 1)
    local[:, 0] = rotations.yaw_matrix(rate * time**2 / 3)
    return Motion(
        root_positions=torch.tensor([0.0, 0.9, 0.0]) + torch.zeros(60, 3),
        local_rotations=local,
        fps=20.0,
        skeleton=BODY22,
    )


MOTIONS = [turning(sign * (0.5 + 0.02 * i)) for i in range(20) for sign in (1, -1)]
CAPTIONS = ["turns left", "turns right"] * 20


def judged(evaluator: Evaluator, *, seed: int = 0) -> dict[str, Check]:
    return {check.name: check for check in accept(evaluator, MOTIONS, CAPTIONS, seed=seed)}


def distances(checks: dict[str, Check]) -> list[Check]:
    return [check for name, check in checks.items() if name.startswith("FID")]


@pytest.mark.parametrize(("kind", "wanted"), [(Seeing, True), (Blind, False)])
def test_who_sees_passes(kind: type[Evaluator], wanted: bool) -> None:
    checks = judged(kind(models=(tiny_model(),), encoder=Words()))
    assert len(distances(checks)) == 4
    assert [check.passed for check in distances(checks)] == [wanted] * 4
    sides = checks["sided captions above their mirror image, share"]
    assert sides.passed is wanted
    assert sides.labels == ("40 captions",)


class Guessing(Seeing):
    """Says something else whenever it is asked."""

    def __init__(self, seed: int) -> None:
        super().__init__(models=(tiny_model(),), encoder=Words())
        object.__setattr__(self, "draw", torch.Generator().manual_seed(seed))

    def embed_positions(self, positions: Sequence[Tensor]) -> Tensor:
        return torch.randn(1, len(positions), 5, generator=self.draw)


def test_who_guesses_passes_nothing() -> None:
    for seed in range(5):
        checks = judged(Guessing(seed), seed=seed)
        assert [check.name for check in distances(checks) if check.passed] == []
        assert not checks["R@3 of captions, share"].passed


def test_values_and_rises_stand_within_their_bounds() -> None:
    for check in judged(Seeing(models=(tiny_model(),), encoder=Words())).values():
        assert all(each.low <= each.value <= each.high for each in (*check.values, *check.rises))
        assert len(check.labels) == len(check.values)
        steps = pairwise(each.value for each in check.values)
        for rise, (before, after) in zip(check.rises, steps, strict=bool(check.rises)):
            assert rise.value == pytest.approx(after - before)


def test_a_table_shows_evaluators_side_by_side() -> None:
    seeing = accept(Seeing(models=(tiny_model(),), encoder=Words()), MOTIONS, CAPTIONS)
    blind = accept(Blind(models=(tiny_model(),), encoder=Words()), MOTIONS, CAPTIONS)
    lines = acceptance_table({"seeing": seeing, "blind": blind}).splitlines()
    assert lines[0] == "| check | at | seeing | blind |"
    assert {line.count("|") for line in lines} == {5}
    assert sum(line.startswith("| | passed |") for line in lines) == len(seeing)
    assert lines.count("| | passed | yes | **no** |") >= 4


def test_an_evaluator_is_made_of_models_of_one_encoder() -> None:
    with pytest.raises(InvalidInputError, match="got none"):
        Evaluator(models=(), encoder=Words())
    evaluator = Evaluator(models=(tiny_model(), tiny_model()), encoder=Words())
    motions = evaluator.embed_positions(evaluator.positions(MOTIONS[:3]))
    texts = evaluator.embed_sentences(["walks", "runs"])
    assert motions.shape == (2, 3, 8)
    torch.testing.assert_close(motions.norm(dim=-1), torch.ones(2, 3))
    scores = similarity(texts, motions)
    assert scores.shape == (2, 3)
    assert float(scores.abs().max()) <= 1 + 1e-6
    assert math.isclose(
        float(scores[1, 2]),
        float(torch.cosine_similarity(texts[0, 1], motions[0, 2], dim=0)),
        rel_tol=1e-4,
    )
