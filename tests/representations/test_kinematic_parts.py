"""KinMo's parts and pairs: what each quantity is, on several skeletons, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.constraints import WorldFacts
from marey.errors import InvalidInputError
from marey.io import load_motion
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.representations import KinematicParts, RootSmoothing, SmoothRoot
from marey.skeleton import (
    BODY22,
    CONNECTED_PAIRS,
    G1_34,
    PART_PAIRS,
    PARTS,
    SLOTS,
    SOMA30,
    SOMA77,
    Skeleton,
)

FPS = 20.0
VIEW = KinematicParts(skeleton=BODY22, fps=FPS)
FactsOf = Callable[[Motion, SmoothRoot], WorldFacts]


def wandering(skeleton: Skeleton, fps: float = FPS, frames: int = 60, seed: int = 4) -> Motion:
    """A body that drifts and turns with every joint swinging at random."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames) / fps
    axes = torch.randn(2, skeleton.num_joints, 3, generator=generator)
    swing = (2 * time).sin()[:, None, None] * axes[0] + (3 * time).cos()[:, None, None] * axes[1]
    local = rotations.rotation_vector_to_matrix(0.4 * swing)
    local[:, 0] = rotations.yaw_matrix(0.8 * time + 2) @ local[:, 0]
    root = torch.stack((time.sin() + 3, 0.9 + 0.05 * (5 * time).sin(), -0.7 * time), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=fps, skeleton=skeleton)


def block(features: torch.Tensor, name: str, view: KinematicParts = VIEW) -> torch.Tensor:
    """Values of a block, one row for each part or pair that it is about."""
    width = 6 if name in ("limb_angles", "connecting_angles") else 3
    return features[..., view.layout.slice(name)].unflatten(-1, (-1, width))


def means(values: torch.Tensor) -> torch.Tensor:
    """Mean over the joints of each part."""
    return torch.stack([values[:, BODY22.part_indices(part)].mean(1) for part in PARTS], dim=1)


def facing(vectors: torch.Tensor, motion: Motion) -> torch.Tensor:
    """World vectors as seen from the heading of their frame."""
    return vectors @ rotations.yaw_matrix(motion.heading)


def close(got: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(got, expected, atol=tolerance, rtol=0)


# --- what the quantities are -------------------------------------------------------------------


def test_a_part_is_where_its_joints_are_on_average(motion: Motion) -> None:
    ground = VIEW.heading_view.world_view.encode(motion)[:, :3] * torch.tensor([1.0, 0.0, 1.0])
    expected = facing(means(motion.joint_positions) - ground[:, None], motion)
    close(block(VIEW.encode(motion), "part_positions"), expected, 1e-5)


def test_limb_angles_are_rotations_seen_from_the_heading(motion: Motion) -> None:
    ahead = rotations.yaw_matrix(-motion.heading)[:, None] @ motion.global_rotations
    got = rotations.rotation_6d_to_matrix(block(VIEW.encode(motion), "limb_angles"))
    close(got, ahead, 1e-5)


def test_velocities_lead_from_each_position_to_the_next(circle: Motion) -> None:
    centres = means(circle.joint_positions)
    seen = block(VIEW.encode(circle), "part_velocities")
    steps = seen @ rotations.yaw_matrix(circle.heading).transpose(1, 2)
    close(centres[:-1] + steps[:-1] / FPS, centres[1:], 2e-6)
    close(steps[-1], steps[-2], 2e-5)  # leads beyond the clip: the one before, repeated


def test_a_part_velocity_is_the_mean_velocity_of_its_joints(circle: Motion) -> None:
    view = VIEW.heading_view
    joints = view.encode(circle)[:, view.layout.slice("velocities")].unflatten(1, (-1, 3))
    close(block(VIEW.encode(circle), "part_velocities"), means(joints), 1e-5)


def test_pairs_hold_differences_of_their_parts(motion: Motion) -> None:
    features = VIEW.encode(motion)
    place, velocity = block(features, "part_positions"), block(features, "part_velocities")
    rows = [(PARTS.index(one), PARTS.index(other)) for one, other in PART_PAIRS]
    apart = torch.stack([place[:, h] - place[:, g] for g, h in rows], dim=1)
    close(features[:, VIEW.layout.slice("relative_positions")], apart.flatten(1), 1e-6)
    rates = torch.stack([velocity[:, PARTS.index(h)] - velocity[:, 0] for _, h in CONNECTED_PAIRS])
    close(block(features, "relative_velocities"), rates.transpose(0, 1), 2e-6)


def test_relative_position_changes_its_sign_with_the_order(circle: Motion) -> None:
    features = VIEW.encode(circle)
    place = block(features, "part_positions")
    for one, other in PART_PAIRS:
        there = VIEW.relative_position(features, one, other)
        assert torch.equal(there, -VIEW.relative_position(features, other, one))
        close(there, place[:, PARTS.index(other)] - place[:, PARTS.index(one)], 1e-6)


def test_the_connecting_angle_is_the_joint_s_own_rotation(motion: Motion) -> None:
    joints = BODY22.indices(("neck", "left_collar", "right_collar", "left_hip", "right_hip"))
    got = rotations.rotation_6d_to_matrix(block(VIEW.encode(motion), "connecting_angles"))
    close(got, motion.local_rotations[:, joints], 1e-5)


def test_angular_velocity_leads_from_each_angle_to_the_next(circle: Motion) -> None:
    features = VIEW.encode(circle)
    angles = rotations.rotation_6d_to_matrix(block(features, "connecting_angles"))
    spin = rotations.rotation_vector_to_matrix(block(features, "angular_velocities") / FPS)
    close(spin[:-1] @ angles[:-1], angles[1:], 1e-6)
    last = block(features, "angular_velocities")[-2:]
    assert torch.equal(last[0], last[1])


@pytest.mark.parametrize("axis", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, -0.8]])
def test_a_leg_turning_evenly_has_that_angular_velocity_in_the_torso_s_axes(
    axis: list[float],
) -> None:
    rate, start = torch.tensor(axis) * 1.7, torch.tensor([0.3, -0.5, 0.2])
    time = torch.arange(30)[:, None] / FPS
    still = wandering(BODY22, frames=30)
    local = still.local_rotations.clone()
    local[:, BODY22.index("left_hip")] = rotations.rotation_vector_to_matrix(
        time * rate
    ) @ rotations.rotation_vector_to_matrix(start)
    features = VIEW.encode(replace(still, local_rotations=local))
    channels = VIEW.layout.channels("angular_velocities", [BODY22.index("left_hip")])
    close(features[:, channels], rate.expand(30, 3), 1e-4)


# --- laws --------------------------------------------------------------------------------------


def test_features_do_not_tell_where_and_which_way_a_motion_starts(motion: Motion) -> None:
    moved = motion.rotate(2.1).translate(torch.tensor([7.0, 0.0, -3.0]))
    close(VIEW.encode(moved), VIEW.encode(motion), 2e-4)


def test_the_same_frames_played_twice_as_fast_have_twice_the_velocities(circle: Motion) -> None:
    circle = replace(circle, contacts=torch.zeros(circle.num_frames, 4, dtype=torch.bool))
    fast = KinematicParts(skeleton=BODY22, fps=2 * FPS).encode(replace(circle, fps=2 * FPS))
    slow = VIEW.encode(circle)
    for own in VIEW.layout.blocks:
        rate = own.name.endswith(("velocities", "velocity", "rate"))
        at = VIEW.layout.slice(own.name)
        close(fast[:, at], slow[:, at] * (2 if rate else 1), 1e-5)


@pytest.mark.parametrize("skeleton", [BODY22, SOMA30, SOMA77, G1_34], ids=lambda s: s.name)
@pytest.mark.parametrize("smoothing", ["exact", "none"])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_motions_of_every_body_come_back(
    skeleton: Skeleton, smoothing: RootSmoothing, seed: int
) -> None:
    motion = wandering(skeleton, fps=30.0, seed=seed)
    there_and_back(motion, KinematicParts(skeleton=skeleton, fps=30.0, smoothing=smoothing))


def test_real_clips_come_back_at_their_own_frame_rate(pack: CmuPack) -> None:
    for name in ("07_01", "49_07", "02_01"):
        motion = pack.motion(name)
        there_and_back(motion, KinematicParts(skeleton=BODY22, fps=motion.fps))


@pytest.mark.parametrize("name", ["07_01", "02_03"])
def test_a_bvh_rig_comes_back(shared_data: Path, name: str) -> None:
    motion = load_motion(shared_data / "bvh_cmu" / f"{name}.bvh")
    motion = motion.crop(0, min(300, motion.num_frames))
    there_and_back(motion, KinematicParts(skeleton=motion.skeleton, fps=motion.fps))


def there_and_back(motion: Motion, view: KinematicParts) -> None:
    back = view.decode(view.encode(motion))
    world = view.heading_view.world_view
    placed = motion.canonicalise()
    placed = placed.translate(-world.encode(placed)[0, :3] * torch.tensor([1.0, 0.0, 1.0]))
    assert float((back.joint_positions - placed.joint_positions).norm(dim=-1).max()) < 1e-5
    apart = rotations.geodesic_distance(back.local_rotations, placed.local_rotations)
    assert float(apart.max()) < 1e-5


def test_both_views_hold_the_same_also_in_batches(circle: Motion) -> None:
    local = VIEW.heading_view.encode(circle)
    clips = torch.stack((local[:60], local[90:150]))
    parts = VIEW.from_heading_local(clips)
    close(parts[1], VIEW.from_heading_local(local[90:150]), 1e-6)
    # The last velocity of a clip leads beyond it: a conversion repeats the one before.
    close(VIEW.to_heading_local(parts)[:, :-1], clips[:, :-1], 5e-5)


def test_only_the_torso_says_where_the_body_is(circle: Motion) -> None:
    features = VIEW.encode(circle)
    changed = features.clone()
    for part in PARTS[1:]:
        begin = [BODY22.part_root(part)]
        changed[:, VIEW.layout.channels("part_positions", begin)] += 1.0
    assert torch.equal(VIEW.to_heading_local(changed), VIEW.to_heading_local(features))
    changed[:, VIEW.layout.channels("part_positions", [0])] += torch.tensor([0.0, 0.5, 0.0])
    lifted = VIEW.decode(changed).root_positions - VIEW.decode(features).root_positions
    close(lifted, torch.tensor([0.0, 0.5, 0.0]).expand_as(lifted), 1e-5)


# --- slots and skeletons -----------------------------------------------------------------------


@pytest.mark.parametrize("skeleton", [BODY22, SOMA30, SOMA77, G1_34], ids=lambda s: s.name)
def test_the_slots_share_out_every_channel(skeleton: Skeleton) -> None:
    view = KinematicParts(skeleton=skeleton, fps=FPS)
    channels = [c for slot in SLOTS for c in view.slot_channels(slot)]
    assert sorted(channels) == list(range(view.layout.size))


def test_a_slot_has_the_channels_of_its_part_or_pair() -> None:
    at = VIEW.layout.channels
    hand = BODY22.index("left_wrist")
    arm = VIEW.slot_channels("left_arm")
    assert set(at("limb_angles", [hand])) < set(arm)
    assert len(arm) == 4 * 6 + 3 + 3
    assert len(VIEW.slot_channels("left_leg")) == 4 * 6 + 3 + 3 + 2
    assert len(VIEW.slot_channels("torso+left_arm")) == 3 + 6 + 3 + 3
    assert VIEW.slot_channels("left_leg+right_leg") == at("relative_positions")[-3:]
    assert VIEW.slot_channels("global") == [0, 1, 2, 3]


def test_body22_has_the_paper_s_quantities_and_eight_channels_more() -> None:
    joints, parts, pairs, connected = 22, 6, 15, 5
    paper = parts * (3 + 3) + joints * 6 + pairs * 3 + connected * (6 + 3 + 3)
    assert VIEW.layout.size == paper + 4 + 4


def test_a_robot_without_head_has_five_parts_and_ten_pairs() -> None:
    robot = KinematicParts(skeleton=G1_34, fps=FPS)
    assert "head" not in robot.parts
    assert (len(robot.parts), len(robot.pairs), len(robot.connected)) == (5, 10, 4)
    assert robot.slot_channels("head") == robot.slot_channels("torso+head") == []
    features = robot.encode(wandering(G1_34))
    with pytest.raises(InvalidInputError, match=r"two different parts of torso.*'head'"):
        robot.relative_position(features, "head", "left_arm")


def test_an_arm_on_the_neck_is_seen_from_the_torso() -> None:
    spine = BODY22.index("spine3")
    parents = list(BODY22.parents)
    arms = BODY22.indices(("left_collar", "right_collar"))
    for joint in arms:
        parents[joint] = BODY22.index("neck")
    biped = replace(BODY22, name="biped", parents=tuple(parents))
    motion = wandering(biped)
    view = KinematicParts(skeleton=biped, fps=FPS)
    got = rotations.rotation_6d_to_matrix(block(view.encode(motion), "connecting_angles", view))
    turned = motion.global_rotations
    close(got[:, 1:3], turned[:, [spine]].transpose(-1, -2) @ turned[:, arms], 1e-5)
    there_and_back(motion, view)


# --- what is refused ---------------------------------------------------------------------------


def test_a_skeleton_without_parts_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"'bare' have no parts.*Skeleton.parts"):
        KinematicParts(skeleton=replace(BODY22, name="bare", parts=()), fps=FPS)


def test_a_root_outside_the_torso_is_refused() -> None:
    parts = ("left_leg", *BODY22.parts[1:])
    with pytest.raises(InvalidInputError, match=r"root belongs to the torso.*have left_leg"):
        KinematicParts(skeleton=replace(BODY22, parts=parts), fps=FPS)


@pytest.mark.parametrize("slot", ["left_arm+head", "tail", "head+head"])
def test_slots_have_one_name(slot: str) -> None:
    with pytest.raises(InvalidInputError, match="Unknown slot"):
        VIEW.slot_channels(slot)


def test_a_lone_pinned_hand_is_refused(circle: Motion, facts_of: FactsOf) -> None:
    facts = facts_of(circle, VIEW.heading_view.world_view)
    hand = torch.zeros_like(facts.joint_position_mask)
    hand[4, BODY22.index("left_wrist")] = True
    with pytest.raises(InvalidInputError, match=r"Frame 4 .* left_arm only.*use heading_local"):
        VIEW.observe(replace(facts, joint_position_mask=hand))


def test_known_parts_are_observed_with_their_pairs(circle: Motion, facts_of: FactsOf) -> None:
    facts = facts_of(circle, VIEW.heading_view.world_view)
    known = torch.zeros_like(facts.joint_position_mask)
    known[3, BODY22.part_indices("left_arm")] = True
    known[3, BODY22.part_indices("head")] = True
    turned = torch.zeros_like(facts.global_rotation_mask)
    turned[5, BODY22.indices(("pelvis", "left_hip", "right_knee"))] = True
    seen = VIEW.observe(replace(facts, joint_position_mask=known, global_rotation_mask=turned))
    layout = VIEW.layout
    begins = [BODY22.part_root(part) for part in ("left_arm", "head")]
    at = VIEW.slot_channels("head+left_arm")
    where = {(3, c) for c in layout.channels("part_positions", begins) + at}
    connecting = layout.channels("connecting_angles", [BODY22.index("left_hip")])
    limbs = layout.channels("limb_angles", BODY22.indices(("pelvis", "left_hip", "right_knee")))
    where |= {(5, c) for c in connecting + limbs}
    mask = seen.mask.clone()
    for name in ("heading_rate", "ground_velocity", "root_height", "contacts"):
        mask[:, layout.slice(name)] = False
    assert {(int(t), int(c)) for t, c in mask.nonzero()} == where
    close(seen.values, VIEW.encode(circle) * seen.mask, 2e-5)
