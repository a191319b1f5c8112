"""Forms: what they hold, that they need no network, and what comes back from them."""

import csv
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch

from marey.annotation import (
    AnnotatedWindow,
    Annotation,
    JudgeForm,
    annotate,
    in_threads,
    measure_window,
    read_annotations,
    read_judgements,
)
from marey.data import MotionStore
from marey.errors import FileFormatError, InvalidInputError
from marey.skeleton.parts import PAIR_SLOTS, PARTS


@pytest.fixture
def lines(store: MotionStore, out: Path) -> dict[str, AnnotatedWindow]:
    annotate(store, out, in_threads(measure_window))
    return read_annotations(out)


class Page(HTMLParser):
    """Tags with their attributes, and the text of the data element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: Any = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        is_data = self.tags[-1:] == [("script", {"type": "application/json", "id": "data"})]
        if is_data and self.data is None:
            self.data = json.loads(data)


def test_a_sample_is_of_different_clips_and_depends_on_the_seed_alone(
    store: MotionStore, lines: dict[str, AnnotatedWindow]
) -> None:
    forms = [JudgeForm.sample(store, lines, clips=2, seed=seed) for seed in range(8)]
    assert all({window.clip_id for window in form.windows} == {"a", "b"} for form in forms)
    backwards = dict(reversed(lines.items()))
    assert JudgeForm.sample(store, backwards, clips=2, seed=3).name == forms[3].name
    assert len({form.name for form in forms}) > 1
    with pytest.raises(InvalidInputError, match="expected 1 to 2 clips"):
        JudgeForm.sample(store, lines, clips=3)


def test_prompts_are_not_mixed_in_a_form(
    store: MotionStore, lines: dict[str, AnnotatedWindow]
) -> None:
    mixed = {
        name: AnnotatedWindow(window_id=name, key="", prompt=name[0], annotation=line.annotation)
        for name, line in lines.items()
    }
    with pytest.raises(InvalidInputError, match="one author and prompt"):
        JudgeForm.sample(store, mixed, clips=2)


def test_the_page_holds_statements_and_figures_and_needs_no_network(
    store: MotionStore, lines: dict[str, AnnotatedWindow]
) -> None:
    form = JudgeForm.sample(store, lines, clips=2)
    text = form.html()
    page = Page(text)
    assert text.count(".swatch {") == 1  # the style that all pages with a player share
    assert not re.search("PLAYER_|FORM_DATA", text)
    assert page.data["form"] == form.name
    assert len(page.data["clips"]) == 2
    for clip in page.data["clips"]:
        annotation = lines[clip["window"]].annotation
        assert {s["part"]: s["text"] for s in clip["statements"]} == dict(annotation.parts)
        (window,) = [w for w in store.windows if w.window_id == clip["window"]]
        positions = store.window_motion(window).joint_positions
        assert len(clip["frames"]) == window.num_frames
        assert clip["frames"][5][:3] == (100 * positions[5, 0]).round().int().tolist()
        head = store.skeleton.role("head")
        nose = torch.tensor(clip["frames"][5][-3:]) / 100 - positions[5, head]
        assert nose.norm().item() == pytest.approx(0.148, abs=0.01)
        assert nose[2] > 0.1  # they look ahead
    assert len(page.data["bones"]) == store.skeleton.num_joints - 1 + 3
    assert not [tag for tag, attrs in page.tags if attrs.keys() & {"src", "href"}]
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|@import|url\(", text)


def test_texts_cannot_break_out_of_the_page(
    store: MotionStore, lines: dict[str, AnnotatedWindow]
) -> None:
    evil = '</script><script>alert(1)</script> FORM_DATA & "quotes"'
    annotation = Annotation(
        body=("x",), parts=dict.fromkeys(PARTS, evil), interactions=dict.fromkeys(PAIR_SLOTS, "")
    )
    hostile = {
        name: AnnotatedWindow(window_id=name, key="", prompt="", annotation=annotation)
        for name in lines
    }
    page = Page(JudgeForm.sample(store, hostile, clips=1).html())
    assert page.data["clips"][0]["statements"][0]["text"] == evil
    assert [tag for tag, _ in page.tags].count("script") == 2


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_runs(
    store: MotionStore, lines: dict[str, AnnotatedWindow], tmp_path: Path
) -> None:
    """A page of the simplest kind: does its script run through, mark, and save what is marked?"""
    text = JudgeForm.sample(store, lines, clips=2).html()
    script = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)[-1]
    data = re.findall(r'id="data">(.*?)</script>', text, flags=re.DOTALL)[0]
    browser = (Path(__file__).parents[1] / "browser.js").read_text(encoding="utf-8")
    page = browser.replace("PAGE_DATA", json.dumps(data)).replace("PAGE_SCRIPT", script)
    file = tmp_path / "page.js"
    file.write_text(page + _ACTIONS, encoding="utf-8")
    done = subprocess.run(["node", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    saved = tmp_path / "saved.json"
    saved.write_text(done.stdout, encoding="utf-8")
    judgements = read_judgements(saved)
    assert judgements.judge == "Ann"
    assert len(judgements.marks) == 12
    assert [mark.is_right for mark in judgements.marks[:3]] == [True, False, None]
    assert judgements.marks[1].note == "no"


_ACTIONS = """
const radios = made.filter(each => each.type === "radio");
const notes = made.filter(each => each.className === "note");
radios[0].onchange();
radios[3].onchange();
notes[1].oninput({ target: { value: "no" } });
document.getElementById("judge").value = " Ann ";
document.getElementById("save").onclick();
"""


def test_a_table_is_filled_in_and_read(
    store: MotionStore, lines: dict[str, AnnotatedWindow], tmp_path: Path
) -> None:
    form = JudgeForm.sample(store, lines, clips=2)
    rows = list(csv.DictReader(StringIO(form.csv())))
    assert len(rows) == 12
    rows[0] |= {"judge": "Ann", "right": "Yes"}
    rows[1] |= {"right": "no", "note": "two\nlines"}
    path = tmp_path / "filled.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    judgements = read_judgements(path)
    assert (judgements.form, judgements.judge, judgements.author) == (form.name, "Ann", "geometry")
    assert [mark.is_right for mark in judgements.marks] == [True, False] + [None] * 10
    assert judgements.marks[1].note == "two\nlines"
    path.write_text(path.read_text(encoding="utf-8").replace("Yes", "perhaps"), encoding="utf-8")
    with pytest.raises(FileFormatError, match="perhaps"):
        read_judgements(path)


def test_judgements_need_a_name_and_a_known_form(
    store: MotionStore, lines: dict[str, AnnotatedWindow], tmp_path: Path
) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(JudgeForm.sample(store, lines, clips=1).csv(), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="name of the judge"):
        read_judgements(path)
    path.with_suffix(".json").write_text('{"version": 1}', encoding="utf-8")
    with pytest.raises(FileFormatError, match="judge make"):
        read_judgements(path.with_suffix(".json"))
