"""RateLimit: no more requests a minute than allowed, over all threads."""

import threading
import time
from collections.abc import Callable
from typing import final

from marey.errors import InvalidInputError


@final
class RateLimit:
    """Spaces requests evenly; ``per_minute`` None lets all pass. Raises InvalidInputError for 0."""

    def __init__(
        self,
        per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if per_minute is not None and not per_minute > 0:
            raise InvalidInputError(
                f"rate: expected more than 0 requests a minute, got {per_minute:g}. Leave it out "
                "for no limit."
            )
        self._interval = 60 / per_minute if per_minute else 0.0
        self._clock, self._sleep = clock, sleep
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = self._clock()
            mine = max(now, self._next)
            self._next = mine + self._interval
        if mine > now:
            self._sleep(mine - now)

    def pause(self, seconds: float) -> None:
        """Hold all requests that have no turn yet back for some seconds."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)
