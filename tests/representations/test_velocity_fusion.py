"""A path from positions and velocities."""

import torch

from marey.representations.velocity_fusion import BEND_SECONDS, fuse_velocities


def path(frames: int, fps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A curve and its forward differences per second."""
    t = torch.arange(frames, dtype=torch.float64) / fps
    positions = torch.stack((t.sin(), 0.3 * t, (2 * t).cos()), dim=-1)
    velocities = positions.diff(dim=0) * fps
    return positions, torch.cat((velocities, velocities[-1:]))


def test_agreeing_accounts_are_returned_unchanged() -> None:
    positions, velocities = path(100, 20.0)
    torch.testing.assert_close(fuse_velocities(positions, velocities, 20.0), positions)


def test_jitter_of_positions_goes_and_their_drift_stays(generator: torch.Generator) -> None:
    positions, velocities = path(400, 20.0)
    noisy = positions + 0.02 * torch.randn(positions.shape, generator=generator).double()
    drifting = velocities + 0.1
    fused = fuse_velocities(noisy, drifting, 20.0)
    error = fused - positions
    assert error.diff(dim=0).std() < 0.1 * (noisy - positions).diff(dim=0).std()
    # A biased velocity alone would be 2 m off after 20 s; the positions hold it.
    assert error[50:-50].abs().max() < 0.05


def test_the_result_is_the_minimum(generator: torch.Generator) -> None:
    p = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    v = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    x = fuse_velocities(p, v, 20.0, trust=3.0).requires_grad_()
    error = x.diff(dim=0) - v[:-1] / 20.0
    bend = 3.0 * (BEND_SECONDS * 20.0) ** 2
    cost = (x - p).square().sum() + 3.0 * error.square().sum()
    cost = cost + bend * error.diff(dim=0).square().sum()
    (slope,) = torch.autograd.grad(cost, x)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-9, rtol=0)


def test_the_frame_rate_does_not_change_how_long_positions_are_averaged() -> None:
    for fps in (20.0, 60.0):
        frames = int(10 * fps)
        impulse = torch.zeros(frames, 1, dtype=torch.float64)
        impulse[frames // 2] = 1.0
        spread = fuse_velocities(impulse, torch.zeros_like(impulse), fps)
        half = (spread > spread.max() / 2).sum() / fps
        assert abs(float(half) - 1.47) < 0.05


def test_one_frame_has_no_velocity() -> None:
    position = torch.ones(1, 3)
    assert torch.equal(fuse_velocities(position, torch.full((1, 3), 9.0), 20.0), position)


def test_pinned_frames_stay_and_the_others_follow_smoothly(generator: torch.Generator) -> None:
    positions, velocities = path(200, 20.0)
    noisy = positions + 0.03 * torch.randn(positions.shape, generator=generator).double()
    noisy[61] = noisy[60] + positions[61] - positions[60]
    pinned = torch.zeros(200, dtype=torch.bool)
    pinned[[0, 60, 61, 150]] = True
    fused = fuse_velocities(noisy, velocities, 20.0, pinned=pinned)
    free = fuse_velocities(noisy, velocities, 20.0)
    torch.testing.assert_close(fused[pinned], noisy[pinned], atol=1e-6, rtol=0)
    assert float((free - noisy)[pinned].norm(dim=1).max()) > 0.02
    # What a pin adds to the steps is spread over the frames around it.
    added = (fused - free).diff(dim=0).norm(dim=1)
    assert float(added[~(pinned[1:] & pinned[:-1])].max()) < 0.01
    # The path passes through a pin without a kink.
    assert float((fused - free).diff(n=2, dim=0).norm(dim=1).max()) < 2e-3
    nowhere = torch.zeros_like(pinned)
    assert torch.equal(fuse_velocities(noisy, velocities, 20.0, pinned=nowhere), free)
