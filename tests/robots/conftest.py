"""Motions for the tests of robots: feasible ones of the G1, and a person who moves the arms."""

import ctypes.util
import math
import os

import pytest
import torch

from marey.motion import Motion
from marey.motion.robot_motion import RobotMotion
from marey.rotations import axis_rotation, quaternion_to_matrix
from marey.skeleton import BODY22, G1

if ctypes.util.find_library("EGL"):  # must be said before MuJoCo is imported for the first time
    os.environ.setdefault("MUJOCO_GL", "egl")


@pytest.fixture
def feasible(generator: torch.Generator) -> RobotMotion:
    """Smooth poses well inside the limits, at any place and heading."""
    share = 0.2 + 0.6 * torch.rand(29, generator=generator, dtype=torch.float64)
    phase = torch.linspace(0, 2 * math.pi, 24, dtype=torch.float64)[:, None]
    middle = G1.lower + (G1.upper - G1.lower) * share
    quaternion = torch.randn(1, 4, generator=generator, dtype=torch.float64)
    return RobotMotion(
        root_positions=torch.randn(24, 3, generator=generator, dtype=torch.float64),
        root_rotations=quaternion_to_matrix(quaternion.expand(24, -1)),
        angles=middle + 0.02 * phase.sin(),
        fps=30.0,
        robot=G1,
        metadata={"text": "turns"},
    )


@pytest.fixture
def person() -> Motion:
    """Half a second of a person who stands and moves stretched arms from aside to the front."""
    frames = 15
    local = torch.eye(3).repeat(frames, 22, 1, 1)
    swing = torch.linspace(0.3, 1.2, frames)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = BODY22.index(f"{side}_shoulder")
        local[:, shoulder] = axis_rotation("Y", -sign * swing)
        local[:, BODY22.index(f"{side}_elbow")] = axis_rotation("Y", -sign * swing / 2)
    rest = Motion(
        root_positions=torch.zeros(frames, 3), local_rotations=local, fps=30.0, skeleton=BODY22
    )
    lowest = rest.joint_positions[..., 1].min() - 0.02
    return rest.translate(torch.tensor([0.0, -float(lowest), 0.0])).with_metadata(text="stands")
