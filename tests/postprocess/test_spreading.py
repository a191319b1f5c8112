import numpy as np
import pytest
import torch

from marey.postprocess.spreading import spread

FPS = 20.0


def pins(*frames: int, count: int = 50) -> torch.Tensor:
    known = torch.zeros(count, dtype=torch.bool)
    known[list(frames)] = True
    return known


def values(seed: int = 0, count: int = 50) -> torch.Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("frames", [(0,), (49,), (7, 8, 9), (0, 20, 49), (1, 30)])
def test_it_is_exact_where_known_and_linear(frames: tuple[int, ...], hold: bool) -> None:
    known, a, b = pins(*frames), values(1), values(2)
    one, two, both = (spread(v, known, fps=FPS, seconds=0.25, hold=hold) for v in (a, b, a + 2 * b))
    torch.testing.assert_close(one[known], a[known])
    torch.testing.assert_close(one + 2 * two, both, atol=1e-4, rtol=1e-4)


def test_nothing_known_is_nothing_and_all_known_is_all() -> None:
    assert not bool(spread(values(), pins(), fps=FPS, seconds=0.3).any())
    everything = torch.ones(50, dtype=torch.bool)
    assert torch.equal(spread(values(), everything, fps=FPS, seconds=0.3), values())


def test_it_is_the_minimum_of_its_energy() -> None:
    count, scale, known = 30, 0.2 * FPS, pins(4, 19, count=30)
    first, second = np.diff(np.eye(count), axis=0), np.diff(np.eye(count), 2, axis=0)
    energy = np.eye(count) + 2 * scale**2 * first.T @ first + scale**4 * second.T @ second
    given, free = values(3, count).double().numpy(), ~known.numpy()
    expected = given.copy()
    expected[free] = np.linalg.solve(
        energy[np.ix_(free, free)], -energy[np.ix_(free, ~free)] @ given[~free]
    )
    found = spread(torch.from_numpy(given), known, fps=FPS, seconds=0.2)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-10)


def test_time_has_no_direction() -> None:
    known, own = pins(5, 31), values(4)
    back = spread(own.flip(0), known.flip(0), fps=FPS, seconds=0.3).flip(0)
    torch.testing.assert_close(spread(own, known, fps=FPS, seconds=0.3), back)


def test_it_dies_out_or_is_held() -> None:
    known = pins(10)
    gone = spread(torch.ones(50, 1), known, fps=FPS, seconds=0.1)
    assert float(gone[10 + 20 :].abs().max()) < 1e-3
    held = spread(torch.ones(50, 1), known, fps=FPS, seconds=0.1, hold=True)
    torch.testing.assert_close(held, torch.ones(50, 1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_clips(count: int) -> None:
    found = spread(torch.ones(count, 1), pins(0, count=count), fps=FPS, seconds=0.3, hold=True)
    torch.testing.assert_close(found, torch.ones(count, 1), atol=1e-4, rtol=0)
