"""SuiteReport: what a suite of measures says of a model and of its baselines, as tables."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from marey.io import atomic_path
from marey.metrics import Estimate

Better = Literal["higher", "lower", "as real"]
NOTHING = 5e-4
"""Values below are printed as 0, in the units of tables (cm, %, …)."""
ARROWS: Mapping[Better, str] = {"higher": " ↑", "lower": " ↓", "as real": ""}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What one line of a table says, and which values are good."""

    name: str
    unit: str = ""
    better: Better = "as real"

    @property
    def label(self) -> str:
        """Name, unit and direction, as tables show them."""
        return f"{self.name}{f', {self.unit}' if self.unit else ''}{ARROWS[self.better]}"


@dataclass(frozen=True, kw_only=True)
class SuiteTable:
    """Measures (lines) of a model and its baselines (columns); what has no meaning is left out."""

    title: str
    measures: tuple[Measure, ...]
    columns: Mapping[str, Mapping[str, Estimate]]
    """By the column's name, then by the measure's."""

    def markdown(self) -> str:
        """Return the table, intervals in brackets."""
        lines = [
            f"| measure | {' | '.join(self.columns)} |",
            "|---" + "|--:" * len(self.columns) + "|",
        ]
        for measure in self.measures:
            cells = [_cell(column.get(measure.name)) for column in self.columns.values()]
            lines.append(f"| {measure.label} | {' | '.join(cells)} |")
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class SuiteReport:
    """The tables of a suite, and all that one needs to make them again."""

    suite: str
    model: str
    manifest: str
    """Fingerprint of the manifest."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[SuiteTable, ...]
    notes: tuple[str, ...] = ()
    """Sentences that must be read with the tables."""

    def markdown(self) -> str:
        """Return all tables as a document."""
        told = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        parts = [f"# {self.suite}: {self.model}", f"Manifest {self.manifest}; {told}."]
        for table in self.tables:
            parts += [f"## {table.title}", table.markdown()]
        return "\n\n".join([*parts, *self.notes]) + "\n"

    def write(self, folder: Path, *, force: bool = False) -> tuple[Path, Path]:
        """Write ``report.json`` and ``report.md`` and return their paths.

        Raises InvalidInputError for a file that exists, without ``force``.
        """
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        paths = folder / "report.json", folder / "report.md"
        for path, text in zip(paths, (content, self.markdown()), strict=True):
            with atomic_path(path, force=force) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return paths


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    value, low, high = map(_number, (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _number(value: float) -> str:
    """Three digits; what rounding left of nothing is 0."""
    return "0" if abs(value) < NOTHING else f"{value:.3g}"
