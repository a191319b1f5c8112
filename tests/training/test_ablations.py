"""The ablations are comparable, and what is done is not done again: benchmarks/ablations.py."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from marey.data import MotionStore
from marey.models.diffusion import Denoiser, DenoiserConfig

FILES = ("ablations", "ablation_measures", "quality", "phrases", "guidance")


@pytest.fixture
def program(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(repository / "benchmarks")
    yield importlib.import_module("ablations")
    for name in FILES:
        sys.modules.pop(name, None)


def test_variants_differ_in_one_thing_and_not_in_size(program: ModuleType) -> None:
    def size(name: str) -> int:
        config = program.VARIANTS[name]
        denoiser = DenoiserConfig(
            feats=273,
            text_width=384,
            fps=20.0,
            root=config.root,
            body=config.body,
            frames_per_token=config.frames_per_token,
            variant=config.variant,
        )
        return sum(p.numel() for p in Denoiser(denoiser).parameters())

    sizes = {name: size(name) for name in program.VARIANTS}
    assert max(sizes.values()) < 1.05 * min(sizes.values())
    assert len({(c.steps, c.batch_size, c.max_seconds) for c in program.VARIANTS.values()}) == 1


def test_a_finished_run_is_neither_trained_nor_measured_again(
    program: ModuleType,
    store: MotionStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.modules["ablation_measures"], "FACT_OF", {"jump": "jumps"})
    options = [
        "--steps",
        "2",
        "--seeds",
        "0",
        "--texts",
        "2",
        "--cases",
        "2",
        "--sampling-steps",
        "2",
        "--variants",
        "full",
    ]
    arguments = ["ablations.py", "--data", str(store.path), *options, "raw root"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--out", str(tmp_path)])

    program.main()
    first = capsys.readouterr()
    lines = first.out.splitlines()
    assert "| measure | full | raw root | full, pins not shown | real |" in lines
    (path,) = (line for line in lines if line.startswith("| root path, cm |"))
    assert path.count("(") == 3
    assert "reading the store, root none" in first.err

    program.main()
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err == ""
