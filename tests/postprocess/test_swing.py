"""Laws of swinging feet: they clear the ground where they are fast, and nothing else changes."""

import torch
from torch import Tensor

from marey.postprocess.swing import CLEARANCE, clear_ground

FPS = 20.0
STAND, LAND = 10, 22
"""The right foot stands until the first frame and again from the second on."""


def a_step(*, ahead: float = 0.8, rise: float = 0.03) -> tuple[Tensor, Tensor]:
    """Feet (heel and toe of both) of one step of the right foot, which drags; and what is kept."""
    share = ((torch.arange(32) - STAND) / (LAND - STAND)).clamp(0, 1)
    feet = torch.zeros(32, 4, 3)
    feet[:, [0, 2], 1], feet[:, [1, 3], 1] = 0.08, 0.04
    feet[:, [1, 3], 2] = 0.15
    feet[:, 2:, 2] += ahead * (share - torch.sin(2 * torch.pi * share) / 7)[:, None]
    feet[:, 2:, 1] += rise * share[:, None]
    kept = torch.ones(32, 4, dtype=torch.bool)
    kept[STAND + 1 : LAND, 2:] = False
    return feet, kept


def test_a_fast_toe_clears_the_ground_between_its_stands() -> None:
    feet, kept = a_step()
    toe = clear_ground(feet, kept, kept, FPS)[:, 3, 1]
    ground = 0.04 + 0.03 * ((torch.arange(32) - STAND) / (LAND - STAND)).clamp(0, 1)
    middle = slice(STAND + 4, LAND - 3)
    assert (feet[middle, 3, 1] < ground[middle] + 0.5 * CLEARANCE).all()
    assert (toe[middle] >= ground[middle] + CLEARANCE - 1e-4).all()
    assert (toe >= feet[:, 3, 1] - 1e-6).all()


def test_a_foot_is_lifted_as_a_whole_and_nothing_moves_over_the_ground() -> None:
    feet, kept = a_step()
    change = clear_ground(feet, kept, kept, FPS) - feet
    assert change[:, 2:, 1].max() > 0.5 * CLEARANCE
    assert (change[..., [0, 2]] == 0).all()
    torch.testing.assert_close(change[:, 2], change[:, 3])


def test_kept_feet_stay_and_a_second_call_changes_nothing() -> None:
    feet, kept = a_step()
    once = clear_ground(feet, kept, kept, FPS)
    assert (once[kept] == feet[kept]).all()
    torch.testing.assert_close(clear_ground(once, kept, kept, FPS), once, atol=1e-5, rtol=0)


def test_slow_feet_and_feet_that_are_high_enough_stay_as_they_are() -> None:
    slow, kept = a_step(ahead=0.02)
    assert torch.equal(clear_ground(slow, kept, kept, FPS), slow)
    high, kept = a_step()
    high[STAND + 1 : LAND, 2:, 1] += 0.1
    assert torch.equal(clear_ground(high, kept, kept, FPS), high)


def test_a_toe_that_never_stands_has_no_ground() -> None:
    feet, kept = a_step()
    never = torch.zeros_like(kept)
    assert torch.equal(clear_ground(feet, never, never, FPS), feet)
