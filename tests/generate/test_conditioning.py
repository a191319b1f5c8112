from dataclasses import replace

import pytest
import torch

from marey.constraints import (
    Clip,
    Constraint,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootWaypoint,
    Times,
    compile_goals,
)
from marey.generate.conditioning import Conditioning
from marey.motion import Motion, RetargetReport, retarget
from marey.skeleton import BODY22, Skeleton

MODEL = Clip(skeleton=BODY22, fps=20, frames=60)


def waypoint(frame: int, x: float | int, z: float | int) -> RootWaypoint:
    return RootWaypoint(times=Times(frames=(frame,)), points=torch.tensor([[float(x), float(z)]]))


def conditioning(
    *constraints: Constraint, delivered: Clip = MODEL, report: RetargetReport | None = None
) -> Conditioning:
    goals = compile_goals(constraints, delivered)
    return Conditioning.of(goals, delivered=delivered, model=MODEL, retargeting=report)


@pytest.fixture
def giant() -> tuple[Skeleton, RetargetReport]:
    """A body twice as large with other names, and how the model's is put on it."""
    names = tuple(f"Rig_{name}" for name in BODY22.joint_names)
    roles = {role: joint and f"Rig_{joint}" for role, joint in vars(BODY22.roles).items()}
    skeleton = replace(
        BODY22,
        name="giant",
        joint_names=names,
        rest_offsets=2 * BODY22.rest_offsets,
        roles=type(BODY22.roles)(**roles),
    )
    rest = Motion(
        root_positions=torch.zeros(1, 3),
        local_rotations=torch.eye(3).repeat(1, 22, 1, 1),
        fps=20.0,
        skeleton=BODY22,
    )
    return skeleton, retarget(rest, skeleton).report


@pytest.mark.parametrize(
    ("pins", "start"),
    [
        ([], (0, 0)),
        ([waypoint(0, 3, 4)], (3, 4)),
        ([waypoint(40, 9, 9), waypoint(0, 3, 4)], (3, 4)),
        ([waypoint(40, 1, 2)], (0, 0)),  # a walk from the origin leads there
        ([waypoint(40, 50, 20)], (50, 20)),  # none does
        ([waypoint(5, 0, 2)], (0, 2)),
    ],
)
def test_where_a_motion_starts(pins: list[Constraint], start: tuple[float, float]) -> None:
    x, y, z = conditioning(*pins).start.tolist()
    assert (x, y, z) == (start[0], 0, start[1])


def test_the_root_says_where_a_motion_starts_before_other_joints() -> None:
    hand = JointTarget(
        joint="left_wrist", times=Times(frames=(0,)), positions=torch.tensor([[30.0, 1.0, 40.0]])
    )
    assert conditioning(hand).start.tolist() == [30, 0, 40]
    assert conditioning(hand, waypoint(0, 30.5, 40)).start.tolist() == [30.5, 0, 40]


def test_facts_are_seen_from_their_origin() -> None:
    hand = JointTarget(
        joint="left_wrist", times=Times(frames=(12,)), positions=torch.tensor([[5.0, 1.0, 6.0]])
    )
    given = conditioning(waypoint(10, 5, 7), waypoint(30, 1, 1), hand)
    facts = given.facts(MODEL, 8, 20, origin=torch.tensor([4.0, 0.0, 4.0]))
    assert facts is not None
    assert facts.num_frames == 20
    assert facts.root_path_mask.nonzero().flatten().tolist() == [2]
    assert facts.root_path[2].tolist() == [1, 3]
    wrist = BODY22.index("left_wrist")
    assert facts.joint_position_mask.nonzero().tolist() == [[4, wrist]]
    assert facts.joint_positions[4, wrist].tolist() == [1, 1, 2]


def test_frames_before_the_clip_are_free() -> None:
    given = conditioning(waypoint(0, 1, 2))
    facts = given.facts(MODEL, -4, 10, origin=torch.zeros(3))
    assert facts is not None
    assert facts.root_path_mask.nonzero().flatten().tolist() == [4]
    assert given.facts(MODEL, 1, 10, origin=torch.zeros(3)) is None


def test_what_is_within_counts_from_the_first_frame() -> None:
    given = conditioning(waypoint(0, 1, 2), waypoint(9, 1, 2), waypoint(10, 1, 2))
    assert [goal.frames.tolist() for goal in given.within(1, 10)] == [[8]]


def test_frames_of_another_rate_become_the_nearest() -> None:
    path = RootWaypoint(
        times=Times(frames=(0, 1, 2, 89)), points=torch.tensor([[0.0, float(k)] for k in range(4)])
    )
    fast = Clip(skeleton=BODY22, fps=30, frames=90)
    (goal,) = conditioning(path, delivered=fast).goals
    assert goal.frames.tolist() == [0, 1, 59]
    assert goal.target[:, 1].tolist() == [0, 1, 3]


def test_places_of_another_body_are_scaled_to_the_models(
    giant: tuple[Skeleton, RetargetReport],
) -> None:
    skeleton, report = giant
    assert report.scale == pytest.approx(2)
    given = conditioning(
        waypoint(0, 2, 4),
        PelvisHeight(times=Times(frames=(0,)), heights=torch.tensor([1.8])),
        RootHeading(times=Times(frames=(0,)), angles=torch.tensor([0.5])),
        JointTarget(
            joint="Rig_left_wrist",
            times=Times(frames=(5,)),
            positions=torch.tensor([[1.0, 3.0, 5.0]]),
            rotations=torch.eye(3)[None],
        ),
        delivered=Clip(skeleton=skeleton, fps=20, frames=60),
        report=report,
    )
    goals = {goal.kind: goal for goal in given.goals}
    assert goals.keys() == {"root_path", "root_height", "heading", "joint_position"}
    assert goals["root_path"].target[0].tolist() == pytest.approx([1, 2])
    assert float(goals["root_height"].target[0]) == pytest.approx(0.9)
    assert float(goals["heading"].target[0]) == pytest.approx(0.5)
    assert goals["joint_position"].joint == BODY22.index("left_wrist")
    assert goals["joint_position"].target[0].tolist() == pytest.approx([0.5, 1.5, 2.5])


def test_the_same_bones_under_other_roles_keep_rotations() -> None:
    plain = replace(BODY22, parts=(), mirror=())
    turned = JointTarget(joint="head", times=Times(frames=(3,)), rotations=torch.eye(3)[None])
    rest = RetargetReport(joint_map={}, unmapped=(), unused=(), scale=1.0)
    clip = Clip(skeleton=plain, fps=20, frames=60)
    (goal,) = conditioning(turned, delivered=clip, report=rest).goals
    assert goal.kind == "joint_rotation"
