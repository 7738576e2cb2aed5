"""When schedules are due: crons and spans on a clock on the wall, and the two odd nights a year."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.schedule import Schedule, of
from engine.core.schedule.calendar import Calendar
from engine.core.schedule.cron import Cron, parse
from engine.core.schedule.every import Every
from engine.core.values import Json
from engine.core.zone import zone

MINUTE = timedelta(minutes=1)


def made(**told: Json) -> Schedule:
    """Return the schedule of a trigger that says this, with the defaults of a plan."""
    dst: Json = {"gap": "run_after", "overlap": "first"}
    return of({"timezone": "UTC", "dst": dst, **told})


def told(schedule: Schedule, start: str, end: str) -> list[str]:
    """Return all instants of a schedule from `start` until `end`, in UTC."""
    upto = datetime.fromisoformat(end)
    each = schedule.after(datetime.fromisoformat(start) - timedelta(seconds=1))
    found = []
    while each is not None and each < upto:
        found.append(f"{each.astimezone(UTC):%d %H:%M}")
        each = schedule.after(each)
    return found


# zone, cron, from, until, dst.gap, dst.overlap, in UTC
NIGHTS: list[tuple[str, str, str, str, str, str, list[str]]] = [
    ("Europe/Oslo", "30 2 * * *", "2026-03-28", "2026-03-31", "run_after", "first",
     ["28 01:30", "29 01:00", "30 00:30"]),
    ("Europe/Oslo", "30 2 * * *", "2026-03-28", "2026-03-31", "skip", "first",
     ["28 01:30", "30 00:30"]),
    ("Europe/Oslo", "30 2 * * *", "2026-10-24", "2026-10-27", "run_after", "first",
     ["24 00:30", "25 00:30", "26 01:30"]),
    ("Europe/Oslo", "30 2 * * *", "2026-10-24", "2026-10-27", "run_after", "both",
     ["24 00:30", "25 00:30", "25 01:30", "26 01:30"]),
    ("Europe/Oslo", "0,15,30 2,3 * * *", "2026-03-29", "2026-03-30", "run_after", "first",
     ["29 01:00", "29 01:15", "29 01:30"]),
    ("Europe/Oslo", "15,45 2 * * *", "2026-10-25", "2026-10-26", "run_after", "both",
     ["25 00:15", "25 00:45", "25 01:15", "25 01:45"]),
    ("Europe/Oslo", "30 * * * *", "2026-03-29", "2026-03-29T03:00", "run_after", "first",
     ["29 00:30", "29 01:30", "29 02:30"]),
    ("Europe/Oslo", "0 * * * *", "2026-10-24T23:00", "2026-10-25T03:00", "run_after", "first",
     ["24 23:00", "25 00:00", "25 01:00", "25 02:00"]),
    ("Europe/Oslo", "0 */2 * * *", "2026-03-29", "2026-03-29T05:00", "run_after", "first",
     ["29 01:00", "29 02:00", "29 04:00"]),
    ("America/Santiago", "0 0 * * *", "2026-09-05", "2026-09-08", "run_after", "first",
     ["05 04:00", "06 04:00", "07 03:00"]),
    ("Africa/Cairo", "30 0 * * *", "2026-04-23", "2026-04-25T12:00", "run_after", "first",
     ["23 22:00", "24 21:30"]),
    ("Africa/Cairo", "30 23 * * *", "2026-10-29", "2026-10-31", "run_after", "both",
     ["29 20:30", "29 21:30", "30 21:30"]),
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02", "2026-10-05", "run_after", "first",
     ["02 15:45", "03 15:30", "04 15:15"]),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-03", "2026-04-06", "run_after", "both",
     ["03 14:45", "04 14:45", "04 15:15", "05 15:15"]),
    ("Pacific/Apia", "0 12 30 12 *", "2011-12-28", "2012-01-02", "run_after", "first",
     ["30 10:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cron", "start", "end", "gap", "overlap", "expected"), NIGHTS)
def test_when_the_clocks_change(
    name: str, cron: str, start: str, end: str, gap: str, overlap: str, expected: list[str]
) -> None:
    """
    A time that is not there is right after the gap or skipped, one that comes twice is once or
    twice; who runs every hour does so every hour.
    """
    schedule = made(cron=cron, timezone=name, dst={"gap": gap, "overlap": overlap})
    utc = [f"{each}{'+00:00' if 'T' in each else 'T00:00+00:00'}" for each in (start, end)]

    assert expected == told(schedule, *utc)


CRONS: list[tuple[str, list[str]]] = [
    ("*/20 8-9 * * *", ["01 08:00", "01 08:20", "01 08:40", "01 09:00", "01 09:20", "01 09:40"]),
    ("5/25 1 1 * *", ["01 01:05", "01 01:30", "01 01:55"]),
    ("0 0 L * *", ["30 00:00"]),
    ("0 0 L,1 * *", ["01 00:00", "30 00:00"]),
    ("0 0 * * 5L", ["26 00:00"]),
    ("0 0 * * friL", ["26 00:00"]),
    ("0 0 * * mon#2,sun#1", ["07 00:00", "08 00:00"]),
    ("0 0 * * mon#5", ["29 00:00"]),
    ("0 0 13 * fri", ["05 00:00", "12 00:00", "13 00:00", "19 00:00", "26 00:00"]),
    ("0 0 ? * tue", ["02 00:00", "09 00:00", "16 00:00", "23 00:00", "30 00:00"]),
    ("0 0 */10 * mon", ["01 00:00"]),
    ("0 0 1-7 JUN ?", [f"0{day} 00:00" for day in range(1, 8)]),
    ("0 0 8-14 * 7", ["07 00:00", *[f"{day:02} 00:00" for day in range(8, 15)], "21 00:00",
                      "28 00:00"]),
    ("0 0 * jan,mar-may *", []),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "expected"), CRONS)
def test_a_cron_of_june(cron: str, expected: list[str]) -> None:
    """
    Lists, steps, ranges, names, last and n-th days mean what they mean to cron elsewhere.
    """
    instants = told(made(cron=cron), "2026-06-01T00:00Z", "2026-07-01T00:00Z")

    assert expected == instants if len(instants) < 9 else instants[: len(expected)]


def test_a_week_may_end_with_sunday() -> None:
    """
    `fri-sun` are three days, whatever number Sunday has.
    """
    expected = parse("0 0 * * 5-7")

    assert expected == parse("0 0 * * fri-sun")


SPANS: list[tuple[str, str, list[str]]] = [
    ("UTC", "6h", ["28 00:00", "28 06:00", "28 12:00", "28 18:00", "29 00:00", "29 06:00"]),
    ("Asia/Kolkata", "8h", ["28 02:30", "28 10:30", "28 18:30", "29 02:30"]),
    ("Europe/Oslo", "1d", ["28 23:00"]),
    ("Europe/Oslo", "6h", ["28 05:00", "28 11:00", "28 17:00", "28 23:00", "29 04:00"]),
    ("UTC", "7d", []),
    ("UTC", "13d", ["28 00:00"]),
]


@pytest.mark.parametrize(("name", "every", "expected"), SPANS)
def test_spans_are_counted_from_midnight(name: str, every: str, expected: list[str]) -> None:
    """
    `every: 6h` is at midnight, six, noon and six on the clocks of its zone, `7d` on Mondays.
    """
    schedule = made(every=every, timezone=name)

    assert expected == told(schedule, "2026-03-28T00:00Z", "2026-03-29T10:00Z")


def test_a_short_span_follows_the_time_that_passes() -> None:
    """
    Each quarter of an hour comes four times in every hour of the odd nights, too.
    """
    for day in ("2026-03-29", "2026-10-25"):
        found = told(made(every="15m", timezone="Europe/Oslo"), f"{day}T00:00Z", f"{day}T04:00Z")

        assert 16 == len(set(found))


CALENDAR: Mapping[str, Json] = {
    "name": "days", "timezone": "Europe/Oslo", "days": ["mon", "tue", "wed", "thu", "fri"],
    "except": ["2026-12-24", "2026-12-25"], "also": ["2026-12-26"],
}  # fmt: skip


def test_a_calendar_says_on_which_days() -> None:
    """
    Holidays and weekends have no start, a Saturday that is named has; a day is that of its zone.
    """
    daily = made(cron="30 23 * * *", calendar=CALENDAR)
    often = made(cron="* * * * *", calendar=CALENDAR)
    none = made(cron="* * * * *", calendar={**CALENDAR, "days": [], "also": []})
    far = made(cron="* * * * *", calendar={**CALENDAR, "days": [], "also": ["2190-01-01"]})

    assert ["22 23:30", "25 23:30", "27 23:30", "28 23:30"] == told(
        daily, "2026-12-22T00:00Z", "2026-12-29T00:00Z"
    )
    assert "25 23:00" == told(often, "2026-12-23T23:00Z", "2026-12-26T00:00Z")[0]
    assert None is none.after(datetime(2026, 12, 1, tzinfo=UTC))
    assert None is far.after(datetime(2026, 12, 1, tzinfo=UTC))


def test_a_gap_that_no_day_of_the_calendar_has_makes_nothing_up() -> None:
    """
    A time that is moved behind a gap must still be on a day of the calendar.
    """
    weekdays = made(cron="30 2 * * *", timezone="Europe/Oslo", calendar=CALENDAR)

    assert ["27 01:30", "30 00:30"] == told(weekdays, "2026-03-27T00:00Z", "2026-03-31T00:00Z")


def test_a_calendar_day_that_begins_twice_or_never_is_not_missed() -> None:
    """
    Where midnight is in a gap or comes twice, the first minute of the day counts.
    """
    for name, day in (("Africa/Cairo", date(2026, 4, 24)), ("America/Havana", date(2026, 11, 1))):
        calendar = Calendar(zone(name), frozenset(), also=frozenset([day]))
        schedule = Schedule(parse("* * * * *"), zone(name), calendar=calendar)
        found = schedule.after(datetime(2026, 4, 1, tzinfo=UTC))
        assert found is not None
        days = [each.astimezone(zone(name)).date() for each in (found - MINUTE, found)]

        assert [False, True] == [each == day for each in days]


def test_what_never_comes_is_none() -> None:
    """
    A search ends: no day in 50 years, and nothing after the year 9900.
    """
    leap = made(cron="0 0 29 2 *")

    assert None is made(cron="0 0 30 2 *").after(datetime(2026, 1, 1, tzinfo=UTC))
    assert None is made(cron="0 0 1 1 *").after(datetime(9899, 6, 1, tzinfo=UTC))
    assert None is made(cron="0 0 1 1 *").after(datetime(9950, 6, 1, tzinfo=UTC))
    assert None is made(cron="0 0 30 2 *").before(datetime(2026, 1, 1, tzinfo=UTC))
    assert datetime(2096, 2, 29, tzinfo=UTC) == leap.before(datetime(2104, 2, 29, tzinfo=UTC))


ZONES = st.sampled_from(
    ["UTC", "Europe/Oslo", "America/New_York", "America/Havana", "Africa/Cairo", "Asia/Kolkata",
     "Australia/Lord_Howe", "America/Santiago", "Pacific/Chatham"]
)  # fmt: skip
# Around the changes of 2026, and anywhere else in the year.
STARTS = st.one_of(
    st.sampled_from(
        [datetime(2026, 3, 7, 18), datetime(2026, 3, 28, 12), datetime(2026, 4, 4, 6),
         datetime(2026, 4, 23, 12), datetime(2026, 9, 5, 18), datetime(2026, 10, 3, 6),
         datetime(2026, 10, 24, 18), datetime(2026, 10, 29, 12), datetime(2026, 10, 31, 18)]
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30)),
)  # fmt: skip


def fields(least: int, most: int) -> st.SearchStrategy[str]:
    one = st.integers(least, most).map(str)
    return st.one_of(
        st.just("*"), one, st.lists(one, min_size=1, max_size=3).map(",".join),
        st.tuples(st.integers(least, most), st.integers(least, most)).map(
            lambda pair: f"{min(pair)}-{max(pair)}"
        ),
        st.integers(1, most).map("*/{}".format),
    )  # fmt: skip


CRON = st.tuples(
    fields(0, 59), fields(0, 23), st.one_of(st.just("*"), fields(1, 28)), st.just("*"),
    st.one_of(st.just("*"), fields(0, 7)),
).map(" ".join)  # fmt: skip
WALL: st.SearchStrategy[Cron | Every] = st.one_of(
    CRON.map(parse), st.integers(1, 3_000).map(lambda minutes: Every(minutes * MINUTE))
)
SCHEDULE = st.builds(Schedule, WALL, ZONES.map(zone), st.booleans(), st.booleans())


def walked(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the instants of a schedule in (start, end), looking at each minute as a person does."""
    hourly, now = schedule.wall.is_hourly, start.replace(second=0, microsecond=0) + MINUTE
    while now < end:
        was, wall = (now - MINUTE).astimezone(schedule.zone), now.astimezone(schedule.zone)
        is_it = is_time(schedule, wall)
        if wall.fold and not hourly and not schedule.runs_twice:
            is_it = False
        if not hourly and schedule.runs_after:
            missing = was.replace(tzinfo=None) + MINUTE
            while missing < wall.replace(tzinfo=None):
                is_it = is_it or is_time(schedule, missing)
                missing += MINUTE
        if is_it:
            yield now
        now += MINUTE


def is_time(schedule: Schedule, wall: datetime) -> bool:
    bare = wall.replace(tzinfo=None, fold=0)
    return schedule.wall.first(bare) == bare


@given(SCHEDULE, STARTS)
def test_it_is_what_a_slow_walk_finds(schedule: Schedule, start: datetime) -> None:
    """
    Whoever looks at the clock on the wall each minute of a day finds the same starts.
    """
    here = start.replace(tzinfo=UTC)
    end = here + timedelta(days=1)
    found, each = [], schedule.after(here)
    while each is not None and each < end:
        found.append(each)
        each = schedule.after(each)

    assert list(walked(schedule, here, end)) == found


@given(SCHEDULE, STARTS, st.integers(1, 40))
def test_looking_back_is_looking_forward(schedule: Schedule, start: datetime, limit: int) -> None:
    """
    The last few starts before an instant are the same from both sides; no start comes twice.
    """
    here = start.replace(tzinfo=UTC)
    end = here + timedelta(days=2)
    found, each = list[datetime](), schedule.after(here)
    while each is not None and each <= end:
        found.append(each)
        each = schedule.after(each)

    assert all(one < two for one, two in pairwise(found))
    assert found[-limit:] == schedule.latest(here, end, limit)
    for one, two in pairwise(found[-5:]):
        assert one == schedule.before(two)


def test_instants_are_told_in_their_zone() -> None:
    """
    A start is told with the offset that its zone has at that time.
    """
    at = datetime(2026, 7, 1, 7, tzinfo=UTC)

    assert "2026-07-01T09:00:00+02:00" == made(every="1h", timezone="Europe/Oslo").told(at)
    assert "2026-07-01T07:00:00+00:00" == made(every="1h").told(at)
