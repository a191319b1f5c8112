"""Keyframe reduction: both bounds hold in every frame, and few keys are left."""

from math import radians
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.bvh import read_bvh
from marey.io.kimodo import read_kimodo
from marey.io.kimodo_hands import soma77_from_30
from marey.motion import Motion
from marey.motion.keyframe_reduction import KeyframeReduction, every_frame, reduce_keyframes
from marey.skeleton import BODY22, Skeleton

TIPS = torch.tensor([tip for _, tip in BODY22.end_sites])
OWNERS = [joint for joint, _ in BODY22.end_sites]


def smooth(seed: int, frames: int, speed: float, skeleton: Skeleton = BODY22) -> Motion:
    """A motion whose joints swing about at up to ``speed`` radians from frame to frame."""
    generator = torch.Generator().manual_seed(seed)
    count = skeleton.num_joints
    phases = 6.3 * torch.rand(count, 1, generator=generator)
    axes = torch.randn(count, 3, generator=generator)
    swing = (torch.arange(frames)[:, None, None] * speed + phases).sin() * axes
    steps = 0.1 * speed * torch.randn(frames, 3, generator=generator)
    return Motion(
        root_positions=steps.cumsum(0),
        local_rotations=rotations.rotation_vector_to_matrix(swing),
        fps=30.0,
        skeleton=skeleton,
    )


def errors(reduction: KeyframeReduction) -> tuple[float, float]:
    """Greatest error of joints and end sites, and of local rotations, measured from outside."""
    motion, played = reduction.motion, reduction.interpolated()

    def points(body: Motion) -> torch.Tensor:
        tips = body.global_rotations[:, OWNERS] @ TIPS[..., None]
        return torch.cat(
            (body.joint_positions, body.joint_positions[:, OWNERS] + tips.squeeze(-1)), dim=1
        )

    places = (points(played) - points(motion)).norm(dim=-1)
    turned = rotations.geodesic_distance(played.local_rotations, motion.local_rotations)
    return float(places.max()), float(turned.max())


@given(
    seed=st.integers(0, 10_000),
    frames=st.integers(1, 40),
    speed=st.floats(0.0, 3.0),
    tolerance=st.floats(1e-5, 0.2),
    angle=st.floats(1e-3, 0.5),
)
@settings(max_examples=20, deadline=None)
def test_bounds_hold_for_any_motion(
    seed: int, frames: int, speed: float, tolerance: float, angle: float
) -> None:
    motion = smooth(seed, frames, speed)
    reduction = reduce_keyframes(motion, tolerance=tolerance, angle=angle)
    place, turn = errors(reduction)
    assert place <= tolerance + 1e-6
    assert turn <= angle + 1e-6
    assert reduction.place_error == pytest.approx(place, abs=1e-6)
    assert reduction.angle_error == pytest.approx(turn, abs=1e-5)


@pytest.mark.parametrize("tolerance", [0.002, 0.005, 0.02])
def test_captured_dance_needs_few_keys(tolerance: float, shared_data: Path) -> None:
    motion = read_bvh(shared_data / "bvh_cmu/05_03.bvh").crop(1, 400)
    reduction = reduce_keyframes(motion, tolerance=tolerance)
    played = reduction.interpolated()
    apart = (played.joint_positions - motion.joint_positions).norm(dim=-1)
    assert float(apart.max()) <= tolerance
    assert reduction.keys < 0.25 * reduction.most_keys


def test_looser_bounds_leave_fewer_keys() -> None:
    motion = smooth(1, 90, 0.15)
    counts = [reduce_keyframes(motion, tolerance=t).keys for t in (0.001, 0.005, 0.02, 0.1)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 0.5 * counts[0]


def test_joints_that_move_nothing_keep_to_the_angle() -> None:
    motion = smooth(2, 60, 0.2)
    head = BODY22.index("head")
    for angle in (1.0, 5.0):
        reduction = reduce_keyframes(motion, tolerance=10.0, angle=radians(angle))
        played = reduction.interpolated()
        turned = rotations.geodesic_distance(played.local_rotations, motion.local_rotations)
        assert float(turned.max()) <= radians(angle)
        assert len(reduction.joint_keys[head]) > 2


def test_what_does_not_move_has_one_key(shared_data: Path) -> None:
    file = shared_data / "kimodo_examples/kimodo-soma-rp/01_single_text_prompt/motion.npz"
    motion = soma77_from_30(read_kimodo(file))
    reduction = reduce_keyframes(motion)
    for name, keys in zip(motion.skeleton.joint_names, reduction.joint_keys, strict=True):
        if name.startswith(("LeftHandIndex", "RightHandRing")):
            assert keys.tolist() == [0]
    assert reduction.root_keys[[0, -1]].tolist() == [0, motion.num_frames - 1]


def test_straight_and_even_movement_needs_its_ends_only() -> None:
    frames = 50
    turn = torch.linspace(0, 2.5, frames)
    local = torch.eye(3).repeat(frames, 22, 1, 1)
    local[:, 5] = rotations.axis_rotation("X", turn)
    motion = Motion(
        root_positions=torch.linspace(0, 3, frames)[:, None] * torch.tensor([1.0, 0.2, 2.0]),
        local_rotations=local,
        fps=30.0,
        skeleton=BODY22,
    )
    reduction = reduce_keyframes(motion, tolerance=1e-4, angle=1e-3)
    assert reduction.root_keys.tolist() == [0, frames - 1]
    assert reduction.joint_keys[5].tolist() == [0, frames - 1]
    assert reduction.keys == 4 + 21


def test_a_key_in_every_frame_is_the_motion() -> None:
    motion = smooth(3, 20, 0.5)
    whole = every_frame(motion)
    assert whole.keys == whole.most_keys
    assert torch.equal(whole.interpolated().local_rotations, motion.local_rotations)
    exact = reduce_keyframes(motion, tolerance=1e-12, angle=1e-12)
    assert torch.equal(exact.interpolated().joint_positions, motion.joint_positions)


def test_bounds_must_be_positive() -> None:
    motion = smooth(4, 5, 0.1)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="tolerance: expected more than 0"):
            reduce_keyframes(motion, tolerance=wrong)
        with pytest.raises(InvalidInputError, match="angle: expected more than 0"):
            reduce_keyframes(motion, angle=wrong)
