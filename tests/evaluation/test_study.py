"""Studies: the page is blind, and what people answer on it comes back as scores."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from marey.errors import FileFormatError, InvalidInputError
from marey.evaluation import (
    Answers,
    Opinion,
    Study,
    opinion_scores,
    read_answers,
    read_prompts,
)
from marey.io import save_motion
from marey.motion import Motion
from marey.skeleton import BODY22


def motion(text: str | None = None, frames: int = 4) -> Motion:
    """A body that stands."""
    return Motion(
        root_positions=torch.tensor([0.0, 0.95, 0.0]).repeat(frames, 1),
        local_rotations=torch.eye(3).repeat(frames, 22, 1, 1),
        fps=20.0,
        skeleton=BODY22,
        metadata={} if text is None else {"text": text},
    )


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Two models with two clips each."""
    found = {name: tmp_path / name for name in ("secret_first", "secret_second")}
    for folder in found.values():
        folder.mkdir()
        save_motion(motion("a person stands"), folder / "clip_stands.npz")
        save_motion(motion("a person </script> waits"), folder / "clip_waits.npz")
    return found


def page_data(text: str) -> dict[str, object]:
    (data,) = re.findall(r'id="data">(.*?)</script>', text, flags=re.DOTALL)
    return json.loads(data)


def saved(study: Study, seed: int, rater: str, rating: dict[str, int]) -> dict[str, object]:
    """What the page saves when a rater gives every clip of a model one rating."""
    data = page_data(study.html(seed=seed))
    key = json.loads(base64.b64decode(str(data["key"])))
    answers = [dict.fromkeys(("realness", "alignment", "overall"), rating[m]) for m, _ in key]
    return {**{n: data[n] for n in ("version", "study", "seed", "key")},
            "rater": rater, "answers": answers}  # fmt: skip


def test_the_page_names_no_model_and_no_file_and_needs_no_network(
    folders: dict[str, Path],
) -> None:
    text = Study.of_folders(folders).html()
    assert not re.search("secret|clip_", text)
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|@import|url\(|src=", text)
    assert text.count("<script") == 2
    assert text.count(".swatch {") == 1  # the style that all pages with a player share
    assert not re.search("PLAYER_|FORM_DATA", text)
    data = page_data(text)
    prompts = sorted(clip["prompt"] for clip in data["clips"])  # type: ignore[attr-defined]
    assert prompts == ["a person </script> waits"] * 2 + ["a person stands"] * 2


def test_the_seed_decides_the_order_and_not_the_study(folders: dict[str, Path]) -> None:
    study = Study.of_folders(folders)
    assert study.html(seed=1) == study.html(seed=1)
    pages = [page_data(study.html(seed=seed)) for seed in range(6)]
    assert len({str(page["key"]) for page in pages}) > 1
    assert {page["study"] for page in pages} == {study.name}


def test_answers_come_back_by_model(folders: dict[str, Path], tmp_path: Path) -> None:
    study = Study.of_folders(folders)
    answers = []
    for seed, (rater, high) in enumerate((("Ann", 5), ("Bob", 4))):
        file = tmp_path / f"{rater}.json"
        rating = {"secret_first": high, "secret_second": 2}
        file.write_text(json.dumps(saved(study, seed, rater, rating)), encoding="utf-8")
        answers.append(read_answers(file))
    scores = {(s.model, s.question): s for s in opinion_scores(answers)}
    first, second = scores["secret_first", "overall"], scores["secret_second", "realness"]
    assert (first.score.value, first.score.low, first.score.high) == (4.5, 4, 5)
    assert (second.score.value, second.score.low, second.score.high) == (2, 2, 2)
    assert (first.clips, first.raters, first.ratings) == (2, 2, 4)
    assert len(scores) == 6


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_runs(folders: dict[str, Path], tmp_path: Path) -> None:
    """Does its script run through, play, take ratings, and save them?"""
    text = Study.of_folders(folders).html(seed=4)
    script = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)[-1]
    (data,) = re.findall(r'id="data">(.*?)</script>', text, flags=re.DOTALL)
    browser = (Path(__file__).parents[1] / "browser.js").read_text(encoding="utf-8")
    page = browser.replace("PAGE_DATA", json.dumps(data)).replace("PAGE_SCRIPT", script)
    file = tmp_path / "page.js"
    file.write_text(page + _ACTIONS, encoding="utf-8")
    done = subprocess.run(["node", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    saved = tmp_path / "saved.json"
    saved.write_text(done.stdout, encoding="utf-8")
    answers = read_answers(saved)
    assert answers.rater == "Ann"
    assert [dict(o.ratings) for o in answers.opinions[:3]] == [
        {"realness": 5, "overall": 1},
        {"alignment": 2},
        {},
    ]


_ACTIONS = """
const play = made.find(each => each.textContent === "Play");
play.onclick();
play.onclick();
const radios = made.filter(each => each.type === "radio");
for (const rated of [4, 10, 21]) radios[rated].onchange();
document.getElementById("rater").value = " Ann ";
document.getElementById("save").onclick();
"""


def test_intervals_cover_raters_and_clips() -> None:
    """By hand: with one rater of two clips 1 and 5, draws have means 1, 3, 3 and 5."""
    clips = tuple(
        Opinion(model="m", file=f, ratings={"overall": r}) for f, r in (("a", 1), ("b", 5))
    )
    scores = {
        s.question: s for s in opinion_scores([Answers(study="s", rater="A", opinions=clips)])
    }
    overall = scores["overall"]
    assert (overall.score.value, overall.score.low, overall.score.high) == (3, 1, 5)
    assert scores["realness"].ratings == 0
    assert scores["realness"].score.value != scores["realness"].score.value  # nan


def test_unanswered_questions_do_not_count() -> None:
    given = [
        Answers(
            study="s", rater=rater, opinions=(Opinion(model="m", file=f, ratings={"overall": 4}),)
        )
        for rater, f in (("A", "a"), ("B", "b"))
    ]
    (overall,) = [s for s in opinion_scores(given) if s.question == "overall"]
    assert (overall.ratings, overall.raters, overall.clips) == (2, 2, 2)
    assert (overall.score.low, overall.score.high) == (4, 4)


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"key": "no base64 !"},
        {"answers": []},
        {"answers": [{"overall": 4}] * 4},
        {"answers": [{"realness": 6, "alignment": 1, "overall": 1}] * 4},
        {"answers": [{"realness": True, "alignment": 1, "overall": 1}] * 4},
    ],
)
def test_damaged_answers_are_refused_by_name(
    folders: dict[str, Path], tmp_path: Path, damage: dict[str, object]
) -> None:
    whole = saved(Study.of_folders(folders), 0, "Ann", {"secret_first": 1, "secret_second": 1})
    file = tmp_path / "ann.json"
    file.write_text(json.dumps(whole | damage), encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"ann\.json"):
        read_answers(file)
    file.write_text(json.dumps(whole)[:-20], encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"ann\.json"):
        read_answers(file)
    file.write_text(json.dumps(whole | {"rater": " "}), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="name of the rater"):
        read_answers(file)


def test_answers_that_do_not_belong_together_are_refused() -> None:
    ann, bob = (Answers(study="s", rater=name, opinions=()) for name in ("Ann", "Bob"))
    with pytest.raises(InvalidInputError, match="one study"):
        opinion_scores([ann, Answers(study="t", rater="Bob", opinions=())])
    with pytest.raises(InvalidInputError, match="several of Ann"):
        opinion_scores([ann, bob, ann])
    with pytest.raises(InvalidInputError, match="at least one"):
        opinion_scores([])


def test_prompts_come_from_a_table_or_the_file(tmp_path: Path) -> None:
    save_motion(motion(), tmp_path / "a.npz")
    with pytest.raises(InvalidInputError, match=r"a\.npz: expected a prompt"):
        Study.of_folders({"m": tmp_path})
    table = tmp_path / "prompts.csv"
    table.write_text('file,prompt\na.npz,"stands, then waits"\n', encoding="utf-8")
    (clip,) = Study.of_folders({"m": tmp_path}, read_prompts(table)).clips
    assert clip.prompt == "stands, then waits"
    for wrong in ("name,prompt\na,b\n", "file,prompt\na.npz,\n", "file,prompt\na,b\na,c\n"):
        table.write_text(wrong, encoding="utf-8")
        with pytest.raises(FileFormatError, match="columns file and prompt"):
            read_prompts(table)


def test_a_folder_without_motions_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InvalidInputError, match="motion files"):
            Study.of_folders({"m": folder})
    with pytest.raises(InvalidInputError, match="at least one model"):
        Study.of_folders({})
