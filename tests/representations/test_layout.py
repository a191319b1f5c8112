"""Layouts: channels by block and joint, and questions that have no answer."""

from dataclasses import replace

import pytest

from marey.errors import InvalidInputError
from marey.representations import Block, FeatureLayout
from marey.skeleton import BODY22

LAYOUT = FeatureLayout(
    blocks=(
        Block(name="root", width=2),
        Block(name="positions", width=3, joints=(0, 4, 7)),
        Block(name="contacts", width=1, joints=(7, 7, 4)),
    )
)


def test_blocks_lie_end_to_end() -> None:
    assert LAYOUT.size == 14
    assert [LAYOUT.slice(b.name) for b in LAYOUT.blocks] == [
        slice(0, 2),
        slice(2, 11),
        slice(11, 14),
    ]
    assert LAYOUT.span("root", "positions") == slice(0, 11)


def test_joints_come_in_the_order_asked() -> None:
    assert LAYOUT.channels("positions", [7, 0]) == [8, 9, 10, 2, 3, 4]
    assert LAYOUT.channels("positions", []) == []
    assert LAYOUT.channels("positions") == list(range(2, 11))


def test_a_joint_owns_all_its_rows() -> None:
    assert LAYOUT.channels("contacts", [7]) == [11, 12]
    assert LAYOUT.joint_channels([7]) == [8, 9, 10, 11, 12]
    assert LAYOUT.joint_channels([7, 4]) == [5, 6, 7, 8, 9, 10, 11, 12, 13]


def test_the_torso_owns_what_belongs_to_the_whole_body() -> None:
    assert LAYOUT.part_channels("torso", BODY22) == [0, 1, 2, 3, 4]
    assert LAYOUT.part_channels("left_arm", BODY22) == []


def test_an_unknown_block_is_refused_with_those_there_are() -> None:
    for ask in (LAYOUT.block, LAYOUT.slice, LAYOUT.channels, lambda n: LAYOUT.span("root", n)):
        with pytest.raises(InvalidInputError, match="no block 'hands'; its blocks are root, pos"):
            ask("hands")


def test_joints_that_a_block_does_not_hold_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"no channels of joints \[5\].*\[0, 4, 7\]"):
        LAYOUT.channels("positions", [0, 5])
    with pytest.raises(InvalidInputError, match="whole body"):
        LAYOUT.channels("root", [0])


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Unknown part 'tail'"):
        LAYOUT.part_channels("tail", BODY22)


def test_a_skeleton_without_parts_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"Skeleton\.parts"):
        LAYOUT.part_channels("torso", replace(BODY22, parts=()))


def test_blocks_need_channels_and_names_of_their_own() -> None:
    with pytest.raises(InvalidInputError, match="different names, got a twice"):
        FeatureLayout(blocks=(Block(name="a", width=1), Block(name="a", width=2)))
    with pytest.raises(InvalidInputError, match=r"width of 1 or more; not so \['b'\]"):
        FeatureLayout(blocks=(Block(name="b", width=0),))
