"""The legacy smoother is the exact one, half a frame early, as far as ADMM converges."""

import numpy as np
import pytest
import torch

from marey.errors import InvalidInputError
from marey.motion.path_smoothing import smooth_path
from marey.representations.legacy_smoothing import smooth_path_legacy

MARGIN = 0.06


def zigzag(frames: int) -> torch.Tensor:
    """A curved walk with a sway that the margin cannot hold."""
    t = torch.arange(frames, dtype=torch.float64) / 20
    return torch.stack((t.sin() + 0.1 * (9 * t).sin(), t + 0.1 * (7 * t).cos()), dim=1)


def half_frame_early(x: torch.Tensor) -> torch.Tensor:
    return torch.cat(((x[:-1] + x[1:]) / 2, 1.5 * x[-1:] - 0.5 * x[-2:-1]))


@pytest.mark.parametrize("frames", [40, 150, 300])
def test_it_is_the_exact_path_half_a_frame_early(frames: int) -> None:
    path = zigzag(frames)
    legacy, exact = smooth_path_legacy(path), smooth_path(path)
    error = (legacy - half_frame_early(exact)).norm(dim=1)
    assert float(error.max()) < 0.01
    assert float(error.mean()) < 0.5 * float((legacy - exact).norm(dim=1).mean())


def test_it_leaves_the_margin_by_the_way_of_half_a_frame() -> None:
    t = torch.arange(200, dtype=torch.float64)[:, None]
    sway = MARGIN * torch.cat((torch.zeros_like(t), (t * 0.3).sin()), dim=1)
    running = t * torch.tensor([0.195, 0.0]) + sway  # 3.9 m/s at 20 frames per second
    shift = smooth_path_legacy(running) - running
    assert float(shift[:, 0].mean()) == pytest.approx(0.195 / 2, abs=0.005)
    assert float(shift.norm(dim=1).max()) > MARGIN
    assert float((smooth_path(running) - running).norm(dim=1).max()) <= MARGIN + 1e-12


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6, 31, 32, 33, 65])
def test_every_length_is_accepted(frames: int) -> None:
    result = smooth_path_legacy(zigzag(frames).float())
    assert result.shape == (frames, 2)
    assert result.dtype == torch.float32
    assert bool(result.isfinite().all())


def test_turning_and_moving_the_path_does_so_to_the_result() -> None:
    path = zigzag(90)
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    moved = smooth_path_legacy(path @ turn.T + 7.0)
    np.testing.assert_allclose(moved, smooth_path_legacy(path) @ turn.T + 7.0, atol=1e-6)


@pytest.mark.parametrize("margin", [-0.1, float("nan")])
def test_a_margin_that_is_no_distance_is_refused(margin: float) -> None:
    with pytest.raises(InvalidInputError, match="margin"):
        smooth_path_legacy(zigzag(10), margin=margin)
