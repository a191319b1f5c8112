"""Claim: what a sentence says happens, to be tested on the events of a motion."""

from collections.abc import Sequence
from dataclasses import dataclass

from marey.predicates.event import Event

ANY = ""
"""Any direction."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a sentence says happens: one event of one of these kinds."""

    words: str
    """The words that say it."""
    actions: tuple[str, ...]
    slots: tuple[str, ...]
    direction: str = ANY
    """The direction of the event; empty for any."""
    targets: tuple[str, ...] = ()
    """Targets that do; none for any."""
    least: float = 0.0
    """Least extent, in the unit of the action."""
    both: bool = False
    """Whether it has to happen in all slots."""

    def holds(self, events: Sequence[Event]) -> bool:
        """Say whether some events make the claim true."""
        met = {event.slot for event in events if self._is_met_by(event)} & set(self.slots)
        return met == set(self.slots) if self.both else bool(met)

    def _is_met_by(self, event: Event) -> bool:
        return (
            event.action in self.actions
            and self.direction in (ANY, event.direction)
            and (not self.targets or event.target in self.targets)
            and (event.extent or 0.0) >= self.least
        )
