"""Windows of time in which nothing is to change, on clocks on walls."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.schedule import Frozen, Window, frozen_at, parse

OSLO = "Europe/Oslo"
WEEKEND = parse("fri 18:00", "mon 08:00", OSLO, "weekend")
NIGHT = parse("22:00", "06:00", OSLO, "night")
DAY = parse("06:00", "22:00", OSLO, "day")
FEAST = parse("2026-12-20 18:00", "2027-01-04 08:00", OSLO, "holidays")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        (WEEKEND, "2026-11-27 16:59", None),
        (WEEKEND, "2026-11-27 17:00", "2026-11-30 07:00"),
        (WEEKEND, "2026-11-29 12:00", "2026-11-30 07:00"),
        (WEEKEND, "2026-11-30 06:59", "2026-11-30 07:00"),
        (WEEKEND, "2026-11-30 07:00", None),
        # The clocks are put back in the night to 25 October: the window is an hour longer.
        (WEEKEND, "2026-10-24 12:00", "2026-10-26 07:00"),
        (WEEKEND, "2026-10-23 15:59", None),
        (WEEKEND, "2026-10-23 16:00", "2026-10-26 07:00"),
        (NIGHT, "2026-07-01 19:59", None),
        (NIGHT, "2026-07-01 20:00", "2026-07-02 04:00"),
        (NIGHT, "2026-07-02 03:59", "2026-07-02 04:00"),
        (FEAST, "2026-12-20 16:59", None),
        (FEAST, "2026-12-20 17:00", "2027-01-04 07:00"),
        (FEAST, "2027-01-04 07:00", None),
        (FEAST, "2099-01-04 07:00", None),
        # A start in the gap of 29 March is right after it; an end there, too.
        (parse("02:30", "04:00", OSLO, "x"), "2026-03-29 00:59", None),
        (parse("02:30", "04:00", OSLO, "x"), "2026-03-29 01:00", "2026-03-29 02:00"),
        (parse("01:00", "02:30", OSLO, "x"), "2026-03-29 00:30", "2026-03-29 01:00"),
        (parse("02:10", "02:50", OSLO, "x"), "2026-03-29 00:59", None),
        (parse("02:10", "02:50", OSLO, "x"), "2026-03-29 01:00", None),
    ],
)
def test_when_a_window_holds(window: Window, now: str, until: str | None):
    """
    From its start on until its end, as the clock on the wall has them.
    """
    assert (at(until) if until else None) == window.until(at(now))


def test_one_window_is_enough():
    """
    Where windows overlap or follow on each other, all of them must be over.
    """
    friday = at("2026-11-27 20:00")
    told = frozen_at([NIGHT, WEEKEND, FEAST], friday)
    night = frozen_at([NIGHT, WEEKEND], at("2026-11-30 06:00"))

    assert Frozen(at("2026-11-30 07:00"), "weekend") == told
    assert Frozen(at("2026-11-30 07:00"), "weekend") == night
    assert Frozen(at("2026-12-01 05:00"), "night") == frozen_at([NIGHT], at("2026-11-30 21:00"))
    assert frozen_at([NIGHT, WEEKEND, FEAST], at("2026-11-25 12:00")) is None
    both = frozen_at([WEEKEND, NIGHT], at("2026-11-27 21:30"))
    assert both is not None
    assert "weekend; night" == both.reason
    assert frozen_at([], friday) is None


def test_windows_that_follow_on_each_other_for_ever_are_told_in_part():
    """
    Night and day together never end; an end is told all the same, and looked at again then.
    """
    now = at("2026-07-01 12:00")
    told = frozen_at([NIGHT, DAY], now)

    assert told is not None
    assert timedelta(days=40) < told.until - now < timedelta(days=60)


@pytest.mark.parametrize(
    ("start", "end", "zone", "words"),
    [
        ("8:00", "22:00", "UTC", "found '8:00'"),
        ("08:00", "24:00", "UTC", "found '24:00'"),
        ("fri", "mon", "UTC", "found 'fri'"),
        ("Fri 18:00", "mon 08:00", "UTC", "found 'Fri 18:00'"),
        ("2026-12-20", "2026-12-21", "UTC", "found '2026-12-20'"),
        ("fri 18:00", "08:00", "UTC", "tell both ends alike"),
        ("2026-12-20 18:00", "mon 08:00", "UTC", "tell both ends alike"),
        ("08:00", "08:00", "UTC", "expected an end after the start"),
        ("2026-12-20 18:00", "2026-12-20 17:00", "UTC", "expected an end after the start"),
        ("2026-02-30 18:00", "2026-03-20 17:00", "UTC", "day"),
        ("0001-01-01 00:00", "0001-01-02 00:00", OSLO, "there is no such time"),
        ("08:00", "09:00", "Europe/Osl", "there is no time zone 'Europe/Osl'"),
        ("08:00", "09:00", "../../etc/passwd", "there is no time zone"),
        ("٠٨:00", "09:00", "UTC", "found"),
    ],
)
def test_what_is_no_window(start: str, end: str, zone: str, words: str):
    """
    What was found, and what is expected there.
    """
    with pytest.raises(ValueError, match=words):
        parse(start, end, zone, "x")


MINUTES = st.integers(0, 60 * 24 * 800).map(
    lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
)
TIMES = st.times().map(lambda time: f"{time:%H:%M}")
DAYS = st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


@given(TIMES, TIMES, st.tuples(DAYS, DAYS) | st.none(), MINUTES)
def test_a_window_is_a_stretch(start: str, end: str, days: tuple[str, str] | None, now: datetime):
    """
    Whatever holds is over at the end that was told, and holds with the same end just before.
    """
    names = ("", "") if days is None else (f"{days[0]} ", f"{days[1]} ")
    start, end = names[0] + start, names[1] + end
    if start == end:
        return
    window = parse(start, end, OSLO, "x")
    until = window.until(now)
    if until is not None:
        assert now < until <= now + timedelta(days=8)
        assert until == window.until(until - timedelta(seconds=1))
        assert until != window.until(until)
