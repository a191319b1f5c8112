"""Standing: motions of rigs whose bones have axes of their own."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from marey import rotations
from marey.cli.motion_files import read_skeleton
from marey.errors import InvalidInputError
from marey.io import save_motion
from marey.motion import Motion
from marey.rigs import Naming, match_rig, naming, save_naming, standing_pose
from marey.rigs.standing import stands, stood_up, upright
from marey.skeleton import BODY22, Skeleton


def motion_on(rig: Skeleton, rest: torch.Tensor, generator: torch.Generator) -> Motion:
    """A standing frame, and then any poses."""
    vectors = torch.randn(6, rig.num_joints, 3, generator=generator)
    turns = rotations.rotation_vector_to_matrix(vectors)
    return Motion(
        root_positions=torch.randn(7, 3, generator=generator),
        local_rotations=torch.cat((rest[None], turns)),
        fps=20.0,
        skeleton=rig,
    )


@pytest.mark.parametrize(("make", "axis"), [("mixamo", "Y"), ("unreal", "X"), ("daz", "Z")])
def test_upright_moves_no_joint(
    make: str, axis: str, rig_models: ModuleType, generator: torch.Generator
) -> None:
    rig, rest = rig_models.with_own_axes(rig_models.rig(make), axis)
    motion = motion_on(rig, rest, generator)
    done = upright(motion)
    torch.testing.assert_close(done.joint_positions, motion.joint_positions, atol=1e-4, rtol=0)
    assert stands(done.skeleton)
    assert not stands(rig)
    first = torch.eye(3).expand(rig.num_joints, 3, 3)
    torch.testing.assert_close(done.local_rotations[0], first, atol=1e-5, rtol=0)
    assert upright(done) is done


def test_motions_are_not_made_on_a_rig_that_lies_folded(
    rig_models: ModuleType, tmp_path: Path, generator: torch.Generator
) -> None:
    rig, rest = rig_models.with_own_axes(rig_models.rig("mixamo"), "Y")
    file = tmp_path / "rig.npz"
    save_motion(motion_on(rig, rest, generator), file)
    with pytest.raises(InvalidInputError, match=r"marey convert MOTION\.npz OUT\.bvh --skeleton"):
        read_skeleton(str(file))
    save_motion(upright(motion_on(rig, rest, generator)), file, force=True)
    assert read_skeleton(str(file)).joint_names == rig.joint_names


def test_a_rig_that_stands_stays_as_it_is(generator: torch.Generator) -> None:
    motion = motion_on(BODY22, torch.eye(3).repeat(22, 1, 1), generator)
    assert standing_pose(motion) is None
    assert upright(motion) is motion


def test_how_a_rig_stands_does_not_depend_on_the_users_presets(
    rig_models: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    generator: torch.Generator,
) -> None:
    monkeypatch.setenv("MAREY_RIGS", str(tmp_path))
    rig = rig_models.rig("mixamo")
    pairs = zip(("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"), strict=True)
    limbs = {f"{side}_{leg}": f"{side}_{arm}" for leg, arm in pairs for side in ("left", "right")}
    limbs |= {arm: leg for leg, arm in limbs.items()}
    known = naming("mixamo").joints
    arms_for_legs = {joint: known[limbs.get(joint, joint)] for joint in known}
    save_naming(Naming(name="odd", title="", joints=arms_for_legs))
    assert match_rig(rig).naming == "odd"
    motion = motion_on(rig, torch.eye(3).repeat(rig.num_joints, 1, 1), generator)
    assert stands(rig)
    assert upright(motion) is motion


def test_tips_stand_up_with_their_joints(rig_models: ModuleType) -> None:
    rig = rig_models.rig("smpl")
    own, rest = rig_models.with_own_axes(rig, "Y")
    toe = rig.index("m_avg_L_Foot")
    tipped = replace(own, end_sites=((toe, (0.0, 0.0, 0.1)),))
    turn = rotations.axis_rotation("X", torch.tensor(torch.pi / 2))
    rest[toe] = rest[toe] @ turn
    ((joint, tip),) = stood_up(tipped, rest).end_sites
    assert joint == toe
    torch.testing.assert_close(torch.tensor(tip), torch.tensor([0.0, -0.1, 0.0]))


def test_a_pose_that_faces_aside_is_turned_ahead(rig_models: ModuleType) -> None:
    """The first frame may face anywhere; a rest pose faces along an axis."""
    rig, rest = rig_models.with_own_axes(rig_models.rig("rigify"), "Y")
    still = Motion(
        root_positions=torch.zeros(1, 3), local_rotations=rest[None], fps=20.0, skeleton=rig
    )
    for angle in (-0.7, 0.3, 0.75):
        found = standing_pose(still.rotate(angle))
        assert found is not None
        torch.testing.assert_close(found, rest, atol=1e-5, rtol=0)
