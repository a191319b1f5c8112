"""Rate limits, on a clock of the test's own."""

import pytest

from marey.annotation import RateLimit
from marey.errors import InvalidInputError


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_requests_are_spaced_evenly() -> None:
    clock = Clock()
    limit = RateLimit(30.0, clock=clock, sleep=clock.sleep)
    times = []
    for _ in range(5):
        limit.wait()
        times.append(clock.now)
    assert times == [100.0, 102.0, 104.0, 106.0, 108.0]


def test_time_that_passed_is_not_saved_up() -> None:
    clock = Clock()
    limit = RateLimit(60.0, clock=clock, sleep=clock.sleep)
    limit.wait()
    clock.now += 10
    limit.wait()
    limit.wait()
    assert clock.now == 111.0


def test_a_pause_holds_back_the_next_request() -> None:
    clock = Clock()
    limit = RateLimit(None, clock=clock, sleep=clock.sleep)
    limit.wait()
    limit.wait()
    assert clock.now == 100.0
    limit.pause(7.0)
    limit.wait()
    assert clock.now == 107.0


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_no_rate_at_all_is_refused(rate: float) -> None:
    with pytest.raises(InvalidInputError, match="expected more than 0 requests"):
        RateLimit(rate)
