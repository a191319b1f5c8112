"""Paces: which speeds of an action are slow and which are fast; the maker of timed events."""

from types import MappingProxyType

from marey.predicates.body import CLOCK
from marey.predicates.event import Event

PACES: MappingProxyType[str, tuple[float, float]] = MappingProxyType(
    {
        "walks": (0.7, 1.5),
        "runs": (2.2, 3.8),
        "sidesteps": (0.35, 0.9),
        "moves": (0.4, 1.2),
        "crawls": (0.25, 0.7),
        "turns": (40.0, 140.0),
        "raises": (0.35, 1.4),
        "lowers": (0.35, 1.4),
        "bends": (50.0, 220.0),
        "extends": (50.0, 220.0),
        "leans": (20.0, 80.0),
        "straightens": (20.0, 80.0),
        "twists": (25.0, 110.0),
        "tilts": (25.0, 100.0),
        "sits": (0.2, 0.5),
        "squats": (0.2, 0.7),
        "kneels": (0.2, 0.5),
        "lies": (0.2, 0.5),
        "rises": (0.2, 0.6),
        "steps": (0.6, 1.6),
        "kicks": (1.0, 2.5),
        "meet": (0.3, 1.2),
        "part": (0.3, 1.2),
    }
)
"""Slow below the first, fast above the second: extent per second, in the unit of the action."""
BEATS: MappingProxyType[str, tuple[float, float]] = MappingProxyType(
    {
        "waves": (1.2, 2.5),
        "swings": (0.6, 1.3),
        "circles": (0.5, 1.2),
        "nods": (1.0, 2.0),
        "shakes": (1.0, 2.0),
        "claps": (1.0, 2.5),
        "alternates": (0.6, 1.3),
        "moves together": (0.6, 1.3),
    }
)
"""The same for actions that repeat: times per second."""


def timed(
    slot: str,
    action: str,
    ticks: tuple[float | int, float | int],
    *,
    direction: str = "",
    target: str = "",
    extent: float | None = None,
    count: int | None = None,
) -> Event:
    """Make an event from a span in ticks of the clock; its pace follows from the tables."""
    start, end = ticks[0] / CLOCK, max(ticks[1], ticks[0] + 1) / CLOCK
    amount = None if extent is None else abs(float(extent))
    return Event(
        slot=slot,
        action=action,
        start=round(start, 3),
        end=round(end, 3),
        direction=direction,
        target=target,
        extent=None if amount is None else round(amount, 3),
        speed=_pace(action, end - start, amount, count),
        count=count,
    )


def _pace(action: str, seconds: float, extent: float | None, count: int | None) -> str:
    if action in BEATS and count:
        bounds, value = BEATS[action], count / seconds
    elif action in PACES and extent is not None:
        bounds, value = PACES[action], extent / seconds
    else:
        return "normal"
    return "slow" if value < bounds[0] else "fast" if value > bounds[1] else "normal"
