"""When a call may be made, so that no period sees more than the limit."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import rate
from engine.core.plan import Rate
from tests.core.runs import NOW, SECOND


def turns(told: Rate, gaps: list[float]) -> tuple[list[datetime], tuple[datetime, ...]]:
    """Return when each call may be made that is asked for after a gap, and the log at last."""
    log: tuple[datetime, ...] = ()
    made, now = [], NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        allowance = rate.allow(log, told, now)
        made.append(allowance.at)
        log = allowance.log
        assert allowance.at >= now
    return made, log


def test_calls_within_the_limit_do_not_wait():
    """
    Three a minute may come at once; the fourth waits for the rest of the minute.
    """
    made, _ = turns(Rate("g", 3, 60 * SECOND), [0, 0, 10, 10, 0])

    assert [0, 0, 10, 60, 60] == [(each - NOW) / SECOND for each in made]


@pytest.mark.parametrize(
    ("limit", "spread"),
    [(1, (1, 60.0)), (100, (100, 60.0)), (101, (50, 30.0)), (1000, (100, 6.0)),
     (1_000_000, (100, 0.006))],
)  # fmt: skip
def test_large_limits_are_spread(limit: int, spread: tuple[int, float]):
    """
    A thousand a minute is a hundred in six seconds: what is kept of calls stays small.
    """
    count, period = rate.spread(Rate("g", limit, 60 * SECOND))

    assert spread == (count, period / SECOND)


def test_an_idle_group_is_known():
    """
    Once a period has passed since the last call, the log holds nothing back.
    """
    told = Rate("g", 2, 60 * SECOND)
    made, log = turns(told, [0, 5, 0])

    assert made[-1] + 60 * SECOND == rate.idle(log, told)


@given(
    st.integers(1, 350),
    st.lists(st.floats(0, 5), min_size=1, max_size=700),
)
def test_no_period_sees_more_than_the_limit(limit: int, gaps: list[float]):
    """
    However calls come, and even where the limit is spread, they keep their order and the rate.
    """
    told = Rate("g", limit, 7 * SECOND)
    made, _ = turns(told, gaps)

    assert sorted(made) == made
    assert all(last - first >= told.period for first, last in zip(made, made[limit:], strict=False))
