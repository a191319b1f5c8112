"""Foot contact labels: thresholds, channel order, ends of the clip."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.motion.contacts import ContactLimits, foot_contacts
from marey.skeleton import BODY22, Skeleton

FPS = 20.0


def standing(frames: int) -> torch.Tensor:
    """Joints far above the ground, with the four foot joints at rest 2 cm above it."""
    positions = torch.full((frames, BODY22.num_joints, 3), 1.0)
    positions[:, BODY22.foot_indices, 1] = 0.02
    return positions


def test_feet_at_rest_on_the_ground_are_in_contact() -> None:
    assert foot_contacts(standing(5), BODY22, FPS).all()


@pytest.mark.parametrize("channel", range(4))
def test_each_channel_belongs_to_its_joint(channel: int) -> None:
    positions = standing(5)
    positions[:, BODY22.foot_indices[channel], 1] = 0.101
    expected = torch.ones(5, 4, dtype=torch.bool)
    expected[:, channel] = False
    assert torch.equal(foot_contacts(positions, BODY22, FPS), expected)


@pytest.mark.parametrize("axis", range(3))
def test_a_step_counts_for_the_frame_it_starts_from(axis: int) -> None:
    positions = standing(5)
    positions[2:, BODY22.foot_indices[0], axis] += 0.16 / FPS
    left_heel = foot_contacts(positions, BODY22, FPS)[:, 0]
    assert left_heel.tolist() == [True, False, True, True, True]


def test_the_last_frame_repeats_the_speed_before() -> None:
    positions = standing(5)
    positions[4:, BODY22.foot_indices[0], 0] += 0.16 / FPS
    left_heel = foot_contacts(positions, BODY22, FPS)[:, 0]
    assert left_heel.tolist() == [True, True, True, False, False]


def test_the_speed_limit_does_not_depend_on_the_frame_rate() -> None:
    for fps in (20.0, 30.0, 120.0):
        slow, fast = standing(6), standing(6)
        slow[..., 0] += torch.arange(6)[:, None] * 0.14 / fps
        fast[..., 0] += torch.arange(6)[:, None] * 0.16 / fps
        assert foot_contacts(slow, BODY22, fps).all()
        assert not foot_contacts(fast, BODY22, fps).any()


def test_limits_can_be_set_for_each_kind_of_joint() -> None:
    positions = standing(5)
    positions[:, BODY22.foot_indices, 1] = 0.12
    positions[..., 0] += torch.arange(5)[:, None] * 0.25 / FPS
    assert not foot_contacts(positions, BODY22, FPS).any()
    loose = foot_contacts(positions, BODY22, FPS, limits=ContactLimits(speed=0.3, heel=0.14))
    assert loose.all(0).tolist() == [True, False, True, False]


def test_one_frame_is_judged_by_height_alone() -> None:
    positions = standing(1)
    positions[:, BODY22.foot_indices[3], 1] = 0.5
    assert foot_contacts(positions, BODY22, FPS).tolist() == [[True, True, True, False]]


def test_a_batch_is_labelled_clip_by_clip(generator: torch.Generator) -> None:
    positions = 0.1 * torch.rand(3, 8, BODY22.num_joints, 3, generator=generator)
    together = foot_contacts(positions, BODY22, FPS)
    assert torch.equal(together[1], foot_contacts(positions[1], BODY22, FPS))


def test_a_skeleton_without_feet_is_refused() -> None:
    stick = Skeleton(
        name="stick", joint_names=("a",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    with pytest.raises(InvalidInputError, match="left_heel"):
        foot_contacts(torch.zeros(4, 1, 3), stick, FPS)
