import math
from pathlib import Path

import pytest
import torch

from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.predicates import POSTURES, PoseFacts
from marey.rotations import axis_rotation
from marey.skeleton import BODY22


def pose(height: float, **turns: float) -> Motion:
    """One frame of body22 with hanging arms, joints turned about the axis to their left."""
    local = torch.eye(3).repeat(1, BODY22.num_joints, 1, 1)
    arms = {"left_shoulder": ("Z", -90.0), "right_shoulder": ("Z", 90.0)}
    for joint, (axis, angle) in (arms | {j: ("X", a) for j, a in turns.items()}).items():
        turn = axis_rotation(axis, torch.tensor([math.radians(angle)]))
        local[:, BODY22.index(joint)] = turn @ local[:, BODY22.index(joint)]
    root = torch.tensor([[0.0, height, 0.0]])
    return Motion(root_positions=root, local_rotations=local, fps=20.0, skeleton=BODY22)


def posture(motion: Motion) -> str:
    return POSTURES[int(PoseFacts.of(motion).postures[0])]


def legs(hip: float, knee: float) -> dict[str, float]:
    return {f"{s}_{j}": a for s in ("left", "right") for j, a in (("hip", hip), ("knee", knee))}


@pytest.mark.parametrize(
    ("expected", "motion"),
    [
        ("standing", pose(0.85)),
        ("standing", pose(0.85, spine1=80.0)),
        ("crouching", pose(0.7, **legs(-35, 70))),
        ("squatting", pose(0.3, **legs(-100, 140))),
        ("sitting", pose(0.5, **legs(-90, 90))),
        ("sitting", pose(0.1, **legs(-90, 0))),
        ("kneeling", pose(0.4, **legs(0, 90))),
        ("kneeling", pose(0.5, left_hip=-90, left_knee=90, right_knee=90)),
        ("lying", pose(0.1, pelvis=90.0)),
        ("lying", pose(0.1, pelvis=-90.0)),
    ],
)
def test_a_built_pose_has_its_posture(expected: str, motion: Motion) -> None:
    assert posture(motion) == expected


@pytest.mark.parametrize(
    ("clip", "second", "expected"),
    [
        ("133_01", 0.0, "standing"),
        ("108_25", 1.5, "on all fours"),
        ("125_06", 15.0, "lying"),
        ("13_39", 1.6, "off the floor"),
    ],
)
def test_real_poses(cmu: CmuPack, clip: str, second: float, expected: str) -> None:
    motion = cmu.motion(clip)
    at = round(second * motion.fps)
    near = PoseFacts.of(motion).postures[max(0, at - 12) : at + 12].tolist()
    assert POSTURES.index(expected) in near


def test_a_posture_has_no_side(cmu: CmuPack) -> None:
    motion = cmu.motion("108_25")
    found = PoseFacts.of(motion).postures
    assert torch.equal(PoseFacts.of(motion.mirror()).postures, found)
    assert len(found.unique()) > 2


@pytest.fixture(scope="module")
def cmu(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")
