"""Annotation files: lines both ways, runs killed at any moment, damage, two writers."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from marey.annotation import (
    AnnotatedWindow,
    Annotation,
    AnnotationFile,
    annotation_path,
    read_annotations,
)
from marey.data import MotionStore
from marey.errors import FileFormatError, InvalidInputError
from marey.skeleton.parts import PAIR_SLOTS, PARTS

WAVE = Annotation(
    body=("somebody waves — “hello”",),
    parts=dict.fromkeys(PARTS, "moves"),
    interactions=dict.fromkeys(PAIR_SLOTS, ""),
    author="tiny",
    dropped={"head": "nods"},
)


def line(window: str, key: str = "k") -> AnnotatedWindow:
    return AnnotatedWindow(window_id=window, key=key, prompt="1", annotation=WAVE)


def test_lines_come_back_and_the_last_of_a_window_counts(out: Path) -> None:
    with AnnotationFile(out) as file:
        for each in (line("a"), line("b"), line("a", "new")):
            file.append(each)
        assert file.lines == {"a": line("a", "new"), "b": line("b")}
    assert read_annotations(out) == {"a": line("a", "new"), "b": line("b")}
    assert out.read_text(encoding="utf-8").count("\n") == 3


def test_a_half_written_line_is_discarded_wherever_it_ends(out: Path) -> None:
    with AnnotationFile(out) as file:
        file.append(line("a"))
        whole = out.read_bytes()
        file.append(line("b"))
    everything = out.read_bytes()
    for cut in range(len(whole) + 1, len(everything), 97):
        out.write_bytes(everything[:cut])
        assert read_annotations(out) == {"a": line("a")}
        with AnnotationFile(out) as file:
            assert (set(file.lines), file.discarded_lines) == ({"a"}, 1)
            file.append(line("b"))
        assert out.read_bytes() == everything


@pytest.mark.parametrize("damage", ["{}", "half", "[1]", "\xff"])
def test_damage_before_the_end_is_refused_by_line(out: Path, damage: str) -> None:
    good = json.dumps(line("a").to_json())
    out.write_text(f"{good}\n{damage}\n{good}\n", encoding="latin-1")
    with pytest.raises(FileFormatError, match="line 2"):
        read_annotations(out)
    with pytest.raises(FileFormatError, match="line 2"):
        AnnotationFile(out)


def test_two_runs_cannot_write_to_one_file(out: Path) -> None:
    with AnnotationFile(out), pytest.raises(InvalidInputError, match="another run"):
        AnnotationFile(out)
    with AnnotationFile(out) as file:
        file.append(line("a"))


def test_threads_do_not_mix_their_lines(out: Path) -> None:
    with AnnotationFile(out) as file:

        def write(number: int) -> None:
            for each in range(20):
                file.append(line(f"{number}-{each}"))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read_annotations(out)) == 80


def test_a_file_that_is_not_there_is_said_so(out: Path) -> None:
    with pytest.raises(InvalidInputError, match="marey annotate"):
        read_annotations(out)


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("geometry", "annotations.geometry.jsonl"),
        ("org/Model 7B", "annotations.org-Model-7B.jsonl"),
        ("../..", "annotations.model.jsonl"),
    ],
)
def test_files_are_named_by_author(author: str, name: str) -> None:
    assert annotation_path("x", author) == Path("x") / name


def test_a_killed_run_goes_on_with_nothing_lost_and_nothing_twice(
    store: MotionStore, endpoint: Any, good_answer: str, tmp_path: Path
) -> None:
    out = tmp_path / "annotations.tiny.jsonl"
    endpoint.play = lambda body: endpoint.answer(text=good_answer, seconds=0.05)
    command = [
        *(sys.executable, "-c", "import sys; from marey.cli.main import main; sys.exit(main())"),
        *("annotate", str(store.path), "--out", str(tmp_path)),
        *("--llm", endpoint.url, "--model", "tiny", "--in-flight", "1"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (out.is_file() and out.read_bytes().count(b"\n") >= 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = read_annotations(out)
    assert 2 <= len(kept) < len(store.windows)
    with out.open("ab") as file:
        file.write(b'{"window": "half')

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} known already" in again.stdout
    assert "A half-written line of a killed run was discarded." in again.stdout
    windows = [json.loads(row)["window"] for row in out.read_text(encoding="utf-8").splitlines()]
    assert sorted(windows) == sorted(window.window_id for window in store.windows)
    assert kept.items() <= read_annotations(out).items()
