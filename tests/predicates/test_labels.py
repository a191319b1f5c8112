"""The predicates on windows of real motion that were labelled by eye (benchmarks/labels)."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from marey.io.cmu_pack import CmuPack
from marey.motion import Motion
from marey.predicates import FACTS, find_all

VALUES = {
    "turn": {"left", "right", "none", "unsure"},
    "steps": {"yes", "no", "unsure"},
    "travel": {"forward", "backward", "left", "right", "none", "mixed", "unsure"},
    "right_hand_up": {"yes", "no", "unsure"},
    "left_hand_up": {"yes", "no", "unsure"},
    "jump": {"yes", "no", "unsure"},
}
LABELLED = {
    "turns_left": ("turn", "left"),
    "turns_right": ("turn", "right"),
    "walks_backward": ("travel", "backward"),
    "sidesteps_left": ("travel", "left"),
    "raises_left_hand": ("left_hand_up", "yes"),
    "raises_right_hand": ("right_hand_up", "yes"),
    "jumps": ("jump", "yes"),
}
"""Fact to the field and value that say it. Forward is left out: some windows travel by jumps."""


@pytest.fixture(scope="module")
def labels(repository: Path) -> list[dict[str, Any]]:
    content = json.loads((repository / "benchmarks/labels/windows.json").read_text("utf-8"))
    return content["windows"]


@pytest.fixture(scope="module")
def pack(shared_data: Path) -> CmuPack:
    return CmuPack.open(shared_data / "cmu")


def test_labels_use_the_words_of_the_protocol(labels: list[dict[str, Any]]) -> None:
    assert len(labels) >= 120
    for row in labels:
        assert all(row[name] in values for name, values in VALUES.items())


def test_windows_are_of_test_clips_and_do_not_overlap(
    labels: list[dict[str, Any]], pack: CmuPack
) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    for row in labels:
        clip = pack.clip(row["clip"])
        assert clip.split in ("test", "test_repetition")
        assert 3.0 <= (row["end"] - row["start"]) / clip.fps <= 4.05
        assert 0 <= row["start"] < row["end"] <= clip.frames
        others = seen.setdefault(row["clip"], [])
        assert all(row["end"] <= start or end <= row["start"] for start, end in others)
        others.append((row["start"], row["end"]))


def test_facts_agree_with_what_is_seen(labels: list[dict[str, Any]], pack: CmuPack) -> None:
    counts = {fact: Counter() for fact in LABELLED}
    for row in labels:
        said = seen_facts(pack.motion(row["clip"]).crop(row["start"], row["end"]))
        for fact, (name, value) in LABELLED.items():
            if row[name] not in ("unsure", "mixed"):
                counts[fact][said[fact], row[name] == value] += 1
    for fact, count in counts.items():
        hits, false, missed = count[True, True], count[True, False], count[False, True]
        assert hits >= 10, fact
        assert hits >= 0.9 * (hits + false), fact
        assert hits >= 0.8 * (hits + missed), fact


def seen_facts(motion: Motion) -> dict[str, bool]:
    """Whether facts hold; of a raised hand, whether it is up, whatever the other one does."""
    found = find_all(motion, FACTS)
    up = ("raises_left_hand", "raises_right_hand")
    return {
        fact: one.interval is not None if fact in up else one.holds for fact, one in found.items()
    }
