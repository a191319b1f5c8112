"""HumanML3D's features as a representation: the contract, as far as features without twist go."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.chain_body import KIT_BODY
from marey.representations import HumanML3D, Normalizer
from marey.skeleton import BODY22, HUMANML3D22, KIT21, PARTS

MIRROR_SIGNS = {
    "root_yaw_velocity": (-1,),
    "root_velocity": (-1, 1),
    "root_height": (1,),
    "joint_positions": (-1, 1, 1),
    "rotations": (1, -1, -1, -1, 1, 1),
    "velocities": (-1, 1, 1),
    "contacts": (1,),
}


@pytest.fixture
def own() -> HumanML3D:
    """Of body22's proportions, which are those of the motions of the tests."""
    return HumanML3D(skeleton=BODY22)


def test_the_layout_is_that_of_the_maths() -> None:
    for representation in (HumanML3D(), HumanML3D(body=KIT_BODY)):
        layout, body = representation.layout, representation.body
        assert {b.name: layout.slice(b.name) for b in layout.blocks} == body.slices
        assert layout.size == body.num_feats
        slices = [layout.part_channels(part, representation.skeleton) for part in PARTS]
        assert sorted(channel for part in slices for channel in part) == list(range(layout.size))
    assert HumanML3D().name == "humanml3d"
    assert HumanML3D().skeleton == HUMANML3D22


@pytest.mark.parametrize("clip", ["walk", "jump", "dance", "turn"])
def test_features_are_those_of_the_reference_and_one_more(shared_data: Path, clip: str) -> None:
    with np.load(shared_data / "humanml3d_fixture" / "fixture.npz") as arrays:
        positions = torch.from_numpy(arrays[f"{clip}_positions"])
        expected = torch.from_numpy(arrays[f"{clip}_features"])
    features = HumanML3D().of_positions(positions)
    assert len(features) == len(positions)
    assert float((features[:-1] - expected).abs().max()) < 2e-5
    back = HumanML3D().decode(features)
    assert back.num_frames == len(positions)
    bones = back.joint_positions.diff(dim=0)
    assert bool(bones.isfinite().all())


def test_a_round_trip_keeps_joint_positions_and_contacts(own: HumanML3D, motion: Motion) -> None:
    features = own.encode(motion)
    assert features.shape == (motion.num_frames, 263)
    assert features.dtype == torch.float32
    back = own.decode(features)
    again = own.encode(back)
    torch.testing.assert_close(again, features, atol=2e-4, rtol=0)
    pelvis = back.root_positions
    assert pelvis[0, [0, 2]].tolist() == [0.0, 0.0]
    torch.testing.assert_close(pelvis[:, 1], motion.root_positions[:, 1], atol=1e-5, rtol=0)
    moved = motion.joint_positions - motion.root_positions[:, None]
    back_moved = back.joint_positions - pelvis[:, None]
    torch.testing.assert_close(back_moved.norm(dim=-1), moved.norm(dim=-1), atol=1e-5, rtol=0)
    path, back_path = (m.root_positions[:, [0, 2]] for m in (motion, back))
    far, back_far = ((p - p[:1]).norm(dim=1) for p in (path, back_path))
    torch.testing.assert_close(back_far, far, atol=1e-4, rtol=0)
    assert back.contacts is not None
    assert torch.equal(back.contacts, features[:, own.layout.slice("contacts")] > 0.5)


def test_place_and_heading_do_not_show(own: HumanML3D, motion: Motion) -> None:
    features = own.encode(motion)
    moved = motion.rotate(1.3).translate(torch.tensor([1.5, 0.0, -2.5]))
    torch.testing.assert_close(own.encode(moved), features, atol=5e-4, rtol=0)
    assert torch.equal(own.rotate(features, torch.tensor(1.3)), features)
    assert torch.equal(own.translate(features, torch.ones(3)), features)
    assert torch.equal(own.canonicalise(features), features)


def test_a_mirrored_motion_has_mirrored_features(own: HumanML3D, motion: Motion) -> None:
    layout, features = own.layout, own.encode(motion)
    expected = features.clone()
    for block in layout.blocks:
        partners = [BODY22.mirror[joint] for joint in block.joints]
        values = features[:, layout.channels(block.name, partners or None)]
        signs = features.new_tensor(MIRROR_SIGNS[block.name])
        expected[:, layout.slice(block.name)] = (
            values.unflatten(1, (-1, block.width)) * signs
        ).flatten(1)
    torch.testing.assert_close(own.encode(motion.mirror()), expected, atol=5e-4, rtol=0)
    torch.testing.assert_close(own.encode(motion.mirror().mirror()), features, atol=1e-5, rtol=0)


def test_heights_and_contacts_are_observed_and_nothing_else_is(own: HumanML3D) -> None:
    facts = WorldFacts.empty(5, 22)
    facts.root_height_mask[3] = True
    facts.root_height[3] = 0.8
    facts.contact_mask[1, 2] = True
    seen = own.observe(facts)
    assert seen.mask.nonzero().tolist() == [[1, 261], [3, 3]]
    assert float(seen.values[3, 3]) == pytest.approx(0.8)
    facts.heading_mask[2] = True
    with pytest.raises(InvalidInputError, match="Frame 2 has a heading"):
        own.observe(facts)
    with pytest.raises(InvalidInputError, match=r"22 joints .*34"):
        own.observe(WorldFacts.empty(4, 34))


def test_what_does_not_fit_is_refused(own: HumanML3D, circle: Motion) -> None:
    with pytest.raises(InvalidInputError, match=r"20 fps.* at 30 fps"):
        own.encode(circle.resample(30.0))
    with pytest.raises(InvalidInputError, match="another skeleton of that name"):
        own.encode(replace(circle, skeleton=replace(BODY22, rest_offsets=2 * BODY22.rest_offsets)))
    with pytest.raises(InvalidInputError, match="263 channels"):
        own.decode(torch.zeros(4, 251))
    with pytest.raises(InvalidInputError, match="'humanml3d22', got skeleton 'kit21'"):
        HumanML3D(skeleton=KIT21)


def test_normalised_features_come_back(own: HumanML3D, circle: Motion) -> None:
    features = own.encode(circle)
    normalizer = Normalizer.fit(features, own.layout)
    torch.testing.assert_close(
        normalizer.inverse(normalizer(features)), features, atol=1e-5, rtol=0
    )
