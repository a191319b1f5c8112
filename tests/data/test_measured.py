from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from marey.data.measured import ACTIONS, MeasuredWindow, measured_windows
from marey.data.measured_wordings import SUBJECTS, WORDINGS, wordings
from marey.evaluation import PHRASES
from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.predicates import FACTS, find_all
from marey.skeleton import BODY22
from marey.text import mirror_text

CLIPS = ("35_01", "69_46", "144_10", "14_06", "41_02", "16_36")


@pytest.fixture(scope="module")
def clips(shared_data: Path) -> dict[str, Motion]:
    pack = CmuPack.open(shared_data / "cmu")
    return {name: pack.motion(name).resample(20.0) for name in CLIPS}


@pytest.fixture(scope="module")
def windows(clips: dict[str, Motion]) -> dict[str, list[MeasuredWindow]]:
    return {name: measured_windows(motion) for name, motion in clips.items()}


def statue(frames: int) -> Motion:
    local = torch.eye(3).repeat(frames, BODY22.num_joints, 1, 1)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        c, s = 0.17, sign * 0.985
        local[:, BODY22.index(f"{side}_shoulder")] = torch.tensor(
            [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
        )
    root = torch.tensor([0.0, 0.85, 0.0]).repeat(frames, 1)
    return Motion(root_positions=root, local_rotations=local, fps=20.0, skeleton=BODY22)


def mirrored_action(action: str) -> str:
    return mirror_text(action.replace("_", " ")).replace(" ", "_")


def test_a_statue_stands_still_in_long_windows_that_hardly_overlap() -> None:
    found = measured_windows(statue(300))
    assert {window.action for window in found} == {"stand_still"}
    assert [w.end_frame - w.start_frame for w in found[:2]] == [120, 120]
    assert len(found) <= ACTIONS["stand_still"].cap
    for one, other in pairwise(found):
        assert other.start_frame >= one.end_frame - 0.3 * 120


@pytest.mark.parametrize("frames", [1, 10, 25])
def test_short_clips_have_no_window(frames: int) -> None:
    assert measured_windows(statue(frames)) == []


def test_every_action_has_its_sentences_and_known_facts() -> None:
    assert set(WORDINGS) == set(ACTIONS)
    assert all(4 <= len(set(phrases)) == len(phrases) <= 8 for phrases in WORDINGS.values())
    used = {fact for action in ACTIONS.values() for fact in (*action.facts, *action.besides)}
    assert used == set(FACTS)


def test_no_sentence_of_the_evaluation_is_taught() -> None:
    taught = {phrase for phrases in WORDINGS.values() for phrase in phrases}
    asked = [wording for phrase in PHRASES for wording in phrase.wordings]
    assert [wording for wording in asked if any(wording.endswith(f" {p}") for p in taught)] == []
    every = {f"{subject} {phrase}" for subject in SUBJECTS for phrase in taught}
    assert not every & set(asked)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_sentences_of_mirrored_actions_are_mirrored(action: str) -> None:
    other = mirrored_action(action)
    assert other in ACTIONS
    assert tuple(map(mirror_text, wordings(action, 3))) == wordings(other, 3)


def test_subjects_vary() -> None:
    texts = [text for number in range(8) for text in wordings("walk_forward", number)]
    assert all(any(text.startswith(f"{s} ") for text in texts) for s in SUBJECTS)


@pytest.mark.parametrize(
    ("clip", "action"),
    [
        ("35_01", "walk_forward"),
        ("69_46", "sidestep_left"),
        ("144_10", "kick_left"),
        ("14_06", "squat"),
        ("41_02", "walk_backward"),
        ("16_36", "run"),
    ],
)
def test_real_clips_have_the_windows_that_they_are_known_for(
    clip: str, action: str, windows: dict[str, list[MeasuredWindow]]
) -> None:
    assert action in {window.action for window in windows[clip]}


@pytest.mark.parametrize("clip", CLIPS)
def test_facts_of_an_action_hold_in_its_windows(
    clip: str, clips: dict[str, Motion], windows: dict[str, list[MeasuredWindow]]
) -> None:
    wrong = 0
    for window in windows[clip]:
        findings = find_all(clips[clip].crop(window.start_frame, window.end_frame))
        wrong += not all(findings[fact].holds for fact in ACTIONS[window.action].facts)
    # A crop smooths its own ends and finds its own floor, so a window at a threshold may differ.
    assert wrong <= 0.1 * len(windows[clip])


@pytest.mark.parametrize("clip", CLIPS)
def test_a_mirrored_motion_has_mirrored_windows(
    clip: str, clips: dict[str, Motion], windows: dict[str, list[MeasuredWindow]]
) -> None:
    mirrored = measured_windows(clips[clip].mirror())
    expected = [
        replace(w, action=mirrored_action(w.action), texts=tuple(map(mirror_text, w.texts)))
        for w in windows[clip]
    ]
    key = lambda w: (w.action, w.start_frame, w.end_frame)  # noqa: E731
    assert sorted(mirrored, key=key) == sorted(expected, key=key)


def test_windows_are_the_same_every_time(clips: dict[str, Motion]) -> None:
    assert measured_windows(clips["35_01"]) == measured_windows(clips["35_01"])
