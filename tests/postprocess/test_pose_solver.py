import pytest
import torch

from marey import rotations
from marey import skeleton as kinematics
from marey.postprocess.joint_limits import Hinges, JointLimit
from marey.postprocess.pose_solver import Stiffness, solve_poses
from marey.postprocess.pose_targets import PoseTarget
from marey.skeleton import BODY22

HAND, FOOT, HEAD = (BODY22.index(name) for name in ("left_wrist", "right_ankle", "head"))
KNEE = BODY22.index("right_knee")


def poses(frames: int, seed: int = 0, size: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    turns = torch.randn(frames, BODY22.num_joints, 3, generator=generator) * size
    turns[:, KNEE] = torch.tensor([0.6, 0.0, 0.0])
    return torch.zeros(frames, 3), rotations.rotation_vector_to_matrix(turns)


def places(root: torch.Tensor, local: torch.Tensor) -> torch.Tensor:
    return kinematics.joint_positions(root, kinematics.global_rotations(local, BODY22), BODY22)


def stiffness(frames: int, root: float = 4.0) -> Stiffness:
    return Stiffness(root=torch.full((frames, 3), root), joints=torch.ones(BODY22.num_joints))


def at(joint: int, where: torch.Tensor, weight: float = 1.0) -> PoseTarget:
    weights = torch.full((len(where),), weight)
    return PoseTarget(kind="position", joint=joint, value=where, weight=weights)


def test_targets_of_a_pose_that_exists_are_reached() -> None:
    root, local = poses(16)
    other = places(*poses(16, seed=1, size=0.35))
    targets = [at(HAND, other[:, HAND]), at(FOOT, other[:, FOOT])]
    found = places(
        *solve_poses(root, local, targets, skeleton=BODY22, stiffness=stiffness(16), steps=40)
    )
    for joint in (HAND, FOOT):
        assert float((found[:, joint] - other[:, joint]).norm(dim=-1).max()) < 1e-4


def test_orientations_are_reached() -> None:
    root, local = poses(8)
    wanted = kinematics.global_rotations(poses(8, seed=2)[1], BODY22)[:, HEAD]
    target = PoseTarget(kind="rotation", joint=HEAD, value=wanted, weight=torch.ones(8))
    _, found = solve_poses(root, local, [target], skeleton=BODY22, stiffness=stiffness(8), steps=40)
    turned = kinematics.global_rotations(found, BODY22)[:, HEAD]
    assert float(rotations.geodesic_distance(turned, wanted).max()) < 1e-3


def test_bones_keep_their_lengths_and_frames_do_not_mix() -> None:
    root, local = poses(6)
    wanted = places(root, local)[:, HAND] + torch.tensor([0.1, 0.2, 0.0])
    together = solve_poses(root, local, [at(HAND, wanted)], skeleton=BODY22, stiffness=stiffness(6))
    alone = solve_poses(
        root[2:3], local[2:3], [at(HAND, wanted[2:3])], skeleton=BODY22, stiffness=stiffness(1)
    )
    torch.testing.assert_close(together[1][2:3], alone[1], atol=1e-5, rtol=0)
    parents = list(BODY22.parents[1:])
    lengths = [
        (p[:, 1:] - p[:, parents]).norm(dim=-1) for p in (places(root, local), places(*together))
    ]
    torch.testing.assert_close(lengths[0], lengths[1], atol=1e-5, rtol=0)


def test_nothing_to_do_changes_no_bit() -> None:
    root, local = poses(5)
    target = at(HAND, places(root, local)[:, HAND])
    found = solve_poses(root, local, [target], skeleton=BODY22, stiffness=stiffness(5))
    assert torch.equal(found[0], root)
    assert torch.equal(found[1], local)


def test_what_is_out_of_reach_is_approached_in_a_straight_limb() -> None:
    root, local = poses(1, size=0.1)
    far = torch.tensor([[3.0, 1.0, 0.0]])
    hard = Stiffness(root=torch.full((1, 3), 1e8), joints=torch.ones(BODY22.num_joints))
    found = places(
        *solve_poses(root, local, [at(HAND, far)], skeleton=BODY22, stiffness=hard, steps=80)
    )[0]
    arm = found[[BODY22.index(f"left_{name}") for name in ("shoulder", "elbow", "wrist")]]
    upper, lower = arm.diff(dim=0)
    assert float(torch.cosine_similarity(upper, lower, dim=0)) > 0.97
    towards = torch.cosine_similarity(arm[2] - arm[0], far[0] - arm[0], dim=0)
    assert float(towards) > 0.99


@pytest.mark.parametrize("height", [-0.5, -0.7])
def test_a_hinge_stays_a_hinge_within_its_limits(height: float) -> None:
    root, local = poses(1, size=0.0)
    limit = JointLimit(axis=torch.tensor([1.0, 0.0, 0.0]), lower=0.0, upper=2.4)
    hinges = Hinges({"right_knee": limit}, BODY22)
    target = at(FOOT, torch.tensor([[-0.1, height, 0.1]]))
    _, found = solve_poses(
        root, local, [target], skeleton=BODY22, stiffness=stiffness(1), hinges=hinges, steps=40
    )
    turn = rotations.matrix_to_rotation_vector(found[0, KNEE])
    assert float(turn[1:].abs().max()) < 1e-4
    assert -1e-4 <= float(turn[0]) <= 2.4
