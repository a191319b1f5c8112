"""Foot targets: soles stand flat, still and on the ground where they touch."""

import pytest
import torch

from marey.robots import foot_targets
from marey.robots.foot_targets import SOLES, plan_sole
from marey.rotations import axis_rotation

SOLE = SOLES[0]


def walked(frames: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A foot that drifts forward, sunk and tilted, and touches in the middle of the time."""
    positions = torch.zeros(frames, 3).double()
    positions[:, 2] = torch.linspace(0, 0.4, frames)
    positions[:, 1] = 0.02
    turns = axis_rotation("X", torch.full((frames,), 0.3).double())
    contacts = torch.zeros(frames, 2, dtype=torch.bool)
    contacts[15:25] = True
    return positions, turns, contacts


def test_touching_soles_are_flat_still_and_on_the_ground() -> None:
    positions, turns, contacts = walked()
    planned = plan_sole(SOLE, positions, turns, contacts, fps=30.0)
    standing = planned[15:25]
    assert torch.allclose(standing[..., 1], torch.zeros(10, 4).double(), atol=1e-9)
    assert torch.allclose(standing, standing[:1].expand_as(standing), atol=1e-9)


def test_nothing_lies_below_the_ground_or_jumps() -> None:
    positions, turns, contacts = walked()
    planned = plan_sole(SOLE, positions, turns, contacts, fps=30.0)
    assert float(planned[..., 1].min()) > -1e-12
    assert float(planned.diff(dim=0).norm(dim=-1).max()) < 0.05


def test_a_sole_without_contact_keeps_its_way() -> None:
    positions, turns, contacts = walked()
    high = positions + torch.tensor([0.0, 0.5, 0.0]).double()
    planned = plan_sole(SOLE, high, turns, torch.zeros_like(contacts), fps=30.0)
    assert torch.allclose(planned, SOLE.places(high, turns))


def test_a_rolling_foot_stands_on_heel_then_toe() -> None:
    positions, turns, _ = walked()
    contacts = torch.zeros(40, 2, dtype=torch.bool)
    contacts[10:20, 0], contacts[18:30, 1] = True, True
    planned = plan_sole(SOLE, positions, turns, contacts, fps=30.0)
    heel, toe = planned[:, :2].mean(1)[:, [0, 2]], planned[:, 2:].mean(1)[:, [0, 2]]
    assert float(heel[10:18].diff(dim=0).norm(dim=-1).max()) < 1e-9
    assert float(toe[20:30].diff(dim=0).norm(dim=-1).max()) < 1e-9
    assert float(planned.diff(dim=0).norm(dim=-1).max()) < 0.05


def test_a_touch_too_short_to_stand_is_left_alone() -> None:
    positions, turns, contacts = walked()
    contacts[:], contacts[20] = False, True
    still = plan_sole(SOLE, positions, turns, contacts, fps=30.0)
    assert torch.equal(still, plan_sole(SOLE, positions, turns, contacts & False, fps=30.0))


def test_fading_around_a_touch() -> None:
    on = torch.zeros(9, dtype=torch.bool)
    assert foot_targets._faded(on, 3).tolist() == [0.0] * 9
    on[4] = True
    faded = foot_targets._faded(on, 3)
    assert torch.equal(faded, faded.flip(0))
    assert faded[4] == 1
    assert faded[5] == pytest.approx(0.75**2 * (3 - 1.5))
    assert faded[:1].tolist() == [0.0]
