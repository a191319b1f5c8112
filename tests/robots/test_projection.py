"""Projection: what is possible passes unchanged, the rest comes near, limits always hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey import skeleton as kinematics
from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.robot_motion import RobotMotion
from marey.robots import project_motion
from marey.rotations import rotation_vector_to_matrix
from marey.skeleton import G1, G1_34


def off_axis(motion: RobotMotion, degrees: float) -> Motion:
    """Turn every joint but the root a little about some axis of its own."""
    generator = torch.Generator().manual_seed(2)
    vectors = torch.nn.functional.normalize(torch.randn(34, 3, generator=generator), dim=-1)
    vectors[0] = 0
    plain = motion.motion()
    turns = rotation_vector_to_matrix(vectors * np.radians(degrees))
    return replace(plain, local_rotations=plain.local_rotations @ turns)


def test_possible_motions_pass_bit_for_bit(feasible: RobotMotion) -> None:
    angles = feasible.angles.clone()
    angles[0], angles[1] = G1.lower, G1.upper
    feasible = replace(feasible, angles=angles)
    result = project_motion(feasible, G1)
    assert torch.equal(result.motion.angles, feasible.angles)
    assert torch.equal(result.motion.root_positions, feasible.root_positions)
    assert torch.equal(result.motion.root_rotations, feasible.root_rotations)
    assert (result.report.frames_changed, result.report.hinges) == (0, {})
    again = project_motion(feasible.motion(), G1)
    assert torch.allclose(again.motion.angles, feasible.angles, rtol=0, atol=1e-6)
    assert again.report.frames_changed == 0


def test_only_impossible_frames_change(feasible: RobotMotion) -> None:
    angles = feasible.angles.clone()
    angles[7, 3] = G1.upper[3] + 0.2
    result = project_motion(replace(feasible, angles=angles), G1)
    others = torch.arange(24) != 7
    assert torch.equal(result.motion.angles[others], feasible.angles[others])
    assert float(result.motion.excess.max()) == 0
    row = result.report.hinges["left_knee_joint"]
    assert row.frames_beyond == pytest.approx(1 / 24)
    assert row.most_beyond == pytest.approx(0.2)
    assert list(result.report.hinges) == ["left_knee_joint"]


def rms(motion: RobotMotion, places: torch.Tensor) -> float:
    return float((motion.joint_positions - places).square().sum(-1).mean().sqrt())


def test_positions_stay_nearer_than_by_cutting_off(feasible: RobotMotion) -> None:
    wide = replace(feasible, angles=feasible.angles + 0.4)
    result = project_motion(wide, G1)
    assert float(result.motion.excess.max()) == 0
    places = wide.joint_positions
    assert rms(result.motion, places) < 0.8 * rms(wide.clamped(), places)


def test_rotations_across_the_hinges_are_made_up_for(feasible: RobotMotion) -> None:
    wide = replace(feasible, angles=feasible.angles + 0.4)
    for motion in (off_axis(feasible, 3.0), off_axis(wide, 5.0)):
        result = project_motion(motion, G1)
        assert float(result.motion.excess.max()) == 0
        assert result.report.projected_mean < 0.5 * result.report.clamped_mean
        assert result.report.frames_changed == 24


def test_projecting_twice_changes_nothing(feasible: RobotMotion) -> None:
    once = project_motion(off_axis(feasible, 5.0), G1).motion
    twice = project_motion(once, G1).motion
    assert torch.equal(twice.angles, once.angles)


def test_leaving_the_limits_slowly_makes_no_jump(feasible: RobotMotion) -> None:
    leaving = torch.linspace(0, 1.5, 24).double()[:, None]  # 0.07 rad a frame in all hinges
    slow = replace(feasible, angles=feasible.angles + leaving)
    result = project_motion(slow, G1)
    after = float(result.motion.angles.diff(dim=0).abs().max())
    assert after < 0.5
    assert result.report.projected_speed == pytest.approx(30 * after)
    before = float(slow.angles.diff(dim=0).abs().max())
    assert result.report.twist_speed == pytest.approx(30 * before)


def test_hinges_far_outside_their_limits_do_not_jump() -> None:
    generator = torch.Generator().manual_seed(0)
    rates = 0.2 + torch.rand(1, G1.num_hinges, generator=generator).double()
    phases = 2 * torch.pi * torch.rand(1, G1.num_hinges, generator=generator).double()
    seconds = torch.arange(60).double()[:, None] / 30
    angles = 1.5 * torch.sin(2 * torch.pi * rates * seconds + phases)
    angles[:6] = angles[6].clamp(G1.lower, G1.upper)  # frames that the robot can make
    motion = RobotMotion(
        root_positions=torch.tensor([0.0, 0.8, 0.0]).double().repeat(60, 1),
        root_rotations=torch.eye(3).double().repeat(60, 1, 1),
        angles=angles,
        fps=30.0,
        robot=G1,
    )
    result = project_motion(motion, G1)
    report = result.report
    assert report.projected_speed < 2 * report.twist_speed
    assert report.projected_mean < 0.5 * report.clamped_mean
    assert float(result.motion.excess.max()) == 0
    assert torch.equal(result.motion.angles[:6], angles[:6])


def test_network_motions_of_kimodo(shared_data: Path) -> None:
    for path in sorted((shared_data / "kimodo_examples/kimodo-g1-rp").glob("*/motion.npz")):
        with np.load(path) as arrays:
            turns = torch.from_numpy(arrays["global_rot_mats"])
            root = torch.from_numpy(arrays["posed_joints"][:, 0])
        motion = Motion(
            root_positions=root,
            local_rotations=kinematics.local_rotations(turns, G1_34),
            fps=30.0,
            skeleton=G1_34,
        )
        report = project_motion(motion, G1).report
        assert report.projected_mean < 0.0003
        assert report.projected_max < 0.02
        assert report.projected_max < report.clamped_max
        assert report.clamped_mean > 0.001


def test_another_skeleton_is_refused(person: Motion) -> None:
    with pytest.raises(InvalidInputError, match="robot export"):
        project_motion(person, G1)
