"""Motion quality of motions whose feet are known."""

from dataclasses import replace

import pytest
import torch

from marey.evaluation.motion_quality import QUALITY, motion_quality
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
    found = motion_quality(sliding(0.0), LIMITS)

    assert found["skate: low toes"].count > 0
    for name in ("skate: low toes", "skate: share of low steps", "depth below the floor"):
        assert found[name].mean == pytest.approx(0.0, abs=1e-6)
    assert found["jerk"].mean == pytest.approx(0.0, abs=1e-2)


def test_a_body_that_is_pushed_skates_at_that_speed() -> None:
    found = motion_quality(sliding(0.5), LIMITS)

    assert found["skate: low toes"].mean == pytest.approx(0.5, rel=1e-3)
    assert found["skate: share of low steps"].mean == 1.0


def test_contacts_are_judged_only_where_they_are_stated() -> None:
    still = sliding(0.0)
    stated = replace(still, contacts=torch.ones(21, 4, dtype=torch.bool))
    lifted = replace(still, contacts=torch.zeros(21, 4, dtype=torch.bool))
    name = "contacts as heights and speeds say"

    assert motion_quality(still, LIMITS)[name].count == 0
    right, wrong = (motion_quality(each, LIMITS)[name].mean for each in (stated, lifted))
    assert right + wrong == pytest.approx(1.0)
    assert right > wrong


def test_every_measure_has_a_line() -> None:
    assert set(motion_quality(sliding(0.1), LIMITS)) == set(QUALITY)
    assert all(name == each.measure.name for name, each in QUALITY.items())
