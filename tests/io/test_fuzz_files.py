"""Damaged files give a clear error or a valid motion: a small run of benchmarks/fuzz_io.py."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def fuzz_io(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return importlib.import_module("fuzz_io")


def test_damaged_files_never_crash(fuzz_io: ModuleType, tmp_path: Path) -> None:
    for name, row in fuzz_io.FORMATS.items():
        folder = tmp_path / name
        folder.mkdir()
        outcomes = fuzz_io.fuzz(row, folder, count=80, seed=1)
        wrong = [o for o in outcomes if o.verdict not in ("motion", "error")]
        assert wrong == []
        assert {o.verdict for o in outcomes} == {"motion", "error"}, name
