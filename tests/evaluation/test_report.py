"""Reports: tables as Markdown and JSON."""

import json
from pathlib import Path

import pytest

from marey.errors import InvalidInputError
from marey.evaluation.report import Measure, SuiteReport, SuiteTable
from marey.metrics import Estimate

TABLE = SuiteTable(
    title="Feet",
    measures=(Measure(name="skate", unit="cm/s", better="lower"), Measure(name="jerk")),
    columns={
        "real": {"skate": Estimate(value=12.345, low=-2e-7, high=20.0)},
        "small": {"jerk": Estimate(value=1234.5, low=0.0, high=9e9)},
    },
)
REPORT = SuiteReport(
    suite="text",
    model="small",
    manifest="abc",
    settings={"repeats": 2},
    tables=(TABLE,),
    notes=("Read this.",),
)


def test_a_table_has_a_line_for_each_measure() -> None:
    assert TABLE.markdown().splitlines() == [
        "| measure | real | small |",
        "|---|--:|--:|",
        "| skate, cm/s ↓ | 12.3 (0 to 20) | – |",
        "| jerk | – | 1.23e+03 (0 to 9e+09) |",
    ]


def test_a_report_is_written_once(tmp_path: Path) -> None:
    content, text = REPORT.write(tmp_path / "new")

    assert text.read_text() == REPORT.markdown()
    assert "abc; repeats 2." in REPORT.markdown()
    assert REPORT.markdown().endswith("Read this.\n")
    read = json.loads(content.read_text())
    assert read["tables"][0]["columns"]["real"]["skate"]["low"] == -2e-7
    with pytest.raises(InvalidInputError, match="exists"):
        REPORT.write(tmp_path / "new")
    REPORT.write(tmp_path / "new", force=True)
