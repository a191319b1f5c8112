"""Compilation: goals of many constraints, and the facts that follow from them."""

from dataclasses import replace

import pytest
import torch

from marey.constraints import (
    Clip,
    Constraint,
    FootContact,
    FullBodyKeyframe,
    Goal,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    Times,
    compile_goals,
    facts_from_goals,
    goals_on,
    target_distance,
)
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.skeleton import BODY22


def height(frame: int, value: float) -> PelvisHeight:
    return PelvisHeight(times=Times(frames=(frame,)), heights=torch.tensor([value]))


def test_goals_come_in_the_order_of_their_constraints(
    constraints: tuple[Constraint, ...], motion: Motion
) -> None:
    for goals in (compile_goals(constraints, Clip.of(motion)), goals_on(constraints, motion)):
        sources = [goal.source for goal in goals]
        assert sources == sorted(sources)
    assert set(sources) == set(range(len(constraints)))


def test_nothing_compiles_to_nothing(clip: Clip) -> None:
    facts = facts_from_goals(compile_goals([], clip), clip)
    assert not any(bool(v.any()) for name, v in vars(facts).items() if name.endswith("mask"))


def test_an_error_names_its_constraint(clip: Clip) -> None:
    late = replace(height(60, 1.0), label="jump")
    with pytest.raises(
        InvalidInputError, match=r"constraints\[1\] \(PelvisHeight 'jump'\): expected a frame in"
    ):
        compile_goals([height(3, 1.0), late], clip)


def test_facts_hold_exactly_what_goals_pin(constraints: tuple[Constraint, ...], clip: Clip) -> None:
    goals = compile_goals(constraints, clip)
    facts = facts_from_goals(goals, clip)
    fields = {
        "joint_position": (facts.joint_positions, facts.joint_position_mask),
        "joint_rotation": (facts.global_rotations, facts.global_rotation_mask),
        "root_path": (facts.root_path, facts.root_path_mask),
        "contact": (facts.contacts, facts.contact_mask),
    }
    for kind, (_, mask) in fields.items():
        pins = {(f, g.joint) for g in goals if g.kind == kind for f in g.frames.tolist()}
        assert int(mask.sum()) == len(pins) > 0
        for frame, joint in pins:
            assert mask[frame, joint] if mask.ndim == 2 else mask[frame]


def test_of_two_pins_the_later_wins(clip: Clip) -> None:
    goals = compile_goals([height(3, 1.0), height(3, 1.001)], clip)
    assert len(goals) == 2
    assert float(facts_from_goals(goals, clip).root_height[3]) == pytest.approx(1.001)


def test_a_keyframe_makes_height_and_heading_known(motion: Motion, clip: Clip) -> None:
    keys = FullBodyKeyframe.from_motion(motion, [9, 31], rotations=False)
    facts = facts_from_goals(keys.goals(clip), clip)
    for mask in (facts.heading_mask, facts.root_height_mask):
        assert mask.nonzero().flatten().tolist() == [9, 31]
    torch.testing.assert_close(facts.heading[[9, 31]], motion.heading[[9, 31]])
    torch.testing.assert_close(facts.root_height[[9, 31]], motion.root_positions[[9, 31], 1])


def test_the_turn_of_the_pelvis_makes_the_heading_known(motion: Motion, clip: Clip) -> None:
    turn = JointTarget.from_motion(motion, "pelvis", [5], positions=False, rotations=True)
    facts = facts_from_goals(turn.goals(clip), clip)
    torch.testing.assert_close(facts.heading[5], motion.heading[5])
    assert facts.heading_mask.nonzero().flatten().tolist() == [5]
    assert not facts.root_height_mask.any()


def test_what_is_pinned_outdoes_what_follows(motion: Motion, clip: Clip) -> None:
    keys = FullBodyKeyframe.from_motion(motion, [9])
    own = RootHeading(times=Times(frames=(9,)), angles=torch.zeros(1))
    goals = compile_goals([own, keys, height(9, 0.0)], clip)
    facts = facts_from_goals(goals, clip)
    assert (float(facts.heading[9]), float(facts.root_height[9])) == (0.0, 0.0)


def test_goals_of_other_joints_or_frames_are_refused(clip: Clip) -> None:
    goal = Goal(
        kind="joint_position",
        frames=torch.tensor([3]),
        target=torch.zeros(1, 3),
        joint=22,
        tolerance=0.0,
    )
    with pytest.raises(InvalidInputError, match=r"index in \[0, 21\], got 22"):
        facts_from_goals([goal], clip)
    with pytest.raises(InvalidInputError, match="got 99"):
        facts_from_goals([replace(goal, joint=1, frames=torch.tensor([99]))], clip)


def test_a_request_that_pins_too_much_is_refused(clip: Clip) -> None:
    """Before memory and time run out: each of these pins two channels of 50,000 frames."""
    long = Clip(skeleton=BODY22, fps=clip.fps, frames=50_000)
    contact = FootContact(foot="left_foot", interval=Interval())
    with pytest.raises(InvalidInputError, match=r"constraints\[20\] .* at most 2000000 pinned"):
        compile_goals([contact] * 30, long)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": torch.tensor([5, 3])}, "distinct ascending"),
        ({"frames": torch.tensor([3, 3])}, "distinct ascending"),
        ({"frames": torch.tensor([-1, 3])}, "distinct ascending"),
        ({"target": torch.zeros(2, 2)}, r"expected shape \(2, 3\)"),
        ({"target": torch.full((2, 3), torch.nan)}, "not finite"),
    ],
)
def test_unusable_goals_are_refused(changes: dict[str, torch.Tensor], message: str) -> None:
    given = {"frames": torch.tensor([3, 5]), "target": torch.zeros(2, 3)}
    with pytest.raises(InvalidInputError, match=message):
        Goal(kind="joint_position", tolerance=0.0, **(given | changes))


def test_distances_are_metres_and_radians() -> None:
    assert float(target_distance("heading", torch.tensor([3.1]), torch.tensor([-3.1]))) < 0.09
    turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))[None]
    far = target_distance("joint_rotation", torch.eye(3)[None], turn)
    assert float(far) == pytest.approx(torch.pi)
    points = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    assert float(target_distance("root_path", *points)) == 5.0


def test_joints_are_found_by_name_in_any_order(motion: Motion, clip: Clip) -> None:
    keys = FullBodyKeyframe.from_motion(motion, [4])
    assert keys.rotations is not None
    backwards = replace(
        keys,
        joint_names=keys.joint_names[::-1],
        positions=keys.positions.flip(1),
        rotations=keys.rotations.flip(1),
    )
    facts, same = (facts_from_goals(each.goals(clip), clip) for each in (keys, backwards))
    assert torch.equal(facts.joint_positions, same.joint_positions)
    assert torch.equal(facts.global_rotations, same.global_rotations)
    assert int(facts.joint_position_mask.sum()) == BODY22.num_joints
