"""``marey annotate`` as a user sees it."""

import json
from pathlib import Path

import pytest
import torch

from marey.cli.main import main
from marey.data import MotionStore
from marey.data.records import ClipRecord, WindowRecord
from marey.data.writer import StoreSpec, StoreWriter
from marey.motion import Motion
from marey.skeleton import BODY22


@pytest.fixture
def store(tmp_path: Path) -> MotionStore:
    """A store of one clip of somebody who stands, with two windows."""
    spec = StoreSpec(fps=20.0, skeleton=BODY22, fingerprint="stands", options={})
    standing = Motion(
        root_positions=torch.tensor([0.0, 0.96, 0.0]).repeat(50, 1),
        local_rotations=torch.eye(3).repeat(50, BODY22.num_joints, 1, 1),
        fps=20.0,
        skeleton=BODY22,
    )
    writer = StoreWriter.open(tmp_path / "stores" / "stands", spec)
    writer.append(
        "a",
        standing,
        record=ClipRecord(clip_id="a", shard=0, start=0, length=50, source_fps=20.0, split="train"),
        windows=[
            WindowRecord(clip_id="a", start=start, end=50, split="train", texts=())
            for start in (0, 5)
        ],
    )
    return writer.finish()


def test_measured_texts_go_into_the_store(
    store: MotionStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["annotate", str(store.path)]) == 0
    said = capsys.readouterr().out
    file = store.path / "annotations.geometry.jsonl"
    assert f"{file}: 2 windows annotated" in said
    assert "says something" in said
    assert "left_arm+right_leg" in said
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["window"] for row in rows] == ["a:0-50", "a:5-50"]
    assert rows[0]["annotation"]["parts"]["head"] == "does nothing"
    assert main(["annotate", str(store.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["known"] == 2


def test_a_store_may_be_named_and_limited(
    store: MotionStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["annotate", "stands", "--limit", "1", "--out", "here"]) == 0
    assert "1 windows annotated" in capsys.readouterr().out
    assert Path("here/annotations.geometry.jsonl").read_text().count("\n") == 1
    assert main(["annotate", "stands", "--split", "val", "--out", "there"]) == 0


def test_windows_without_an_answer_are_told_and_are_the_exit_code(
    store: MotionStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marey.annotation.annotator.FIRST_WAIT", 0.0)
    nobody = ["--llm", "http://127.0.0.1:1/v1", "--model", "tiny", "--in-flight", "1"]
    assert main(["annotate", str(store.path), *nobody, "--price", "1", "2"]) == 1
    said = capsys.readouterr().out
    assert "0 windows annotated" in said
    assert "Failed, no connection: a:0-50, a:5-50" in said
    assert "8 requests, 0 + 0 tokens, cost 0.0000" in said
    assert "Give the same command again" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--llm", "http://127.0.0.1:1/v1"], "expected --model NAME"),
        (["--model", "tiny"], "expected --llm URL"),
        (["--limit", "0"], "--limit: expected at least 1"),
        (["--llm", "http://x", "--model", "m", "--rate", "0"], "more than 0 requests"),
    ],
)
def test_arguments_that_do_not_fit_are_one_line(
    store: MotionStore,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["annotate", str(store.path), *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_two_people_judge_a_form(
    store: MotionStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = tmp_path / "form.csv"
    make = ["annotate", "judge", "make", str(store.path), "-o", str(form), "--clips", "1"]
    assert main(make) == 2
    assert "marey annotate" in capsys.readouterr().err
    assert main(["annotate", str(store.path)]) == 0
    assert main([*make, "-o", str(tmp_path / "form.html")]) == 0
    files = []
    for judge, marks in (("Ann", "yyyynn"), ("Bob", "yyynnn")):
        head, *rows = form.read_text(encoding="utf-8").splitlines()
        filled = [
            row.replace("geometry,,,", f"geometry,,{judge},")[:-1] + {"y": "yes,", "n": "no,"}[mark]
            for row, mark in zip(rows, marks, strict=True)
        ]
        files.append(tmp_path / f"{judge}.csv")
        files[-1].write_text("\n".join([head, *filled]) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["annotate", "judge", "read", *map(str, files)]) == 0
    said = capsys.readouterr().out
    (overall,) = [line.split() for line in said.splitlines() if line.startswith("overall")]
    assert overall == ["overall", "6", "67%", "right", "50%", "right", "83%", "0.67"]
    assert f"{tmp_path / 'agreement.json'}: one entry added" in said
    assert main(["annotate", "judge", "read", *map(str, files), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["statements"] == 6
