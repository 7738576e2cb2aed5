"""Objectives of a run: when they are due, when they are missed, and which of them are no good."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.compiler import compile_file
from engine.core.objective import Objective, from_json, judge, next_due, promised, to_json
from engine.core.values import Json
from engine.core.whole import WholeRun
from tests.core.catalogue import CATALOGUE
from tests.core.runs import plan, scope, step

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"
NOON = datetime(2026, 3, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONES = ("Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")


def due(since: datetime, before: str, zone: str = "Europe/Oslo") -> str:
    told: Json = {"objectives": [{"id": "a", "finish_before": before, "timezone": zone}]}
    [found] = promised(told, since)
    return found.due.isoformat()


@pytest.mark.parametrize(
    ("since", "before", "expected"),
    [
        ("2026-03-27T02:30:00+01:00", "07:00", "2026-03-27T06:00:00+00:00"),
        ("2026-03-27T07:00:00+01:00", "07:00", "2026-03-28T06:00:00+00:00"),
        ("2026-03-27T06:59:59+01:00", "07:00", "2026-03-27T06:00:00+00:00"),
        ("2026-03-27T23:30:00+00:00", "00:15", "2026-03-28T23:15:00+00:00"),
        ("2026-03-28T22:00:00+01:00", "07:00", "2026-03-29T05:00:00+00:00"),
        ("2026-03-29T00:00:00+01:00", "02:30", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T00:00:00+01:00", "03:00", "2026-03-29T01:00:00+00:00"),
        ("2026-10-25T00:00:00+02:00", "02:30", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:45:00+02:00", "02:30", "2026-10-26T01:30:00+00:00"),
        ("2026-10-25T00:00:00+02:00", "03:00", "2026-10-25T02:00:00+00:00"),
    ],
)
def test_a_time_of_day_is_the_next_one_of_its_zone(since: str, before: str, expected: str) -> None:
    """
    It is the first after the run was made, whatever the clocks do: what they show twice is meant
    the first time, what they leap over is the instant of the leap.
    """
    assert expected == due(datetime.fromisoformat(since), before)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.sampled_from(ZONES),
)
def test_a_time_of_day_comes_once_a_day(since: datetime, of_day: time, zone: str) -> None:
    """
    It lies after the run was made, at most a day and what the clocks are set by later, and no
    earlier instant in between shows that time.
    """
    told = datetime.fromisoformat(due(since, of_day.isoformat("minutes"), zone))
    shown = told.astimezone(ZoneInfo(zone))

    assert since < told <= since + timedelta(hours=25)
    leap = shown.utcoffset() != (told - timedelta(seconds=2)).astimezone(shown.tzinfo).utcoffset()
    assert leap or of_day == shown.time()


@pytest.mark.parametrize(
    ("ended_at", "now", "expected"),
    [
        (None, NOON - HOUR, [False, False]),
        (None, NOON, [True, False]),
        (None, NOON + 2 * HOUR, [True, True]),
        (NOON - HOUR, NOON + 2 * HOUR, [False, False]),
        (NOON, NOON + 2 * HOUR, [True, False]),
        (NOON + HOUR / 2, NOON + 2 * HOUR, [True, False]),
    ],
)
def test_an_objective_is_missed_at_its_instant(
    ended_at: datetime | None, now: datetime, expected: list[bool]
) -> None:
    """
    A run that has not ended before the instant has missed it, whenever somebody looks.
    """
    objectives = (Objective("a", NOON), Objective("b", NOON + HOUR))
    told = judge(objectives, ended_at, now)

    assert expected == [each.missed for each in told]
    assert told == from_json(to_json(told))


@given(st.lists(st.integers(0, 9), max_size=5), st.lists(st.integers(0, 12), max_size=8))
def test_every_objective_is_missed_once(dues: list[int], looks: list[int]) -> None:
    """
    However often and late somebody looks, each is missed in one look at most, and never unmissed.
    """
    objectives = tuple(Objective(str(n), NOON + HOUR * n) for n in dues)
    told = 0
    for look in sorted(looks):
        after = judge(objectives, None, NOON + HOUR * look)
        assert all(now.missed or not was.missed for now, was in zip(after, objectives, strict=True))
        told += sum(now != was for now, was in zip(after, objectives, strict=True))
        objectives = after
    last = max(looks, default=-1)

    assert sum(each <= last for each in dues) == told
    left = [each for each in dues if each > last]
    assert (NOON + HOUR * min(left) if left else None) == next_due(objectives)


def test_a_workflow_promises_what_it_says() -> None:
    """
    A run has the objectives of its plan, counted from the instant at which it was made.
    """
    unit = compile_file(
        "demo.yaml",
        (
            HEAD
            + 'objectives:\n  - {id: by_seven, finish_before: "07:00", timezone: Europe/Oslo}\n'
            "  - {id: quick, duration_below: 90m}\nsteps: {a: {set: {}}}\n"
        ).encode(),
        CATALOGUE,
    )
    [made] = [each.plan for each in unit.documents]
    assert made is not None

    assert (
        Objective("by_seven", datetime(2026, 3, 28, 6, tzinfo=UTC)),
        Objective("quick", NOON + 1.5 * HOUR),
    ) == WholeRun(made).objectives(NOON)
    assert () == WholeRun(plan(scope(step("a")))).objectives(NOON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "objectives:\n  - {id: a, duration_below: 1h}\n  - {id: a, duration_below: 2h}",
            [("duplicate-objective", 6)],
        ),
        ("objectives:\n  - {id: a, duration_below: 0s}", [("bad-duration", 5)]),
        (
            'objectives:\n  - {id: a, finish_before: "07:00", timezone: Europe/Osloo}',
            [("unknown-timezone", 5)],
        ),
    ],
)
def test_objectives_that_are_no_good(text: str, expected: list[tuple[str, int]]) -> None:
    """
    Ids that are not unique, spans of nothing and zones that do not exist are found before merge.
    """
    source = f"{HEAD}{text}\nsteps: {{a: {{set: {{}}}}}}\n".encode()

    found = compile_file("demo.yaml", source, CATALOGUE).diagnostics

    assert expected == [(each.code, each.span.line) for each in found]
