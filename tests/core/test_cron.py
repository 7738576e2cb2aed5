"""What can stand in the fields of a cron."""

import pytest

from engine.core.schedule.cron import misfit


@pytest.mark.parametrize(
    "cron",
    [
        "30 2 * * *", "*/15 0-23 1,15 jan-DEC mon-FRI", "59 23 31 12 7", "0 0 ? * 5#3", "0 0 L * *",
        "0 8-18/2 * * 5L",
    ],
)  # fmt: skip
def test_a_cron_may_say(cron: str) -> None:
    """
    Numbers in their range, names, ranges, lists, steps, and the last day.
    """
    assert misfit(cron) is None


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("61 * * * *", "the minute is from 0 to 59, found 61"),
        ("0 8-25 * * *", "the hour is from 0 to 23, found 25"),
        ("0 0 1,32 * *", "the day of the month is from 1 to 31, found 32"),
        ("0 0 * 0 *", "the month is from 1 to 12, found 0"),
        ("0 0 * * 8", "the day of the week is from 0 to 7, found 8"),
        ("*/0 * * * *", "`/0` is no step of the minute: write a number from 1"),
        ("*/x * * * *", "`/x` is no step of the minute: write a number from 1"),
        ("noon * * * *", "the minute has no `noon`"),
        (
            "0 0 * * MOO",
            "the day of the week has no `moo`: it has sun, mon, tue, wed, thu, fri, sat",
        ),
    ],
)
def test_a_cron_may_not_say(cron: str, expected: str) -> None:
    """
    A field out of its range is told before merge, and not by a run that never comes.
    """
    assert expected == misfit(cron)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 0 30 2 *", "no month of it has such a day"),
        ("0 0 31 4,6 *", "no month of it has such a day"),
        ("0 17-9 * * *", "the hour has a range that goes backwards, `17-9`"),
        ("0 0 * * 5#6", "the day of the week has no `5#6`"),
        ("0 0 5L * *", "the day of the month has no `5l`"),
        ("1- * * * *", "the minute has no `1-`"),
        (", * * * *", "the minute has no ``"),
    ],
)
def test_a_cron_that_never_comes_is_told(cron: str, expected: str) -> None:
    """
    A day that no month has, a range without an end, or one that goes back is no time at all.
    """
    assert expected == misfit(cron)
