"""Corruptions: as much as was asked, and nothing without."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.evaluation.corruptions import (
    jittered,
    reversed_in_time,
    sliding,
    with_dropped_frames,
)

POSITIONS = torch.arange(400.0)[:, None, None] * torch.ones(1, 22, 3)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_noise_has_the_deviation_that_was_asked() -> None:
    noise = jittered(torch.zeros(400, 22, 3), 0.05, generator=generator())
    assert float(noise.std()) == pytest.approx(0.05, rel=0.02)
    assert torch.equal(jittered(POSITIONS, 0.0, generator=generator()), POSITIONS)


def test_dropped_frames_repeat_the_last_kept_one() -> None:
    found = with_dropped_frames(POSITIONS, 0.3, generator=generator())[:, 0, 0]
    assert float((found != POSITIONS[:, 0, 0]).float().mean()) == pytest.approx(0.3, abs=0.06)
    assert (found.diff() >= 0).all()
    assert found[0] == 0
    assert set(found.tolist()) < set(range(400))
    assert torch.equal(with_dropped_frames(POSITIONS, 0.0, generator=generator()), POSITIONS)
    with pytest.raises(InvalidInputError, match="share"):
        with_dropped_frames(POSITIONS, 1.0, generator=generator())


def test_sliding_moves_all_joints_over_the_ground_at_one_velocity() -> None:
    moved = sliding(POSITIONS, 0.2, 20.0, generator=generator()) - POSITIONS
    step = moved.diff(dim=0) * 20.0
    torch.testing.assert_close(step.norm(dim=-1), torch.full((399, 22), 0.2), atol=1e-2, rtol=0)
    assert (moved[..., 1] == 0).all()


def test_reversal_undoes_itself() -> None:
    assert torch.equal(reversed_in_time(POSITIONS)[0], POSITIONS[-1])
    assert torch.equal(reversed_in_time(reversed_in_time(POSITIONS)), POSITIONS)
