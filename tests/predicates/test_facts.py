from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.errors import InvalidInputError
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion, concatenate
from marey.predicates import FACTS, MEASURES, MIRRORED_FACT, BodyTrace, find, find_all
from marey.skeleton import Roles


def held(motion: Motion) -> set[str]:
    return {fact for fact, finding in find_all(motion).items() if finding.holds}


@pytest.mark.parametrize("fact", FACTS)
def test_each_act_makes_its_own_fact_true_and_no_other(fact: str, acts: dict[str, Motion]) -> None:
    assert held(acts[fact]) == {fact}


@pytest.mark.parametrize("fact", FACTS)
def test_a_mirrored_motion_makes_the_mirrored_fact_true(fact: str, acts: dict[str, Motion]) -> None:
    assert held(acts[fact].mirror()) == {MIRRORED_FACT[fact]}
    plain, mirrored = find(fact, acts[fact]), find(MIRRORED_FACT[fact], acts[fact].mirror())
    assert mirrored.value == pytest.approx(plain.value, abs=1e-3)
    assert mirrored.interval == plain.interval


@pytest.mark.parametrize("fact", FACTS)
def test_facts_do_not_depend_on_place_heading_or_frame_rate(
    fact: str, acts: dict[str, Motion]
) -> None:
    moved = acts[fact].rotate(2.0).translate(torch.tensor([3.0, 0.4, -5.0]))
    assert held(moved) == {fact}
    assert find(fact, acts[fact].resample(30.0)).holds


@pytest.mark.parametrize("fact", FACTS)
def test_lengths_scale_with_the_legs(fact: str, acts: dict[str, Motion]) -> None:
    act = acts[fact]
    small = replace(act.skeleton, rest_offsets=act.skeleton.rest_offsets * 0.7)
    child = replace(act, skeleton=small, root_positions=act.root_positions * 0.7)
    measured = find(fact, child)
    assert measured.holds
    assert measured.value == pytest.approx(find(fact, act).value, rel=1e-2, abs=1e-3)


def test_a_slide_is_no_walk(sliding: Motion) -> None:
    assert held(sliding) == set()
    assert find("walks_forward", sliding).value > 4


def test_both_hands_raised_are_neither_hand(acts: dict[str, Motion]) -> None:
    left, right = acts["raises_left_hand"], acts["raises_right_hand"]
    both = left.local_rotations.clone()
    shoulder = left.skeleton.index("right_shoulder")
    both[:, shoulder] = right.local_rotations[:, shoulder]
    assert held(replace(left, local_rotations=both)) == set()


def test_kicks_by_turns_are_neither_kick(acts: dict[str, Motion]) -> None:
    assert held(concatenate([acts["kicks_left"], acts["kicks_right"]])) == set()


def test_a_body_that_only_sits_does_not_sit_down(acts: dict[str, Motion]) -> None:
    act = acts["sits_down"]
    assert not find("sits_down", act.crop(40, act.num_frames)).holds


def test_the_interval_holds_the_event(acts: dict[str, Motion]) -> None:
    interval = find("jumps", acts["jumps"]).interval
    assert interval is not None
    assert 15 <= interval[0] <= 22 <= 28 <= interval[1] <= 36
    assert find("jumps", acts["stands_still"]).interval is None


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_very_short_motions_have_findings(frames: int, acts: dict[str, Motion]) -> None:
    findings = find_all(acts["walks_forward"].crop(0, frames))
    assert all(finding.value == finding.value for finding in findings.values())
    assert not findings["walks_forward"].holds


@pytest.mark.parametrize("fact", FACTS)
def test_a_window_is_measured_as_in_its_trace(fact: str, acts: dict[str, Motion]) -> None:
    trace = BodyTrace.of(acts[fact])
    windows = trace.windows(trace.num_frames, 1)
    one, many = MEASURES[fact](trace), MEASURES[fact](windows)
    assert many.holds.tolist() == [bool(one.holds)]
    torch.testing.assert_close(many.value[0], one.value)
    assert many.evidence.shape == (1, trace.num_frames)


def test_an_unknown_fact_is_refused(acts: dict[str, Motion]) -> None:
    with pytest.raises(InvalidInputError, match=r"flies.*walks_forward"):
        find("flies", acts["jumps"])


def test_a_skeleton_without_roles_is_refused(acts: dict[str, Motion]) -> None:
    act = acts["jumps"]
    nameless = replace(act, skeleton=replace(act.skeleton, roles=Roles()))
    with pytest.raises(InvalidInputError, match="roles"):
        find("jumps", nameless)


@pytest.mark.parametrize(
    ("clip", "start", "end", "fact"),
    [
        ("90_22", 0.0, 5.0, "walks_forward"),
        ("76_11", 0.0, 3.0, "walks_backward"),
        ("69_46", 20.5, 22.5, "sidesteps_left"),
        ("69_48", 27.5, 30.5, "sidesteps_right"),
        ("35_18", 0.0, 1.4, "runs"),
        ("13_39", 0.0, 3.0, "jumps"),
        ("113_15", 0.0, 4.5, "sits_down"),
        ("14_06", 8.5, 12.5, "squats"),
        ("144_06", 0.5, 7.0, "kicks_right"),
        ("144_10", 8.3, 18.0, "kicks_left"),
    ],
)
def test_real_motion(cmu: CmuPack, clip: str, start: float, end: float, fact: str) -> None:
    motion = cmu.motion(clip).resample(20.0)
    last = min(round(end * 20), motion.num_frames)
    window = motion.crop(round(start * 20), last)
    assert fact in held(window)
    assert MIRRORED_FACT[fact] in held(window.mirror())


@pytest.fixture(scope="module")
def cmu(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")
