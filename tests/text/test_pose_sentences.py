import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.predicates import POSE_FACTS, PoseFacts
from marey.predicates.pose_table import POSE_FACT_INDEX
from marey.skeleton.parts import PAIR_SLOTS, PARTS, mirrored_slot
from marey.text import mirror_text, pose_sentences
from marey.text.pose_phrases import PHRASES

CLIPS = ("78_34", "83_47", "144_09", "49_03")
MOVES = re.compile(
    r"\b(?:walk|run|step|mov|swing|rais(?:es|ing)|lower(?:s|ing)|lift(?:s|ing)|turns|turning|"
    r"bends|bending|waves|circl|jump|kick|begins|starts|stops|then|slowly|quickly|fast)"
)


def usual() -> PoseFacts:
    """A pose of which there is nothing to say: every fact in its middle bin."""
    codes = torch.tensor([[_middle(fact.name) for fact in POSE_FACTS]])
    upright = torch.zeros(1, dtype=torch.int64)
    return PoseFacts(values=torch.zeros(1, len(POSE_FACTS)), codes=codes, postures=upright)


def _middle(name: str) -> int:
    fact = POSE_FACTS[POSE_FACT_INDEX[name]]
    said = PHRASES[fact.family][1] if fact.family in PHRASES else {}
    silent = [i for i, word in enumerate(fact.bins) if word not in said]
    return silent[len(silent) // 2]


def said(**words: str) -> PoseFacts:
    """The usual pose but for some facts."""
    facts = usual()
    for name, word in words.items():
        column = POSE_FACT_INDEX[name]
        facts.codes[0, column] = POSE_FACTS[column].bins.index(word)
    return facts


@pytest.mark.parametrize(
    ("words", "slot", "sentence"),
    [
        ({}, "left_arm+right_leg", "The left hand is away from the right leg."),
        ({}, "right_arm", "The right arm rests along the body."),
        ({"right_elbow_bend": "bent"}, "right_arm", "The right elbow is bent."),
        (
            {"torso_lean_forward": "forward", "torso_lean_left": "right"},
            "torso",
            "The torso leans forward and to the right.",
        ),
        (
            {"left_knee_bend": "bent", "left_foot_height": "lifted"},
            "left_leg",
            "The left knee is bent and the left foot is lifted.",
        ),
        (
            {"left_hand_to_other_elbow": "at", "right_hand_to_other_elbow": "at"},
            "left_arm+right_arm",
            "Both hands are at the opposite elbow.",
        ),
        (
            {"left_hand_to_other_elbow": "at"},
            "left_arm+right_arm",
            "The left hand is at the right elbow.",
        ),
        (
            {"left_hand_to_other_knee": "near"},
            "left_arm+right_leg",
            "The left hand is near the right knee.",
        ),
        (
            {"left_foot_ahead_of_right": "right far ahead"},
            "left_leg+right_leg",
            "The right foot is far ahead of the left one.",
        ),
    ],
)
def test_a_slot_says_what_is_unusual(words: dict[str, str], slot: str, sentence: str) -> None:
    assert pose_sentences(said(**words))[0].slots[slot] == sentence


def test_the_whole_says_both_once_and_one_by_itself() -> None:
    facts = said(
        left_elbow_bend="bent", right_elbow_bend="bent", right_hand_over_shoulders="overhead"
    )
    whole = pose_sentences(facts)[0].whole
    assert whole == "A person stands. Both elbows are bent. The right hand is above the head."


def test_phrases_belong_to_bins_of_the_table() -> None:
    bins = {fact.family: fact.bins for fact in POSE_FACTS}
    for family, (_, phrases) in PHRASES.items():
        assert set(phrases) < set(bins[family]), family


@pytest.mark.parametrize("clip", CLIPS)
def test_a_mirrored_pose_has_the_mirrored_sentences(cmu: CmuPack, clip: str) -> None:
    motion = cmu.motion(clip)
    texts = pose_sentences(PoseFacts.of(motion))
    mirrored = pose_sentences(PoseFacts.of(motion.mirror()))
    assert len({text.whole for text in texts}) > 10
    for text, other in zip(texts, mirrored, strict=True):
        assert mirror_text(text.whole) == other.whole
        for slot, sentence in text.slots.items():
            assert mirror_text(sentence) == other.slots[mirrored_slot(slot)]


@pytest.mark.parametrize("clip", CLIPS)
def test_every_slot_is_told_and_no_pose_moves(cmu: CmuPack, clip: str) -> None:
    motion = cmu.motion(clip)
    for text in pose_sentences(PoseFacts.of(motion)):
        assert tuple(text.slots) == (*PARTS, *PAIR_SLOTS)
        for sentence in (text.whole, *text.slots.values()):
            assert re.fullmatch(r"(?:[A-Z][a-z, -]+\. ?)+", sentence)
            assert not MOVES.search(sentence), sentence


def test_chosen_frames_are_told_as_among_all(cmu: CmuPack) -> None:
    facts = PoseFacts.of(cmu.motion("78_34"))
    every = pose_sentences(facts)
    assert pose_sentences(facts, [3, 40]) == [every[3], every[40]]


def test_a_still_pose_is_told_in_one_way(cmu: CmuPack) -> None:
    frame: Motion = cmu.motion("78_34").crop(20, 21)
    still = replace(
        frame,
        root_positions=frame.root_positions.expand(30, 3),
        local_rotations=frame.local_rotations.expand(30, -1, -1, -1),
    )
    assert len({text.whole for text in pose_sentences(PoseFacts.of(still))}) == 1


@pytest.fixture(scope="module")
def cmu(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")
