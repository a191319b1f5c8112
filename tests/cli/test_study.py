"""``marey study``: a page out of folders of motions, and scores out of answers."""

import base64
import json
import re
from pathlib import Path

import pytest
import torch

from marey.cli.main import main
from marey.io import save_motion
from marey.motion import Motion
from marey.skeleton import BODY22


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    motion = Motion(
        root_positions=torch.tensor([0.0, 0.95, 0.0]).repeat(3, 1),
        local_rotations=torch.eye(3).repeat(3, 22, 1, 1),
        fps=20.0,
        skeleton=BODY22,
        metadata={"text": "a person stands"},
    )
    save_motion(motion, tmp_path / "motions" / "a.npz")
    return tmp_path / "motions"


def test_a_page_is_made_and_its_answers_are_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    words = ["study", "make", str(page), "--model", f"ours={folder}", "--model", f"real={folder}"]
    assert main(words) == 0
    assert "2 clips of 2 models" in capsys.readouterr().out
    assert main(words) == 2  # it exists
    (found,) = re.findall(r'id="data">(.*?)</script>', page.read_text(), flags=re.DOTALL)
    data = json.loads(found)
    models = [model for model, _ in json.loads(base64.b64decode(data["key"]))]
    given = [{"realness": 5 if m == "real" else 1, "alignment": None, "overall": 3} for m in models]
    saved = {name: data[name] for name in ("version", "study", "seed", "key")}
    answers = tmp_path / "ann.json"
    answers.write_text(json.dumps(saved | {"rater": "Ann", "answers": given}))
    capsys.readouterr()
    assert main(["study", "read", str(answers), "--json"]) == 0
    scores = {(s["model"], s["question"]): s for s in json.loads(capsys.readouterr().out)}
    assert scores["real", "realness"]["score"]["value"] == 5
    assert scores["ours", "realness"]["score"]["value"] == 1
    assert scores["ours", "alignment"]["score"]["value"] is None
    assert main(["study", "read", str(answers)]) == 0
    assert re.search(r"real +realness +5\.00 +5\.00 to 5\.00", capsys.readouterr().out)


def test_wrong_words_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = str(tmp_path / "page.html")
    assert main(["study", "make", page, "--model", str(folder)]) == 2
    assert "NAME=FOLDER" in capsys.readouterr().err
    assert main(["study", "make", page]) == 2
    assert "at least one model" in capsys.readouterr().err
    (tmp_path / "bad.json").write_text("{")
    assert main(["study", "read", str(tmp_path / "bad.json")]) == 2
    assert "bad.json" in capsys.readouterr().err
