"""Fitting: gradients against finite differences, limits kept, nothing made worse."""

from dataclasses import replace

import torch

from marey.motion.robot_motion import RobotMotion
from marey.robots import fitting
from marey.robots.fitting import Goal, Points, cost, fit, joint_points, put, take
from marey.rotations import rotation_vector_to_matrix
from marey.skeleton import G1


def goal_for(motion: RobotMotion, *, stiffness: float = 0.01) -> Goal:
    """Return a goal that the motion meets."""
    points = joint_points(range(34))
    return Goal(
        points=points,
        targets=motion.joint_positions,
        weights=torch.ones(motion.num_frames, 34).double(),
        prior=motion.angles,
        stiffness=torch.full((motion.num_frames, 29), stiffness).double(),
    )


def disturbed(motion: RobotMotion, size: float) -> RobotMotion:
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(motion.angles.shape, generator=generator, dtype=torch.float64)
    turn = torch.randn(motion.num_frames, 3, generator=generator, dtype=torch.float64)
    return replace(
        motion,
        angles=motion.angles + size * noise,
        root_rotations=rotation_vector_to_matrix(size * turn) @ motion.root_rotations,
        root_positions=motion.root_positions + size,
    ).clamped()


def test_the_gradient_is_that_of_finite_differences(feasible: RobotMotion) -> None:
    motion = take(disturbed(feasible, 0.1), torch.arange(2))
    offsets = torch.randn(34, 3, generator=torch.Generator().manual_seed(1)).double()
    aim = goal_for(feasible).part(torch.arange(2))
    aim = replace(aim, points=Points(joints=tuple(range(34)), offsets=offsets), prior=aim.prior + 1)
    moved = fitting._moved_by(G1, aim.points)
    gradient, _ = fitting._linearised(motion, aim, moved)
    for k in range(6 + 29):
        step = torch.zeros(2, 35).double()
        step[:, k] = 1e-6
        difference = cost(fitting._stepped(motion, step), aim) - cost(
            fitting._stepped(motion, -step), aim
        )
        assert torch.allclose(difference / 2e-6, 2 * gradient[:, k], rtol=1e-4, atol=1e-5)


def test_a_fit_finds_back(feasible: RobotMotion) -> None:
    found = fit(disturbed(feasible, 0.15), goal_for(feasible))
    assert float((found.joint_positions - feasible.joint_positions).norm(dim=-1).max()) < 1e-4


def test_limits_are_kept_and_nothing_gets_worse(feasible: RobotMotion) -> None:
    wild = replace(feasible, angles=feasible.angles * 3)
    goal = goal_for(wild)
    found = fit(feasible, goal)
    assert float(found.excess.max()) == 0
    assert bool((cost(found, goal) <= cost(feasible, goal)).all())
    at_limit = (found.angles == G1.lower) | (found.angles == G1.upper)
    assert bool(at_limit.any())


def test_frames_do_not_know_of_each_other(feasible: RobotMotion) -> None:
    start, goal = disturbed(feasible, 0.3), goal_for(feasible)
    whole = fit(start, goal)
    rows = torch.tensor([5, 9])
    part = fit(take(start, rows), goal.part(rows))
    assert torch.allclose(whole.angles[rows], part.angles, atol=1e-8)
    assert torch.equal(put(start, rows, part).angles[rows], part.angles)
    assert torch.equal(put(start, rows, part).angles[:5], start.angles[:5])
