import csv
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from marey.cli.main import main
from marey.data import ClipRecord, StoreSpec, StoreWriter, WindowRecord, WindowText
from marey.motion import Motion
from marey.skeleton import BODY22
from marey.training import Loop, Report, TrainConfig

FRAMES, FPS = 40, 20.0


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One clip of a body that slides; texts are cached below the test's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "store"
    spec = StoreSpec(fps=FPS, skeleton=BODY22, fingerprint="cli", options={})
    writer = StoreWriter.open(path, spec)
    root = torch.tensor([0.0, 0.9, 0.1]) * torch.arange(1, FRAMES + 1)[:, None].clamp(max=20) / 20
    local = torch.eye(3).repeat(FRAMES, BODY22.num_joints, 1, 1)
    motion = Motion(root_positions=root, local_rotations=local, fps=FPS, skeleton=BODY22)
    record = ClipRecord(clip_id="a", shard=0, start=0, length=FRAMES, source_fps=FPS, split="train")
    texts = (WindowText(text="a person slides", source="user"),)
    window = WindowRecord(clip_id="a", start=0, end=FRAMES, split="train", texts=texts)
    writer.append("a", motion, record=record, windows=(window,))
    writer.finish()
    return path


def words(store: Path, run: Path, *more: str) -> list[str]:
    return ["train", "tiny", "--data", str(store), "--run", str(run), "--device", "cpu", *more]


def test_a_run_ends_in_a_checkpoint_and_goes_on_by_the_same_command(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    more = ("--steps", "2", "--batch-size", "4", "--learning-rate", "1e-3", "--seed", "5")
    assert main(words(store, run, *more)) == 0
    said = capsys.readouterr()
    assert "checkpoint: trained" in said.out
    assert "step 2 of 2  loss" in said.err
    config = json.loads((run / "run.json").read_text())["config"]
    wanted = {"steps": 2, "batch_size": 4, "learning_rate": 1e-3, "seed": 5, "hours": None}
    assert {key: config[key] for key in wanted} == wanted
    assert (run / "samples" / "step_000002.png").is_file()
    assert (tmp_path / "cache" / "marey" / "texts.sqlite").is_file()
    assert main(words(store, run, *more)) == 0
    assert main(words(store, run, "--steps", "3")) == 2
    assert "another batch_size" in capsys.readouterr().err
    tuned = words(store, tmp_path / "tuned", "--steps", "1", "--from", str(run / "checkpoint"))
    assert main(tuned) == 0


def test_ctrl_c_saves_and_says_how_to_go_on(
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    take_step = Loop.step

    def interrupted(self: Loop, losses: Any, learning_rate: float) -> Any:
        if self.clock.step == 2:
            signal.raise_signal(signal.SIGINT)
        return take_step(self, losses, learning_rate)

    monkeypatch.setattr(Loop, "step", interrupted)
    before = signal.getsignal(signal.SIGINT)
    run = tmp_path / "run"
    assert main(words(store, run, "--hours", "1")) == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert "give the same command again" in capsys.readouterr().out
    with (run / "metrics.csv").open(newline="") as file:
        steps = {row[0] for row in list(csv.reader(file))[1:]}
    assert steps == {"0", "1", "2"}
    assert (run / "state.safetensors").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--from", "nothing"], "No model 'nothing'"),
        (["--batch-size", "-1"], "batch_size must be"),
    ],
)
def test_train_tells_what_is_wrong(
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: list[str],
    message: str,
) -> None:
    assert main(words(store, tmp_path / "run", *change)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_unknown_recipes_and_stores(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "huge", "--data", str(store), "--run", str(tmp_path / "run")]) == 2
    assert "the recipes are tiny, small, base, kimodo-l" in capsys.readouterr().err
    assert main(words(tmp_path, tmp_path / "run")) == 2
    assert "marey data prepare" in capsys.readouterr().err


def test_the_line_tells_step_loss_rate_speed_and_time_left() -> None:
    from marey.cli.run_display import _line
    from marey.training import recipe

    config: TrainConfig = replace(recipe("tiny"), steps=400)
    report = Report(
        step=99,
        progress=0.25,
        losses={"total": 3.14159},
        learning_rate=8e-4,
        step_seconds=0.5,
        seconds=1300.0,
        batch_size=32,
    )
    assert _line(report, config) == (
        "step 100 of 400  loss 3.142  learning rate 8.0e-04  64 samples/s  1:05:00 left"
    )
