"""The contract of representations, run alike on each of them and on made-up and real motions."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.motion import BODY22_LIMITS, Motion
from marey.representations import (
    HeadingLocal,
    KinematicParts,
    Normalizer,
    Representation,
    SmoothRoot,
)
from marey.rotations import geodesic_distance
from marey.skeleton import BODY22, MIRRORED_PART, PART_PAIRS, PARTS

FPS = 20.0
GROUND = torch.tensor([1.0, 0.0, 1.0])
MIRROR_SIGNS = {  # of each block's channels; 6-D: the first column, then the second
    "root_position": (-1, 1, 1),
    "heading": (1, -1),
    "heading_rate": (-1,),
    "ground_velocity": (-1, 1),
    "root_height": (1,),
    "joint_positions": (-1, 1, 1),
    "rotations": (1, -1, -1, -1, 1, 1),
    "velocities": (-1, 1, 1),
    "contacts": (1,),
    "part_positions": (-1, 1, 1),
    "limb_angles": (1, -1, -1, -1, 1, 1),
    "part_velocities": (-1, 1, 1),
    "connecting_angles": (1, -1, -1, -1, 1, 1),
    "angular_velocities": (1, -1, -1),
    "relative_velocities": (-1, 1, 1),
}
UNPLACED = (HeadingLocal, KinematicParts)
"""Representations that do not hold where a motion starts and which way it faces there."""
FactsOf = Callable[[Motion, SmoothRoot], WorldFacts]


@pytest.fixture(
    params=["smooth_root", "legacy_root", "raw_root", "heading_local", "kinematic_parts"]
)
def representation(request: pytest.FixtureRequest) -> Representation:
    made: dict[str, Representation] = {
        "smooth_root": SmoothRoot(skeleton=BODY22, fps=FPS),
        "legacy_root": SmoothRoot(skeleton=BODY22, fps=FPS, smoothing="legacy"),
        "raw_root": SmoothRoot(skeleton=BODY22, fps=FPS, smoothing="none"),
        "heading_local": HeadingLocal(skeleton=BODY22, fps=FPS, contact_limits=BODY22_LIMITS),
        "kinematic_parts": KinematicParts(skeleton=BODY22, fps=FPS),
    }
    assert made[request.param].name == request.param
    return made[request.param]


def world_view(representation: Representation) -> SmoothRoot:
    if isinstance(representation, KinematicParts):
        return representation.heading_view.world_view
    if isinstance(representation, HeadingLocal):
        return representation.world_view
    assert isinstance(representation, SmoothRoot)
    return representation


def close(got: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(got, expected, atol=tolerance, rtol=0)


def in_world_view(features: torch.Tensor, representation: Representation) -> torch.Tensor:
    if isinstance(representation, KinematicParts):
        return in_world_view(representation.to_heading_local(features), representation.heading_view)
    if isinstance(representation, HeadingLocal):
        return representation.to_smooth_root(features)
    return features


def block_of(representation: Representation, *names: str) -> str:
    """The one of the names that the representation has."""
    (name,) = {block.name for block in representation.layout.blocks} & set(names)
    return name


def mirrored_pairs(values: torch.Tensor) -> torch.Tensor:
    """Exchange left and right in the relative positions of the fifteen pairs."""
    vectors, result = values.unflatten(1, (-1, 3)), []
    for one, other in PART_PAIRS:
        twin = MIRRORED_PART[one], MIRRORED_PART[other]
        row, sign = (
            (PART_PAIRS.index(twin), 1)
            if twin in PART_PAIRS
            else (PART_PAIRS.index(twin[::-1]), -1)
        )
        result.append(vectors[:, row] * sign * values.new_tensor([-1.0, 1.0, 1.0]))
    return torch.cat(result, dim=1)


def mirrored(features: torch.Tensor, representation: Representation) -> torch.Tensor:
    """Exchange left and right in features, block by block and joint by joint."""
    layout, result = representation.layout, features.clone()
    for block in layout.blocks:
        if block.name == "relative_positions":
            at = layout.slice(block.name)
            result[:, at] = mirrored_pairs(features[:, at])
            continue
        signs = features.new_tensor(MIRROR_SIGNS[block.name])
        partners = [BODY22.mirror[joint] for joint in block.joints]
        source = layout.channels(block.name, partners or None)
        values = features[:, source].unflatten(1, (-1, block.width)) * signs
        result[:, layout.slice(block.name)] = values.flatten(1)
    return result


# --- layout ------------------------------------------------------------------------------------


def test_blocks_cover_every_channel_once(representation: Representation) -> None:
    layout = representation.layout
    found = [channel for block in layout.blocks for channel in layout.channels(block.name)]
    assert found == list(range(layout.size))


def test_the_six_parts_share_out_every_channel(representation: Representation) -> None:
    layout = representation.layout
    slices = [layout.part_channels(part, BODY22) for part in PARTS]
    assert sorted(channel for own in slices for channel in own) == list(range(layout.size))
    assert all(part == sorted(part) for part in slices)
    left_arm = set(layout.part_channels("left_arm", BODY22))
    turned = block_of(representation, "rotations", "limb_angles")
    assert left_arm >= set(layout.channels(turned, [BODY22.index("left_wrist")]))


def test_features_are_as_wide_as_the_layout_says(
    representation: Representation, motion: Motion
) -> None:
    features = representation.encode(motion)
    assert features.shape == (motion.num_frames, representation.layout.size)
    assert features.dtype == torch.float32
    assert bool(features.isfinite().all())


# --- there and back ----------------------------------------------------------------------------


def test_a_round_trip_is_the_motion(representation: Representation, motion: Motion) -> None:
    features = representation.encode(motion)
    back = representation.decode(features)
    if isinstance(representation, UNPLACED):
        motion = motion.canonicalise()
        view = world_view(representation)
        start = view.encode(motion)[0]
        root = view.layout.slice("root_position")
        motion = motion.translate(-start[root] * GROUND)
    error = (back.joint_positions - motion.joint_positions).norm(dim=-1)
    assert float(error.max()) < 1e-5
    assert float(geodesic_distance(back.local_rotations, motion.local_rotations).max()) < 1e-4
    contacts = representation.layout.slice("contacts")
    assert back.contacts is not None
    assert torch.equal(back.contacts, features[:, contacts] > 0.5)
    assert motion.contacts is None or torch.equal(back.contacts, motion.contacts)


def test_canonical_features_start_above_the_origin_and_stay(
    representation: Representation, motion: Motion
) -> None:
    once = representation.canonicalise(representation.encode(motion))
    assert torch.equal(representation.canonicalise(once), once)
    view = world_view(representation)
    back = view.encode(representation.decode(once))[0, view.layout.slice("root_position")]
    close(back * GROUND, torch.zeros(3), 1e-5)


def test_a_batch_is_canonicalised_clip_by_clip(
    representation: Representation, circle: Motion
) -> None:
    features = representation.encode(circle)
    clips = torch.stack((features[:50], features[100:150]))
    together = representation.canonicalise(clips)
    assert torch.equal(together[1], representation.canonicalise(features[100:150]))


# --- equivariance ------------------------------------------------------------------------------


def test_a_turned_motion_has_turned_features(
    representation: Representation, motion: Motion
) -> None:
    turned = representation.rotate(representation.encode(motion), torch.tensor(1.3))
    close(representation.encode(motion.rotate(1.3)), turned, 2e-4)


def test_a_moved_motion_has_moved_features(representation: Representation, motion: Motion) -> None:
    offset = torch.tensor([1.5, 0.0, -2.5])
    moved = representation.translate(representation.encode(motion), offset)
    close(representation.encode(motion.translate(offset)), moved, 2e-4)


def test_a_mirrored_motion_has_mirrored_features(
    representation: Representation, motion: Motion
) -> None:
    expected = mirrored(representation.encode(motion), representation)
    close(representation.encode(motion.mirror()), expected, 2e-4)


# --- what is refused ---------------------------------------------------------------------------


def test_another_frame_rate_is_refused_with_both(
    representation: Representation, circle: Motion
) -> None:
    with pytest.raises(InvalidInputError, match=rf"{representation.name} .*20 fps.* at 30 fps"):
        representation.encode(circle.resample(30.0))


@pytest.mark.parametrize("name", ["giant", "body22"])
def test_another_skeleton_is_refused_with_both(
    representation: Representation, circle: Motion, name: str
) -> None:
    giant = replace(BODY22, name=name, rest_offsets=BODY22.rest_offsets * 2)
    with pytest.raises(InvalidInputError, match=f"'body22' at .*'{name}'") as caught:
        representation.encode(replace(circle, skeleton=giant))
    assert ("another skeleton of that name" in str(caught.value)) is (name == "body22")


def test_features_of_another_width_are_refused(
    representation: Representation, circle: Motion
) -> None:
    features = representation.encode(circle)
    with pytest.raises(InvalidInputError, match=f"{features.shape[1]} channels"):
        representation.decode(features[:, :-1])


def test_pinned_frames_keep_the_positions_that_features_state(
    representation: Representation, circle: Motion, generator: torch.Generator
) -> None:
    features = representation.encode(circle)
    block = block_of(representation, "joint_positions", "part_positions")
    pelvis = representation.layout.channels(block, [0])
    features[:, pelvis] += 0.05 * torch.randn(circle.num_frames, 3, generator=generator)
    world = in_world_view(features, representation)
    stated, _ = world_view(representation).root_and_rotations(world)
    pinned = torch.zeros(circle.num_frames, dtype=torch.bool)
    pinned[[5, 90]] = True
    free = representation.decode(features).root_positions
    kept = representation.decode(features, pinned=pinned).root_positions
    close(kept[pinned], stated[pinned], 1e-5)
    assert float((free - stated)[pinned].norm(dim=1).min()) > 0.01


# --- observing facts ---------------------------------------------------------------------------


def test_facts_of_a_motion_are_its_features(
    representation: Representation, motion: Motion, facts_of: FactsOf
) -> None:
    features = representation.encode(motion)
    seen = representation.observe(facts_of(motion, world_view(representation)))
    unseen = torch.ones(representation.layout.size, dtype=torch.bool)
    for block in representation.layout.blocks:
        if block.name.endswith("velocities"):
            unseen[representation.layout.slice(block.name)] = False
    assert torch.equal(seen.mask, unseen.expand_as(seen.mask))
    close(seen.values, features * seen.mask, 2e-5)


def test_nothing_known_is_nothing_observed(representation: Representation) -> None:
    seen = representation.observe(WorldFacts.empty(7, BODY22.num_joints))
    assert seen.values.shape == (7, representation.layout.size)
    assert not seen.mask.any()
    assert not seen.values.any()


def test_values_that_are_not_known_do_not_show(
    representation: Representation, circle: Motion, facts_of: FactsOf
) -> None:
    facts = facts_of(circle, world_view(representation))
    nothing = WorldFacts.empty(circle.num_frames, BODY22.num_joints)
    masks = {name: value for name, value in vars(nothing).items() if name.endswith("mask")}
    unknown = torch.full_like(facts.root_height, torch.nan)
    seen = representation.observe(
        replace(facts, **masks | {"contact_mask": facts.contact_mask}, root_height=unknown)
    )
    contacts = representation.layout.slice("contacts")
    assert int(seen.mask.sum()) == int(seen.mask[:, contacts].sum()) == circle.num_frames * 4
    assert torch.equal(seen.values[:, contacts], representation.encode(circle)[:, contacts])
    assert float(seen.values.sum()) == float(seen.values[:, contacts].sum())


def test_a_target_of_zero_is_a_target(representation: Representation) -> None:
    facts = WorldFacts.empty(5, BODY22.num_joints)
    facts.root_height_mask[3] = True
    facts.contact_mask[1, 2] = True
    seen = representation.observe(facts)
    channels = seen.mask.nonzero().tolist()
    height = world_view(representation).layout.channels("root_position")[1]
    if isinstance(representation, UNPLACED):
        height = representation.layout.channels("root_height")[0]
    assert channels == [[1, representation.layout.channels("contacts")[2]], [3, height]]
    assert not seen.values.any()


def test_a_position_without_root_path_is_refused_with_its_frame(
    representation: Representation, circle: Motion, facts_of: FactsOf
) -> None:
    facts = facts_of(circle, world_view(representation))
    known = facts.root_path_mask.clone()
    known[6:] = False
    with pytest.raises(InvalidInputError, match=r"Frame 6 has a joint position .*root path"):
        representation.observe(replace(facts, root_path_mask=known))


def test_a_known_path_has_no_need_of_an_estimate(
    representation: Representation, circle: Motion, facts_of: FactsOf
) -> None:
    facts = facts_of(circle, world_view(representation))
    seen = representation.observe(facts)
    with_path = representation.observe(facts, path=torch.full((circle.num_frames, 2), 9.0))
    assert torch.equal(with_path.values, seen.values)
    assert torch.equal(with_path.mask, seen.mask)


def test_facts_about_another_body_are_refused(representation: Representation) -> None:
    with pytest.raises(InvalidInputError, match="22 joints of 'body22', got facts about 34"):
        representation.observe(WorldFacts.empty(4, 34))


# --- normaliser --------------------------------------------------------------------------------


def test_normalised_features_come_back(representation: Representation, circle: Motion) -> None:
    features = representation.encode(circle)
    normalizer = Normalizer.fit(features, representation.layout)
    normal = normalizer(features)
    close(normal.mean(0), torch.zeros(features.shape[1]), 1e-3)
    assert float(normal.std(0).max()) < 1.01
    close(normalizer.inverse(normal), features, 1e-5)
