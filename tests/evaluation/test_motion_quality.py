"""Motion quality of motions whose feet are known."""

from dataclasses import replace

import pytest
import torch

from marey.evaluation.motion_quality import (
    QUALITY,
    motion_quality,
    pooled_estimate,
    quality_estimates,
)
from marey.metrics import Summary
from marey.motion import ContactLimits, Motion
from marey.skeleton import BODY22

LIMITS = ContactLimits()


def sliding(speed: float, frames: int = 21) -> Motion:
    """A T-pose with its lowest joint on the floor, pushed forward at a speed in m/s."""
    root = torch.zeros(frames, 3)
    root[:, 2] = speed * torch.arange(frames) / 20.0
    pose = Motion(
        root_positions=root,
        local_rotations=torch.eye(3).expand(frames, 22, 3, 3).clone(),
        fps=20.0,
        skeleton=BODY22,
    )
    return pose.translate(torch.tensor([0.0, -float(pose.joint_positions[..., 1].min()), 0.0]))


def test_a_body_that_stands_neither_skates_nor_sinks_nor_shakes() -> None:
    found = quality_estimates([sliding(0.0)], LIMITS)

    assert found["skate: low toes"].value == pytest.approx(0.0, abs=1e-4)
    assert found["skate: share of low steps"].value == 0.0
    assert found["depth below the floor"].value == pytest.approx(0.0, abs=1e-4)
    assert found["jerk"].value == pytest.approx(0.0, abs=1e-2)


def test_a_body_that_is_pushed_skates_at_that_speed() -> None:
    found = quality_estimates([sliding(0.5)], LIMITS)

    assert found["skate: low toes"].value == pytest.approx(50.0, rel=1e-3)
    assert found["skate: share of low steps"].value == 100.0


def test_contacts_are_judged_only_where_they_are_stated() -> None:
    still = sliding(0.0)
    stated = replace(still, contacts=torch.ones(21, 4, dtype=torch.bool))
    lifted = replace(still, contacts=torch.zeros(21, 4, dtype=torch.bool))
    name = "contacts as heights and speeds say"

    assert name not in quality_estimates([still], LIMITS)
    right, wrong = (quality_estimates([each], LIMITS)[name].value for each in (stated, lifted))
    assert right + wrong == pytest.approx(100.0)
    assert right > wrong


def test_pooling_weighs_motions_by_what_was_seen_in_them() -> None:
    parts = [
        Summary(mean=1.0, maximum=1.0, count=1),
        Summary(mean=4.0, maximum=4.0, count=2),
        Summary(mean=0.0, maximum=0.0, count=0),
    ]

    found = pooled_estimate(parts, factor=10.0)

    assert found is not None
    assert found.value == pytest.approx(30.0)
    assert 10.0 <= found.low <= found.value <= found.high <= 40.0
    assert pooled_estimate(parts[2:]) is None


def test_every_measure_has_a_line() -> None:
    assert set(motion_quality(sliding(0.1), LIMITS)) == set(QUALITY)
    assert all(name == each.measure.name for name, each in QUALITY.items())
