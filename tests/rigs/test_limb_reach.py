"""Limb reach: exact in reach, as near as possible beyond, and nothing else moves."""

import pytest
import torch

from marey import rotations
from marey.motion.joint_matching import role_indices
from marey.rigs.limb_reach import Reach, reach, reaches_of
from marey.skeleton import BODY22, joint_positions

LIMBS = ("left_arm", "left_leg", "right_arm", "right_leg")


def limb_of(name: str) -> Reach:
    return reaches_of(BODY22, role_indices(BODY22))[name]


def poses(generator: torch.Generator, frames: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Random global rotations and the places of the joints."""
    turned = rotations.rotation_vector_to_matrix(torch.randn(frames, 22, 3, generator=generator))
    return turned, joint_positions(torch.zeros(frames, 3), turned, BODY22)


@pytest.mark.parametrize("name", LIMBS)
def test_an_end_comes_to_its_goal(name: str, generator: torch.Generator) -> None:
    limb = limb_of(name)
    turned, places = poses(generator)
    way = torch.nn.functional.normalize(torch.randn(40, 3, generator=generator), dim=-1)
    goal = places[:, limb.start] + way * limb.length * (
        0.4 + 0.55 * torch.rand(40, 1, generator=generator)
    )
    done = reach(limb, goal, turned, places, BODY22)
    after = joint_positions(torch.zeros(40, 3), done, BODY22)
    torch.testing.assert_close(after[:, limb.end], goal, atol=2e-6, rtol=0)
    kept = [j for j in range(22) if j not in (*limb.upper, *limb.lower)]
    assert torch.equal(done[:, kept], turned[:, kept])
    torch.testing.assert_close(
        done.transpose(-1, -2) @ done, torch.eye(3).expand(40, 22, 3, 3), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("name", LIMBS)
def test_a_goal_where_the_end_is_changes_nothing(name: str, generator: torch.Generator) -> None:
    limb = limb_of(name)
    turned, places = poses(generator)
    done = reach(limb, places[:, limb.end], turned, places, BODY22)
    torch.testing.assert_close(done, turned, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", LIMBS)
def test_a_goal_out_of_reach_is_pointed_at(name: str, generator: torch.Generator) -> None:
    limb = limb_of(name)
    turned, places = poses(generator)
    way = torch.nn.functional.normalize(torch.randn(40, 3, generator=generator), dim=-1)
    done = reach(limb, places[:, limb.start] + 3 * way, turned, places, BODY22)
    after = joint_positions(torch.zeros(40, 3), done, BODY22)
    spans = after[:, limb.end] - after[:, limb.start]
    torch.testing.assert_close(spans, 0.999 * limb.length * way, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "sign"), [("left_leg", 1.0), ("right_leg", 1.0)])
def test_a_straight_knee_bends_forwards(name: str, sign: float) -> None:
    limb = limb_of(name)
    turned = torch.eye(3).repeat(1, 22, 1, 1)
    places = joint_positions(torch.zeros(1, 3), turned, BODY22)
    goal = places[:, limb.end] + torch.tensor([0.0, 0.1, 0.0])
    done = reach(limb, goal, turned, places, BODY22)
    after = joint_positions(torch.zeros(1, 3), done, BODY22)
    moved = (after - places)[0, limb.middle]
    assert float(moved[2]) > 0.1
    assert abs(float(moved[0])) < 1e-4


@pytest.mark.parametrize("name", ["left_arm", "right_arm"])
def test_a_straight_elbow_bends_backwards(name: str) -> None:
    """The forearm comes forwards, so that the elbow gives way to the back."""
    limb = limb_of(name)
    turned = torch.eye(3).repeat(1, 22, 1, 1)
    places = joint_positions(torch.zeros(1, 3), turned, BODY22)
    goal = torch.lerp(places[:, limb.end], places[:, limb.start], 0.2)
    done = reach(limb, goal, turned, places, BODY22)
    after = joint_positions(torch.zeros(1, 3), done, BODY22)
    moved = (after - places)[0, limb.middle]
    assert float(moved[2]) < -0.1
    assert abs(float(moved[1])) < 1e-4


def test_small_steps_of_the_goal_are_small_steps_of_the_knee() -> None:
    """From straight to bent and back, the knee does not flip."""
    limb = limb_of("left_leg")
    turned = torch.eye(3).repeat(200, 22, 1, 1)
    places = joint_positions(torch.zeros(200, 3), turned, BODY22)
    lift = 0.15 * torch.linspace(0, torch.pi, 200).sin()
    goal = places[:, limb.end] + torch.stack((0 * lift, lift, 0 * lift), dim=-1)
    after = joint_positions(torch.zeros(200, 3), reach(limb, goal, turned, places, BODY22), BODY22)
    assert float(after[2:-2, limb.middle].diff(dim=0).norm(dim=-1).max()) < 0.02
    assert float((after[1:-1, limb.middle, 2] - places[1:-1, limb.middle, 2]).min()) > 0
