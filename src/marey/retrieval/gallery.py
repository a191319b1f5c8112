"""The gallery of a retrieval test: one window of each clip."""

import hashlib
from collections.abc import Iterable

from marey.data.records import WindowRecord


def gallery_windows(windows: Iterable[WindowRecord], *, seed: int = 0) -> tuple[WindowRecord, ...]:
    """Draw one window of each clip, clips in the order of their names.

    Windows of a clip overlap, or show the same thing again; side by side in a gallery they would
    count as wrong answers to each other. Each draw depends on the seed, the clip and its windows
    alone, so that a clip keeps its window when others come or go. The text of a query is the first
    of its window.
    """
    own: dict[str, list[WindowRecord]] = {}
    for window in windows:
        own.setdefault(window.clip_id, []).append(window)
    return tuple(min(own[clip], key=lambda window: _lot(seed, window)) for clip in sorted(own))


def _lot(seed: int, window: WindowRecord) -> bytes:
    return hashlib.blake2b(f"{seed} {window.window_id}".encode()).digest()
