import math
from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.generate.seams import (
    PLACE_SECONDS,
    TURN_SECONDS,
    backwards,
    eased,
    goal_round,
    last_round,
    next_round,
    put_between,
    step_after,
    step_before,
)
from marey.motion import Motion, concatenate
from marey.skeleton import BODY22

FPS = 20.0


def wandering(frames: int, generator: torch.Generator, *, speed: float = 0.05) -> Motion:
    """A smooth, random motion: joints that swing and a root that goes about."""
    times = torch.arange(frames)[:, None, None] / FPS
    axes = torch.randn(1, BODY22.num_joints, 3, generator=generator)
    phase = 6 * torch.rand(1, BODY22.num_joints, 1, generator=generator)
    local = rotations.rotation_vector_to_matrix(0.3 * axes * (2 * times + phase).sin())
    way = speed * torch.randn(1, 3, generator=generator) * torch.arange(frames)[:, None]
    return Motion(
        root_positions=torch.tensor([[0.0, 0.9, 0.0]]) + way * torch.tensor([1.0, 0.0, 1.0]),
        local_rotations=local,
        fps=FPS,
        skeleton=BODY22,
        contacts=torch.zeros(frames, 4, dtype=torch.bool),
    )


@pytest.fixture
def pair(generator: torch.Generator) -> tuple[Motion, Motion]:
    """Two motions that have nothing to do with each other."""
    return wandering(60, generator), wandering(60, generator)


def angles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return rotations.geodesic_distance(a, b)


def test_an_eased_motion_begins_and_ends_where_it_should(pair: tuple[Motion, Motion]) -> None:
    motion, other = pair
    bent = eased(motion, start=other.crop(0, 1), end=other.crop(59, 60))
    for frame in (0, -1):
        torch.testing.assert_close(bent.root_positions[frame], other.root_positions[frame])
        assert angles(bent.local_rotations[frame], other.local_rotations[frame]).max() < 1e-3


def test_what_is_far_from_the_seam_stays(pair: tuple[Motion, Motion]) -> None:
    motion, other = pair
    bent = eased(motion, start=other.crop(0, 2))
    turned, moved = round(TURN_SECONDS * FPS), round(PLACE_SECONDS * FPS)
    assert torch.equal(bent.local_rotations[turned:], motion.local_rotations[turned:])
    assert torch.equal(bent.root_positions[moved:], motion.root_positions[moved:])
    assert not torch.equal(bent.local_rotations[turned - 2], motion.local_rotations[turned - 2])


def test_a_motion_that_fits_is_left_as_it_is(generator: torch.Generator) -> None:
    whole = wandering(60, generator)
    before, after = whole.crop(0, 30), whole.crop(30, 60)
    bent = eased(after, start=step_after(before, after))
    assert (bent.joint_positions - after.joint_positions).norm(dim=-1).max() < 2e-3


def test_nothing_jumps_and_nothing_jerks(pair: tuple[Motion, Motion]) -> None:
    before, after = pair
    near = torch.tensor([0.2, 0.05, -0.1]) - after.root_positions[0]
    after = after.translate(before.root_positions[-1] + near)
    hard = concatenate([before, after])
    soft = concatenate([before, eased(after, start=step_after(before, after))])
    hard_bend, soft_bend = (m.root_positions.diff(n=2, dim=0).norm(dim=-1) for m in (hard, soft))
    assert soft_bend[57:].max() < hard_bend[57:].max() / 5
    turns = angles(soft.local_rotations[1:], soft.local_rotations[:-1]).amax(1)
    assert turns[57:61].max() < 1.2 * turns[:57].max()


def test_an_end_is_eased_as_a_beginning_backwards(pair: tuple[Motion, Motion]) -> None:
    motion, other = pair
    end = eased(motion, end=step_before(other, motion))
    start = eased(backwards(motion), start=step_after(backwards(other), backwards(motion)))
    assert torch.equal(end.root_positions, backwards(start).root_positions)
    assert torch.equal(end.local_rotations, backwards(start).local_rotations)


def test_easing_does_not_mind_where_and_how_one_stands(pair: tuple[Motion, Motion]) -> None:
    before, after = pair

    def join(a: Motion, b: Motion) -> Motion:
        return eased(b, start=step_after(a, b))

    def away(motion: Motion) -> Motion:
        return motion.rotate(2.0).translate(torch.tensor([50.0, 0.0, -30.0]))

    moved = join(away(before), away(after)).joint_positions
    torch.testing.assert_close(moved, away(join(before, after)).joint_positions, atol=1e-3, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_motions_are_eased_too(frames: int, generator: torch.Generator) -> None:
    before, after = wandering(frames, generator), wandering(frames, generator)
    bent = eased(after, start=step_after(before, after))
    assert bent.num_frames == frames
    assert bent.local_rotations.isfinite().all()


def test_the_base_stays_bit_for_bit_beyond_the_margin(pair: tuple[Motion, Motion]) -> None:
    base, drawn = pair
    mixed = put_between(base, drawn, 20, 40, margin=5)
    for a, b, other in ((0, 15, base), (20, 40, drawn), (45, 60, base)):
        assert torch.equal(mixed.root_positions[a:b], other.root_positions[a:b])
        torch.testing.assert_close(
            mixed.local_rotations[a:b], other.local_rotations[a:b], atol=1e-5, rtol=0
        )
    assert torch.equal(mixed.local_rotations[:15], base.local_rotations[:15])
    assert torch.equal(mixed.local_rotations[45:], base.local_rotations[45:])
    share = (mixed.root_positions - base.root_positions)[15:20].norm(dim=-1)
    share = share / (drawn.root_positions - base.root_positions)[15:20].norm(dim=-1)
    assert bool((share.diff() > 0).all())


@pytest.mark.parametrize(("first", "end"), [(0, 10), (50, 60), (0, 60)])
def test_segments_at_the_ends_are_put_in_place(
    pair: tuple[Motion, Motion], first: int, end: int
) -> None:
    base, drawn = pair
    base = replace(base, contacts=None)  # as it is in BVH
    mixed = put_between(base, drawn, first, end, margin=5)
    assert mixed.num_frames == 60
    assert mixed.contacts is not None
    assert torch.equal(mixed.root_positions[first:end], drawn.root_positions[first:end])


def circling(frames: int) -> Motion:
    """A walk on a circle, of which each frame is the one before, turned and moved alike."""
    turn = torch.arange(frames) * 0.02
    still = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    still[:, 0] = rotations.yaw_matrix(turn)
    place = torch.stack((-turn.cos(), torch.full_like(turn, 0.9), turn.sin()), dim=1)
    return Motion(root_positions=place, local_rotations=still, fps=FPS, skeleton=BODY22)


@pytest.mark.parametrize("follow", [next_round, goal_round])
def test_a_steady_motion_goes_on_with_its_beginning(follow) -> None:
    motion, longer = circling(100), circling(110)
    goal = longer.joint_positions[100:] if follow is next_round else None
    ahead = follow(motion, 10)
    assert ahead.num_frames == 10
    if goal is not None:
        torch.testing.assert_close(ahead.joint_positions, goal, atol=1e-4, rtol=0)
    else:  # over a second's mean the turn of half a second is lost on either side
        assert (ahead.joint_positions[0] - longer.joint_positions[100]).norm(dim=-1).max() < 0.35


def test_a_motion_that_stays_comes_back_to_its_very_beginning(generator: torch.Generator) -> None:
    still = wandering(80, generator, speed=0.001)
    assert torch.equal(goal_round(still, 10).joint_positions, still.joint_positions[:10])


def test_the_round_before_leads_to_the_beginning() -> None:
    motion = circling(100)
    torch.testing.assert_close(
        concatenate([last_round(motion, 20), motion]).joint_positions,
        circling(120).rotate(-20 * 0.02).joint_positions,
        atol=1e-3,
        rtol=0,
    )


def test_a_round_of_one_frame_is_that_frame() -> None:
    motion = circling(1)
    for follow in (next_round, last_round, goal_round):
        assert (follow(motion, 5).joint_positions - motion.joint_positions).abs().max() < 1e-5
    assert math.isclose(float(motion.heading[0]), 0, abs_tol=1e-6)
