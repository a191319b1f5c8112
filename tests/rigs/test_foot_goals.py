"""Foot goals: a body of the same build keeps its feet, another steps in the same prints."""

from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.rigs.bodies import Body
from marey.rigs.foot_goals import heel_goals, hips_into_reach, sole_lift
from marey.skeleton import BODY22, Skeleton, global_rotations

HEELS = BODY22.indices(("left_ankle", "right_ankle"))
TOES = BODY22.indices(("left_foot", "right_foot"))


def stepping(generator: torch.Generator, skeleton: Skeleton = BODY22) -> Body:
    """Random poses whose legs turn a little."""
    vectors = 0.3 * torch.randn(20, 22, 3, generator=generator)
    turned = global_rotations(rotations.rotation_vector_to_matrix(vectors), skeleton)
    root = torch.tensor([0.0, 0.9, 0.0]) + 0.1 * torch.randn(20, 3, generator=generator)
    return Body(skeleton=skeleton, root=root, turned=turned)


def longer_feet(factor: float) -> Skeleton:
    offsets = BODY22.rest_offsets.clone()
    offsets[TOES] *= factor
    return replace(BODY22, rest_offsets=offsets, end_sites=())


def test_a_body_of_the_same_build_keeps_its_feet(generator: torch.Generator) -> None:
    own = stepping(generator)
    goals = heel_goals(own, own, 1.0)
    torch.testing.assert_close(goals, own.places[:, HEELS], atol=1e-5, rtol=0)
    assert sole_lift(own, own, 1.0) == 0
    shift = hips_into_reach(own, goals, 20.0)
    torch.testing.assert_close(shift, torch.zeros(20, 3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("factor", [0.7, 1.4])
@pytest.mark.parametrize("scale", [0.8, 1.0])
def test_toes_of_longer_feet_step_in_the_same_prints(
    factor: float, scale: float, generator: torch.Generator
) -> None:
    source = stepping(generator)
    target = replace(source, skeleton=longer_feet(factor))
    goals = heel_goals(source, target, scale)
    toes = goals + torch.stack((target.sole("left"), target.sole("right")), dim=1)
    expected = scale * source.places[:, TOES]
    torch.testing.assert_close(toes[..., [0, 2]], expected[..., [0, 2]], atol=1e-5, rtol=0)
    for side, own in enumerate(("left", "right")):
        lowest = goals[:, side, 1] + target.lowest_of_foot(own)
        theirs = source.places[:, HEELS[side], 1] + source.lowest_of_foot(own)
        torch.testing.assert_close(lowest, scale * theirs, atol=1e-5, rtol=0)


def test_hips_come_down_to_feet_out_of_reach_and_no_further(generator: torch.Generator) -> None:
    own = stepping(generator)
    goals = own.places[:, HEELS] - torch.tensor([0.0, 0.15, 0.0])
    shift = hips_into_reach(own, goals, 20.0)
    hips = own.places[:, BODY22.indices(("left_hip", "right_hip"))] + shift[:, None]
    length = own.limbs["left_leg"].length
    before = (own.places[:, HEELS] - hips + shift[:, None]).norm(dim=-1)
    far = (goals - hips).norm(dim=-1)
    assert float((far - torch.maximum(before, torch.tensor(0.997 * length))).max()) < 1e-3
    assert float(shift[:, 1].min()) < -0.03
    assert float(shift[:, 1].min()) > -0.16
