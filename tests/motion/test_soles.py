"""Soles: where feet touch the ground, whichever way a rest pose faces."""

from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.motion.joint_matching import role_indices
from marey.motion.soles import has_soles, rest_facing, sole, sole_heights
from marey.skeleton import BODY22, Roles, Skeleton


def turned_at_rest(axis: str) -> Skeleton:
    """body22, turned by a quarter about an axis in its rest pose."""
    turn = rotations.axis_rotation(axis, torch.tensor(torch.pi / 2))
    return replace(BODY22, rest_offsets=BODY22.rest_offsets @ turn.T, end_sites=())


@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_a_sole_is_measured_in_the_bodys_own_axes(axis: str) -> None:
    other = turned_at_rest(axis)
    roles = role_indices(BODY22)
    turn = rotations.axis_rotation(axis, torch.tensor(torch.pi / 2))
    torch.testing.assert_close(rest_facing(other, roles), turn, atol=1e-6, rtol=0)
    torch.testing.assert_close(sole(other, roles, "left"), sole(BODY22, roles, "left"))
    assert has_soles(other, roles)


def test_the_end_site_stands_for_a_toe_that_is_missing() -> None:
    roles = {role: joint for role, joint in role_indices(BODY22).items() if "toe" not in role}
    tip = (0.0, -0.04, 0.15)
    feet = replace(BODY22, end_sites=((BODY22.index("left_ankle"), tip),))
    torch.testing.assert_close(sole(feet, roles, "left"), torch.tensor(tip))
    assert torch.equal(sole(feet, roles, "right"), torch.zeros(3))
    assert not has_soles(feet, roles)


def test_a_foot_on_tiptoe_stands_on_its_toe() -> None:
    roles = role_indices(BODY22)
    turned = torch.eye(3).repeat(1, 22, 1, 1)
    places = torch.zeros(1, 22, 3)
    flat = sole_heights(BODY22, roles, places, turned, flat=True)
    torch.testing.assert_close(flat, torch.full((1, 4), -0.03699))
    turned[:, roles["left_heel"]] = rotations.axis_rotation("X", torch.tensor(0.8))
    heel, toe = sole_heights(BODY22, roles, places, turned, flat=True)[0, :2]
    assert float(toe) < -0.1 < float(heel)
    bare = sole_heights(BODY22, roles, places, turned, flat=False)
    assert torch.equal(bare, torch.zeros(1, 2))


def test_without_roles_a_rest_pose_faces_ahead() -> None:
    nameless = replace(BODY22, roles=Roles())
    assert torch.equal(rest_facing(nameless, role_indices(nameless)), torch.eye(3))
