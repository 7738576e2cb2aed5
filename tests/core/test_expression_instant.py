"""Dates and instants in expressions: no clock, no zone of a machine, no guess."""

import pytest

from engine.core.expression import EvaluationError, parse_expression, type_of
from engine.core.values import Json
from engine.core.zone import names, zone

NAMES: dict[str, Json] = {
    "t": "2026-03-29T02:30:00+02:00",
    "z": "2026-03-29T00:30:00.123456789Z",
    "day": "2026-03-29",
}

VALUES: list[tuple[str, Json]] = [
    ("t | date", "2026-03-29"),
    ("z | date", "2026-03-29"),
    ("day | date", "2026-03-29"),
    ("'2026-03-29 02:30:00-09:30' | date", "2026-03-29"),
    ("'2026-03-29t02:30:00z' | date", "2026-03-29"),
    ("t | date('America/New_York')", "2026-03-28"),
    ("t | date(zone='Pacific/Kiritimati')", "2026-03-29"),
    ("'2026-03-28T23:30:00Z' | date('Europe/Oslo')", "2026-03-29"),
    ("day | date('America/New_York')", "2026-03-29"),
    ("'0099-01-02' | date", "0099-01-02"),
    ("t | strftime('%d.%m.%Y %H:%M:%S %%')", "29.03.2026 02:30:00 %"),
    ("z | strftime('%H:%M', 'Europe/Oslo')", "01:30"),
    ("'2026-03-29T01:30:00Z' | strftime('%H:%M', 'Europe/Oslo')", "03:30"),
    ("day | strftime('%Y/%H')", "2026/00"),
    ("t | strftime('')", ""),
    ("t | shift('1d')", "2026-03-30T02:30:00+02:00"),
    ("t | shift('-1h30m')", "2026-03-29T01:00:00+02:00"),
    ("t | shift('PT5M')", "2026-03-29T02:35:00+02:00"),
    ("z | shift('0s')", "2026-03-29T00:30:00.123456Z"),
    ("'2026-03-29T00:00:00+00:00' | shift('250ms')", "2026-03-29T00:00:00.250000Z"),
    ("day | shift('-29d')", "2026-02-28"),
    ("day | shift('48h')", "2026-03-31"),
    ("seconds_between(t, z)", 0),
    ("seconds_between('2026-03-29T00:00:00Z', t)", 1800),
    ("seconds_between(t, '2026-03-29T00:00:00Z')", -1800),
    ("seconds_between(day, '2026-03-31')", 172_800),
    ("seconds_between(t, t | shift('1d')) / 3600", 24.0),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_an_instant_is_read_moved_and_written(text: str, value: Json) -> None:
    """
    A day, a layout, a shift and a distance come from what is written and the zone that is named.
    """
    assert value == parse_expression(text).evaluate(NAMES)


ERRORS: list[tuple[str, str]] = [
    ("'2026' | date", "`date` takes an RFC 3339 time with its offset, or a date"),
    ("'2026-03-29T02:30:00' | date", "with its offset"),
    ("'2026-02-30' | date", "RFC 3339"),
    ("'2026-03-29T24:00:00Z' | date", "RFC 3339"),
    ("'2026-03-29T02:30:00+99:00' | date", "RFC 3339"),
    ("'２０２６-03-29' | date", "RFC 3339"),
    ("t | date('Oslo')", "`date`: there is no such time zone; write one as `Europe/Oslo`"),
    ("t | date('../../etc/passwd')", "no such time zone"),
    ("t | date('')", "no such time zone"),
    ("'0001-01-01T00:00:00Z' | date('America/New_York')", "leaves the years 1 to 9999"),
    ("t | strftime('%q')", "`strftime`: a format knows %Y %m %d %H %M %S and %%"),
    ("t | strftime('100%')", "a format knows"),
    ("t | strftime('%d' * 1)", "does not take a string"),
    ("t | strftime(t ~ t ~ t ~ t ~ t ~ t ~ t ~ t ~ t ~ t ~ t)", "at most 256 characters"),
    ("t | shift('1 day')", "`shift`: a duration is written"),
    ("t | shift('--1d')", "a duration is written"),
    ("t | shift('-')", "a duration is written"),
    ("t | shift('99999999999999999999d')", "a duration is written"),
    ("t | shift(t ~ t ~ t)", "a duration is written"),
    ("t | shift('-800000d')", "leaves the years"),
    ("day | shift('9999999d')", "leaves the years"),
    ("day | shift('5h')", "moves a date by whole days"),
    ("seconds_between(t, day)", "two instants or two dates"),
    ("seconds_between(day, t)", "two instants or two dates"),
    ("seconds_between('x', t)", "`seconds_between` takes an RFC 3339 time"),
]


@pytest.mark.parametrize(("text", "words"), ERRORS)
def test_what_is_no_instant_is_an_error(text: str, words: str) -> None:
    """
    A time without its offset, an unknown zone or a span that leads nowhere is told, not guessed.
    """
    with pytest.raises(EvaluationError) as raised:
        parse_expression(text).evaluate(NAMES)

    assert words in raised.value.message


FAULTS = [
    ("t | date('Europe/Olso')", "there is no such time zone; did you mean `Europe/Oslo`?"),
    ("t | date('Mars')", "write one as `Europe/Oslo`"),
    ("t | strftime('%q')", "a format knows"),
    ("t | strftime('%Y', 'Nowhere/City')", "there is no such time zone"),
    ("t | shift('1 day')", "a duration is written"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_a_wrong_zone_or_format_is_known_before_anything_runs(text: str, words: str) -> None:
    """
    What an author wrote out is checked with the file, not in the night of the first run.
    """
    _, faults = type_of(parse_expression(text), {"t": {"type": "string"}})

    assert ["expression-type"] == [each.code for each in faults]
    assert words in faults[0].message


def test_what_is_only_known_later_is_no_fault() -> None:
    """
    A zone that comes with the inputs is checked when it is there.
    """
    shapes: dict[str, Json] = {"t": {"type": "string"}, "x": {"enum": ["Mars", "UTC"]}}
    for text in ("t | date(x)", "t | date", "t | shift(t)", "seconds_between(t, t)"):
        assert [] == type_of(parse_expression(text), shapes)[1]


def test_the_error_shows_no_value() -> None:
    """
    A zone or a duration may come from a secret, and is not in the message.
    """
    for text in ("t | date(s)", "t | shift(s)", "t | strftime(s)", "s | date"):
        with pytest.raises(EvaluationError) as raised:
            parse_expression(text).evaluate({**NAMES, "s": "hunter2 %q"})

        assert "hunter2" not in str(raised.value)


def test_every_zone_can_be_read() -> None:
    """
    All zones that are listed are there, each under its own name.
    """
    assert {"UTC", "Europe/Oslo", "America/Argentina/Ushuaia"} <= names()
    for name in names():
        assert name == zone(name).key
