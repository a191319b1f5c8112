"""Lines of tables: what was measured of single motions, and how it is pooled to one estimate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from marey.evaluation.estimates import over_repeats
from marey.evaluation.motion_quality import QUALITY, motion_quality
from marey.evaluation.report import Measure, SuiteTable
from marey.metrics import Estimate, Summary, percentile_error
from marey.motion import ContactLimits, Motion


@dataclass(frozen=True, kw_only=True, eq=False)
class Values:
    """What was measured of one motion, in the unit of its line."""

    summary: Summary
    every: Tensor | None = None
    """All values, for lines that ask for a percentile."""

    @classmethod
    def of(cls, values: Tensor | float) -> "Values":
        """Take one number or many."""
        every = torch.as_tensor(values, dtype=torch.float64).flatten()
        return cls(summary=Summary.of(every), every=every)

    @classmethod
    def scaled(cls, summary: Summary, factor: float | int) -> "Values":
        """Take a summary in another unit."""
        mean, maximum = factor * summary.mean, factor * summary.maximum
        return cls(summary=Summary(mean=mean, maximum=maximum, count=summary.count))


Seen = Mapping[str, Values]
"""What was measured of one motion, by the name of the line; what it has nothing of is left out."""
Pool = Callable[[Sequence[Values]], float]


def mean(parts: Sequence[Values]) -> float:
    """Mean over all values of all motions."""
    return Summary.pool(part.summary for part in parts).mean


def worst(parts: Sequence[Values]) -> float:
    """Largest value of all."""
    return max(part.summary.maximum for part in parts)


def percentile_95(parts: Sequence[Values]) -> float:
    """Value that 95 % of all values stay below."""
    return percentile_error([part.every for part in parts if part.every is not None])


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a table."""

    measure: Measure
    pool: Pool = mean


QUALITY_LINES: tuple[Line, ...] = tuple(Line(measure=each.measure) for each in QUALITY.values())
"""Lines of feet, contacts, floor and smoothness."""


def quality_seen(motion: Motion, limits: ContactLimits) -> Seen:
    """Measure ``QUALITY_LINES`` of one motion."""
    return {
        name: Values.scaled(each, QUALITY[name].factor)
        for name, each in motion_quality(motion, limits).items()
        if each.count
    }


def table_of(
    title: str, lines: Sequence[Line], columns: Mapping[str, Sequence[Sequence[Seen]]]
) -> SuiteTable:
    """Pool columns of motions, by repeat and case; lines that nothing was seen of are left out."""
    found = {name: _estimates(lines, column) for name, column in columns.items()}
    met = {name for column in found.values() for name in column}
    measures = tuple(line.measure for line in lines if line.measure.name in met)
    return SuiteTable(title=title, measures=measures, columns=found)


def _estimates(lines: Sequence[Line], column: Sequence[Sequence[Seen]]) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for line in lines:
        name = line.measure.name
        parts = [[each[name] for each in repeat if name in each] for repeat in column]
        if parts and all(parts):
            found[name] = over_repeats(parts, line.pool)
    return found
