"""A run's folder: configuration, metrics, state and checkpoint.

run.json        configuration, versions, git revision, data fingerprint
metrics.csv     step, name, value
tensorboard/    the same, where tensorboard is installed (extra ``train``)
state.safetensors   what is needed to go on
checkpoint/     the averaged model
samples/        motions drawn now and then
"""

import csv
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any

import torch

from marey import __version__
from marey.data import MotionStore
from marey.errors import FileFormatError, InvalidInputError
from marey.io import atomic_path
from marey.models import DiffusionModel
from marey.text import TextEncoder
from marey.training.config import LoopConfig

FREE = ("save_minutes", "log_every")
"""Settings that may change when a run goes on: they do not change what it learns."""


class RunFolder:
    """Writes what a run leaves behind; never deletes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state_file = path / "state.safetensors"
        self.checkpoint = path / "checkpoint"
        self.samples = path / "samples"
        self.metrics = path / "metrics.csv"
        self._board: Any = None

    def open(self, config: LoopConfig, *, fingerprint: str, origin: str | None = None) -> None:
        """Make the folder, or check that the run in it is the same one.

        ``fingerprint`` is that of the data, ``origin`` that of the model the run starts from.
        Raises InvalidInputError naming the first setting that differs, and for a folder that
        holds something else; FileFormatError for a damaged ``run.json``.
        """
        file = self.path / "run.json"
        run = {
            "config": json.loads(json.dumps(asdict(config))),
            "data": fingerprint,
            "origin": origin,
        }
        if file.is_file():
            # A setting that was unknown when the run was made had what is its default now.
            defaults = {f.name: f.default for f in fields(config)}
            self._require_same(_read_run(file), run, defaults)
            return
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise InvalidInputError(
                f"{self.path} is neither empty nor a run folder; nothing is written into it. Give "
                "a folder that does not exist yet."
            )
        run |= {
            "marey": __version__,
            "torch": torch.__version__,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "revision": _git_revision(),
        }
        with atomic_path(file) as temporary:
            temporary.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")

    def _require_same(
        self, found: Mapping[str, Any], wanted: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> None:
        there = {**defaults, **found["config"], "data": found["data"]}
        there["model to start from"] = found.get("origin")
        now = {**wanted["config"], "data": wanted["data"]}
        now["model to start from"] = wanted["origin"]
        for name in now:
            if name not in FREE and there[name] != now[name]:
                raise InvalidInputError(
                    f"{self.path} holds a run with another {name} ({there[name]} there, "
                    f"{now[name]} now). Choose a new folder with --run, or the same settings to "
                    "go on with that run."
                )

    def start(self, step: int) -> None:
        """Drop metrics of steps after the saved state: they will be taken again."""
        kept: list[list[str]] = []
        if self.metrics.exists():
            with self.metrics.open(newline="", encoding="utf-8") as file:
                kept = [row for row in csv.reader(file) if _is_before(row, step)]
        with (
            atomic_path(self.metrics, force=True) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file).writerows([["step", "name", "value"], *kept])
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard.writer import SummaryWriter

            self._board = SummaryWriter(str(self.path / "tensorboard"), purge_step=step)

    def close(self) -> None:
        """Finish the writing of TensorBoard's files; the folder may be started again."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def least(self, name: str) -> float:
        """Return the least value that was logged under a name; infinity if there is none."""
        with self.metrics.open(newline="", encoding="utf-8") as file:
            return min((float(row[2]) for row in csv.reader(file) if row[1] == name), default=inf)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append values to the metrics."""
        with self.metrics.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([step, name, f"{v:.6g}"] for name, v in values.items())
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _is_before(row: list[str], step: int) -> bool:
    return len(row) == 3 and row[0].isdigit() and int(row[0]) < step


def _read_run(file: Path) -> dict[str, Any]:
    try:
        run = json.loads(file.read_text(encoding="utf-8"))
        fine = isinstance(run["config"], dict) and isinstance(run["data"], str)
    except (OSError, ValueError, KeyError, TypeError):
        fine = False
    if not fine:
        raise FileFormatError(
            file,
            "content",
            expected="the configuration of a run",
            got="something else",
            fix="Choose a new folder with --run.",
        )
    return run


def data_fingerprint(
    store: MotionStore, encoder: TextEncoder, annotated: Mapping[str, Mapping[str, str]]
) -> str:
    """Return what stands for a store, an encoder, and texts by slot of the windows' ids."""
    told = json.dumps({window: dict(annotated[window]) for window in annotated}, sort_keys=True)
    digest = hashlib.sha256(f"{encoder.name} {encoder.version} {told}".encode())
    return f"{store.fingerprint} {digest.hexdigest()[:16]}"


def parameter_fingerprint(model: DiffusionModel) -> str:
    """Return a hash of a model's parameters and statistics."""
    digest = hashlib.sha256()
    for tensor in (*model.denoiser.state_dict().values(), model.normalizer.mean):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


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
