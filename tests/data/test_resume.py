"""Stopped preparations go on and end as if nothing had happened."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from marey.data import writer
from marey.data.prepare import CmuOptions, prepare_cmu
from marey.errors import Cancelled, InvalidInputError

SHARD_BYTES = 364 * 60  # 60 frames: one or two clips a shard

CHILD = """
import os, signal, sys
from marey.data import writer
from marey.data.prepare import prepare_cmu
writer.SHARD_BYTES = int(sys.argv[3])
def progress(done, total, note):
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)
prepare_cmu(sys.argv[1], sys.argv[2], progress=progress)
"""


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", SHARD_BYTES)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def whole(pack_folder: Path, tmp_path: Path) -> dict[str, bytes]:
    prepare_cmu(pack_folder, tmp_path / "whole")
    found = contents(tmp_path / "whole")
    assert sum(name.endswith("rotations.npy") for name in found) >= 3
    return found


def test_two_runs_write_the_same_bytes(
    pack_folder: Path, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    prepare_cmu(pack_folder, tmp_path / "again")
    assert contents(tmp_path / "again") == whole


@pytest.mark.parametrize("stop", range(1, 9))
def test_a_cancelled_run_goes_on(
    pack_folder: Path, tmp_path: Path, whole: dict[str, bytes], stop: int
) -> None:
    def progress(done: int, total: int, note: str) -> None:
        assert total == 8
        if done == stop:
            raise Cancelled(note)

    with pytest.raises(Cancelled):
        prepare_cmu(pack_folder, tmp_path / "out", progress=progress)
    prepare_cmu(pack_folder, tmp_path / "out")
    assert contents(tmp_path / "out") == whole


def test_a_run_may_end_at_any_rename(
    pack_folder: Path, tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace
    renames = 0

    def dies(self: Path, target: Path) -> Path:
        nonlocal renames
        renames -= 1
        if renames == 0:
            raise KeyboardInterrupt
        return replace(self, target)

    deaths = 0
    for after in range(1, 40):
        monkeypatch.setattr(Path, "replace", dies)
        renames = after
        try:
            prepare_cmu(pack_folder, tmp_path / f"out{after}")
            break
        except KeyboardInterrupt:
            deaths += 1
        monkeypatch.setattr(Path, "replace", replace)
        prepare_cmu(pack_folder, tmp_path / f"out{after}")
        assert contents(tmp_path / f"out{after}") == whole, after
    assert deaths > 12


def test_a_killed_process_goes_on(
    pack_folder: Path, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, pack_folder, out, str(SHARD_BYTES)],
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == -signal.SIGKILL
    committed = sorted((out / "shards").glob("*.npy"))
    assert committed
    stamps = [path.stat().st_mtime_ns for path in committed]
    prepare_cmu(pack_folder, out)
    assert [path.stat().st_mtime_ns for path in committed] == stamps, "committed work was redone"
    assert contents(out) == whole


def test_a_finished_store_is_left_as_it_is(pack_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = prepare_cmu(pack_folder, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert prepare_cmu(pack_folder, out) == report
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == stamps


@pytest.mark.parametrize("finished", [True, False])
def test_other_options_are_refused(pack_folder: Path, tmp_path: Path, finished: bool) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if not finished:
            raise Cancelled(note)

    try:
        prepare_cmu(pack_folder, tmp_path / "out", progress=stop)
    except Cancelled:
        assert not finished
    before = contents(tmp_path / "out")
    with pytest.raises(InvalidInputError, match=r"fingerprint is \w{16}.*Give another output"):
        prepare_cmu(pack_folder, tmp_path / "out", options=CmuOptions(fps=10.0))
    (pack_folder / "segments.jsonl").write_text("")
    with pytest.raises(InvalidInputError, match="other inputs or options"):
        prepare_cmu(pack_folder, tmp_path / "out")
    assert contents(tmp_path / "out") == before
