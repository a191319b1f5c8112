"""Laws of goals that are merged: the same pins, fewer goals."""

import torch

from marey.constraints import Goal
from marey.constraints.goal import merged


def pin(frame: int, value: float, *, joint: int = 3, tolerance: float = 0.01) -> Goal:
    return Goal(
        kind="joint_position",
        joint=joint,
        frames=torch.tensor([frame]),
        target=torch.full((1, 3), value),
        tolerance=tolerance,
    )


def pins_of(goals: tuple[Goal, ...]) -> dict[tuple[object, int], list[float]]:
    """What is pinned in the end: of several pins of one quantity in one frame, the last."""
    pins = {}
    for goal in goals:
        for frame, value in zip(goal.frames.tolist(), goal.target.tolist(), strict=True):
            pins[goal.quantity, frame] = value
    return pins


def test_thousands_of_pins_become_one_goal_and_the_last_of_a_frame_stays() -> None:
    goals = tuple(pin(frame, float(k)) for k, frame in enumerate((5, 2, 9, 2, 7, 5)))
    (one,) = merged(goals)
    assert one.frames.tolist() == [2, 5, 7, 9]
    assert pins_of((one,)) == pins_of(goals)


def test_other_quantities_and_tolerances_stay_apart() -> None:
    goals = (pin(1, 0.0), pin(2, 1.0, joint=4), pin(3, 2.0), pin(1, 3.0, joint=4, tolerance=0.5))
    found = merged(goals)
    assert len(found) == 3
    assert pins_of(found) == pins_of(goals)
    assert merged(found) == found
