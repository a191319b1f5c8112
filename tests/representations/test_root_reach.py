"""Joint positions where the root path is not known but estimated."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.path_smoothing import DEFAULT_MARGIN
from marey.representations import Observation, SmoothRoot
from marey.representations.root_reach import REACH, TOLERANCE, pulled_within_reach, reaches
from marey.skeleton import BODY22

FactsOf = Callable[[Motion, SmoothRoot], WorldFacts]
VIEW = SmoothRoot(skeleton=BODY22, fps=20.0)
LAYOUT = VIEW.layout
ROOT = LAYOUT.channels("root_position")[::2]
LEFT, RIGHT = BODY22.role("left_hand"), BODY22.role("right_hand")
ORIGIN = torch.zeros(1, 2)


def known_at(frames: int, targets: dict[int, tuple[float, float, float]]) -> WorldFacts:
    """Joints' places in the last frame, and nothing of the root."""
    facts = WorldFacts.empty(frames, BODY22.num_joints)
    for joint, place in targets.items():
        facts.joint_positions[-1, joint] = torch.tensor(place)
        facts.joint_position_mask[-1, joint] = True
    return facts


def places(seen: Observation, path: torch.Tensor) -> torch.Tensor:
    """World positions that are shown, by the root that is shown or else estimated."""
    shown = seen.mask[:, ROOT].all(1)
    features = seen.values.clone()
    features[:, ROOT] = torch.where(shown[:, None], seen.values[:, ROOT], path)
    return VIEW.positions(features)


def reach_of(joint: int) -> float:
    return float(reaches(BODY22, margin=DEFAULT_MARGIN)[joint])


def test_the_true_path_as_an_estimate_shows_the_features(motion: Motion, facts_of: FactsOf) -> None:
    facts = facts_of(motion, VIEW)
    path = facts.root_path
    hidden = replace(
        facts,
        root_path=torch.full_like(path, torch.nan),
        root_path_mask=torch.zeros_like(facts.root_path_mask),
    )
    seen, features = VIEW.observe(hidden, path=path), VIEW.encode(motion)
    positions = LAYOUT.slice("joint_positions")
    assert bool(seen.mask[:, positions].all())
    assert not bool(seen.mask[:, ROOT].any())  # the pelvis lies within the smoothing's margin
    torch.testing.assert_close(seen.values[:, positions], features[:, positions], atol=2e-5, rtol=0)


def test_shown_positions_are_those_pinned_whatever_the_estimate(
    circle: Motion, facts_of: FactsOf, generator: torch.Generator
) -> None:
    facts = facts_of(circle, VIEW)
    joints = torch.rand(facts.joint_position_mask.shape, generator=generator) < 0.05
    known = torch.rand(circle.num_frames, generator=generator) < 0.3
    unknown = torch.where(joints[..., None], facts.joint_positions, torch.nan)
    facts = replace(
        facts, joint_positions=unknown, joint_position_mask=joints, root_path_mask=known
    )
    path = facts.root_path + torch.randn(circle.num_frames, 2, generator=generator)
    seen = VIEW.observe(facts, path=path)
    found = places(seen, path)
    torch.testing.assert_close(found[joints], facts.joint_positions[joints], atol=1e-5, rtol=0)
    shown = seen.mask[:, ROOT].all(1)
    assert torch.equal(seen.values[known][:, ROOT], facts.root_path[known])
    assert bool(shown[known].all())
    away = facts.joint_positions[..., [0, 2]] - path[:, None]
    beyond = (away.norm(dim=-1) > reaches(BODY22, margin=DEFAULT_MARGIN) + TOLERANCE) & joints
    beyond = torch.where(joints[:, :1], beyond[:, :1], beyond)  # a pinned pelvis decides alone
    assert torch.equal(shown, known | beyond.any(1))
    assert 0 < int((shown & ~known).sum()) < int((joints.any(1) & ~known).sum())


def test_a_pulled_root_is_the_nearest_within_reach() -> None:
    for joint in (LEFT, 0, BODY22.index("left_hip")):
        seen = VIEW.observe(known_at(3, {joint: (3.0, 1.0, 4.0)}), path=torch.zeros(3, 2))
        found = seen.values[2, ROOT]
        wanted = torch.tensor([3.0, 4.0]) * (5 - reach_of(joint)) / 5
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
        assert not bool(seen.mask[:2].any())
    assert reach_of(0) == pytest.approx(DEFAULT_MARGIN)
    assert DEFAULT_MARGIN < reach_of(BODY22.index("left_hip")) < 0.2
    assert reach_of(LEFT) == pytest.approx(DEFAULT_MARGIN + REACH)


def test_several_joints_pull_to_where_all_are_within_reach() -> None:
    seen = VIEW.observe(
        known_at(1, {LEFT: (0.4, 1.0, 2.0), RIGHT: (-0.4, 1.0, 2.2)}), path=ORIGIN + 0.1
    )
    ground = seen.values[0, ROOT]
    for x, z in ((0.4, 2.0), (-0.4, 2.2)):
        away = float((ground - torch.tensor([x, z])).norm())
        assert away < reach_of(LEFT) + 2 * TOLERANCE


def test_joints_too_far_apart_pull_to_between_them_and_the_pelvis_decides_alone() -> None:
    targets = torch.tensor([[[0.0, 0.5], [2.0, 0.0], [-2.0, 0.0]]])
    reach = torch.tensor([0.06, 0.5, 0.5])
    for pelvis, wanted in ((False, [0.0, 0.0]), (True, [0.06, 0.5])):
        pinned = torch.tensor([[pelvis, True, True]])
        found = pulled_within_reach(torch.tensor([[1.0, 0.5]]), targets, pinned, reach)
        torch.testing.assert_close(found[0], torch.tensor(wanted), atol=2e-3, rtol=0)


def test_a_raw_root_is_the_pelvis_itself() -> None:
    raw = SmoothRoot(skeleton=BODY22, fps=20.0, smoothing="none")
    seen = raw.observe(known_at(1, {0: (0.02, 0.9, 0.0)}), path=ORIGIN)
    assert seen.values[0, ROOT].tolist() == pytest.approx([0.02, 0.0])
    assert bool(seen.mask[0, ROOT].all())
    near = VIEW.observe(known_at(1, {0: (0.02, 0.9, 0.0)}), path=ORIGIN)
    assert not bool(near.mask[0, ROOT].any())


def test_facts_and_estimate_moved_together_are_the_observation_moved(
    circle: Motion, facts_of: FactsOf, generator: torch.Generator
) -> None:
    facts = facts_of(circle, VIEW)
    joints = torch.rand(facts.joint_position_mask.shape, generator=generator) < 0.05
    facts = replace(facts, joint_position_mask=joints, root_path_mask=torch.zeros(200) > 0)
    path = facts.root_path + torch.randn(200, 2, generator=generator)
    offset = torch.tensor([5.0, 0.0, -3.0])
    moved = replace(facts, joint_positions=facts.joint_positions + offset)
    here, there = VIEW.observe(facts, path=path), VIEW.observe(moved, path=path + offset[[0, 2]])
    assert torch.equal(here.mask, there.mask)
    wanted = VIEW.translate(here.values, offset).where(here.mask, 0)
    torch.testing.assert_close(there.values, wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("path", [torch.zeros(2, 2), torch.full((3, 2), torch.nan)])
def test_an_estimate_that_does_not_fit_is_refused(path: torch.Tensor) -> None:
    with pytest.raises(InvalidInputError, match=r"finite and of shape \(3, 2\)"):
        VIEW.observe(known_at(3, {LEFT: (0.0, 0.0, 0.0)}), path=path)
