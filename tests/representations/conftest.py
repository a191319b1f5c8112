"""Motions and facts that the tests of every representation share."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey import rotations
from marey.constraints import WorldFacts
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.representations import SmoothRoot
from marey.skeleton import BODY22

FPS = 20.0


def circling() -> Motion:
    """Ten seconds on a circle, twice round to the left, limbs swinging; starts off the origin."""
    frames = 200
    time = torch.arange(frames) / FPS
    heading = 2.5 + time * (4 * math.pi / 10)
    sway = 0.04 * (7 * time).sin()
    root = torch.stack(
        (3 - 1.5 * heading.cos() + sway, 0.9 + 0.03 * (7 * time).cos(), 1.5 * heading.sin() - 4),
        dim=-1,
    )
    generator = torch.Generator().manual_seed(2)
    axes = 0.5 * torch.randn(BODY22.num_joints, 3, generator=generator)
    swing = (3 * time + 0.5).sin()[:, None, None] * axes
    local = rotations.rotation_vector_to_matrix(swing)
    local[:, 0] = rotations.yaw_matrix(heading) @ local[:, 0]
    return Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)


def labelled() -> Motion:
    """Two seconds of the circle with contact labels that no threshold would give."""
    motion = circling().crop(0, 40)
    labels = torch.rand(40, 4, generator=torch.Generator().manual_seed(3)) > 0.5
    return replace(motion, contacts=labels)


@pytest.fixture(scope="session")
def pack(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")


@pytest.fixture(
    params=["circle", "labels", "one frame", "two frames", "real walk", "real cartwheel"]
)
def motion(request: pytest.FixtureRequest) -> Motion:
    """Motions made up here, and two of the CMU pack (10 s at most, 20 fps)."""
    real = {"real walk": "07_01", "real cartwheel": "49_07"}
    if name := real.get(request.param):
        clip = request.getfixturevalue("pack").motion(name).resample(FPS)
        return clip.crop(0, min(200, clip.num_frames))
    made: dict[str, Callable[[], Motion]] = {
        "circle": circling,
        "labels": labelled,
        "one frame": lambda: circling().crop(7, 8),
        "two frames": lambda: circling().crop(7, 9),
    }
    return made[request.param]()


@pytest.fixture
def circle() -> Motion:
    return circling()


@pytest.fixture
def facts_of() -> Callable[[Motion, SmoothRoot], WorldFacts]:
    """Gather everything there is to know of a motion, with the root path of a representation."""
    return everything_known


def everything_known(motion: Motion, view: SmoothRoot) -> WorldFacts:
    features = view.encode(motion)
    frames, joints = motion.joint_positions.shape[:2]
    return WorldFacts(
        joint_positions=motion.joint_positions,
        joint_position_mask=torch.ones(frames, joints, dtype=torch.bool),
        global_rotations=motion.global_rotations,
        global_rotation_mask=torch.ones(frames, joints, dtype=torch.bool),
        root_path=features[:, view.layout.slice("root_position")][:, [0, 2]],
        root_path_mask=torch.ones(frames, dtype=torch.bool),
        root_height=motion.root_positions[:, 1],
        root_height_mask=torch.ones(frames, dtype=torch.bool),
        heading=motion.heading,
        heading_mask=torch.ones(frames, dtype=torch.bool),
        contacts=features[:, view.layout.slice("contacts")] > 0.5,
        contact_mask=torch.ones(frames, 4, dtype=torch.bool),
    )
