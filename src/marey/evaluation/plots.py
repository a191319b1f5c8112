"""Plots of a report: a picture for each table, a panel for each measure, a dot for each column."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from marey.errors import MissingExtraError
from marey.evaluation.report import Measure, SuiteReport, SuiteTable
from marey.io import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 4
"""Panels side by side."""


def require_plots() -> None:
    """Raise MissingExtraError where pictures cannot be drawn; ask before long work."""
    if find_spec("matplotlib") is None:
        raise MissingExtraError("Plotting", extra="plots")


def write_plots(report: SuiteReport, folder: Path, *, force: bool = False) -> list[Path]:
    """Write a PNG for each table, named by its number and title, and return their paths.

    Raises MissingExtraError without matplotlib, InvalidInputError for a file that exists, without
    ``force``.
    """
    require_plots()
    paths = []
    for number, table in enumerate(report.tables):
        name = re.sub(r"\W+", "_", table.title.lower()).strip("_")[:60]
        path = folder / f"{number}_{name}.png"
        with atomic_path(path, force=force) as temporary:
            _drawn(table, f"{report.suite}, {report.model}: {table.title}").savefig(
                temporary, dpi=110
            )
        paths.append(path)
    return paths


def _drawn(table: SuiteTable, title: str) -> "Figure":
    from matplotlib.figure import Figure

    names = list(table.columns)
    shown = [m for m in table.measures if any(m.name in own for own in table.columns.values())]
    down = max(1, -(-len(shown) // ACROSS))
    size = (3.1 * ACROSS, 0.9 + down * (0.9 + 0.22 * len(names)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(down, ACROSS, squeeze=False, sharey=True).flatten()
    for axes, measure in zip(panels, shown, strict=False):
        _draw_panel(axes, table, measure)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    panels[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    figure.suptitle(title, fontsize=10)
    return figure


def _draw_panel(axes: "Axes", table: SuiteTable, measure: Measure) -> None:
    for place, column in enumerate(table.columns.values()):
        if (each := column.get(measure.name)) is not None:
            axes.plot((each.low, each.high), (place, place), color="0.6", linewidth=2)
            axes.plot(each.value, place, "o", color=f"C{place % 10}", markersize=5)
    axes.set_title(measure.label, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3, axis="x")
