"""A run's folder: configuration, metrics, state and checkpoint.

run.json        configuration, versions, git revision, data fingerprint
metrics.csv     step, name, value
tensorboard/    the same, where tensorboard is installed (extra ``train``)
state.safetensors   what is needed to go on
checkpoint/     the averaged model
samples/        motions drawn now and then
"""

import csv
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from marey import __version__
from marey.errors import InvalidInputError
from marey.training.config import TrainConfig


class RunFolder:
    """Writes what a run leaves behind; never deletes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_file = path / "state.safetensors"
        self.checkpoint = path / "checkpoint"
        self.samples = path / "samples"
        self.metrics = path / "metrics.csv"
        self._board: Any = None

    def open(self, config: TrainConfig, *, fingerprint: str) -> None:
        """Make the folder, or check that the run in it is the same one.

        Raises InvalidInputError naming the first setting that differs.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / "run.json"
        wanted = json.loads(json.dumps(asdict(config)))
        if not file.exists():
            run = {
                "config": wanted,
                "data": fingerprint,
                "marey": __version__,
                "torch": torch.__version__,
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "revision": _git_revision(),
            }
            file.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
            return
        found = json.loads(file.read_text(encoding="utf-8"))
        differing = [k for k in wanted if found["config"].get(k) != wanted[k]]
        if found["data"] != fingerprint:
            differing.append("data")
        if differing:
            raise InvalidInputError(
                f"{self.path} holds a run with another {differing[0]} "
                f"({found['config'].get(differing[0])} there, {wanted.get(differing[0])} now); "
                "choose a new folder with --run."
            )

    def start(self, step: int) -> None:
        """Drop metrics of steps after the saved state: they will be taken again."""
        kept: list[list[str]] = []
        if self.metrics.exists():
            with self.metrics.open(newline="", encoding="utf-8") as file:
                kept = [row for row in csv.reader(file) if _is_before(row, step)]
        temporary = self.metrics.with_suffix(".part")
        with temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["step", "name", "value"], *kept])
        os.replace(temporary, self.metrics)
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._board = SummaryWriter(str(self.path / "tensorboard"), purge_step=step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append values to the metrics."""
        with self.metrics.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([step, name, f"{v:.6g}"] for name, v in values.items())
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _is_before(row: list[str], step: int) -> bool:
    return len(row) == 3 and row[0].isdigit() and int(row[0]) < step


def _git_revision() -> str:
    """Return the commit of the working directory with a mark if it was changed, or "unknown"."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
