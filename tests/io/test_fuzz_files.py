"""Damaged files give a clear error or a valid motion: a small run of benchmarks/fuzz_io.py."""

import importlib.util
import sys
from pathlib import Path

import pytest


def test_damaged_files_never_crash(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("fuzz_io", repository / "benchmarks/fuzz_io.py")
    assert spec is not None
    assert spec.loader is not None
    fuzz_io = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fuzz_io", fuzz_io)  # its dataclass looks itself up there
    spec.loader.exec_module(fuzz_io)
    outcomes = fuzz_io.fuzz(tmp_path, count=300, seed=1)
    wrong = [o for o in outcomes if o.verdict not in ("motion", "error")]
    assert wrong == []
    kinds = {(o.suffix, o.verdict) for o in outcomes}
    assert kinds == {(s, v) for s in (".bvh", ".npz") for v in ("motion", "error")}
