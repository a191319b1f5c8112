"""What other constraints pin, gathered once: the same as going through their goals one by one."""

import pytest
import torch

from marey.constraints import Clip, FullBodyKeyframe, Goal
from marey.constraints.beside import NOTHING, Beside
from marey.constraints.contradictions import contradictions
from marey.constraints.reach import Pins, worst_of_pairs
from marey.motion import Motion


def pinned(frames: list[int], *, kind="joint_position", joint: int = 0, source: int = 0) -> Goal:
    target = torch.tensor([[100.0 * source + frame] * 3 for frame in frames])
    return Goal(
        kind=kind,
        frames=torch.tensor(frames),
        target=target[:, :2] if kind == "root_path" else target,
        joint=joint,
        tolerance=0.005,
        source=source,
    )


GOALS = [
    pinned([4, 7], source=1),
    pinned([2, 4, 9], source=2),
    pinned([4], joint=3, source=3),
    pinned([7, 9], kind="root_path", source=4),
]


def test_the_earliest_pins_are_those_of_the_first_goals() -> None:
    found = Beside(GOALS).earliest("joint_position", 0)
    assert found is not None
    frames, targets = found
    assert frames.tolist() == [2, 4, 7, 9]
    assert targets[:, 0].tolist() == [202, 104, 107, 209]


def test_over_the_ground_the_last_goal_counts() -> None:
    found = Beside(GOALS).ground()
    assert found is not None
    frames, places = found
    assert frames.tolist() == [2, 4, 7, 9]
    assert places.tolist() == [[value] * 2 for value in (202, 204, 407, 409)]


def test_nothing_is_pinned_beside_nothing() -> None:
    assert NOTHING.ground() is None
    assert Beside(GOALS).earliest("joint_rotation", 0) is None


def test_goals_of_all_joints_are_the_goals_of_each(motion: Motion, clip: Clip) -> None:
    key = FullBodyKeyframe.from_motion(motion, [30, 2])
    frames = torch.tensor([30, 2])
    joints = list(range(22))
    for kind, values in (("joint_position", key.positions), ("joint_rotation", key.rotations)):
        together = key.joint_goals(kind, frames, values, source=5, joints=joints)  # type: ignore[arg-type]
        for joint, one in zip(joints, together, strict=True):
            alone = key.goal(kind, frames, values[:, joint], source=5, joint=joint)  # type: ignore[arg-type,index]
            assert (one.quantity, one.tolerance, one.source) == (alone.quantity, alone.tolerance, 5)
            assert torch.equal(one.frames, alone.frames)
            assert torch.equal(one.target, alone.target)


def test_of_pins_in_one_place_the_last_counts() -> None:
    pins = Pins.of(GOALS, 5)
    assert pins.frames.tolist() == [2, 4, 7, 9]
    assert pins.source[:, 0].tolist() == [2, 2, 1, 2]
    assert pins.positions[:, 0, 1].tolist() == [202, 204, 107, 209]
    assert pins.known.nonzero().tolist() == [[0, 0], [1, 0], [1, 3], [2, 0], [3, 0]]
    assert pins.source[1, 3] == 3


def test_contradictions_are_those_that_a_look_at_each_pair_finds(
    generator: torch.Generator,
) -> None:
    goals = []
    for source in range(12):
        frames = torch.randperm(8, generator=generator)[:5].sort().values
        target = torch.randint(0, 2, (5, 3), generator=generator).float()
        goals.append(
            Goal(kind="joint_position", frames=frames, target=target, tolerance=0.5, source=source)
        )
    expected: dict[tuple[int, int], int] = {}
    for late in range(12):
        for early in range(late):
            one, other = goals[late], goals[early]
            at = {int(frame): i for i, frame in enumerate(other.frames)}
            for i, frame in enumerate(one.frames.tolist()):
                if frame in at and (one.target[i] - other.target[at[frame]]).norm() > 1.0001:
                    expected[late, early] = expected.get((late, early), 0) + 1
    found: dict[tuple[int, int], int] = {}
    for each in contradictions(goals):
        pair = max(each.source, each.other_source), min(each.source, each.other_source)
        found[pair] = found.get(pair, 0) + each.count
    assert len(expected) > 10
    assert found == expected


@pytest.mark.parametrize("swapped", [False, True])
def test_the_worst_of_every_two(swapped: bool) -> None:
    first, second = torch.tensor([1, 2, 1, 3, 2]), torch.tensor([2, 1, 2, 1, 1])
    if swapped:
        first, second = second, first
    excess = torch.tensor([0.1, 0.7, 0.7, 0.2, 0.3])
    assert worst_of_pairs(first, second, excess) == [(2, 4), (3, 1)]
