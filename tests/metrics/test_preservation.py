"""What an edit kept: masks of parts and frames, and errors that are known."""

import pytest
import torch

from marey.errors import InvalidInputError
from marey.metrics import Summary, kept_joints, preservation_error
from marey.skeleton import BODY22, PARTS

WRIST = BODY22.index("left_wrist")
KNEE = BODY22.index("right_knee")


def test_kept_are_all_other_parts_and_frames() -> None:
    kept = kept_joints(BODY22, 10, edited=("left_arm", "right_leg"), span=(2, 5))
    assert kept[[0, 1, *range(5, 10)]].all()
    lost = sorted(BODY22.part_indices("left_arm") + BODY22.part_indices("right_leg"))
    assert (~kept[2:5]).nonzero()[:, 1].unique().tolist() == lost
    assert not kept_joints(BODY22, 3, edited=PARTS).any()
    assert kept_joints(BODY22, 3, edited=()).all()


def test_only_kept_joints_count_and_the_root_does_not() -> None:
    original = torch.rand(4, BODY22.num_joints, 3, generator=torch.Generator().manual_seed(0))
    edited = original.clone()
    edited[:, WRIST] += 9.0  # what was asked
    edited[1, KNEE] += torch.tensor([0.3, 0.0, 0.4])  # what was not
    kept = kept_joints(BODY22, 4, edited=("left_arm",))
    found = preservation_error(edited, original, kept)
    others = BODY22.num_joints - 1 - len(BODY22.part_indices("left_arm"))
    assert found.count == 4 * others
    assert found.maximum == pytest.approx(0.5)
    assert found.mean == pytest.approx(0.5 / found.count)


def test_another_place_is_kept_another_direction_is_not() -> None:
    original = torch.rand(4, BODY22.num_joints, 3, generator=torch.Generator().manual_seed(0))
    kept = kept_joints(BODY22, 4, edited=())
    moved = original + torch.rand(4, 1, 3, generator=torch.Generator().manual_seed(1))
    assert preservation_error(moved, original, kept).maximum == pytest.approx(0, abs=1e-6)
    assert preservation_error(-original, original, kept).mean > 0.1


def test_nothing_kept_measures_nothing() -> None:
    body = torch.zeros(3, BODY22.num_joints, 3)
    none = kept_joints(BODY22, 3, edited=PARTS)
    assert preservation_error(body, body, none) == Summary(mean=0.0, maximum=0.0, count=0)


def test_unknown_parts_and_spans_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="Unknown part 'tail'"):
        kept_joints(BODY22, 3, edited=("tail",))
    with pytest.raises(InvalidInputError, match="got 2 and 4"):
        kept_joints(BODY22, 3, edited=(), span=(2, 4))
