"""Spans: stretches and moves of a curve over time, cut where it crosses a level.

A curve holds one value per tick of the clock. Every function treats a curve and its negative
alike, so that mirrored motions give mirrored spans.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Shaped

from marey.predicates.body import CLOCK

Ticks = float | int
"""A time on the clock; PEP 484 lets an int pass for a float, run-time type checks do not."""
START_SHARE, END_SHARE = 0.1, 0.9
"""Shares of a move's change at which it counts as begun and as done."""
PAUSE_RATE, PAUSE_SECONDS = 0.3, 0.4
"""Least changes per second below which a move pauses, and for how long at least."""
STEADY = 2.2
"""Ratio of neighbouring half cycles, in size and time, up to which they are one repetition."""


@dataclass(frozen=True)
class Move:
    """A curve going one way, from one turning point to the next, in ticks."""

    first: int
    last: int
    start: float
    """When a tenth of the change is made."""
    end: float
    """When nine tenths are."""
    change: float


@dataclass(frozen=True)
class Repetition:
    """A curve going to and fro, in ticks."""

    first: int
    last: int
    halves: int
    size: float
    """Mean change of a half cycle."""

    @property
    def cycles(self) -> int:
        return self.halves // 2


def runs(mask: Bool[np.ndarray, " ticks"]) -> list[tuple[int, int]]:
    """First tick and tick after the last of every run of True."""
    turns = ((mask[1:] != mask[:-1]).nonzero()[0] + 1).tolist()
    starts = [0] if mask[0] else []
    ends = [len(mask)] if mask[-1] else []
    turns = [*starts, *turns, *ends]
    return list(zip(turns[::2], turns[1::2], strict=True))


def stretches(
    curve: Float[np.ndarray, " ticks"], on: float, off: float, least: int = 1
) -> list[tuple[int, int]]:
    """Runs above ``off`` of at least ``least`` ticks that somewhere reach ``on``."""
    found = runs(curve > off)
    return [(a, b) for a, b in found if b - a >= least and curve[a:b].max() >= on]


def edges(
    curve: Float[np.ndarray, " ticks"], run: tuple[int, int], level: float
) -> tuple[float, float]:
    """Times, in ticks, at which a curve crosses a level before and after a run beyond it."""
    first, after = run
    return (
        _crossing(curve, first - 1, first, level) if first > 0 else 0.0,
        _crossing(curve, after - 1, after, level) if after < len(curve) else float(after - 1),
    )


def moves(curve: Float[np.ndarray, " ticks"], least: float) -> list[Move]:
    """Rises and falls between turning points that differ by ``least`` or more, cut at pauses."""
    points = turning_points(curve, least)
    slow = np.abs(curve[1:] - curve[:-1]) < PAUSE_RATE * least / CLOCK
    pauses = _long(runs(slow)) if points else []
    found: list[Move] = []
    for first, last in pairwise(points):
        parts = _between_pauses(pauses, first, last)
        large = [(a, b) for a, b in parts if abs(curve[b] - curve[a]) >= least]
        found += [_move(curve, a, b) for a, b in large or [(first, last)]]
    return found


def _long(pauses: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(a, b) for a, b in pauses if b - a >= PAUSE_SECONDS * CLOCK]


def _between_pauses(pauses: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Parts of a move between stretches in which it hardly goes on."""
    parts, begin = [], first
    for a, b in _long([(max(a, first), min(b, last)) for a, b in pauses]):
        parts.append((begin, a))
        begin = b
    return [*parts, (begin, last)]


def turning_points(curve: Float[np.ndarray, " ticks"], least: float) -> list[int]:
    """Ticks where a curve turns round, neighbours differing by ``least`` or more."""
    slopes = curve[1:] - curve[:-1]
    bends = (slopes[:-1] * slopes[1:] <= 0).nonzero()[0] + 1
    values = curve.tolist()
    low = high = way = 0
    points: list[int] = []
    for i in (*bends.tolist(), len(values) - 1):
        value = values[i]
        if way >= 0 and value > values[high]:
            high = i
        if way <= 0 and value < values[low]:
            low = i
        if way <= 0 and value - values[low] >= least:
            points.append(low)
            way, high = 1, i
        elif way >= 0 and values[high] - value >= least:
            points.append(high)
            way, low = -1, i
    return [*points, high if way > 0 else low] if points else []


def repetitions(
    curve: Float[np.ndarray, " ticks"], least: float, longest: Ticks, halves: int
) -> list[Repetition]:
    """Stretches of ``halves`` or more half cycles in a row, alike and each short enough.

    ``longest`` is the most ticks that a half cycle may take.
    """
    points = turning_points(curve, least)
    found: list[Repetition] = []
    row: list[tuple[int, int, float]] = []
    for a, b in pairwise(points):
        size = abs(float(curve[b] - curve[a]))
        follows = row and _alike(size, row[-1][2]) and _alike(b - a, row[-1][1] - row[-1][0])
        if b - a > longest or not follows:
            found += _repetition(row, halves)
            row = []
        if b - a <= longest:
            row.append((a, b, size))
    return found + _repetition(row, halves)


def overlap(a: tuple[Ticks, Ticks], b: tuple[Ticks, Ticks]) -> float:
    """Share of the shorter of two spans that lies in the other."""
    common = min(a[1], b[1]) - max(a[0], b[0])
    shorter = min(a[1] - a[0], b[1] - b[0])
    return max(0.0, common) / shorter if shorter > 0 else 0.0


def _alike(a: Ticks, b: Ticks) -> bool:
    return max(a, b) <= STEADY * min(a, b)


def _repetition(row: list[tuple[int, int, float]], halves: int) -> list[Repetition]:
    if len(row) < halves:
        return []
    size = sum(each[2] for each in row) / len(row)
    return [Repetition(row[0][0], row[-1][1], len(row), size)]


def _move(curve: Float[np.ndarray, " ticks"], first: int, last: int) -> Move:
    part = curve[first : last + 1]
    change = float(part[-1] - part[0])
    progress = (part - part[0]) / change
    begun = last - first - int((progress[::-1] <= START_SHARE).argmax())
    start = _crossing(progress, begun, begun + 1, START_SHARE)
    done = begun + int((progress[begun:] >= END_SHARE).argmax())
    end = _crossing(progress, done - 1, done, END_SHARE)
    return Move(first, last, first + start, first + max(end, start + 0.1), change)


def _crossing(curve: Shaped[np.ndarray, " ticks"], before: int, after: int, level: float) -> float:
    """Time between two neighbouring ticks at which a curve passes a level."""
    low, high = float(curve[before]), float(curve[after])
    return before + (level - low) / (high - low)
