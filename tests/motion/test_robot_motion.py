"""RobotMotion: the same motion as angles and as a skeleton's rotations."""

from dataclasses import replace

import pytest
import torch

from marey.errors import InvalidInputError
from marey.motion import Motion
from marey.motion.robot_motion import RobotMotion, twists
from marey.rotations import quaternion_to_matrix, rotation_vector_to_matrix
from marey.skeleton import BODY22, G1


@pytest.fixture
def robot_motion(generator: torch.Generator) -> RobotMotion:
    share = torch.rand(20, 29, generator=generator, dtype=torch.float64)
    quaternions = torch.randn(20, 4, generator=generator, dtype=torch.float64)
    return RobotMotion(
        root_positions=torch.randn(20, 3, generator=generator, dtype=torch.float64),
        root_rotations=quaternion_to_matrix(quaternions),
        angles=G1.lower + (G1.upper - G1.lower) * share,
        fps=30.0,
        robot=G1,
        metadata={"text": "turns"},
    )


def test_a_motion_of_hinges_comes_back(robot_motion: RobotMotion) -> None:
    back, rest = twists(robot_motion.motion(), G1)
    assert torch.allclose(back.angles, robot_motion.angles, rtol=0, atol=1e-6)
    assert torch.allclose(back.root_positions, robot_motion.root_positions, atol=1e-6)
    assert float(rest.max()) < 1e-6
    assert back.metadata == {"text": "turns"}


def test_both_forms_have_the_same_joint_positions(robot_motion: RobotMotion) -> None:
    there = robot_motion.motion().joint_positions
    assert torch.allclose(robot_motion.joint_positions.float(), there, atol=1e-5)


def test_excess_is_what_clamping_takes_away(robot_motion: RobotMotion) -> None:
    wild = replace(robot_motion, angles=robot_motion.angles * 1.5)
    assert float(robot_motion.excess.max()) == 0
    assert torch.allclose((wild.angles - wild.clamped().angles).abs(), wild.excess)
    assert float(wild.clamped().excess.max()) == 0


def test_resampling_stays_inside_the_limits(robot_motion: RobotMotion) -> None:
    dense = robot_motion.resample(70.0)
    assert dense.num_frames == int(19 * 70 / 30) + 1
    assert float(dense.excess.max()) == 0
    assert torch.equal(robot_motion.resample(60.0).angles[::2], robot_motion.angles)
    assert torch.equal(robot_motion.resample(30.0).angles, robot_motion.angles)


def test_resampling_agrees_with_that_of_motions(robot_motion: RobotMotion) -> None:
    calm = replace(robot_motion, angles=robot_motion.angles * 0.1)
    there = calm.motion().resample(50.0)
    here = calm.resample(50.0).motion()
    assert torch.allclose(here.root_positions, there.root_positions, atol=1e-5)
    assert torch.allclose(here.local_rotations, there.local_rotations, atol=1e-4)


def test_faults_are_told(robot_motion: RobotMotion) -> None:
    with pytest.raises(InvalidInputError, match="angles must be float64 of shape"):
        replace(robot_motion, angles=robot_motion.angles[:, :3])
    with pytest.raises(InvalidInputError, match="float64"):
        replace(robot_motion, root_positions=robot_motion.root_positions.float())
    with pytest.raises(InvalidInputError, match="not finite"):
        replace(robot_motion, angles=robot_motion.angles * float("nan"))
    with pytest.raises(InvalidInputError, match="fps"):
        replace(robot_motion, fps=0.0)
    with pytest.raises(InvalidInputError, match="fps"):
        robot_motion.resample(-1.0)
    person = Motion(
        root_positions=torch.zeros(2, 3),
        local_rotations=rotation_vector_to_matrix(torch.zeros(2, 22, 3)),
        fps=30.0,
        skeleton=BODY22,
    )
    with pytest.raises(InvalidInputError, match="robot export"):
        twists(person, G1)
