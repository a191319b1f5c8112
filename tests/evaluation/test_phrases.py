import math

import pytest
import torch

from marey.errors import InvalidInputError
from marey.evaluation import (
    PHRASES,
    PhraseRow,
    phrase,
    score_captioned,
    score_phrases,
    total_rows,
)
from marey.motion import Motion
from marey.predicates import FACTS
from marey.skeleton import BODY22
from marey.text import mirror_text


@pytest.fixture(scope="module")
def statue() -> Motion:
    local = torch.eye(3).repeat(60, BODY22.num_joints, 1, 1)
    root = torch.tensor([0.0, 0.85, 0.0]).repeat(60, 1)
    return Motion(root_positions=root, local_rotations=local, fps=20.0, skeleton=BODY22)


def test_there_is_one_phrase_per_fact_with_two_wordings() -> None:
    assert len(PHRASES) == 15
    assert {one.fact for one in PHRASES} == set(FACTS)
    wordings = [wording for one in PHRASES for wording in one.wordings]
    assert len(set(wordings)) == 30
    assert len({one.name for one in PHRASES}) == 15


def test_sided_phrases_come_in_mirrored_pairs() -> None:
    by_name = {one.name: one for one in PHRASES}
    for one in PHRASES:
        other = by_name[mirror_text(one.name)]
        assert other.wordings == tuple(map(mirror_text, one.wordings))
        assert mirror_text(one.fact.replace("_", " ")) == other.fact.replace("_", " ")


@pytest.mark.parametrize(
    ("name", "caption", "said"),
    [
        ("walks forward", "a person walks straight ahead", True),
        ("walks forward", "someone walks forward and sits down", False),
        ("walks backward", "a man walks backwards", True),
        ("walks backward", "someone steps backward, then walks forward", False),
        ("turns left", "a person turns to the left", True),
        ("turns left", "a person turns left, then right", False),
        ("turns right", "a person turns to the left", False),
        ("kicks with the right leg", "someone kicks with the right foot", True),
        ("kicks with the right leg", "someone kicks with the left, then the right foot", False),
        ("jumps", "a person jumps rope", False),
        ("sits down", "a woman sits down on a chair", True),
    ],
)
def test_captions_that_say_a_phrase(name: str, caption: str, said: bool) -> None:
    assert phrase(name).is_said_in([caption]) is said


def test_scores_count_motions_in_which_the_fact_holds(statue: Motion) -> None:
    still, runs = phrase("stands still"), phrase("runs")
    rows = score_phrases(
        {still.wordings[0]: [statue] * 3, still.wordings[1]: [statue], runs.wordings[0]: [statue]}
    )
    assert [(r.phrase, r.held, r.total) for r in rows] == [
        ("runs", 0, 1),
        ("stands still", 3, 3),
        ("stands still", 1, 1),
    ]
    totals = {row.phrase: row for row in total_rows(rows)}
    assert (totals["stands still"].held, totals["stands still"].total) == (4, 4)
    assert totals["stands still"].share == 1.0


def test_a_foreign_sentence_is_refused(statue: Motion) -> None:
    with pytest.raises(InvalidInputError, match="a person flies"):
        score_phrases({"a person flies": [statue]})
    with pytest.raises(InvalidInputError, match="walks forward"):
        phrase("flies")


def test_real_windows_are_read_only_where_a_caption_says_a_phrase(statue: Motion) -> None:
    reads: list[str] = []

    def read(name: str) -> Motion:
        reads.append(name)
        return statue

    rows = score_captioned(
        [
            (["a person stands still"], lambda: read("still")),
            (["a person waves"], lambda: read("waves")),
            (["someone runs", "a person runs ahead"], lambda: read("runs")),
        ]
    )
    assert reads == ["still", "runs"]
    counts = {row.phrase: (row.held, row.total) for row in rows}
    assert counts["stands still"] == (1, 1)
    assert counts["runs"] == (0, 1)
    assert counts["jumps"] == (0, 0)


def test_a_share_of_nothing_is_not_a_number() -> None:
    row = PhraseRow(phrase="runs", wording="", held=0, total=0)
    assert math.isnan(row.share)
    assert row.interval == (0.0, 1.0)
