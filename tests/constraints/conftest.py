"""A motion, its clip and constraints of every type that the motion itself meets."""

import math

import pytest
import torch

from marey import rotations
from marey.constraints import (
    Clip,
    Constraint,
    FacePoint,
    FootContact,
    FullBodyKeyframe,
    HoldJoint,
    Interval,
    JointTarget,
    PelvisHeight,
    RootHeading,
    RootPath,
    RootWaypoint,
)
from marey.motion import Motion, smooth_path
from marey.skeleton import BODY22

FPS = 20.0


def wandering(frames: int = 60) -> Motion:
    """Three seconds off the origin, on a bend with a sway, limbs swinging."""
    time = torch.arange(frames) / FPS
    heading = 0.7 + 0.5 * time
    root = torch.stack(
        (3 + 1.2 * time + 0.05 * (9 * time).sin(), 0.9 + 0.03 * (7 * time).cos(), 0.4 * time - 2),
        dim=-1,
    )
    axes = 0.4 * torch.randn(BODY22.num_joints, 3, generator=torch.Generator().manual_seed(4))
    local = rotations.rotation_vector_to_matrix((3 * time + 0.5).sin()[:, None, None] * axes)
    local[:, 0] = rotations.yaw_matrix(heading) @ local[:, 0]
    return Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)


def every_type(motion: Motion) -> tuple[Constraint, ...]:
    """One constraint of each type, each with a weight and a label of its own."""
    path = smooth_path(motion.root_positions[:, [0, 2]])
    whole = FullBodyKeyframe.from_motion(motion, [30, 2])
    wrist = JointTarget.from_motion(motion, "left_wrist", [10, 20, 12], rotations=True)
    return (
        whole,
        wrist,
        RootWaypoint.from_motion(motion, [5, 55]),
        RootPath(points=path[[0, 1, 40]], speed=1.25, start=0.1, curve="spline", weight=0.5),
        RootHeading.from_motion(motion, [7], at=[7]),
        PelvisHeight.from_motion(motion, [0, 59]),
        FootContact(foot="left_foot", interval=Interval(start=3, end=9), contact=False),
        HoldJoint(joint="right_wrist", interval=Interval(start=0.5, unit="seconds"), label="hold"),
        FacePoint(point=torch.tensor([3.0, 90.0]), interval=Interval(), tolerance=math.pi),
    )


@pytest.fixture
def motion() -> Motion:
    return wandering()


@pytest.fixture
def clip(motion: Motion) -> Clip:
    return Clip.of(motion)


@pytest.fixture
def constraints(motion: Motion) -> tuple[Constraint, ...]:
    return every_type(motion)
