"""SOMA in 30 and 77 joints: the shared joints stay, hands are relaxed, left mirrors right."""

from dataclasses import replace

import pytest
import torch

from marey import rotations
from marey.errors import InvalidInputError
from marey.io.kimodo_hands import relaxed_hands, soma77_from_30
from marey.motion import Motion
from marey.skeleton import BODY22, SOMA30, SOMA77, Skeleton, joint_positions

TIPS = [name for name in SOMA30.joint_names if name.endswith("End")]
KEPT = [name for name in SOMA30.joint_names if name not in TIPS]


def wander(skeleton: Skeleton, generator: torch.Generator) -> Motion:
    turns = 0.4 * torch.randn(5, skeleton.num_joints, 3, generator=generator)
    return Motion(
        root_positions=torch.randn(5, 3, generator=generator),
        local_rotations=rotations.rotation_vector_to_matrix(turns),
        fps=30.0,
        skeleton=skeleton,
    )


def test_shared_joints_keep_their_rotations_and_bones(generator: torch.Generator) -> None:
    tall = replace(SOMA30, rest_offsets=1.2 * SOMA30.rest_offsets)
    for skeleton in (SOMA30, tall):
        motion = wander(skeleton, generator)
        wide = soma77_from_30(motion)
        all_30 = SOMA77.indices(SOMA30.joint_names)
        assert torch.equal(wide.local_rotations[:, all_30], motion.local_rotations)
        here, there = SOMA30.indices(tuple(KEPT)), SOMA77.indices(tuple(KEPT))
        assert torch.equal(wide.skeleton.rest_offsets[there], skeleton.rest_offsets[here])


def test_shared_joints_stay_where_they_are(generator: torch.Generator) -> None:
    motion = wander(SOMA30, generator)
    wide = soma77_from_30(motion)
    here, there = SOMA30.indices(tuple(KEPT)), SOMA77.indices(tuple(KEPT))
    same = torch.allclose(
        wide.joint_positions[:, there], motion.joint_positions[:, here], atol=1e-5
    )
    assert same
    tips = wide.joint_positions[:, SOMA77.indices(tuple(TIPS))]
    straight = motion.joint_positions[:, SOMA30.indices(tuple(TIPS))]
    moved = (tips - straight).norm(dim=-1)
    assert float(moved.min()) > 0.005
    assert float(moved.max()) < 0.12


def test_relaxed_hands_mirror_each_other_and_bend_towards_the_palm() -> None:
    hands = relaxed_hands()
    flip = torch.tensor([-1.0, 1.0, 1.0])
    mirrored = hands[list(SOMA77.mirror)] * flip[:, None] * flip
    assert torch.allclose(hands, mirrored, atol=1e-6)
    still = [j for j, name in enumerate(SOMA77.joint_names) if "Hand" not in name]
    assert torch.equal(hands[still], torch.eye(3).expand(len(still), 3, 3))
    turned = torch.linalg.matrix_norm(hands - torch.eye(3)).count_nonzero()
    assert int(turned) == 2 * (4 * 3 + 3)
    globals_ = [hands[0]]
    for joint in range(1, 77):
        globals_.append(globals_[SOMA77.parents[joint]] @ hands[joint])
    places = joint_positions(torch.zeros(3), torch.stack(globals_), SOMA77)
    rest = joint_positions(torch.zeros(3), torch.eye(3).expand(77, 3, 3), SOMA77)
    for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky"):
        for side in ("Left", "Right"):
            tip = SOMA77.index(f"{side}Hand{finger}End")
            assert places[tip, 1] < rest[tip, 1] - 0.005  # the palms are down


def test_other_skeletons_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(InvalidInputError, match=r"body22.*retarget"):
        soma77_from_30(wander(BODY22, generator))
