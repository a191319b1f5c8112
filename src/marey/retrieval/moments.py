"""Moments: windows of a search result, those of one clip that overlap joined."""

from collections.abc import Iterable
from dataclasses import dataclass

MARGIN = 0.05
"""A window joins a better one that it overlaps where its score is lower by at most this."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A stretch of a clip that answers a query."""

    name: str
    """File, as its path from the indexed folder, or clip of a store."""
    start: float
    """Seconds from the start of the clip."""
    end: float
    score: float
    """Cosine of its best window with the query."""


class Moments:
    """Gathers the best moments from windows that come from best to worst.

    A window that overlaps no moment so far opens one, as long as fewer than ``top`` are there. One
    that overlaps a moment extends it if its score is near enough and the longer moment still
    overlaps no other; else it is passed over. So moments never overlap.
    """

    def __init__(self, top: int) -> None:
        self.top = top
        self._found: list[Moment] = []

    def add(self, window: Moment) -> None:
        """Take the next window."""
        touched = [i for i, each in enumerate(self._found) if _overlap(each, window)]
        if not touched:
            if len(self._found) < self.top:
                self._found.append(window)
            return
        first = self._found[touched[0]]
        if window.score < first.score - MARGIN or len(touched) > 1:
            return
        longer = Moment(
            name=first.name,
            start=min(first.start, window.start),
            end=max(first.end, window.end),
            score=first.score,
        )
        if not any(_overlap(longer, each) for each in self._found if each is not first):
            self._found[touched[0]] = longer

    def is_settled(self, score: float) -> bool:
        """Whether no window of this score or a lower one can change anything."""
        return len(self._found) == self.top and score < self._found[-1].score - MARGIN

    def best(self) -> list[Moment]:
        """Return what was found, best first."""
        return list(self._found)


def best_moments(windows: Iterable[Moment], top: int) -> tuple[list[Moment], bool]:
    """Return the best moments of windows from best to worst, and whether more could change them."""
    moments = Moments(top)
    for window in windows:
        if moments.is_settled(window.score):
            return moments.best(), False
        moments.add(window)
    return moments.best(), True


def _overlap(a: Moment, b: Moment) -> bool:
    return a.name == b.name and a.start < b.end and b.start < a.end
