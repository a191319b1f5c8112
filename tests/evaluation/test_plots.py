"""Pictures of tables: one each, of what there is."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from marey.errors import InvalidInputError, MissingExtraError
from marey.evaluation import plots
from marey.evaluation.plots import write_plots
from marey.evaluation.report import Measure, SuiteReport, SuiteTable
from marey.metrics import Estimate


def table(title: str, measures: int) -> SuiteTable:
    names = [f"measure {number}" for number in range(measures)]
    some = {name: Estimate(value=1.0, low=0.5, high=2.0) for name in names}
    return SuiteTable(
        title=title,
        measures=tuple(Measure(name=name, unit="%", better="higher") for name in names),
        columns={"real": some, "small": {names[0]: some[names[0]]} if names else {}},
    )


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


REPORT = SuiteReport(
    suite="text",
    model="small",
    manifest="0",
    tables=(table("By judge A/B", 6), table("Bare", 1), table("Nothing", 0)),
)


def test_every_table_has_a_picture_of_its_own(tmp_path: Path) -> None:
    paths = write_plots(REPORT, tmp_path)

    assert [path.name for path in paths] == ["0_by_judge_a_b.png", "1_bare.png", "2_nothing.png"]
    tall, low, _ = (size_of(path) for path in paths)
    assert tall[0] == low[0]
    assert tall[1] > low[1]  # two rows of panels and one


def test_pictures_are_not_overwritten_unasked(tmp_path: Path) -> None:
    report = replace(REPORT, tables=REPORT.tables[1:2])
    write_plots(report, tmp_path)
    with pytest.raises(InvalidInputError, match="exists"):
        write_plots(report, tmp_path)
    write_plots(report, tmp_path, force=True)


def test_without_matplotlib_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"marey\[plots\]"):
        write_plots(REPORT, tmp_path)
