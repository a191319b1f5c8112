"""Retargeting to the G1: limits, ground, hands and feet."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion, retarget
from marey.robots import retarget_to_robot
from marey.robots.foot_targets import sole_corners
from marey.rotations import axis_rotation, yaw_matrix
from marey.skeleton import Skeleton


def test_a_standing_person_stands_on_the_robot(person: Motion) -> None:
    result = retarget_to_robot(person)
    motion, report = result.motion, result.report
    assert float(motion.excess.max()) == 0
    assert float(sole_corners(motion)[..., 1].min()) >= -1e-9
    assert report.touching == 1
    assert report.hands_max < 0.01
    assert report.soles_max < 0.01
    assert report.skate_after < 0.01
    assert report.lowest >= -1e-9
    assert motion.metadata == {"text": "stands"}
    assert motion.fps == person.fps


def test_the_arms_point_as_the_persons_do(person: Motion) -> None:
    made = retarget_to_robot(person).motion
    for side in ("left", "right"):
        theirs = person.skeleton.indices((f"{side}_elbow", f"{side}_wrist"))
        own = made.robot.skeleton.indices((f"{side}_elbow_skel", f"{side}_wrist_yaw_skel"))
        there = person.joint_positions[:, theirs].double().diff(dim=1).squeeze(1)
        here = made.joint_positions[:, own].diff(dim=1).squeeze(1)
        cosine = torch.nn.functional.cosine_similarity(here, there, dim=-1)
        assert float(cosine.min()) > 0.97


def test_place_and_heading_go_along(person: Motion) -> None:
    alone = retarget_to_robot(person)
    turned = person.rotate(0.8).translate(torch.tensor([1.0, 0.0, -2.0]))
    second = retarget_to_robot(turned).motion
    turn = yaw_matrix(torch.tensor(0.8).double())
    moved = alone.motion.joint_positions @ turn.T + alone.report.scale * torch.tensor(
        [1.0, 0.0, -2.0]
    )
    assert torch.allclose(second.joint_positions, moved, atol=2e-3)


@pytest.mark.parametrize("level", [False, True])
def test_a_single_frame_is_a_motion_too(person: Motion, level: bool) -> None:
    result = retarget_to_robot(person.crop(0, 1), level=level)
    assert result.motion.num_frames == 1
    assert result.report.hands_max < 0.01
    assert result.report.skate_after == 0


def test_given_contacts_are_followed(person: Motion) -> None:
    lifted = replace(person, contacts=torch.zeros(15, 4, dtype=torch.bool))
    report = retarget_to_robot(lifted).report
    assert (report.touching, report.skate_after) == (0, 0)


def test_hands_that_would_be_in_the_ground_stay_above(person: Motion) -> None:
    local = torch.eye(3).repeat(15, 22, 1, 1)  # sits with the legs stretched, arms hang
    for side, sign in (("left", -1.5), ("right", 1.5)):
        forward, down = torch.full((15,), -1.5), torch.full((15,), sign)
        local[:, person.skeleton.index(f"{side}_hip")] = axis_rotation("X", forward)
        local[:, person.skeleton.index(f"{side}_shoulder")] = axis_rotation("Z", down)
    sitting = replace(person, local_rotations=local, contacts=torch.zeros(15, 4, dtype=torch.bool))
    lowest = float(sitting.joint_positions[..., 1].min())
    sitting = sitting.translate(torch.tensor([0.0, -0.15 - lowest, 0.0]))
    made = retarget_to_robot(sitting).motion
    hands = made.robot.skeleton.indices(("left_wrist_yaw_skel", "right_wrist_yaw_skel"))
    free = retarget(sitting, made.robot.skeleton).motion
    assert float(free.joint_positions[:, hands, 1].max()) < -0.05
    assert float(made.joint_positions[:, hands, 1].min()) > 0


def test_drifting_ground_is_levelled(person: Motion) -> None:
    rising = person.root_positions.clone()
    rising[:, 1] += torch.linspace(0.2, 0.22, 15)
    drifting = replace(person, root_positions=rising)
    assert retarget_to_robot(drifting).report.touching == 0
    levelled = retarget_to_robot(drifting, level=True)
    assert levelled.report.touching > 0.8
    assert float(sole_corners(levelled.motion)[..., 1].amin(-1).max()) < 0.05


def test_captured_motions(shared_data: Path) -> None:
    pack = CmuPack.open(shared_data / "cmu")
    for clip in ("36_02", "01_13"):  # walks; ducks under a bar with the arms everywhere
        motion = pack.motion(clip).crop(0, 60)
        result = retarget_to_robot(motion)
        report = result.report
        assert float(result.motion.excess.max()) == 0
        assert report.hands_mean < 0.01
        assert report.soles_max < 0.03
        assert report.lowest >= -1e-9
        assert report.skate_after < max(0.5 * report.skate_before, 0.03)
        speed = result.motion.angles.diff(dim=0).abs().max() * motion.fps
        assert float(speed) < 35  # an arm that changed its branch would make over 100


def test_a_body_without_limbs_is_refused() -> None:
    pole = Skeleton(
        name="pole", joint_names=("a", "b"), parents=(-1, 0), rest_offsets=torch.ones(2, 3)
    )
    motion = Motion(
        root_positions=torch.zeros(2, 3),
        local_rotations=torch.eye(3).repeat(2, 2, 1, 1),
        fps=30.0,
        skeleton=pole,
    )
    with pytest.raises(InvalidInputError, match="joint"):
        retarget_to_robot(motion)
