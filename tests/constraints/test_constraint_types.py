"""Every type of constraint: what it pins, and that the motion it comes from meets it."""

import math
from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.constraints import (
    Clip,
    Constraint,
    FacePoint,
    FootContact,
    FullBodyKeyframe,
    Goal,
    HoldJoint,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootPath,
    RootWaypoint,
    Times,
    compile_goals,
    goals_on,
    target_distance,
)
from marey.errors import InvalidInputError
from marey.motion import Motion, smooth_path
from marey.skeleton import BODY22


def achieved(goal: Goal, motion: Motion) -> torch.Tensor:
    """What a motion has where a goal pins it."""
    match goal.kind:
        case "joint_position":
            return motion.joint_positions[goal.frames, goal.joint]
        case "joint_rotation":
            return motion.global_rotations[goal.frames, goal.joint]
        case "root_path":
            return smooth_path(motion.root_positions[:, [0, 2]])[goal.frames]
        case "root_height":
            return motion.root_positions[goal.frames, 1]
        case _:
            return motion.heading[goal.frames]


def only(goals: tuple[Goal, ...]) -> Goal:
    assert len(goals) == 1
    return goals[0]


# --- laws of every type --------------------------------------------------------------------------


def from_motion(motion: Motion) -> list[Constraint]:
    frames = [41, 3, 20]
    return [
        FullBodyKeyframe.from_motion(motion, frames),
        JointTarget.from_motion(motion, "head", frames, rotations=True, root_path=True),
        JointTarget.from_motion(motion, "pelvis", frames),
        RootWaypoint.from_motion(motion, frames),
        RootPath.from_motion(motion),
        RootHeading.from_motion(motion, frames),
        PelvisHeight.from_motion(motion, frames),
    ]


@pytest.mark.parametrize("number", range(7))
def test_a_motion_meets_what_is_taken_from_it(motion: Motion, number: int) -> None:
    constraint = from_motion(motion)[number]
    goals = constraint.goals_on(motion, source=5)
    assert goals
    for goal in goals:
        assert goal.source == 5
        distance = target_distance(goal.kind, achieved(goal, motion), goal.target)
        assert float(distance.max()) < 1e-3


@pytest.mark.parametrize("angle", [0.0, 2.2])
def test_constraints_move_with_the_world(motion: Motion, angle: float) -> None:
    """Constraints from a moved motion are the moved constraints: no origin is special."""
    offset = torch.tensor([-40.0, 0.0, 7.0])
    turn = rotations.yaw_matrix(torch.tensor(angle))
    moved = motion.rotate(angle).translate(offset)
    before, after = (
        [goal for each in from_motion(m) for goal in each.goals(Clip.of(m))]
        for m in (motion, moved)
    )
    for old, new in zip(before, after, strict=True):
        expected = {
            "joint_position": lambda t: t @ turn.T + offset,
            "joint_rotation": lambda t: turn @ t,
            "root_path": lambda t: t @ turn[[0, 2]][:, [0, 2]].T + offset[[0, 2]],
            "root_height": lambda t: t,
            "heading": lambda t: t + angle,
        }[old.kind](old.target)
        assert float(target_distance(old.kind, expected, new.target).max()) < 1e-3


def test_goals_carry_weight_tolerance_and_sorted_frames(
    constraints: tuple[Constraint, ...], clip: Clip
) -> None:
    for number, each in enumerate(constraints):
        for goal in replace(each, weight=3).goals(clip, number):
            assert (goal.weight, goal.source) == (3.0, number)
            assert goal.frames.tolist() == sorted(set(goal.frames.tolist()))
            assert goal.target.dtype == torch.float32


def test_default_tolerances_are_5_mm_and_1_degree(motion: Motion, clip: Clip) -> None:
    target = JointTarget.from_motion(motion, "head", [4], rotations=True)
    assert [g.tolerance for g in target.goals(clip)] == [0.005, math.radians(1)]
    own = replace(target, tolerance=0.1, rotation_tolerance=0.2)
    assert [g.tolerance for g in own.goals(clip)] == [0.1, 0.2]


@pytest.mark.parametrize("name", ["weight", "tolerance"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, True, "x", 10**400])
def test_unusable_weights_and_tolerances_are_refused(name: str, value: object) -> None:
    heading = RootHeading(times=Times(frames=(1,)), angles=torch.zeros(1))
    changed = object.__new__(RootHeading)
    changed.__dict__.update(vars(heading) | {name: value})
    with pytest.raises(InvalidInputError, match=rf"^{name}: expected a"):
        changed.__post_init__()


def test_constraints_are_equal_by_what_they_say(constraints: tuple[Constraint, ...]) -> None:
    for each in constraints:
        copy = replace(each)
        assert copy == each
        assert hash(copy) == hash(each)
        assert replace(each, weight=7.0) != each
        assert [other for other in constraints if other == each] == [each]
    points = RootWaypoint(times=Times(frames=(1,)), points=torch.zeros(1, 2))
    assert replace(points, points=torch.ones(1, 2)) != points
    assert replace(points, times=Times(frames=(2,))) != points


def test_a_target_of_zero_is_a_target(clip: Clip) -> None:
    point = RootWaypoint(times=Times(frames=(0,)), points=torch.zeros(1, 2))
    assert only(point.goals(clip)).target.tolist() == [[0.0, 0.0]]


# --- bodies and joints ---------------------------------------------------------------------------


def test_a_keyframe_pins_every_joint_and_the_path(motion: Motion, clip: Clip) -> None:
    kinds = [goal.kind for goal in FullBodyKeyframe.from_motion(motion, [3]).goals(clip)]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "joint_position": 22,
        "joint_rotation": 22,
        "root_path": 1,
    }
    without = FullBodyKeyframe.from_motion(motion, [3], rotations=False).goals(clip)
    assert "joint_rotation" not in {goal.kind for goal in without}


def test_keys_can_come_at_other_frames_than_in_their_source(motion: Motion) -> None:
    clip = Clip(skeleton=BODY22, fps=20.0, frames=5)
    goal = only(JointTarget.from_motion(motion, "head", [50, 40], at=[4, 1]).goals(clip))
    assert goal.frames.tolist() == [1, 4]
    assert torch.equal(goal.target, motion.joint_positions[[40, 50], BODY22.index("head")])


def test_values_follow_their_times_when_these_are_not_sorted(clip: Clip) -> None:
    heights = PelvisHeight(times=Times(seconds=(2.0, 0.0, 1.0)), heights=torch.tensor([2, 0, 1.0]))
    goal = only(heights.goals(clip))
    assert (goal.frames.tolist(), goal.target.tolist()) == ([0, 20, 40], [0.0, 1.0, 2.0])


def test_a_joint_that_the_skeleton_lacks_is_refused(clip: Clip) -> None:
    target = JointTarget(joint="tail", times=Times(frames=(1,)), positions=torch.zeros(1, 3))
    with pytest.raises(InvalidInputError, match="has no joint 'tail'; its joints are pelvis"):
        target.goals(clip)


def test_a_joint_target_needs_a_target() -> None:
    with pytest.raises(InvalidInputError, match="expected positions, rotations or both"):
        JointTarget(joint="head", times=Times(frames=(1,)))


@pytest.mark.parametrize("matrix", [2 * torch.eye(3), -torch.eye(3), torch.zeros(3, 3)])
def test_matrices_that_are_no_rotations_are_refused(matrix: torch.Tensor) -> None:
    with pytest.raises(InvalidInputError, match="rotations: expected rotation matrices"):
        JointTarget(joint="head", times=Times(frames=(1,)), rotations=matrix[None])


def test_values_of_another_shape_or_not_finite_are_refused() -> None:
    times = Times(frames=(1, 2))
    with pytest.raises(InvalidInputError, match=r"points: expected shape \(2, 2\), got \(3, 2\)"):
        RootWaypoint(times=times, points=torch.zeros(3, 2))
    with pytest.raises(InvalidInputError, match=r"points: expected finite numbers .* got nan"):
        RootWaypoint(times=times, points=torch.tensor([[0, 1], [math.nan, 0]]))


def test_a_held_joint_stays_where_the_motion_has_it_at_the_start(motion: Motion) -> None:
    hold = HoldJoint(joint="left_wrist", interval=Interval(start=10, end=30), rotation=True)
    assert compile_goals([hold], Clip.of(motion)) == ()
    place, turn = goals_on([hold], motion)
    wrist = BODY22.index("left_wrist")
    assert place.frames.tolist() == list(range(10, 30))
    assert torch.equal(place.target, motion.joint_positions[10, wrist].expand(20, 3))
    assert torch.equal(turn.target, motion.global_rotations[10, wrist].expand(20, 3, 3))


def test_a_held_joint_stays_where_another_constraint_pins_it(motion: Motion, clip: Clip) -> None:
    place = torch.tensor([[1.0, 2.0, 3.0]])
    target = JointTarget(joint="left_wrist", times=Times(frames=(12,)), positions=place)
    hold = HoldJoint(joint="left_wrist", interval=Interval(start=10, end=30))
    for order in ([hold, target], [target, hold]):
        held = [g for g in compile_goals(order, clip) if len(g.frames) == 20]
        assert torch.equal(only(tuple(held)).target, place.expand(20, 3))
        assert len(goals_on(order, motion)) == 2


def test_a_held_foot_is_in_contact(clip: Clip) -> None:
    goal = only(HoldJoint(joint="right_foot", interval=Interval(end=4)).goals(clip))
    assert (goal.kind, goal.joint, goal.target.tolist()) == ("contact", 3, [1.0] * 4)


# --- over the ground -----------------------------------------------------------------------------


def test_a_polyline_by_times_is_even_between_its_points(clip: Clip) -> None:
    path = RootPath(points=torch.tensor([[0.0, 0], [2, 0], [2, 1]]), times=Times(frames=(0, 4, 5)))
    goal = only(path.goals(clip))
    assert goal.frames.tolist() == [0, 1, 2, 3, 4, 5]
    assert goal.target.tolist() == [[0, 0], [0.5, 0], [1, 0], [1.5, 0], [2, 0], [2, 1]]


@pytest.mark.parametrize("curve", ["polyline", "spline"])
def test_a_path_passes_through_its_points(clip: Clip, curve: str) -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 0.5], [0.0, 2.0], [3.0, 3.0]])
    path = RootPath(points=points, times=Times(seconds=(0.5, 1.0, 1.5, 2.9)), curve=curve)
    goal = only(path.goals(clip))
    assert goal.frames.tolist() == list(range(10, 59))
    torch.testing.assert_close(goal.target[[0, 10, 20, 48]], points, atol=1e-6, rtol=0)


@pytest.mark.parametrize("curve", ["polyline", "spline"])
def test_a_path_at_a_speed_has_that_speed_in_every_step(curve: str) -> None:
    clip = Clip(skeleton=BODY22, fps=30, frames=200)
    points = torch.tensor([[5.0, 0.0], [6.0, 2.0], [6.5, 2.0], [5.0, 4.0]])
    goal = only(RootPath(points=points, speed=1.4, start=0.5, curve=curve).goals(clip))
    assert int(goal.frames[0]) == 15
    steps = goal.target.double().diff(dim=0).norm(dim=1)[1:-1]
    away_from_corners = steps.sort().values[3:]  # a chord across a corner is shorter than the way
    torch.testing.assert_close(
        away_from_corners, torch.full_like(away_from_corners, 1.4 / 30), atol=2e-4, rtol=0
    )
    torch.testing.assert_close(goal.target[0], points[0], atol=1e-6, rtol=0)
    torch.testing.assert_close(goal.target[-1], points[-1], atol=1.4 / 30, rtol=0)


def test_a_path_in_seconds_is_evaluated_at_each_frame(clip: Clip) -> None:
    """Times between frames are not rounded: the path is where it should be in each frame."""
    path = RootPath(
        points=torch.tensor([[0.0, 0.0], [3.0, 0.0]]), times=Times(seconds=(0.01, 2.99))
    )
    goal = only(path.goals(clip))
    expected = (goal.frames / 20 - 0.01).clamp(0, 2.98) * (3 / 2.98)
    torch.testing.assert_close(goal.target[:, 0], expected, atol=1e-6, rtol=0)


def test_a_path_that_ends_after_the_clip_is_refused(clip: Clip) -> None:
    path = RootPath(points=torch.tensor([[0.0, 0.0], [0.0, 5.0]]), speed=1.0)
    with pytest.raises(InvalidInputError, match=r"within the clip's 3 s, got 5.00 s at 1 m/s"):
        path.goals(clip)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected times or speed, got neither"),
        ({"times": Times(frames=(1, 2)), "speed": 1.0}, "got both"),
        ({"times": Times(frames=(2, 1))}, "times: expected them to ascend"),
        ({"speed": 0.0}, "speed: expected a positive number"),
        ({"times": Times(frames=(1, 2)), "start": 1.0}, "start: expected it only with speed"),
    ],
)
def test_unusable_paths_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        RootPath(points=torch.tensor([[0.0, 0.0], [0.0, 1.0]]), **given)


def test_a_path_with_a_speed_may_not_rest() -> None:
    with pytest.raises(InvalidInputError, match=r"points\[2\]: expected another point"):
        RootPath(points=torch.tensor([[0.0, 0], [1, 0], [1, 0], [2, 0]]), speed=1.0)


@pytest.mark.parametrize("foot", ["left_heel", "right_toe", "left_foot", "right_foot"])
def test_a_contact_pins_the_channels_of_its_foot(clip: Clip, foot: str) -> None:
    goals = FootContact(foot=foot, interval=Interval(end=2), contact=False).goals(clip)
    expected = {"left_heel": [0], "right_toe": [3], "left_foot": [0, 1], "right_foot": [2, 3]}
    assert [goal.joint for goal in goals] == expected[foot]
    assert all(goal.target.tolist() == [0.0, 0.0] for goal in goals)


def test_a_contact_has_no_tolerance() -> None:
    with pytest.raises(InvalidInputError, match="a contact is on or off"):
        FootContact(foot="left_heel", interval=Interval(), tolerance=0.1)


@pytest.mark.parametrize(
    "constraint",
    [
        FootContact(foot="left_heel", interval=Interval()),
        RootHeading(times=Times(frames=(1,)), angles=torch.zeros(1)),
        FacePoint(point=torch.ones(2), interval=Interval()),
    ],
)
def test_a_skeleton_without_the_roles_is_refused(constraint: Constraint) -> None:
    bare = replace(BODY22, roles=type(BODY22.roles)())
    with pytest.raises(InvalidInputError, match="names no joint for the role"):
        constraint.goals(Clip(skeleton=bare, fps=20.0, frames=5))


def test_facing_a_point_turns_with_the_pinned_path(clip: Clip) -> None:
    path = RootPath(points=torch.tensor([[0.0, 0.0], [0.0, 4.0]]), times=Times(frames=(0, 40)))
    face = FacePoint(point=torch.tensor([2.0, 2.0]), interval=Interval(start=0, end=50))
    goal = compile_goals([face, path], clip)[0]
    assert goal.frames.tolist() == list(range(41))
    expected = torch.tensor([math.pi / 4, math.pi / 2, 3 * math.pi / 4])
    torch.testing.assert_close(goal.target[[0, 20, 40]], expected)


def test_facing_a_point_is_open_until_there_is_a_place_to_face_it_from(motion: Motion) -> None:
    face = FacePoint(point=torch.tensor([9.0, 9.0]), interval=Interval(start=7))
    assert face.goals(Clip.of(motion)) == ()
    goal = only(face.goals_on(motion))
    way = torch.tensor([9.0, 9.0]) - motion.root_positions[7:, [0, 2]]
    torch.testing.assert_close(goal.target, torch.atan2(way[:, 0], way[:, 1]))


def test_a_point_under_the_body_has_no_direction(clip: Clip) -> None:
    path = RootPath(points=torch.tensor([[0.0, 0.0], [0.0, 4.0]]), times=Times(frames=(0, 40)))
    face = FacePoint(point=torch.tensor([0.0, 2.0]), interval=Interval())
    frames = compile_goals([face, path], clip)[0].frames.tolist()
    assert 20 not in frames
    assert 22 in frames
