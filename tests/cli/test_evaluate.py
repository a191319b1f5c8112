"""``marey evaluate``: a report on disk, stops that cost nothing, and words that mean nothing."""

import json
from pathlib import Path

import pytest

from marey.cli.main import main
from marey.data import ClipRecord, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.evaluation import text_suite as module
from marey.evaluation.manifest import Manifest
from marey.motion import Motion
from marey.rotations import axis_rotation
from marey.skeleton import BODY22

SAYINGS = ("a person walks forward", "a man turns left", "someone raises the right arm")


def glide(number: int, frames: int = 44) -> Motion:
    import torch

    time = torch.arange(frames) / 20.0
    local = torch.eye(3).repeat(frames, 22, 1, 1)
    local[:, 0] = axis_rotation("Y", 0.2 * number * time)
    root = torch.stack((0 * time, 0 * time + 0.95, 0.4 * (number + 1) * time), dim=-1)
    return Motion(root_positions=root, local_rotations=local, fps=20.0, skeleton=BODY22)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Store of three clips in train and in test, whose manifest takes the place of the shipped."""
    spec = StoreSpec(fps=20.0, skeleton=BODY22, fingerprint="cli", options={})
    writer = StoreWriter.open(tmp_path / "store", spec)
    for split in ("train", "test"):
        for number, said in enumerate(SAYINGS):
            name = f"{split}{number}"
            record = ClipRecord(
                clip_id=name, shard=0, start=0, length=44, source_fps=20.0, split=split
            )
            texts = (WindowText(text=said, source="caption"),)
            window = WindowRecord(clip_id=name, start=0, end=44, split=split, texts=texts)
            writer.append(name, glide(number), record=record, windows=(window,))
    made = Manifest.of(writer.finish())
    monkeypatch.setattr(Manifest, "shipped", classmethod(lambda cls: made))
    monkeypatch.setattr(module, "VARIETY_DRAWS", 2)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "store"


def words(data: Path, model: Path, judge: Path, *more: str) -> list[str]:
    return [
        *("evaluate", str(model), "--suite", "text", "--data", str(data), "--steps", "1"),
        *("--evaluator", str(judge), "--no-memorisation", "--repeats", "1", *more),
    ]


def test_a_report_and_pictures_are_written(
    data: Path, tiny_model: Path, tiny_alignment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(data, tiny_model, tiny_alignment)) == 0
    folder = Path("evaluation/tiny-text")
    told = capsys.readouterr().out

    assert "| measure | real | tiny | shuffled text |" in told
    assert told.startswith((folder / "report.md").read_text())
    report = json.loads((folder / "report.json").read_text())
    assert len(report["tables"]) == len(list(folder.glob("*.png"))) == 3
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in folder.glob("*.png"))
    clips = list((folder / "clips" / "tiny" / "0").iterdir())
    assert len(clips) == 3

    assert main(words(data, tiny_model, tiny_alignment)) == 2  # the report exists
    assert "not overwritten" in capsys.readouterr().err
    made = [path.stat().st_mtime_ns for path in clips]
    assert main(words(data, tiny_model, tiny_alignment, "--force", "--no-plots")) == 0
    assert made == [path.stat().st_mtime_ns for path in clips]
    assert json.loads((folder / "report.json").read_text()) == report


def test_the_folder_of_other_settings_is_refused(
    data: Path, tiny_model: Path, tiny_alignment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = [*words(data, tiny_model, tiny_alignment, "-o", "out"), "--count", "2", "--no-plots"]
    assert main(begun) == 0
    again = [each if each != "1" else "2" for each in begun]
    assert main([*again, "--force"]) == 2
    assert "steps 1 instead of 2. Choose another folder" in capsys.readouterr().err
    assert main([*begun, "--force", "--count", "3"]) == 0  # more captions go on with the others


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--suite", "control", "--split", "test"), "--split: means nothing to the suite control"),
        (("--suite", "retrieval", "--steps", "5"), "only to text, control, editing"),
        (("--suite", "retrieval"), "expected htma, or the file of an alignment model"),
        (("--suite", "text", "--repeats", "0"), "--repeats: expected 1 or more, got 0"),
        (("--suite", "text", "--count", "9"), "expected 1 to 3 windows"),
    ],
)
def test_words_that_mean_nothing_are_refused(
    data: Path,
    tiny_model: Path,
    tiny_alignment: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    message: str,
) -> None:
    judge = ("--evaluator", str(tiny_alignment)) if "text" in more else ()
    assert main(["evaluate", str(tiny_model), "--data", str(data), *more, *judge]) == 2
    assert message in capsys.readouterr().err


def test_plots_without_their_part_are_refused_before_the_work(
    data: Path,
    tiny_model: Path,
    tiny_alignment: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from marey.evaluation import plots

    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    assert main(words(data, tiny_model, tiny_alignment)) == 2
    assert "marey[plots]" in capsys.readouterr().err
    assert not Path("evaluation").exists()


def test_a_store_without_the_windows_says_what_to_do(
    data: Path,
    tiny_model: Path,
    tiny_alignment: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    out = str(data.parent / "out")
    assert main([*words(data, tiny_model, tiny_alignment), "--output", out]) == 2
    assert "Make it from the CMU pack" in capsys.readouterr().err
