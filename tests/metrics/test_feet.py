"""Foot measures against numbers worked out by hand."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.metrics import (
    Summary,
    contact_accuracy,
    foot_skate_from_contacts,
    foot_skate_from_height,
    foot_skate_ratio,
    skating_ratio,
)
from marey.skeleton import BODY22, Skeleton

FPS = 20.0
EMPTY = Summary(mean=0.0, maximum=0.0, count=0)
LEFT_HEEL, LEFT_TOE, RIGHT_HEEL, RIGHT_TOE = BODY22.foot_indices


def high(frames: int) -> torch.Tensor:
    """All joints one metre above the ground, at rest."""
    positions = torch.zeros(frames, BODY22.num_joints, 3)
    positions[..., 1] = 1.0
    return positions


def sliding_left_toe() -> torch.Tensor:
    """Four frames: the left toe is low in all but the last and moves 1, 3 and 5 cm forward."""
    positions = high(4)
    positions[:, LEFT_TOE, 1] = torch.tensor([0.04, 0.04, 0.04, 0.06])
    positions[:, LEFT_TOE, 2] = torch.tensor([0.0, 0.01, 0.04, 0.09])
    return positions


def test_skate_from_height_is_the_mean_speed_of_low_toes() -> None:
    skate = foot_skate_from_height(sliding_left_toe(), BODY22, FPS)
    last = FPS * (0.05**2 + 0.02**2) ** 0.5  # the toe rises by 2 cm as well
    assert skate.mean == pytest.approx((0.2 + 0.6 + last) / 3, rel=1e-5)
    assert skate.maximum == pytest.approx(last, rel=1e-5)
    assert skate.count == 3


def test_skate_ratio_counts_low_steps_faster_than_the_limit() -> None:
    positions = sliding_left_toe()
    positions[1:, LEFT_TOE, 2] -= 0.001  # 0.18 m/s, then 0.6 m/s; the third step ends high
    assert foot_skate_ratio(positions, BODY22, FPS) == Summary(mean=0.5, maximum=1.0, count=2)


def fast_left_toe() -> torch.Tensor:
    """Seven frames on the ground: the left toe stands, moves 5 cm a step for three, stands."""
    positions = torch.zeros(7, BODY22.num_joints, 3)
    positions[:, LEFT_TOE, 0] = torch.tensor([0.0, 0.0, 0.05, 0.10, 0.15, 0.15, 0.15])
    return positions


def test_skating_ratio_needs_a_fast_step_among_fast_steps() -> None:
    # Speeds 0 1 1 1 0 0 m/s; means of five, with nothing beyond the ends: .4 .6 .6 .6 .4 .2.
    positions = fast_left_toe()
    assert skating_ratio(positions, BODY22, FPS) == Summary(mean=0.5, maximum=1.0, count=6)
    positions[4:, LEFT_TOE, 0] = 0.10  # two fast steps in five: their mean is 0.4 at most
    assert skating_ratio(positions, BODY22, FPS) == Summary(mean=0.0, maximum=0.0, count=6)


def test_skating_ratio_counts_a_step_once_for_both_feet_and_only_low_ones() -> None:
    positions = fast_left_toe()
    positions[:, RIGHT_TOE] = positions[:, LEFT_TOE]
    assert skating_ratio(positions, BODY22, FPS).mean == 0.5
    positions[2, [LEFT_TOE, RIGHT_TOE], 1] = 0.06  # high in frame 2: neither step 1 nor 2 is low
    assert skating_ratio(positions, BODY22, FPS).mean == pytest.approx(1 / 6)


def test_skating_ratio_ignores_vertical_speed_and_padding_does_not_exist() -> None:
    positions = torch.zeros(7, BODY22.num_joints, 3)
    positions[::2, LEFT_TOE, 1] = 0.049
    assert skating_ratio(positions, BODY22, FPS).mean == 0
    assert skating_ratio(positions[:1], BODY22, FPS) == EMPTY


def test_skate_from_contacts_follows_the_labels_of_each_joint() -> None:
    positions = high(3)
    positions[:, RIGHT_HEEL, 0] = torch.tensor([0.0, 0.01, 0.04])
    positions[:, LEFT_TOE, 0] = torch.tensor([0.0, 0.05, 0.10])
    contacts = torch.zeros(3, 4, dtype=torch.bool)
    contacts[:2, 2] = True
    skate = foot_skate_from_contacts(positions, contacts, BODY22, FPS)
    assert skate.mean == pytest.approx(0.4)
    assert skate.maximum == pytest.approx(0.6)
    assert skate.count == 2


def test_no_contact_no_low_toe_and_one_frame_measure_nothing() -> None:
    none = torch.zeros(5, 4, dtype=torch.bool)
    assert foot_skate_from_contacts(high(5), none, BODY22, FPS) == EMPTY
    assert foot_skate_from_height(high(5), BODY22, FPS) == EMPTY
    assert foot_skate_ratio(high(5), BODY22, FPS) == EMPTY
    low = torch.zeros(1, BODY22.num_joints, 3)
    assert foot_skate_from_height(low, BODY22, FPS) == EMPTY
    assert foot_skate_ratio(low, BODY22, FPS) == EMPTY
    assert foot_skate_from_contacts(low, none[:1], BODY22, FPS) == EMPTY


def test_a_motion_without_slip_scores_zero() -> None:
    still = torch.zeros(6, BODY22.num_joints, 3)
    assert foot_skate_from_height(still, BODY22, FPS) == Summary(mean=0.0, maximum=0.0, count=10)
    assert foot_skate_ratio(still, BODY22, FPS).mean == 0


def test_contact_accuracy_is_the_share_of_equal_labels() -> None:
    predicted = torch.tensor([[True, False, True, True]])
    expected = torch.tensor([[True, True, True, False]])
    assert contact_accuracy(predicted, expected) == Summary(mean=0.5, maximum=1.0, count=4)


def test_labels_of_other_lengths_are_refused() -> None:
    labels = torch.zeros(4, 4, dtype=torch.bool)
    with pytest.raises(InvalidInputError, match="5 frames"):
        foot_skate_from_contacts(high(5), labels, BODY22, FPS)
    with pytest.raises(InvalidInputError, match="one shape"):
        contact_accuracy(labels, labels[:1])


def test_a_skeleton_without_toes_is_refused() -> None:
    stick = Skeleton(
        name="stick", joint_names=("a",), parents=(-1,), rest_offsets=torch.zeros(1, 3)
    )
    with pytest.raises(InvalidInputError, match="left_toe"):
        foot_skate_from_height(torch.zeros(4, 1, 3), stick, FPS)
