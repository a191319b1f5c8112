"""Annotation on a cluster gives what one machine gives."""

import sys
from pathlib import Path

import pytest

from marey.annotation import annotate, in_cluster, in_threads, measure_window, read_annotations
from marey.annotation.annotator import WindowAnnotator
from marey.data import MotionStore
from marey.errors import MissingExtraError


def measuring() -> WindowAnnotator:
    return measure_window


# Ray leaves sockets and log files to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_local_cluster_writes_what_one_process_writes(
    store: MotionStore, out: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="the extra cluster (ray, 240 MB) is not installed")
    alone = tmp_path / "alone.jsonl"
    annotate(store, alone, in_threads(measure_window))
    report = annotate(store, out, in_cluster(measuring, 2, address="local"))
    assert (report.annotated, report.failed) == (6, 0)
    assert read_annotations(out) == read_annotations(alone)
    assert annotate(store, out, in_cluster(measuring, 2)).known == 6


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"marey\[cluster\]"):
        in_cluster(measuring)
