"""Constraints from motions: met by them, and what lies between two clips."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
import torch

from marey.constraints import (
    Clip,
    FootContact,
    FullBodyKeyframe,
    JointTarget,
    RootPath,
    between,
    check_constraints,
    compile_goals,
    constraints_from_json,
    constraints_from_motion,
    constraints_to_json,
    facts_from_goals,
)
from marey.constraints.extract import ExtractedKind
from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import BODY22_LIMITS, Motion, foot_contacts, smooth_path
from marey.skeleton import BODY22


def test_kinds_come_in_their_order_at_their_frames(motion: Motion, clip: Clip) -> None:
    found = constraints_from_motion(motion, ["heading", "full_body"], every=25)
    assert [type(each).__name__ for each in found] == ["RootHeading", "FullBodyKeyframe"]
    for goal in compile_goals(found, clip):
        assert goal.frames.tolist() == [0, 25, 50]


def test_named_joints_or_hands_and_feet(motion: Motion) -> None:
    named = constraints_from_motion(motion, ["joint"], frames=[3], joints=["head"])
    ends = constraints_from_motion(motion, ["joint"], frames=[3], rotations=False)
    names = [each.joint for each in (*named, *ends) if isinstance(each, JointTarget)]
    assert names == ["head", "left_wrist", "right_wrist", "left_ankle", "right_ankle"]
    assert isinstance(named[0], JointTarget)
    assert isinstance(ends[0], JointTarget)
    assert (named[0].rotations is None, ends[0].rotations is None) == (False, True)
    assert named[0].root_path is not None


def test_the_path_is_that_of_every_frame(motion: Motion, clip: Clip) -> None:
    (path,) = constraints_from_motion(motion, ["root_path"], every=10)
    assert isinstance(path, RootPath)
    (goal,) = path.goals(clip)
    assert len(goal.frames) == motion.num_frames
    expected = smooth_path(motion.root_positions[:, [0, 2]])
    torch.testing.assert_close(goal.target, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("labelled", [True, False])
def test_contacts_are_pinned_in_every_frame(motion: Motion, labelled: bool) -> None:
    labels = torch.rand(motion.num_frames, 4, generator=torch.Generator().manual_seed(0)) > 0.3
    if labelled:
        motion = replace(motion, contacts=labels)
    expected = foot_contacts(motion.joint_positions, BODY22, motion.fps, limits=BODY22_LIMITS)
    found = constraints_from_motion(motion, ["foot_contact"], every=1)
    facts = facts_from_goals(compile_goals(found, Clip.of(motion)), Clip.of(motion))
    assert bool(facts.contact_mask.all())
    assert torch.equal(facts.contacts, labels if labelled else expected)
    for one, other in pairwise(each for each in found if isinstance(each, FootContact)):
        assert one.foot != other.foot or one.contact != other.contact


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected every or frames, got neither"),
        ({"every": 2, "frames": [1]}, "got both"),
        ({"every": 0}, "every: expected at least 1 frame"),
        ({"frames": []}, "frames: expected at least one"),
        ({"frames": [60]}, r"expected a frame in \[0, 59\], got 60"),
        ({"frames": [1], "joints": ["tail"]}, "has no joint 'tail'"),
    ],
)
def test_unusable_wishes_are_refused(
    motion: Motion, given: dict[str, list[int]], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        constraints_from_motion(motion, ["joint"], **given)


# --- in-betweening -------------------------------------------------------------------------------


@pytest.fixture
def room() -> Clip:
    return Clip(skeleton=BODY22, fps=20.0, frames=50)


def test_a_clip_between_begins_and_ends_as_its_neighbours_do(motion: Motion, room: Clip) -> None:
    start, end = motion.crop(0, 20), motion.crop(40, 60)
    keys = between(start, end, room, overlap=3)
    facts = facts_from_goals(compile_goals(keys, room), room)
    known = facts.joint_position_mask.all(1).nonzero().flatten().tolist()
    assert known == [0, 1, 2, 47, 48, 49]
    expected = torch.cat((motion.joint_positions[17:20], motion.joint_positions[40:43]))
    torch.testing.assert_close(facts.joint_positions[known], expected)
    assert bool((facts.root_path_mask == facts.global_rotation_mask.all(1)).all())
    assert [each.label for each in keys] == ["start", "end"]


def test_the_second_clip_can_be_placed(motion: Motion, room: Clip) -> None:
    keys = between(motion, motion, room, place=torch.tensor([7.0, -5.0]), heading=2.0)[1]
    assert isinstance(keys, FullBodyKeyframe)
    torch.testing.assert_close(
        keys.positions[0, 0, [0, 2]], torch.tensor([7.0, -5.0]), atol=1e-5, rtol=0
    )
    facts = facts_from_goals(keys.goals(room), room)
    assert float(facts.heading[46]) == pytest.approx(2.0, abs=1e-5)
    torch.testing.assert_close(
        keys.positions[:, :, 1], motion.joint_positions[:4, :, 1], atol=1e-5, rtol=0
    )


def test_turning_alone_keeps_the_place(motion: Motion, room: Clip) -> None:
    keys = between(motion, motion, room, heading=-1.0)[1]
    torch.testing.assert_close(keys.positions[0, 0], motion.root_positions[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("overlap", [0, 26, 61])
def test_overlaps_that_do_not_fit_are_refused(motion: Motion, room: Clip, overlap: int) -> None:
    with pytest.raises(InvalidInputError, match="overlap: expected"):
        between(motion, motion, room, overlap=overlap)


def test_other_skeletons_and_rates_are_refused(motion: Motion, room: Clip) -> None:
    with pytest.raises(InvalidInputError, match="end: expected skeleton 'body22' at 20 fps"):
        between(motion, motion.resample(10.0), room)


def test_real_motions_meet_what_is_taken_from_them(shared_data: Path) -> None:
    """A walk and a cartwheel: no error by validation, whatever is pinned together."""
    pack = CmuPack.open(shared_data / "cmu")
    for name in ("07_01", "49_07"):
        real = pack.motion(name).resample(20.0)
        found = constraints_from_motion(real, get_args(ExtractedKind), every=9)
        again = constraints_from_json(constraints_to_json(found))
        findings = check_constraints(again, Clip.of(real))
        assert [finding for finding in findings if finding.severity == "error"] == []
