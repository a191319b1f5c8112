"""Random constraint files end in an error or a motion: a run of benchmarks/fuzz_constraints.py."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

ONCE_WRONG = (870, 1174, 9508)
"""Files of seed 2 that crashed: only the root turned, a path smoothed too far, a speed near 0."""


@pytest.fixture
def program(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, as a module that nobody else sees."""
    monkeypatch.syspath_prepend(repository / "benchmarks")
    loaded = importlib.import_module("fuzz_constraints")
    for name in ("fuzz_constraints", "constraint_files"):
        monkeypatch.delitem(sys.modules, name)
    return loaded


def test_random_constraint_files_never_crash(
    program: ModuleType, tiny_model: Path, tmp_path: Path
) -> None:
    outcomes = list(program.fuzz(tmp_path, count=80, model=str(tiny_model), seed=1))
    assert [each for each in outcomes if not each.is_good] == []
    assert len(outcomes) == 80
    assert {each.verdict for each in outcomes} == set(program.GOOD)


def test_files_that_crashed_once_do_so_no_more(
    program: ModuleType, tiny_model: Path, tmp_path: Path
) -> None:
    run = program.fuzz(
        tmp_path, count=10_000, model=str(tiny_model), bundled=0.01, seed=2, only=ONCE_WRONG
    )
    assert [each for each in run if not each.is_good] == []
