"""PostgreSQL's clock, as a process knows it in between."""

from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest

from engine.clock import Clock

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


@pytest.fixture
def clock() -> Clock:
    """A clock that was set at noon, ten seconds ago by the monotonic clock."""
    ticks = chain((100.0,), repeat(110.0))
    return Clock(NOON, lambda: next(ticks))


def test_it_goes_on_by_itself(clock: Clock):
    """
    Between two looks it goes by what has passed since, whatever the host's clock is set to.
    """
    assert NOON + seconds(10) == clock()


@pytest.mark.parametrize(
    ("told", "took", "then"),
    [
        (10, 0, 10),
        (8, 3, 10),
        (10, 3, 10),
        (6, 3, 6),
        (11, 3, 11),
        (7210, 1, 7210),
        (-7200, 1, -7200),
    ],
    ids=["same", "within", "at the start", "slower", "faster", "ahead", "back"],
)
def test_it_hears_what_postgresql_says(clock: Clock, told: float, took: float, then: float):
    """
    An answer that took long and fits what is known changes nothing; one that does not fit sets the
    clock, and to the earliest instant that it may be, so that no timer comes early.
    """
    clock.hear(NOON + seconds(told), 110.0 - took)

    assert NOON + seconds(then) == clock()
