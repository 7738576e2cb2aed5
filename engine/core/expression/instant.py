"""Functions over instants: RFC 3339 texts go in and come out, and no clock is asked.

An instant has its offset (`2026-03-29T02:30:00+02:00`); a date alone is the whole day, nowhere
in particular. Python's fractions of a second end at the microsecond, and so do these.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias, TypeVar

from engine.core.expression.budget import Meter
from engine.core.expression.fault import EvaluationError
from engine.core.expression.signature import Function, always, maybe, one
from engine.core.schema.shape import values
from engine.core.values import Json, parse_duration
from engine.core.wording import suggestion
from engine.core.zone import names, zone

Moment: TypeAlias = datetime | date
_T = TypeVar("_T")

MAX_LAYOUT = 256
_MAX_DURATION = 64
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?", re.ASCII
)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_PARTS: dict[str, Callable[[datetime], int]] = {
    "Y": lambda moment: moment.year,
    "m": lambda moment: moment.month,
    "d": lambda moment: moment.day,
    "H": lambda moment: moment.hour,
    "M": lambda moment: moment.minute,
    "S": lambda moment: moment.second,
}


def _date(_: Meter, value: str, name: str | None) -> str:
    moment = _seen(value, name, "date")
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


def _strftime(_: Meter, value: str, layout: str, name: str | None) -> str:
    _guard("strftime", _check_layout, layout)
    moment = _seen(value, name, "strftime")
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)

    def part(directive: re.Match[str]) -> str:
        letter = directive[1]
        if letter == "%":
            return "%"
        return f"{_PARTS[letter](moment):0{4 if letter == 'Y' else 2}}"

    return _DIRECTIVE.sub(part, layout)


def _shift(_: Meter, value: str, duration: str) -> str:
    span = _guard("shift", _span, duration)
    moment = _moment(value, "shift")
    if not isinstance(moment, datetime) and span % timedelta(days=1):
        raise EvaluationError("value", "`shift` moves a date by whole days; give it an instant")
    try:
        return _written(moment + span)
    except OverflowError:
        raise EvaluationError("value", "`shift` leaves the years 1 to 9999") from None


def _seconds_between(_: Meter, start: str, end: str) -> int:
    first, second = _moment(start, "seconds_between"), _moment(end, "seconds_between")
    if isinstance(first, datetime) and isinstance(second, datetime):
        return int((second - first).total_seconds())
    if isinstance(first, datetime) or isinstance(second, datetime):
        raise EvaluationError("value", "`seconds_between` takes two instants or two dates")
    return (second - first).days * 86_400


def _seen(value: str, name: str | None, function: str) -> Moment:
    """Return a moment as it is seen in a zone; a date is the same day everywhere."""
    moment = _moment(value, function)
    if name is None or not isinstance(moment, datetime):
        return moment
    try:
        return moment.astimezone(_guard(function, zone, name))
    except OverflowError:
        raise EvaluationError("value", f"`{function}` leaves the years 1 to 9999") from None


def _moment(value: str, function: str) -> Moment:
    match = _INSTANT.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        day, clock, fraction, offset = match.groups()
        if clock is None:
            return date.fromisoformat(day)
        offset = "+00:00" if offset in "Zz" else offset
        return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6]:0<6}{offset}")
    except ValueError:
        message = f"`{function}` takes an RFC 3339 time with its offset, or a date"
        raise EvaluationError("value", message) from None


def _written(moment: Moment) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _span(text: str) -> timedelta:
    """Return the span that `1d`, `-1h30m` or `PT5M` says; raise ValueError."""
    bare = text.removeprefix("-")
    try:
        span = parse_duration(bare) if len(bare) <= _MAX_DURATION else None
    except (ValueError, OverflowError):
        span = None
    if span is None:
        raise ValueError("a duration is written `30s`, `1h30m`, `7d` or `-1d`")
    return span if bare == text else -span


def _check_layout(layout: str) -> None:
    if len(layout) > MAX_LAYOUT:
        raise ValueError(f"a format has at most {MAX_LAYOUT} characters")
    if any(each not in _PARTS and each != "%" for each in _DIRECTIVE.findall(layout)):
        raise ValueError("a format knows %Y %m %d %H %M %S and %%")


def _check_zone(name: str) -> None:
    if name not in names():
        hint = suggestion(name, sorted(names())) or "write one as `Europe/Oslo`"
        raise ValueError(f"there is no such time zone; {hint}")


def _guard(function: str, read: Callable[[str], _T], text: str) -> _T:
    try:
        return read(text)
    except ValueError as error:
        raise EvaluationError("value", f"`{function}`: {error}") from None


def _text(*checks: Callable[[str], object] | None) -> Callable[[Sequence[Json]], Json]:
    """Return the result type of a function that gives a text.

    `checks` raise ValueError for an argument that is known before and cannot be, in the order of
    the parameters.
    """

    def result(arguments: Sequence[Json]) -> Json:
        for check, argument in zip(checks, arguments, strict=True):
            known = values(argument)
            if check is not None and known is not None and len(known) == 1:
                check(str(known[0]))
        return {"type": "string"}

    return result


_INSTANT_OR_DATE = one("instant", "string")
_ZONE = maybe("zone", "string")

INSTANTS = (
    Function("date", (_INSTANT_OR_DATE, _ZONE), _date, _text(None, _check_zone)),
    Function(
        "strftime",
        (_INSTANT_OR_DATE, one("format", "string"), _ZONE),
        _strftime,
        _text(None, _check_layout, _check_zone),
    ),
    Function("shift", (_INSTANT_OR_DATE, one("duration", "string")), _shift, _text(None, _span)),
    Function(
        "seconds_between",
        (one("start", "string"), one("end", "string")),
        _seconds_between,
        always("integer"),
    ),
)
