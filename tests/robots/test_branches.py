"""Branches: the path of least error and turning, found among all."""

from dataclasses import replace
from itertools import product

import torch

from marey.motion.robot_motion import RobotMotion
from marey.robots import branches
from marey.robots.branches import TURNING, steadiest
from marey.robots.fitting import Goal, joint_points


def test_the_path_is_the_cheapest_of_all(generator: torch.Generator) -> None:
    price = 0.02 * torch.rand(3, 5, generator=generator, dtype=torch.float64)
    angles = torch.randn(3, 5, 2, generator=generator, dtype=torch.float64)

    def total(path: tuple[int, ...]) -> float:
        taken = angles[list(path), torch.arange(5)]
        turning = TURNING**2 * float(taken.diff(dim=0).square().sum())
        return float(price[list(path), torch.arange(5)].sum()) + turning

    best = min(product(range(3), repeat=5), key=total)
    assert branches._cheapest(price, angles).tolist() == list(best)


def test_a_limb_that_flips_is_replaced_by_one_that_does_not(feasible: RobotMotion) -> None:
    goal = Goal(
        points=joint_points(range(34)),
        targets=feasible.joint_positions,
        weights=torch.ones(24, 34).double(),
        prior=torch.zeros(24, 29).double(),
        stiffness=torch.zeros(24, 29).double(),
    )
    flipping = feasible.angles.clone()
    flipping[8:12, 15:17] += 2.0  # the left shoulder, for four frames
    found = steadiest([replace(feasible, angles=flipping), feasible], goal)
    assert torch.equal(found.angles, feasible.angles)
