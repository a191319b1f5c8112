"""Skeletons: what is refused and how it is said, body22 against the data, parts and pairs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marey.errors import InvalidInputError
from marey.skeleton import (
    BODY22,
    CONNECTED_PAIRS,
    MIRRORED_PART,
    PART_PAIRS,
    PARTS,
    Roles,
    Skeleton,
)

LEG = Skeleton(
    name="leg",
    joint_names=("hip", "knee", "ankle"),
    parents=(-1, 0, 1),
    rest_offsets=torch.tensor([[0.0, 0.0, 0.0], [0.0, -0.4, 0.0], [0.0, -0.45, 0.0]]),
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joint_names": ()}, "at least one joint"),
        ({"joint_names": ("hip", "knee", "knee")}, "must differ, got knee"),
        ({"parents": (-1, 0)}, "expected 3 parents, got 2"),
        ({"parents": (0, 0, 1)}, r"joint 0 must be the root \(parent -1\), got 0"),
        ({"parents": (-1, 2, 0)}, r"joint 1 \(knee\) must lie in \[0, 0\], got 2"),
        ({"parents": (-1, 0, -1)}, r"joint 2 \(ankle\) must lie in \[0, 1\], got -1"),
        ({"rest_offsets": torch.zeros(2, 3)}, r"shape \(3, 3\), got \(2, 3\)"),
        ({"rest_offsets": torch.full((3, 3), torch.nan)}, "must be finite"),
        ({"mirror": (0, 2, 0)}, "points back"),
        ({"mirror": (0, 1)}, "points back"),
        (
            {"parts": ("torso", "leg", "leg")},
            r"unknown parts \['leg', 'leg'\]; the parts are torso",
        ),
        ({"parts": ("torso",)}, "expected 3 parts"),
        ({"roles": Roles(head="skull")}, "do not exist: skull"),
        ({"end_sites": ((3, (0.0, 0.0, 0.1)),)}, "no such joint"),
    ],
)
def test_a_skeleton_that_cannot_be_is_refused(change: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=f"Skeleton 'leg': .*{message}"):
        replace(LEG, **change)


def test_unknown_joint_is_answered_with_the_joints_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"no joint 'toe'; its joints are hip, knee, ankle"):
        LEG.index("toe")


def test_missing_role_names_the_role() -> None:
    with pytest.raises(InvalidInputError, match="no joint for the role 'head'"):
        LEG.role("head")


def test_unknown_part_is_answered_with_the_parts_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"Unknown part 'tail'; the parts are torso, head"):
        BODY22.part_indices("tail")


def test_equality_is_by_content_not_by_name() -> None:
    twin = replace(LEG, rest_offsets=LEG.rest_offsets.clone())
    assert twin == LEG
    assert hash(twin) == hash(LEG)
    assert replace(LEG, name="another") == LEG  # a name says where a skeleton comes from
    assert replace(LEG, rest_offsets=LEG.rest_offsets * 2) != LEG
    assert replace(LEG, roles=Roles(left_hip="hip")) != LEG
    assert LEG != "leg"


def test_children_describe_the_tree() -> None:
    assert LEG.children == ((1,), (2,), ())
    assert sorted(joint for row in BODY22.children for joint in row) == list(range(1, 22))


def test_body22_is_the_body_of_the_data(shared_data: Path) -> None:
    with np.load(shared_data / "cmu" / "motions.npz") as pack:
        assert BODY22.joint_names == tuple(pack["joint_name"].tolist())
        assert BODY22.parents == tuple(pack["parent"].tolist())
        assert BODY22.mirror == tuple(pack["mirror_joint"].tolist())
        np.testing.assert_allclose(BODY22.rest_offsets, pack["rest_offset"], atol=1e-6)


def test_body22_is_symmetric() -> None:
    flipped = BODY22.rest_offsets[list(BODY22.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(flipped, BODY22.rest_offsets)
    tips = dict(BODY22.end_sites)
    for joint, (x, y, z) in BODY22.end_sites:
        assert tips[BODY22.mirror[joint]] == (-x, y, z)


def test_body22_names_every_role() -> None:
    assert all(vars(BODY22.roles).values())
    assert BODY22.foot_indices == BODY22.indices(
        ("left_ankle", "left_foot", "right_ankle", "right_foot")
    )


def test_a_part_begins_where_it_hangs_on_the_torso() -> None:
    begins = [BODY22.joint_names[BODY22.part_root(part)] for part in PARTS]
    assert begins == ["pelvis", "neck", "left_collar", "right_collar", "left_hip", "right_hip"]


def test_a_part_without_joints_does_not_begin() -> None:
    headless = replace(BODY22, parts=tuple(p.replace("head", "torso") for p in BODY22.parts))
    with pytest.raises(InvalidInputError, match=r"no joint of the part 'head'; .*torso, left_arm"):
        headless.part_root("head")


def test_parts_hold_every_joint_once() -> None:
    joints = [joint for part in PARTS for joint in BODY22.part_indices(part)]
    assert sorted(joints) == list(range(22))
    assert all(BODY22.part_indices(part) for part in PARTS)


def test_mirrored_joints_lie_in_mirrored_parts() -> None:
    assert {MIRRORED_PART[MIRRORED_PART[part]] for part in PARTS} == set(PARTS)
    twins = [BODY22.parts[joint] for joint in BODY22.mirror]
    assert twins == [MIRRORED_PART[part] for part in BODY22.parts]


def test_fifteen_pairs_five_of_them_connected() -> None:
    assert len(set(map(frozenset, PART_PAIRS))) == 15
    links = {
        frozenset((part, BODY22.parts[parent]))
        for part, parent in zip(BODY22.parts, BODY22.parents, strict=True)
        if parent >= 0 and part != BODY22.parts[parent]
    }
    assert set(map(frozenset, CONNECTED_PAIRS)) == links
    assert len(CONNECTED_PAIRS) == 5
