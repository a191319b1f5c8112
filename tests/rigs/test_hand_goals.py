"""Hand goals: nothing pulls on a body of the same build, and far anchors pull on none."""

from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.rigs.bodies import ARMS, Body
from marey.rigs.hand_goals import anchors_of, hand_goals
from marey.skeleton import BODY22, Skeleton, global_rotations

WRISTS = BODY22.indices(("left_wrist", "right_wrist"))


def long_armed(size: float) -> Skeleton:
    offsets = BODY22.rest_offsets.clone()
    joints = ("left_elbow", "right_elbow", "left_wrist", "right_wrist")
    offsets[BODY22.indices(joints)] *= size
    return replace(BODY22, rest_offsets=offsets)


def body(skeleton: Skeleton, vectors: torch.Tensor) -> Body:
    """A body of 0.9 m pelvis height with given local rotation vectors."""
    turned = global_rotations(rotations.rotation_vector_to_matrix(vectors), skeleton)
    root = torch.tensor([0.0, 0.9, 0.0]).repeat(len(vectors), 1)
    return Body(skeleton=skeleton, root=root, turned=turned)


def anchors(source: Body, target: Body) -> list[tuple[int, int]]:
    joints = {name: (BODY22.index(name),) * 2 for name in ("spine2", "spine3", "head")}
    return anchors_of(source, target, joints)


def test_a_body_of_the_same_build_keeps_its_hands(generator: torch.Generator) -> None:
    own = body(BODY22, torch.randn(60, 22, 3, generator=generator))
    goals = hand_goals(own, own, anchors(own, own), 1.0)
    for arm, wrist in zip(ARMS, WRISTS, strict=True):
        torch.testing.assert_close(goals[arm], own.places[:, wrist], atol=1e-5, rtol=0)


def test_hands_far_from_everything_go_where_their_arms_point() -> None:
    """In T-pose no hand is near to anything."""
    vectors = torch.zeros(1, 22, 3)
    source, target = body(BODY22, vectors), body(long_armed(1.3), vectors)
    goals = hand_goals(source, target, anchors(source, target), 1.0)
    for arm, wrist in zip(ARMS, WRISTS, strict=True):
        assert torch.equal(goals[arm], target.places[:, wrist])


@pytest.mark.parametrize("size", [0.8, 1.2])
def test_folded_hands_stay_as_far_apart_as_arms_are_long(size: float) -> None:
    vectors = torch.zeros(1, 22, 3)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        vectors[0, BODY22.index(f"{side}_shoulder"), 1] = sign * 1.57
        vectors[0, BODY22.index(f"{side}_elbow"), 1] = sign * 0.45
    source, target = body(BODY22, vectors), body(long_armed(size), vectors)
    left, right = source.places[0, WRISTS]
    assert float((left - right).norm()) < 0.05
    goals = hand_goals(source, target, anchors(source, target), 1.0)
    apart = float((goals[ARMS[0]] - goals[ARMS[1]]).norm())
    assert apart == pytest.approx(size * float((left - right).norm()), abs=0.01)
    loose = float((target.places[0, WRISTS[0]] - target.places[0, WRISTS[1]]).norm())
    assert abs(loose - size * float((left - right).norm())) > 0.02


def test_a_hand_nears_its_anchor_without_a_step() -> None:
    """The weight grows from zero: 2 mm of way change a goal by no more than a few."""
    angles = torch.linspace(0.8, 1.6, 200)
    vectors = torch.zeros(200, 22, 3)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        vectors[:, BODY22.index(f"{side}_shoulder"), 1] = sign * angles
        vectors[:, BODY22.index(f"{side}_elbow"), 1] = sign * 0.9
    source, target = body(BODY22, vectors), body(long_armed(1.25), vectors)
    apart = (source.places[:, WRISTS[0]] - source.places[:, WRISTS[1]]).norm(dim=-1)
    assert float(apart.min()) < 0.05
    assert float(apart.max()) > 0.2
    goal = hand_goals(source, target, anchors(source, target), 1.0)[ARMS[0]]
    steps = goal.diff(dim=0).norm(dim=-1)
    plain = target.places[:, WRISTS[0]].diff(dim=0).norm(dim=-1)
    assert float(steps.max()) < 4 * float(plain.max())
