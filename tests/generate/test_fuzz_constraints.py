"""Random constraint files end in an error or a motion: a run of benchmarks/fuzz_constraints.py."""

import importlib
import sys
from pathlib import Path

import pytest


def test_random_constraint_files_never_crash(
    repository: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(repository / "benchmarks")
    program = importlib.import_module("fuzz_constraints")
    for name in ("fuzz_constraints", "constraint_files"):
        monkeypatch.delitem(sys.modules, name)
    outcomes = list(program.fuzz(tmp_path, count=80, model=str(tiny_model), seed=1))
    assert [each for each in outcomes if not each.is_good] == []
    assert len(outcomes) == 80
    assert {each.verdict for each in outcomes} == set(program.GOOD)
