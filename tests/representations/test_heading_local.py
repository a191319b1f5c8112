"""The heading-local view: what its channels mean, how it integrates, what it cannot express."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.representations import HeadingLocal, SmoothRoot
from marey.skeleton import BODY22

FPS = 20.0
VIEW = HeadingLocal(skeleton=BODY22, fps=FPS)
FactsOf = Callable[[Motion, SmoothRoot], WorldFacts]


def block(features: torch.Tensor, name: str) -> torch.Tensor:
    return features[..., VIEW.layout.slice(name)]


def travelling(heading: float, *, left: float, forward: float) -> Motion:
    """A rigid body that faces one way and moves at one velocity, as seen from itself."""
    turn = rotations.yaw_matrix(torch.tensor(heading))
    time = torch.arange(30)[:, None] / FPS
    way = time * (turn @ torch.tensor([left, 0.0, forward]))
    local = torch.eye(3).repeat(30, BODY22.num_joints, 1, 1)
    local[:, 0] = turn
    return Motion(
        root_positions=way + torch.tensor([4.0, 0.9, -2.0]),
        local_rotations=local,
        fps=FPS,
        skeleton=BODY22,
    )


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.0, math.pi])
def test_velocity_is_to_the_left_and_forward_as_the_body_faces(heading: float) -> None:
    features = VIEW.encode(travelling(heading, left=0.5, forward=1.25))
    expected = torch.tensor([0.5, 1.25]).expand(30, 2)
    torch.testing.assert_close(block(features, "ground_velocity"), expected, atol=1e-4, rtol=0)
    assert float(block(features, "heading_rate").abs().max()) < 1e-4
    assert bool((block(features, "root_height") == 0.9).all())


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.0, math.pi])
def test_the_body_is_seen_as_at_heading_0(heading: float) -> None:
    still = travelling(heading, left=0.0, forward=0.0)
    ahead = travelling(0.0, left=0.0, forward=0.0)
    torch.testing.assert_close(VIEW.encode(still), VIEW.encode(ahead), atol=2e-5, rtol=0)


def test_two_turns_through_the_back_are_all_counted(circle: Motion) -> None:
    rate = block(VIEW.encode(circle), "heading_rate")
    # The pelvis swings besides; a turn lost or gained would show as 0.63 rad/s.
    assert float(rate.mean()) == pytest.approx(4 * math.pi / 10, abs=0.1)
    assert float(rate.abs().max()) < 4


def test_both_views_hold_the_same(circle: Motion) -> None:
    world = VIEW.world_view.encode(circle)
    root = world[0, VIEW.world_view.layout.slice("root_position")]
    local = VIEW.from_smooth_root(world)
    back = VIEW.to_smooth_root(local, start=root[[0, 2]], heading=VIEW.world_view.heading(world[0]))
    torch.testing.assert_close(back, world, atol=5e-6, rtol=0)
    torch.testing.assert_close(VIEW.from_smooth_root(back), local, atol=5e-5, rtol=0)


def test_batches_are_converted_clip_by_clip(circle: Motion) -> None:
    world = VIEW.world_view.encode(circle)
    clips = torch.stack((world[:60], world[90:150]))
    local = VIEW.from_smooth_root(clips)
    torch.testing.assert_close(local[1], VIEW.from_smooth_root(world[90:150]))
    start, heading = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0.5, -0.5])
    placed = VIEW.to_smooth_root(local, start=start, heading=heading)
    alone = VIEW.to_smooth_root(local[1], start=start[1], heading=heading[1])
    torch.testing.assert_close(placed[1], alone)
    torch.testing.assert_close(VIEW.world_view.heading(placed[:, 0]), heading)
    assert placed[1, 0, VIEW.world_view.layout.channels("root_position")[::2]].tolist() == [3, 4]


def test_the_last_rate_and_velocity_lead_beyond_the_clip(circle: Motion) -> None:
    features = VIEW.encode(circle)
    changed = features.clone()
    changed[-1, VIEW.layout.span("heading_rate", "ground_velocity")] = 99.0
    assert torch.equal(VIEW.to_smooth_root(changed), VIEW.to_smooth_root(features))


def test_the_raw_root_is_a_view_of_its_own(circle: Motion) -> None:
    raw = HeadingLocal(skeleton=BODY22, fps=FPS, smoothing="none")
    assert raw.name == "raw_heading_local"
    pelvis = raw.encode(circle)[:, raw.layout.channels("joint_positions", [0])]
    assert float(pelvis[:, [0, 2]].abs().max()) < 1e-6


def test_features_of_the_other_view_are_refused(circle: Motion) -> None:
    world = VIEW.world_view.encode(circle)
    with pytest.raises(InvalidInputError, match=r"heading_local .*272 channels"):
        VIEW.to_smooth_root(world)
    with pytest.raises(InvalidInputError, match=r"smooth_root .*273 channels"):
        VIEW.from_smooth_root(VIEW.encode(circle))


# --- facts -------------------------------------------------------------------------------------


def test_facts_placed_at_their_start_are_met(circle: Motion, facts_of: FactsOf) -> None:
    facts = facts_of(circle, VIEW.world_view)
    seen = VIEW.observe(facts)
    world = VIEW.to_smooth_root(seen.values, start=facts.root_path[0], heading=facts.heading[0])
    positions = VIEW.world_view.positions(world)
    torch.testing.assert_close(positions, facts.joint_positions, atol=1e-5, rtol=0)


def test_a_known_beginning_is_observed_up_to_its_last_step(
    circle: Motion, facts_of: FactsOf
) -> None:
    known = torch.arange(circle.num_frames) < 10
    facts = replace(
        WorldFacts.empty(circle.num_frames, BODY22.num_joints),
        heading=circle.heading,
        heading_mask=known,
        root_path=facts_of(circle, VIEW.world_view).root_path,
        root_path_mask=known,
    )
    seen = VIEW.observe(facts)
    for name in ("heading_rate", "ground_velocity"):
        assert block(seen.mask, name).all(1).nonzero()[:, 0].tolist() == list(range(9))
    torch.testing.assert_close(seen.values, VIEW.encode(circle) * seen.mask, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heading_mask": [4]}, "Frame 4 has a heading without a heading in every frame before"),
        ({"heading_mask": [0, 1, 3]}, "Frame 3 has a heading"),
        ({"heading_mask": [0, 1], "root_path_mask": [1]}, "Frame 1 has a root path"),
        ({"root_path_mask": [0, 1]}, "Frame 0 has a root path without a heading in the same"),
        ({"global_rotation_mask": [2]}, "Frame 2 has a rotation without a heading"),
        ({"joint_position_mask": [5]}, "Frame 5 has a joint position without a root path"),
    ],
)
def test_facts_that_need_a_place_in_the_world_are_refused(
    changes: dict[str, list[int]], message: str
) -> None:
    facts = WorldFacts.empty(8, BODY22.num_joints)
    for name, frames in changes.items():
        getattr(facts, name)[frames] = True
    with pytest.raises(InvalidInputError, match=rf"{message}.*where in the world.*use smooth_root"):
        VIEW.observe(facts)
