"""Cohen's kappa against values computed by hand, and judgements read from forms."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from marey.annotation import (
    Judgement,
    Judgements,
    agreement,
    cohens_kappa,
    log_agreement,
)
from marey.errors import FileFormatError, InvalidInputError
from marey.skeleton.parts import PARTS


@pytest.mark.parametrize(
    ("both_yes", "first_only", "second_only", "both_no", "kappa"),
    [
        # observed .7, chance .5 * .6 + .5 * .4 = .5
        (20, 5, 10, 15, 0.4),
        # observed .6, chance .7 * .6 + .3 * .4 = .54
        (45, 25, 15, 15, 0.06 / 0.46),
        (7, 0, 0, 3, 1.0),
        # observed 0, chance .5
        (0, 4, 4, 0, -1.0),
        # independent: observed .5 = chance
        (1, 1, 1, 1, 0.0),
    ],
)
def test_kappa_is_that_of_the_table(
    both_yes: int, first_only: int, second_only: int, both_no: int, kappa: float
) -> None:
    first = [True] * (both_yes + first_only) + [False] * (second_only + both_no)
    second = [True] * both_yes + [False] * first_only + [True] * second_only + [False] * both_no
    assert cohens_kappa(first, second) == pytest.approx(kappa)
    assert cohens_kappa(second, first) == pytest.approx(kappa)
    opposite = [not each for each in first], [not each for each in second]
    assert cohens_kappa(*opposite) == pytest.approx(kappa)


@pytest.mark.parametrize("answers", [[], [True] * 5, [False] * 5])
def test_kappa_says_nothing_where_nobody_differs_at_all(answers: list[bool]) -> None:
    assert math.isnan(cohens_kappa(answers, answers))


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="as many judgements"):
        cohens_kappa([True], [True, False])


def judgements(judge: str, marks: str, *, part: str = "head") -> Judgements:
    """One mark a window: y, n, or - for none."""
    right = {"y": True, "n": False, "-": None}
    return Judgements(
        form="f",
        author="tiny",
        prompt="1",
        judge=judge,
        marks=tuple(
            Judgement(window_id=str(at), part=part, text="nods", is_right=right[mark])
            for at, mark in enumerate(marks)
        ),
    )


def test_agreement_is_by_part_and_leaves_out_what_is_not_marked() -> None:
    first = judgements("Ann", "yynny-")
    second = judgements("Bob", "ynnn-y")
    torso = judgements("Ann", "y", part="torso").marks, judgements("Bob", "n", part="torso").marks
    first = replace(first, marks=(*first.marks, *torso[0]))
    second = replace(second, marks=(*torso[1], *second.marks))
    found = agreement(first, second)
    assert list(found) == [*PARTS, "overall"]
    head = found["head"]
    assert (head.statements, head.right, head.same) == (4, (0.5, 0.25), 0.75)
    assert head.kappa == pytest.approx(0.5)  # chance .5 * .25 + .5 * .75 = .5
    assert (found["torso"].statements, found["torso"].same) == (1, 0.0)
    assert found["left_leg"].statements == 0
    assert math.isnan(found["left_leg"].kappa)
    assert (found["overall"].statements, found["overall"].same) == (5, 0.6)


def test_other_forms_and_the_same_person_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="same form"):
        agreement(judgements("Ann", "y"), replace(judgements("Bob", "y"), form="g"))
    with pytest.raises(InvalidInputError, match="two people"):
        agreement(judgements("Ann", "y"), judgements("Ann", "n"))


def test_the_log_keeps_one_entry_for_each_comparison(tmp_path: Path) -> None:
    log = tmp_path / "agreement.json"
    first, second = judgements("Ann", "yynn"), judgements("Bob", "ynnn")
    found = agreement(first, second)
    assert log_agreement(log, first, second, found)
    assert not log_agreement(log, second, first, agreement(first, second))
    newer = replace(first, prompt="2"), replace(second, prompt="2")
    assert log_agreement(log, *newer, agreement(*newer))
    entries = json.loads(log.read_text(encoding="utf-8"))
    assert [entry["prompt"] for entry in entries] == ["1", "2"]
    assert entries[0]["judges"] == ["Ann", "Bob"]
    assert entries[0]["agreement"]["head"] == {
        "statements": 4,
        "right": [0.5, 0.25],
        "same": 0.75,
        "kappa": 0.5,
    }
    assert entries[0]["agreement"]["torso"]["kappa"] is None


@pytest.mark.parametrize("content", ["{}", "no JSON"])
def test_another_file_is_not_taken_for_a_log(tmp_path: Path, content: str) -> None:
    log = tmp_path / "agreement.json"
    log.write_text(content, encoding="utf-8")
    with pytest.raises(FileFormatError, match="--log"):
        log_agreement(log, judgements("Ann", "y"), judgements("Bob", "y"), {})
    assert log.read_text(encoding="utf-8") == content
