"""What becomes of the starts of a schedule: on time, late, missed, and while a run goes on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.absence import Absence
from engine.core.schedule import GRACE, Due, Misfire, Overlap, Rules, Turnout, due, rules, turnout
from engine.core.values import Json
from tests.core.test_schedule import made

HOURLY = made(cron="0 * * * *")
SAID: dict[str, Json] = {"misfire": "all", "catchup_limit": 7, "overlap": "queue"}


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, 1, hour, minute, second, tzinfo=UTC)


ONE, TWO, THREE, FOUR = (at(hour) for hour in range(1, 5))

# misfire, limit, now, what is due of the starts after 00:30
CASES: list[tuple[Misfire, int, datetime, Due]] = [
    (Misfire.LATEST, 9, at(0, 59), Due(at(0, 30))),
    (Misfire.SKIP, 9, at(1), Due(ONE, (ONE,))),
    (Misfire.SKIP, 9, at(1, 0, 59), Due(ONE, (ONE,))),
    (Misfire.SKIP, 9, at(1, 1), Due(ONE, (), (ONE, ONE))),
    (Misfire.LATEST, 9, at(1, 1), Due(ONE, (ONE,))),
    (Misfire.SKIP, 9, at(3, 30), Due(THREE, (), (ONE, THREE))),
    (Misfire.LATEST, 9, at(3, 30), Due(THREE, (THREE,), (ONE, TWO))),
    (Misfire.ALL, 9, at(3, 30), Due(THREE, (ONE, TWO, THREE))),
    (Misfire.ALL, 2, at(3, 30), Due(THREE, (TWO, THREE), (ONE, ONE))),
    (Misfire.SKIP, 9, at(4), Due(FOUR, (FOUR,), (ONE, THREE))),
    (Misfire.LATEST, 9, at(4), Due(FOUR, (FOUR,), (ONE, THREE))),
    (Misfire.ALL, 1, at(4), Due(FOUR, (THREE, FOUR), (ONE, TWO))),
]


@pytest.mark.parametrize(("misfire", "limit", "now", "expected"), CASES)
def test_what_was_missed_is_made_up_for(
    misfire: Misfire, limit: int, now: datetime, expected: Due
) -> None:
    """
    A start that is a minute late was missed: then it is skipped, the last one stands for all, or
    each is made up for up to the limit.
    """
    assert expected == due(HOURLY, Rules(misfire, limit), at(0, 30), now)


def test_a_clock_that_goes_back_does_nothing() -> None:
    """
    What was decided stays decided, and nothing is due until the clock is past it again.
    """
    assert Due(FOUR) == due(HOURLY, Rules(), FOUR, at(2))


def test_a_delay_moves_the_start_and_not_its_instant() -> None:
    """
    With jitter a start comes a little later, and is still that of the instant that it is for.
    """
    told = Rules(delay=timedelta(minutes=3))

    assert Due(at(0, 30)) == due(HOURLY, told, at(0, 30), at(1, 2, 59))
    assert Due(ONE, (ONE,)) == due(HOURLY, told, at(0, 30), at(1, 3))


def test_jitter_is_always_the_same_for_one_schedule() -> None:
    """
    It follows from the names alone, lies within what was said, and differs between schedules.
    """
    names = [("shop", "load", f"t{number}") for number in range(50)]
    delays = [rules({**SAID, "jitter": "3m"}, name).delay for name in names]

    assert delays == [rules({**SAID, "jitter": "3m"}, name).delay for name in names]
    assert {True} == {timedelta(0) <= each <= timedelta(minutes=3) for each in delays}
    assert len(set(delays)) > 20
    assert Rules(Misfire.ALL, 7) == rules(SAID, names[0])


@given(
    st.sampled_from(Misfire), st.integers(1, 5),
    st.lists(st.integers(0, 400), min_size=1, max_size=12), st.integers(0, 400),
)  # fmt: skip
def test_no_start_is_decided_on_twice(
    misfire: Misfire, limit: int, looks: list[int], delay: int
) -> None:
    """
    Whenever somebody looks, each start is made or passed over once, in order, and none is left.
    """
    schedule, told = made(every="7m"), Rules(misfire, limit, timedelta(seconds=delay))
    upto, seen = at(0), list[datetime]()
    for minutes in sorted(looks):
        found = due(schedule, told, upto, at(0) + timedelta(minutes=minutes))
        if found.passed is not None:
            first, last = found.passed
            seen += schedule.latest(first - timedelta(seconds=1), last, 999)
        seen += found.starts
        upto = found.upto

    edge = at(0) + timedelta(minutes=max(looks), seconds=-delay)
    assert schedule.latest(at(0), edge, 999) == seen


def test_a_long_absence_costs_little() -> None:
    """
    A year without anybody is looked back on without counting each of its minutes.
    """
    begun = datetime(2025, 6, 1, tzinfo=UTC)
    found = due(made(every="1s"), Rules(Misfire.ALL, 3), begun, ONE)

    assert 3 + int(GRACE.total_seconds()) == len(found.starts)
    assert begun + timedelta(seconds=1) == (found.passed or (None,))[0]


TURNOUTS: list[tuple[Overlap, list[datetime], bool, Turnout]] = [
    (Overlap.ALLOW, [ONE, TWO], True, Turnout((ONE, TWO))),
    (Overlap.QUEUE, [], True, Turnout()),
    (Overlap.QUEUE, [ONE, TWO], True, Turnout((), (ONE, TWO))),
    (Overlap.QUEUE, [ONE, TWO], False, Turnout((ONE,), (TWO,))),
    (Overlap.SKIP, [ONE, TWO], True, Turnout((), (), (ONE, TWO))),
    (Overlap.SKIP, [ONE, TWO], False, Turnout((ONE,), (), (TWO,))),
    (Overlap.CANCEL_RUNNING, [], True, Turnout()),
    (Overlap.CANCEL_RUNNING, [ONE, TWO], True, Turnout((), (TWO,), (ONE,), cancels=True)),
    (Overlap.CANCEL_RUNNING, [ONE, TWO], False, Turnout((TWO,), (), (ONE,))),
]


@pytest.mark.parametrize(("overlap", "starts", "is_live", "expected"), TURNOUTS)
def test_a_run_that_still_goes_on(
    overlap: Overlap, starts: list[datetime], is_live: bool, expected: Turnout
) -> None:
    """
    The next start goes ahead, waits, is left out, or ends the run before it.
    """
    told = turnout(overlap, starts, is_live=is_live)

    assert expected == Turnout(told.starts, told.waits, told.dropped, cancels=told.cancels)
    assert bool(told.dropped) <= bool(told.reason)


def test_no_more_than_a_thousand_wait() -> None:
    """
    A run that never ends does not let starts pile up without end.
    """
    starts = [ONE + timedelta(minutes=number) for number in range(1_002)]
    told = turnout(Overlap.QUEUE, starts, is_live=True)

    assert (1_000, 2) == (len(told.waits), len(told.dropped))
    assert "1,000 starts wait already (overlap: queue)" == told.reason


# repeats, last event, decided, now, deadline, next look
SILENCES: list[tuple[bool, datetime, datetime, datetime, datetime | None, datetime]] = [
    (False, ONE, ONE, at(1, 59), None, TWO),
    (False, ONE, ONE, TWO, TWO, THREE),
    (False, ONE, ONE, FOUR, TWO, at(5)),
    (False, ONE, TWO, at(3, 30), None, at(4, 30)),
    (True, ONE, ONE, at(3, 30), THREE, FOUR),
    (True, ONE, THREE, at(3, 30), None, FOUR),
    (True, TWO, TWO, ONE, None, THREE),
]


@pytest.mark.parametrize(("repeats", "since", "decided", "now", "deadline", "look"), SILENCES)
def test_silence_is_told_once_or_again(
    repeats: bool, since: datetime, decided: datetime, now: datetime, deadline: datetime | None,
    look: datetime,
) -> None:  # fmt: skip
    """
    Without `repeat` one silence starts one run, with it one run each span; a time without
    anybody looking counts as one.
    """
    absence = Absence(timedelta(hours=1), repeats)

    assert deadline == absence.deadline(since, decided, now)
    assert look == absence.upcoming(since, now)
