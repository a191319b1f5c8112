"""Runs in other processes: killed and resumed, and two that train together."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from marey.data import MotionStore
from marey.training import train

STEPS = 6
PATIENCE = 180.0
"""Seconds before a process is taken to hang."""

Command = Callable[..., list[str]]


@pytest.fixture
def command(worker: SimpleNamespace, store: MotionStore, tmp_path: Path) -> Command:
    """The command line of a run in a folder, with some settings of ``tiny`` changed."""

    def make(folder: str, *launcher: str, **settings: float) -> list[str]:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(settings))
        words = [*launcher, str(worker.path), str(store.path), str(tmp_path / folder), str(config)]
        return [sys.executable, *words]

    return make


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


def losses(run: Path) -> dict[int, float]:
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {int(step): float(value) for step, name, value in rows if name == "total"}


def test_a_killed_run_goes_on_with_the_same_losses(
    command: Command,
    environment: dict[str, str],
    worker: SimpleNamespace,
    store: MotionStore,
    tmp_path: Path,
) -> None:
    config = worker.tiny(steps=STEPS, save_minutes=0.0)
    train(config, store.path, tmp_path / "whole", encoder=worker.WordEncoder(), samples=False)
    state = tmp_path / "killed" / "state.safetensors"
    endless = subprocess.Popen(
        command("killed", steps=STEPS, save_minutes=0.0), env=environment, cwd=tmp_path
    )
    try:
        started = time.monotonic()
        while not state.is_file():
            assert endless.poll() is None, "the run ended before it saved"
            assert time.monotonic() - started < PATIENCE
            time.sleep(0.01)
    finally:
        os.kill(endless.pid, signal.SIGKILL)
        endless.wait()
    assert len(losses(tmp_path / "killed")) < STEPS
    train(config, store.path, tmp_path / "killed", encoder=worker.WordEncoder(), samples=False)
    whole, killed = losses(tmp_path / "whole"), losses(tmp_path / "killed")
    assert list(killed) == list(range(STEPS))
    for step, loss in whole.items():
        assert killed[step] == pytest.approx(loss, rel=1e-4), step


def test_two_processes_train_as_one(
    command: Command,
    environment: dict[str, str],
    worker: SimpleNamespace,
    store: MotionStore,
    tmp_path: Path,
) -> None:
    # Adam turns the rounding of tiny gradients into steps of the learning rate: keep it small.
    settings = {"steps": 3, "ema_every": 1, "phase2_from": 0.5, "learning_rate": 2e-5, "warmup": 0}
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    together = command("two", *launcher, **settings)
    done = subprocess.run(
        together, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    config = worker.tiny(**settings)
    train(config, store.path, tmp_path / "one", encoder=worker.WordEncoder(), samples=False)
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert list(one) == list(two) == [0, 1, 2]
    for step, loss in one.items():
        assert two[step] == pytest.approx(loss, rel=1e-5)
    alone, shared = (
        load_file(tmp_path / run / "checkpoint" / "model.safetensors") for run in ("one", "two")
    )
    for name, value in alone.items():
        torch.testing.assert_close(shared[name], value, atol=1e-5, rtol=0)
