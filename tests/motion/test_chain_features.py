"""HumanML3D features: parity with the reference implementation, there and back, invariances."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import InvalidInputError
from marey.motion.chain_body import HUMANML3D_BODY, KIT_BODY, ChainBody
from marey.motion.chain_features import (
    chain_features,
    placed_at_start,
    recovered_positions,
    smooth_heading,
    standardised,
    uniform_bones,
)
from marey.motion.chain_statistics import chain_statistics
from marey.motion.posing import skeleton_of_positions
from marey.rotations import rotation_6d_to_matrix, wrap_angle, yaw_matrix
from marey.skeleton import KIT21, joint_positions

CLIPS = ("walk", "jump", "dance", "turn")


@pytest.fixture(scope="module")
def fixture(shared_data: Path) -> dict[str, torch.Tensor]:
    with np.load(shared_data / "humanml3d_fixture" / "fixture.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def turning(body: ChainBody, *, frames: int = 120, turns: float = 1.5) -> torch.Tensor:
    """A body that stands, swings its arms and turns round and round while it walks a curve."""
    time = torch.linspace(0, 1, frames).double()
    rest = joint_positions(
        torch.zeros(3), torch.eye(3).expand(body.num_joints, 3, 3), body.skeleton
    ).double()
    shape = rest.expand(frames, -1, -1).clone()
    hands = [body.skeleton.index(f"{side}_wrist") for side in ("left", "right")]
    shape[:, hands, 1] += 0.1 * (20 * time).sin()[:, None]
    shape[..., 1] -= shape[..., 1].min()
    yaw = yaw_matrix(time * turns * 2 * math.pi)
    path = torch.stack(((3 * time).sin(), 0.02 * (9 * time).cos(), 2 * time), dim=-1)
    return shape @ yaw.transpose(-1, -2) + path[:, None]


# --- parity ------------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", CLIPS)
def test_features_are_those_of_the_reference(fixture: dict[str, torch.Tensor], clip: str) -> None:
    ours = chain_features(
        standardised(fixture[f"{clip}_positions"], HUMANML3D_BODY), HUMANML3D_BODY
    )
    error = (ours - fixture[f"{clip}_features"]).abs()
    at = HUMANML3D_BODY.slices["rotations"]
    # The reference computes in float32: its turns are 1e-5 off its own positions, ours 1e-15.
    assert float(error[:, at].max()) < 2e-5
    assert int((error > 1e-5).sum()) <= 20
    error[:, at] = 0
    assert float(error.max()) < 4e-6
    contacts = HUMANML3D_BODY.slices["contacts"]
    assert float(error[:, contacts].max()) == 0


@pytest.mark.parametrize("clip", CLIPS)
def test_bone_rotations_point_where_the_positions_lie(
    fixture: dict[str, torch.Tensor], clip: str
) -> None:
    body = HUMANML3D_BODY
    standing = standardised(fixture[f"{clip}_positions"], body)
    heading = smooth_heading(standing, body)[:-1]
    ours = off_its_own_positions(chain_features(standing, body), heading, body)
    reference = off_its_own_positions(fixture[f"{clip}_features"].double(), heading, body)
    assert ours < 1e-12
    assert reference > (5e-6 if clip == "turn" else 1e-7)


def off_its_own_positions(features: torch.Tensor, heading: torch.Tensor, body: ChainBody) -> float:
    """How far bone directions of the rotation block lie from those of the positions, radians."""
    columns = features[:, body.slices["rotations"]].unflatten(1, (-1, 6))
    turns = rotation_6d_to_matrix(columns)
    places = features[:, body.slices["joint_positions"]].unflatten(1, (-1, 3))
    root = features[:, body.slices["root_height"], None] * torch.tensor([0.0, 1.0, 0.0])
    places = torch.cat((root, places), dim=1) @ yaw_matrix(heading).transpose(-1, -2)
    worst = 0.0
    for chain in body.chains:
        turn = yaw_matrix(-heading)
        for start, end in pairwise(chain):
            turn = turn @ turns[:, end - 1]
            stated = turn @ torch.tensor(body.directions[end]).double()
            bone = torch.nn.functional.normalize(places[:, end] - places[:, start], dim=-1)
            worst = max(worst, float((stated - bone).norm(dim=-1).max()))
    return worst


@pytest.mark.parametrize("clip", CLIPS)
def test_recovery_is_that_of_the_reference(fixture: dict[str, torch.Tensor], clip: str) -> None:
    got = recovered_positions(fixture[f"{clip}_features"], HUMANML3D_BODY)
    assert float((got - fixture[f"{clip}_recovered"]).abs().max()) < 1e-6


def test_the_body_is_that_of_the_reference(fixture: dict[str, torch.Tensor]) -> None:
    raw = fixture["raw_offsets"].double()
    ours = raw * HUMANML3D_BODY.bone_lengths[:, None]
    assert torch.equal(torch.tensor(HUMANML3D_BODY.directions), raw.float())
    assert float((ours - fixture["target_offsets"]).abs().max()) < 2e-7


# --- laws --------------------------------------------------------------------------------------


@pytest.fixture(params=[HUMANML3D_BODY, KIT_BODY], ids=lambda body: body.name)
def body(request: pytest.FixtureRequest) -> ChainBody:
    return request.param


def test_widths(body: ChainBody) -> None:
    assert body.num_feats == {"humanml3d": 263, "kit": 251}[body.name]
    features = chain_features(placed_at_start(turning(body), body), body)
    assert features.shape == (119, body.num_feats)
    assert bool(features.isfinite().all())


def test_positions_come_back_also_after_turning_all_the_way_round(body: ChainBody) -> None:
    positions = placed_at_start(turning(body), body)
    back = recovered_positions(chain_features(positions, body), body)
    assert float((back - positions[:-1]).abs().max()) < 1e-9


def test_the_yaw_velocity_keeps_its_sign_where_the_originals_does_not() -> None:
    body = HUMANML3D_BODY
    positions = placed_at_start(turning(body), body)
    features = chain_features(positions, body)
    # As written by [Guo2022]: quaternions of the shortest arc to +Z, whose real part is positive.
    half = wrap_angle(smooth_heading(positions, body)) / 2
    original = -half.diff().sin().asin()
    wrong = (original - features[:, 0]).abs() > 1e-6
    assert int(wrong.sum()) == 1
    torch.testing.assert_close(original[wrong], -features[wrong, 0])
    features[:, 0] = original
    off = (recovered_positions(features, body) - positions[:-1]).norm(dim=-1).amax(1)
    first = int(wrong.nonzero()[0, 0])
    assert float(off[: first + 1].max()) < 1e-9
    assert float(off[first + 1 :].min()) > 0.05


def test_features_know_neither_place_nor_heading(body: ChainBody) -> None:
    positions = turning(body)
    moved = positions @ yaw_matrix(torch.tensor(2.2).double()).T + torch.tensor([5.0, 0.0, -3.0])
    one, other = (chain_features(placed_at_start(clip, body), body) for clip in (positions, moved))
    torch.testing.assert_close(one, other, atol=1e-9, rtol=0)


def test_a_body_of_another_size_becomes_the_same(body: ChainBody) -> None:
    positions = turning(body)
    one, other = (standardised(clip, body) for clip in (positions, 1.7 * positions))
    torch.testing.assert_close(one, other, atol=1e-9, rtol=0)
    assert float(one[..., 1].min()) == 0


def test_uniform_bones_have_the_lengths_and_the_directions(body: ChainBody) -> None:
    positions = turning(body)
    uniform = uniform_bones(positions, body)
    for start, end in body.bones:
        own, other = positions[:, end] - positions[:, start], uniform[:, end] - uniform[:, start]
        assert float((other.norm(dim=-1) - body.bone_lengths[end]).abs().max()) < 1e-9
        assert float(torch.cosine_similarity(own, other, dim=-1).min()) > 1 - 1e-9


def test_a_turn_to_the_left_is_a_negative_yaw_velocity(body: ChainBody) -> None:
    positions = placed_at_start(turning(body, turns=0.25), body)
    features = chain_features(positions, body)
    heading = smooth_heading(positions, body)
    assert float(heading[-1]) > 0.5
    velocity = features[:, body.slices["root_yaw_velocity"]]
    assert float(-2 * velocity.sum()) == pytest.approx(float(heading[-1]))


def test_a_bone_opposite_to_its_raw_direction_has_finite_features() -> None:
    positions = turning(HUMANML3D_BODY)
    positions[:, 4] = positions[:, 1] + torch.tensor([0.0, 0.3, 0.0])
    features = chain_features(placed_at_start(positions, HUMANML3D_BODY), HUMANML3D_BODY)
    assert bool(features.isfinite().all())


def test_a_bone_without_length_is_refused() -> None:
    positions = turning(HUMANML3D_BODY)
    positions[3, 20] = positions[3, 18]
    with pytest.raises(InvalidInputError, match="left_wrist has no length"):
        uniform_bones(positions, HUMANML3D_BODY)
    with pytest.raises(InvalidInputError, match="2 frames"):
        chain_features(positions[:1], HUMANML3D_BODY)
    with pytest.raises(InvalidInputError, match="263 channels, got 251"):
        recovered_positions(torch.zeros(3, 251), HUMANML3D_BODY)


def test_kits_own_bone_lengths_can_be_given() -> None:
    positions = 1.2 * turning(KIT_BODY)
    lengths = skeleton_of_positions(positions, KIT21).rest_offsets.norm(dim=1)
    legs = [*KIT21.part_indices("left_leg"), *KIT21.part_indices("right_leg")]
    expected = 1.2 * KIT_BODY.bone_lengths.float()
    torch.testing.assert_close(lengths[legs], expected[legs])


# --- statistics --------------------------------------------------------------------------------


def test_statistics_are_those_of_all_frames_averaged_in_groups(
    body: ChainBody, generator: torch.Generator
) -> None:
    clips = [torch.randn(n, body.num_feats, generator=generator) * (n / 10) for n in (7, 40, 3)]
    found = chain_statistics(clips, body)
    together = torch.cat(clips).double()
    torch.testing.assert_close(found.mean.double(), together.mean(0), atol=1e-6, rtol=0)
    for channels in body.slices.values():
        spread = together[:, channels].std(0, correction=0).mean().float()
        torch.testing.assert_close(found.std[channels], spread.expand(found.std[channels].shape))
    assert found.frames == 50


def test_root_and_contacts_can_weigh_more(generator: torch.Generator) -> None:
    body = HUMANML3D_BODY
    clips = [torch.randn(20, 263, generator=generator)]
    ratio = chain_statistics(clips, body).std / chain_statistics(clips, body, root_weight=5.0).std
    expected = torch.ones(263)
    expected[:4] = expected[259:] = 5.0
    torch.testing.assert_close(ratio, expected)
    with pytest.raises(InvalidInputError, match="at least one frame"):
        chain_statistics([], body)
