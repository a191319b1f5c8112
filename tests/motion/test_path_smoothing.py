"""The path smoother against the theory of convex problems: feasible, optimal, equivariant."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from marey.errors import InvalidInputError
from marey.motion.path_smoothing import (
    CLOSENESS,
    DEFAULT_MARGIN,
    smooth_path,
    smooth_paths,
    solve_smooth_path,
)

FPS = 20.0
KINDS = ("walk", "run", "stand", "noise", "jump", "line")


def example(kind: str, frames: int) -> np.ndarray:
    """A path over the ground in metres, the same at every call."""
    random = np.random.default_rng(frames)
    t = np.arange(frames) / FPS
    if kind == "walk":
        heading = random.normal(0, 0.03, frames).cumsum()
        speed = 1.2 + 0.2 * np.sin(2 * np.pi * t)
        steps = speed[:, None] * np.stack((np.sin(heading), np.cos(heading)), axis=1) / FPS
        return steps.cumsum(0) + 0.03 * np.sin(2 * np.pi * 0.9 * t)[:, None]
    if kind == "run":
        return np.stack((3.9 * t + 0.02 * np.sin(12 * t), 0.04 * np.sin(6 * t)), axis=1)
    if kind == "stand":
        return random.normal(0, 0.001, (frames, 2)).cumsum(0)
    if kind == "noise":
        return random.normal(0, 0.1, (frames, 2))
    if kind == "jump":
        return np.where(np.arange(frames)[:, None] < frames // 2, 0.0, np.array([5.0, -3.0]))
    return np.stack((t, 2 * t), axis=1)


def objective(x: np.ndarray, path: np.ndarray) -> float:
    """Half the curvature with the term that singles out one minimiser."""
    bends = np.diff(x, 2, axis=0)
    return 0.5 * (bends**2).sum() + 0.5 * CLOSENESS * ((x - path) ** 2).sum()


def lower_bound(multipliers: np.ndarray, path: np.ndarray, margin: float) -> float:
    """Value of the Lagrange dual: no path within the margin has a smaller objective."""
    second = np.diff(np.eye(len(path)), 2, axis=0)
    system = second.T @ second + np.diag(multipliers + CLOSENESS)
    u = np.linalg.solve(system, -second.T @ (second @ path))
    penalty = 0.5 * (multipliers * ((u**2).sum(1) - margin**2)).sum()
    return objective(path + u, path) + penalty


def turn(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


@pytest.mark.parametrize("margin", [0.005, 0.06, 1.0])
@pytest.mark.parametrize("frames", [3, 4, 5, 20, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_the_dual_proves_the_path_smoothest(kind: str, frames: int, margin: float) -> None:
    path = example(kind, frames)
    solution = solve_smooth_path(path, margin=margin)
    value = objective(solution.positions, path)
    assert np.linalg.norm(solution.positions - path, axis=1).max() <= margin + 1e-12
    assert (solution.multipliers >= 0).all()
    bound = lower_bound(solution.multipliers, path, margin)
    assert value - bound <= 1e-8 * value + 1e-15 * margin**2


@pytest.mark.parametrize("kind", ["walk", "noise", "jump"])
def test_multipliers_push_only_where_the_path_touches_the_margin(kind: str) -> None:
    path = example(kind, 200)
    solution = solve_smooth_path(path, margin=0.06)
    slack = 0.06**2 - ((solution.positions - path) ** 2).sum(1)
    largest = solution.multipliers.max()
    assert (np.minimum(solution.multipliers / largest, slack / 0.06**2) < 1e-4).all()
    assert (solution.multipliers > 1e-4 * largest).any()


@pytest.mark.parametrize("kind", ["walk", "noise", "jump"])
def test_a_general_solver_finds_the_same(kind: str) -> None:
    scale = 10.0 if kind == "walk" else 1.0  # so that the margin matters within twelve frames
    path, margin = scale * example(kind, 12), 0.06
    general = minimize(
        lambda x: objective(x.reshape(-1, 2), path),
        path.ravel(),
        method="SLSQP",
        constraints={
            "type": "ineq",
            "fun": lambda x: (margin**2 - ((x.reshape(-1, 2) - path) ** 2).sum(1)) / margin**2,
        },
        options={"maxiter": 500, "ftol": 1e-14},
    )
    exact = solve_smooth_path(path, margin=margin).positions
    assert objective(exact, path) <= general.fun * (1 + 1e-6)
    np.testing.assert_allclose(exact, general.x.reshape(-1, 2), atol=1e-4)


def test_turning_moving_and_reversing_the_path_does_so_to_the_result() -> None:
    path = example("walk", 150)
    smooth = solve_smooth_path(path, margin=0.06).positions
    moved = solve_smooth_path(path @ turn(0.7).T + [30.0, -20.0], margin=0.06).positions
    np.testing.assert_allclose(moved, smooth @ turn(0.7).T + [30.0, -20.0], atol=1e-6)
    reversed_ = solve_smooth_path(path[::-1], margin=0.06).positions
    np.testing.assert_allclose(reversed_[::-1], smooth, atol=1e-6)
    mirrored = solve_smooth_path(path * [-1.0, 1.0], margin=0.06).positions
    np.testing.assert_allclose(mirrored, smooth * [-1.0, 1.0], atol=1e-6)


def test_the_result_is_continuous_where_many_lines_fit() -> None:
    path = example("stand", 150)
    change = np.random.default_rng(1).normal(0, 1e-5, path.shape)
    before = solve_smooth_path(path, margin=0.06).positions
    after = solve_smooth_path(path + change, margin=0.06).positions
    assert np.abs(after - before).max() < 1e-5


def test_someone_who_stands_gets_the_closest_line() -> None:
    path = example("stand", 60)
    t = np.arange(60.0)
    line = np.stack([np.polyval(np.polyfit(t, path[:, axis], 1), t) for axis in (0, 1)], axis=1)
    np.testing.assert_allclose(solve_smooth_path(path, margin=0.06).positions, line, atol=1e-4)


def test_a_straight_even_path_stays(generator: torch.Generator) -> None:
    start, step = torch.randn(2, generator=generator), torch.randn(2, generator=generator)
    path = start + torch.arange(80.0)[:, None] * step
    torch.testing.assert_close(smooth_path(path), path)


@pytest.mark.parametrize("frames", [1, 2])
def test_one_and_two_frames_stay(frames: int) -> None:
    path = torch.tensor([[1.0, 2.0], [5.0, -3.0]])[:frames]
    assert torch.equal(smooth_path(path), path)


def test_no_margin_leaves_the_path() -> None:
    path = torch.from_numpy(example("noise", 20)).float()
    assert torch.equal(smooth_path(path, margin=0.0), path)


def test_the_dtype_is_kept_and_the_result_repeats() -> None:
    path = torch.from_numpy(example("walk", 100))
    assert smooth_path(path).dtype == torch.float64
    single = smooth_path(path.float())
    assert single.dtype == torch.float32
    assert torch.equal(single, smooth_path(path.float()))
    assert float((single - path.float()).norm(dim=1).max()) <= DEFAULT_MARGIN + 1e-5


def test_five_thousand_frames_are_solved() -> None:
    path = torch.from_numpy(example("noise", 5000))
    distance = (smooth_path(path) - path).norm(dim=1)
    assert float(distance.max()) <= DEFAULT_MARGIN + 1e-12


@pytest.mark.parametrize(
    ("path", "margin", "message"),
    [
        (torch.zeros(0, 2), 0.06, "at least one frame"),
        (torch.tensor([[0.0, 0.0], [float("nan"), 0.0]]), 0.06, "frame 1"),
        (torch.zeros(4, 2), -0.01, "margin"),
        (torch.zeros(4, 2), float("inf"), "margin"),
    ],
)
def test_what_cannot_be_smoothed_is_named(path: torch.Tensor, margin: float, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        smooth_path(path, margin=margin)


def test_paths_do_not_depend_on_those_beside_them() -> None:
    """Also not where one is solved long before the others, or has no bends at all."""
    lengths = (200, 3, 40, 1, 2, 77)
    paths = [torch.from_numpy(example(kind, n)) for kind, n in zip(KINDS, lengths, strict=True)]
    for path, found in zip(paths, smooth_paths(paths), strict=True):
        torch.testing.assert_close(found, smooth_path(path), atol=1e-9, rtol=0)
    assert smooth_paths([]) == []
