"""Moving constraints onto a clip's frames: stretches are interpolated, single times stay."""

import math

import pytest
import torch

from marey.constraints.clip import Clip
from marey.constraints.constraint import Constraint
from marey.constraints.contact import FootContact
from marey.constraints.joint import JointTarget
from marey.constraints.resampling import at_frame_rate
from marey.constraints.root import PelvisHeight, RootHeading, RootPath, RootWaypoint
from marey.constraints.times import Interval, Times
from marey.rotations import axis_rotation
from marey.skeleton import BODY22


def at_30(*frames: int) -> Times:
    return Times(seconds=tuple(frame / 30 for frame in frames))


def dense(frames: range) -> RootWaypoint:
    """A path that goes two metres per second along z, with a key in each 30 fps frame."""
    points = torch.tensor([[1.0, 2 * frame / 30] for frame in frames])
    return RootWaypoint(times=at_30(*frames), points=points)


@pytest.mark.parametrize("fps", [12, 20, 24, 30, 47.0, 60])
def test_a_stretch_pins_every_frame_of_the_clip_inside_of_it(fps: float | int) -> None:
    moved, left_out = at_frame_rate(dense(range(30, 61)), fps, spacing=1 / 30)
    (goal,) = moved.goals(Clip(skeleton=BODY22, fps=fps, frames=500))
    first, last = math.ceil(1.0 * fps - 1e-6), math.floor(2.0 * fps + 1e-6)
    assert goal.frames.tolist() == list(range(first, last + 1))
    torch.testing.assert_close(goal.target[:, 1], 2 * goal.frames / fps, atol=1e-5, rtol=0)
    torch.testing.assert_close(goal.target[:, 0], torch.ones(len(goal.frames)))
    assert left_out == 0


def test_at_its_own_frame_rate_nothing_changes() -> None:
    path = dense(range(7))
    moved, left_out = at_frame_rate(path, 30.0, spacing=1 / 30)
    assert isinstance(moved, RootWaypoint)
    assert torch.equal(moved.points, path.points)
    assert moved.times.seconds == pytest.approx(path.times.seconds)
    assert left_out == 0


def test_rotations_and_angles_take_the_shortest_way() -> None:
    angles = torch.tensor([3.0, -3.0, -2.8])
    turns = axis_rotation("Y", angles)
    heading = RootHeading(times=at_30(0, 1, 2), angles=angles)
    target = JointTarget(joint="head", times=at_30(0, 1, 2), rotations=turns)
    expected = torch.tensor([3.0, (3.0 - 3.0 + 2 * math.pi) / 2, -3.0, -2.9, -2.8])
    moved, _ = at_frame_rate(heading, 60, spacing=1 / 30)
    assert isinstance(moved, RootHeading)
    torch.testing.assert_close(moved.angles, expected)
    turned, _ = at_frame_rate(target, 60, spacing=1 / 30)
    assert isinstance(turned, JointTarget)
    torch.testing.assert_close(turned.rotations, axis_rotation("Y", expected), atol=1e-5, rtol=0)


def test_single_times_stay_and_the_nearest_of_those_in_one_frame_is_kept() -> None:
    heights = PelvisHeight(
        times=Times(seconds=(2.0, 0.53, 0.48, 1.0)), heights=torch.tensor([4.0, 2.0, 1.0, 3.0])
    )
    moved, left_out = at_frame_rate(heights, 10, spacing=0.01)
    assert isinstance(moved, PelvisHeight)
    assert moved.times.seconds == (0.48, 1.0, 2.0)
    assert moved.heights.tolist() == [1.0, 3.0, 4.0]
    assert left_out == 1


def test_a_stretch_between_two_frames_keeps_its_nearest_time() -> None:
    moved, left_out = at_frame_rate(dense(range(1, 3)), 5, spacing=1 / 30)
    assert isinstance(moved, RootWaypoint)
    assert moved.times.seconds == (1 / 30,)  # frames 1 and 2 both lie between 0 and 0.2 s
    (goal,) = moved.goals(Clip(skeleton=BODY22, fps=5, frames=5))
    assert goal.frames.tolist() == [0]
    assert left_out == 1


@pytest.mark.parametrize(
    "constraint",
    [
        RootWaypoint(times=Times(frames=(0, 1)), points=torch.zeros(2, 2)),
        RootPath(times=at_30(0, 1), points=torch.zeros(2, 2)),
        FootContact(foot="left_toe", interval=Interval(end=4)),
    ],
)
def test_what_follows_the_clip_anyway_stays(constraint: Constraint) -> None:
    moved, left_out = at_frame_rate(constraint, 7, spacing=1 / 30)
    assert moved is constraint
    assert left_out == 0
