"""Motions: what is refused, and the laws of every operation."""

import math
from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.motion import Motion, concatenate
from marey.skeleton import BODY22, Skeleton

FLIP = torch.tensor([-1.0, 1.0, 1.0])


def wander(generator: torch.Generator, *, frames: int = 41, fps: float = 20.0) -> Motion:
    """A smooth random motion with contacts."""
    speed = torch.randn(1, 22, 3, generator=generator)
    wave = torch.linspace(0, 3, frames).sin()[:, None, None] * speed * 0.8
    path = torch.linspace(0, 1, frames)[:, None] * torch.randn(3, generator=generator)
    return Motion(
        root_positions=path + torch.tensor([0.3, 0.9, -2.0]),
        local_rotations=rotations.rotation_vector_to_matrix(wave + speed * 0.1),
        fps=fps,
        skeleton=BODY22,
        contacts=torch.rand(frames, 4, generator=generator) > 0.5,
        metadata={"text": "a person wanders"},
    )


@pytest.fixture
def motion(generator: torch.Generator) -> Motion:
    return wander(generator)


def close(first: torch.Tensor, second: torch.Tensor, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(first, second, atol=tolerance, rtol=0)


def spoilt(values: torch.Tensor, value: float) -> torch.Tensor:
    copy = values.clone()
    copy[3].flatten()[1] = value
    return copy


# --- validation --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["root_positions", "local_rotations"])
def test_values_that_are_not_finite_are_refused_with_their_frame(
    motion: Motion, name: str, value: float
) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} is not finite in frame 3"):
        replace(motion, **{name: spoilt(getattr(motion, name), value)})


def test_wrong_number_of_joints_is_refused_with_both_shapes(motion: Motion) -> None:
    with pytest.raises(
        InvalidInputError, match=r"\(41, 22, 3, 3\).*'body22', got \(41, 21, 3, 3\)"
    ):
        replace(motion, local_rotations=motion.local_rotations[:, 1:])


def test_no_frames_are_refused(motion: Motion) -> None:
    with pytest.raises(InvalidInputError, match="at least one frame"):
        replace(
            motion,
            root_positions=torch.zeros(0, 3),
            local_rotations=torch.zeros(0, 22, 3, 3),
            contacts=None,
        )


@pytest.mark.parametrize("fps", [0.0, -20.0, math.inf, math.nan])
def test_frame_rate_must_be_positive(motion: Motion, fps: float) -> None:
    with pytest.raises(InvalidInputError, match=r"fps must (be positive|lie in)"):
        replace(motion, fps=fps)
    with pytest.raises(InvalidInputError, match=r"fps must (be positive|lie in)"):
        motion.resample(fps)


# --- time --------------------------------------------------------------------------------------


def test_crop_takes_frames_and_contacts(motion: Motion) -> None:
    part = motion.crop(5, 12)
    assert part.num_frames == 7
    assert part.seconds == pytest.approx(7 / 20)
    assert torch.equal(part.joint_positions, motion.joint_positions[5:12])
    assert part.contacts is not None
    assert motion.contacts is not None
    assert torch.equal(part.contacts, motion.contacts[5:12])
    assert part.metadata == motion.metadata


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (7, 5), (0, 42)])
def test_crop_outside_the_clip_is_refused(motion: Motion, start: int, end: int) -> None:
    with pytest.raises(InvalidInputError, match=f"<= 41 frames, got {start} and {end}"):
        motion.crop(start, end)


def test_resampling_there_and_back_keeps_a_smooth_motion(motion: Motion) -> None:
    back = motion.resample(24.0).resample(20.0)
    assert back.fps == 20.0
    count = back.num_frames
    assert count >= motion.num_frames - 1
    close(back.joint_positions, motion.joint_positions[:count], tolerance=5e-3)


@pytest.mark.parametrize("fps", [7.0, 12.0, 24.0, 30.0, 120.0])
def test_resampling_keeps_frame_zero_and_stays_inside_the_clip(motion: Motion, fps: float) -> None:
    other = motion.resample(fps)
    close(other.root_positions[0], motion.root_positions[0])
    close(other.local_rotations[0], motion.local_rotations[0])
    lost = (motion.num_frames - 1) / motion.fps - (other.num_frames - 1) / fps
    assert -1e-6 <= lost < 1 / fps


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_multiple_of_the_rate_keeps_every_frame(motion: Motion, factor: int) -> None:
    finer = motion.resample(20.0 * factor)
    assert finer.num_frames == 40 * factor + 1
    close(finer.root_positions[::factor], motion.root_positions)
    close(finer.local_rotations[::factor], motion.local_rotations)
    assert finer.contacts is not None
    assert torch.equal(finer.contacts[::factor], motion.contacts)


def test_resampling_turns_along_the_shortest_arc() -> None:
    ends = rotations.axis_rotation("Y", torch.tensor([3.0, -3.0]))
    local = torch.eye(3).repeat(2, 22, 1, 1)
    local[:, 0] = ends
    turn = Motion(
        root_positions=torch.tensor([[0.0, 1.0, 0.0], [2.0, 1.0, 0.0]]),
        local_rotations=local,
        fps=10.0,
        skeleton=BODY22,
    ).resample(20.0)
    close(turn.local_rotations[1, 0], rotations.axis_rotation("Y", torch.tensor(math.pi)))
    close(turn.root_positions[1], torch.tensor([1.0, 1.0, 0.0]))


def test_a_single_frame_can_be_resampled(motion: Motion) -> None:
    pose = motion.crop(4, 5).resample(60.0)
    assert (pose.num_frames, pose.fps) == (1, 60.0)


# --- left and right ----------------------------------------------------------------------------


def test_mirroring_twice_changes_nothing(motion: Motion) -> None:
    twice = motion.mirror().mirror()
    assert torch.equal(twice.root_positions, motion.root_positions)
    assert torch.equal(twice.local_rotations, motion.local_rotations)
    assert twice.contacts is not None
    assert torch.equal(twice.contacts, motion.contacts)


def test_mirroring_exchanges_the_positions_of_twins(motion: Motion) -> None:
    expected = motion.joint_positions[:, list(BODY22.mirror)] * FLIP
    close(motion.mirror().joint_positions, expected)


def test_mirroring_negates_the_heading_and_swaps_the_feet(motion: Motion) -> None:
    mirrored = motion.mirror()
    close(rotations.wrap_angle(mirrored.heading + motion.heading), torch.zeros(41), 1e-5)
    assert mirrored.contacts is not None
    assert motion.contacts is not None
    assert torch.equal(mirrored.contacts[:, :2], motion.contacts[:, 2:])


# --- place and direction -----------------------------------------------------------------------


def test_translation_moves_every_joint(motion: Motion) -> None:
    offset = torch.tensor([1.0, -0.5, 2.0])
    close(motion.translate(offset).joint_positions, motion.joint_positions + offset)


def test_rotation_turns_joints_and_heading(motion: Motion) -> None:
    turned = motion.rotate(0.8)
    close(
        turned.joint_positions, motion.joint_positions @ rotations.yaw_matrix(torch.tensor(0.8)).T
    )
    gain = rotations.wrap_angle(turned.heading - motion.heading)
    close(gain, torch.full((41,), 0.8), 1e-5)


def test_canonical_motion_starts_above_the_origin_at_heading_zero(motion: Motion) -> None:
    start = motion.rotate(2.0).translate(torch.tensor([4.0, 0.0, 5.0])).canonicalise()
    close(start.root_positions[0, [0, 2]], torch.zeros(2))
    close(start.heading[0], torch.tensor(0.0), 1e-5)
    close(start.root_positions[:, 1], motion.root_positions[:, 1])
    close(start.joint_positions, motion.canonicalise().joint_positions, 1e-5)


def test_operations_leave_the_original_alone(motion: Motion) -> None:
    root, local = motion.root_positions.clone(), motion.local_rotations.clone()
    motion.rotate(1.0), motion.translate(torch.ones(3)), motion.mirror(), motion.canonicalise()
    assert torch.equal(motion.root_positions, root)
    assert torch.equal(motion.local_rotations, local)
    assert motion.with_metadata(seed=3).metadata == {"text": "a person wanders", "seed": 3}
    assert motion.metadata == {"text": "a person wanders"}


# --- several -----------------------------------------------------------------------------------


def test_concatenating_the_pieces_gives_the_whole(motion: Motion) -> None:
    whole = concatenate([motion.crop(0, 10), motion.crop(10, 11), motion.crop(11, 41)])
    assert torch.equal(whole.root_positions, motion.root_positions)
    assert torch.equal(whole.local_rotations, motion.local_rotations)
    assert whole.contacts is not None
    assert torch.equal(whole.contacts, motion.contacts)


def test_contacts_are_dropped_unless_all_have_them(motion: Motion) -> None:
    assert concatenate([motion, replace(motion, contacts=None)]).contacts is None


def test_concatenating_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least one motion"):
        concatenate([])


def test_concatenating_what_does_not_fit_names_the_motion(motion: Motion) -> None:
    tall = replace(BODY22, name="tall", rest_offsets=BODY22.rest_offsets * 1.1)
    for other in (motion.resample(30.0), replace(motion, skeleton=tall)):
        with pytest.raises(
            InvalidInputError, match=r"Motion 1 has .*retarget or resample it first"
        ):
            concatenate([motion, other])


def test_one_joint_is_a_skeleton_too() -> None:
    point = Skeleton(
        name="point", joint_names=("it",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    path = torch.arange(6.0).reshape(2, 3)
    moved = Motion(
        root_positions=path,
        local_rotations=torch.eye(3).repeat(2, 1, 1, 1),
        fps=10.0,
        skeleton=point,
    )
    assert torch.equal(moved.joint_positions[:, 0], path)
