"""Depth below the ground."""

import pytest
import torch

from marey.metrics import ground_penetration


def test_each_frame_counts_its_lowest_joint() -> None:
    positions = torch.zeros(3, 2, 3)
    positions[:, 0, 1] = torch.tensor([0.10, -0.02, -0.01])
    positions[:, 1, 1] = torch.tensor([0.20, 0.30, -0.04])
    depth = ground_penetration(positions)
    assert depth.mean == pytest.approx((0 + 0.02 + 0.04) / 3)
    assert depth.maximum == pytest.approx(0.04)
    assert depth.count == 3


def test_the_ground_may_lie_elsewhere() -> None:
    assert ground_penetration(torch.zeros(2, 4, 3), ground=0.5).mean == pytest.approx(0.5)
    assert ground_penetration(torch.zeros(2, 4, 3), ground=-0.5).maximum == 0
