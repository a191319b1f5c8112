"""Loops: the period of a made-up walk is found exactly; captured walks close without a jump."""

from math import pi
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.bvh import read_bvh
from marey.motion import Motion
from marey.motion.looping import Loop, make_loop, repeat_loop
from marey.motion.root_motion import join_root_motion
from marey.skeleton import BODY22

PERIOD = 30
WALKS = {"07_01": (1.3, 1.6), "08_01": (1.4, 1.8), "09_01": (2.2, 2.8)}
"""Clips and the metres that a round of them covers."""


def stride(generator: torch.Generator, *, frames: int = 100, turn: float = 0.0) -> Motion:
    """A motion that repeats every PERIOD frames while its root goes forward and turns."""
    axes = 0.3 * torch.randn(22, 3, generator=generator)
    phase = torch.arange(frames)[:, None, None] * (2 * pi / PERIOD)
    offsets = 2 * pi * torch.rand(22, 1, generator=generator)
    local = rotations.rotation_vector_to_matrix((phase + offsets).sin() * axes)
    angles = turn * torch.arange(frames) / PERIOD
    local[:, 0] = rotations.yaw_matrix(angles)
    steps = torch.stack((angles.sin(), torch.zeros(frames), angles.cos()), dim=-1) * 0.04
    return Motion(
        root_positions=steps.cumsum(0) + torch.tensor([0.0, 1.0, 0.0]),
        local_rotations=local,
        fps=30.0,
        skeleton=BODY22,
    )


@pytest.fixture(scope="module", params=WALKS)
def captured(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, Motion]:
    motion = read_bvh(shared_data / f"bvh_cmu/{request.param}.bvh")
    return request.param, motion.crop(1, motion.num_frames)


@pytest.fixture(scope="module")
def closed(captured: tuple[str, Motion]) -> Loop:
    return make_loop(captured[1])


def test_period_and_displacement_of_a_made_up_walk(generator: torch.Generator) -> None:
    motion = stride(generator)
    loop = make_loop(motion)
    assert loop.end - loop.start == PERIOD
    assert loop.displacement.forward == pytest.approx(0.04 * PERIOD, abs=1e-4)
    assert abs(loop.displacement.left) < 1e-4
    assert abs(loop.displacement.turn) < 1e-4
    source = motion.crop(loop.start, loop.end)
    assert torch.allclose(loop.motion.joint_positions, source.joint_positions, atol=1e-4)


def test_rounds_of_a_made_up_walk_go_on_as_it_does(generator: torch.Generator) -> None:
    motion = stride(generator, turn=0.5)
    loop = make_loop(motion)
    assert loop.displacement.turn == pytest.approx(0.5, abs=0.03)
    rounds = repeat_loop(loop, 2)
    there = min(motion.num_frames, loop.start + rounds.num_frames)
    source = motion.crop(loop.start, there)
    own = rounds.crop(0, source.num_frames)
    apart = (own.joint_positions - source.joint_positions).norm(dim=-1)
    assert float(apart.max()) < 0.06  # where the margin of the track leaves play


def test_captured_walks_close_as_smoothly_as_they_go(closed: Loop) -> None:
    assert closed.after.place < 1.2 * closed.usual.place
    assert closed.after.speed < 1.2 * closed.usual.speed
    assert closed.after.root_speed < 0.02
    assert closed.after.turn_rate < 0.02
    assert closed.after.place < 0.5 * closed.before.place
    assert closed.after.speed < 0.5 * closed.before.speed


def test_captured_walks_cover_a_stride(captured: tuple[str, Motion], closed: Loop) -> None:
    least, most = WALKS[captured[0]]
    assert least < closed.displacement.forward < most
    assert abs(closed.displacement.left) < 0.15
    assert abs(closed.displacement.turn) < 0.1
    assert 0.6 < closed.in_place.seconds < 1.3


def test_next_round_begins_where_the_displacement_leads(closed: Loop) -> None:
    count = closed.in_place.num_frames
    rounds = repeat_loop(closed, 3)
    assert rounds.num_frames == 3 * count
    assert torch.allclose(rounds.crop(0, count).joint_positions, closed.motion.joint_positions)
    turn, way = closed.displacement.turn, closed.displacement
    heading = float(closed.root.headings[0])
    moved = rotations.yaw_matrix(torch.tensor(heading)) @ torch.tensor([way.left, 0.0, way.forward])
    first, second = rounds.crop(0, count), rounds.crop(count, 2 * count)
    origin = torch.tensor([closed.root.positions[0, 0], 0.0, closed.root.positions[0, 1]])
    expected = first.translate(-origin).rotate(turn).translate(origin + moved)
    assert torch.allclose(second.joint_positions, expected.joint_positions, atol=1e-4)


def test_straight_loops_do_not_turn(captured: tuple[str, Motion], closed: Loop) -> None:
    loop = make_loop(captured[1], straight=True)
    assert abs(loop.displacement.turn) < 1e-5 < abs(closed.displacement.turn)
    assert loop.displacement.forward == pytest.approx(closed.displacement.forward, abs=0.02)
    assert torch.equal(loop.in_place.local_rotations, closed.in_place.local_rotations)
    path = repeat_loop(loop, 20).root_positions[:: loop.in_place.num_frames]
    steps = path.diff(dim=0)
    assert torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-3)


def test_closed_loop_ends_as_the_next_round_begins(closed: Loop) -> None:
    count = closed.in_place.num_frames
    whole = closed.closed()
    assert whole.in_place.num_frames == count + 1
    pose = whole.in_place.joint_positions
    assert torch.equal(pose[-1], pose[0])
    joined = join_root_motion(whole.root, whole.in_place)
    expected = repeat_loop(closed, 2).joint_positions[: count + 1]
    assert torch.allclose(joined.joint_positions, expected, atol=1e-5)


def test_rounds_have_no_jump_in_the_world(closed: Loop) -> None:
    count = closed.in_place.num_frames
    rounds = repeat_loop(closed, 2).joint_positions
    bends = rounds.diff(n=2, dim=0).norm(dim=-1).amax(-1)
    assert float(bends[count - 2 : count].max()) < 1.2 * float(bends[: count - 2].max())


def test_frames_far_from_the_seam_stay_as_they_are(captured: tuple[str, Motion]) -> None:
    motion = captured[1]
    loop = make_loop(motion, blend_seconds=0.1)
    count = loop.in_place.num_frames
    spread = round(0.1 * motion.fps)
    middle = slice(loop.start + spread, loop.end - spread)
    assert torch.allclose(
        loop.in_place.local_rotations[spread : count - spread, 1:],
        motion.local_rotations[middle, 1:],
        atol=1e-6,
    )
    joined = join_root_motion(loop.root, loop.in_place)
    assert torch.equal(joined.root_positions, loop.motion.root_positions)


def test_where_the_walk_is_and_which_way_it_goes_does_not_matter(
    captured: tuple[str, Motion], closed: Loop
) -> None:
    moved = make_loop(captured[1].rotate(2.0).translate(torch.tensor([3.0, 0.0, 1.0])))
    assert (moved.start, moved.end) == (closed.start, closed.end)
    assert moved.displacement.forward == pytest.approx(closed.displacement.forward, abs=1e-3)
    assert torch.allclose(
        moved.in_place.joint_positions, closed.in_place.joint_positions, atol=1e-3
    )


def test_a_pause_is_not_taken_for_the_walk(generator: torch.Generator) -> None:
    walk = stride(generator)
    still = torch.arange(160).clamp(max=99)
    paused = Motion(
        root_positions=walk.root_positions[still],
        local_rotations=walk.local_rotations[still],
        fps=30.0,
        skeleton=BODY22,
    )
    loop = make_loop(paused)
    assert loop.end <= 100
    assert loop.end - loop.start == PERIOD


def test_a_rest_pose_before_the_motion_is_left_alone(shared_data: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu/09_01.bvh").resample(30.0)  # begins with a T-pose
    loop = make_loop(motion)
    assert loop.start > 1
    assert loop.after.place < 1.5 * loop.usual.place


def test_length_is_bounded_by_the_caller(generator: torch.Generator) -> None:
    motion = stride(generator)
    loop = make_loop(motion, seconds=(1.5, 2.5))
    assert loop.end - loop.start == 2 * PERIOD
    with pytest.raises(InvalidInputError, match=r"at least 120 frames .* 122, got 100"):
        make_loop(motion, seconds=(4.0, 5.0))
    with pytest.raises(InvalidInputError, match="0 < shortest <= longest"):
        make_loop(motion, seconds=(2.0, 1.0))
    with pytest.raises(InvalidInputError, match="at least 1"):
        repeat_loop(loop, 0)
