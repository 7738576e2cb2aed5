"""The five fields of a cron, as crontab(5) means them: what can stand there, and which times it is.

Beside numbers, names, lists, ranges and steps: `L` is the last day of a month, `5L` its last
Friday and `5#3` its third, `?` is `*`. Where both kinds of day are told, one of them is enough;
where one begins with `*`, the other decides.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from engine.core.frozen import frozen

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY = timedelta(days=1)
# After so many years every date has been every day of the week, leap days included.
_YEARS = 50
_PART = re.compile(r"(?:(?P<all>[*?])|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>.*))?")
_NTH = re.compile(r"(?P<day>\w+?)(?:#(?P<nth>[1-5])|(?P<last>l))")


@frozen
class _Field:
    """What a field is called, what it can be, and the names of that, the least first."""

    what: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def value(self, word: str) -> int:
        """Return what a word stands for; raise ValueError for one that cannot be here."""
        if word.isdecimal():
            if not self.least <= int(word) <= self.most:
                raise ValueError(
                    f"the {self.what} is from {self.least} to {self.most}, found {word}"
                )
            return int(word)
        if word not in self.names:
            known = f": it has {', '.join(self.names)}" if self.names else ""
            raise ValueError(f"the {self.what} has no `{word}`{known}")
        return self.names.index(word) + self.least

    def values(self, part: str) -> range:
        """Return what an element of the field's list stands for; raise ValueError."""
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"the {self.what} has no `{part}`")
        step = 1 if found["step"] is None else self._step(found["step"])
        if found["all"]:
            return range(self.least, self.most + 1, step)
        first = self.value(found["first"])
        alone = first if found["step"] is None else self.most
        last = alone if found["last"] is None else self._last(first, found["last"])
        if last < first:
            raise ValueError(f"the {self.what} has a range that goes backwards, `{part}`")
        return range(first, last + 1, step)

    def _last(self, first: int, word: str) -> int:
        """Return the end of a range: a week that ends with Sunday ends with its seventh day."""
        last = self.value(word)
        return 7 if self is _WEEKDAY and last == 0 < first else last

    def _step(self, text: str) -> int:
        if not text.isdecimal() or not int(text):
            raise ValueError(f"`/{text}` is no step of the {self.what}: write a number from 1")
        return int(text)


_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_MONTHDAY = _Field("day of the month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of the week", 0, 7, _DAYS)


@frozen
class _Days:
    """The days of a cron. `nth` are pairs of a weekday, 0 for Sunday, and which; 0 is the last."""

    monthdays: frozenset[int]
    is_last: bool
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    either: bool

    def __contains__(self, day: date) -> bool:
        length = monthrange(day.year, day.month)[1]
        weekday, which = day.isoweekday() % 7, (day.day + 6) // 7
        by_month = day.day in self.monthdays or (self.is_last and day.day == length)
        by_week = (
            weekday in self.weekdays
            or (weekday, which) in self.nth
            or ((weekday, 0) in self.nth and day.day + 7 > length)
        )
        return by_month or by_week if self.either else by_month and by_week


@frozen
class Cron:
    """When it is time, on the clock on the wall."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: _Days

    @property
    def is_hourly(self) -> bool:
        """True if every hour of its days has a time: it follows the time that passes."""
        return len(self.hours) == 24

    def first(self, wall: datetime) -> datetime | None:
        """Return the first time of it from `wall` on, both without a zone; None if none comes."""
        for day in self._days(wall.date()):
            start = wall.time() if day == wall.date() else time.min
            found = self._time(start)
            if found is not None:
                return datetime.combine(day, found)
        return None

    def _time(self, start: time) -> time | None:
        """Return the first time of a day from `start` on."""
        for hour in self.hours[bisect_left(self.hours, start.hour) :]:
            for minute in self.minutes:
                found = time(hour, minute)
                if found >= start:
                    return found
        return None

    def _days(self, day: date) -> Iterator[date]:
        end = day.replace(day=1, year=day.year + _YEARS)
        while day < end:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            if day in self.days:
                yield day
            day += _DAY


def parse(text: str) -> Cron:
    """Return what five fields mean; raise ValueError, which says what cannot stand there."""
    minute, hour, monthday, month, weekday = text.lower().split()
    minutes, hours = _numbers(_MINUTE, minute), _numbers(_HOUR, hour)
    months = frozenset(_numbers(_MONTH, month))
    told = [part for part in monthday.split(",") if part != "l"]
    monthdays = frozenset(_numbers(_MONTHDAY, ",".join(told))) if told else frozenset[int]()
    nth = [found for part in weekday.split(",") if (found := _NTH.fullmatch(part))]
    plain = [part for part in weekday.split(",") if not _NTH.fullmatch(part)]
    weekdays = frozenset(_numbers(_WEEKDAY, ",".join(plain))) if plain else frozenset[int]()
    days = _Days(
        monthdays, "l" in monthday.split(","), frozenset(each % 7 for each in weekdays),
        frozenset((_WEEKDAY.value(each["day"]) % 7, int(each["nth"] or 0)) for each in nth),
        either=monthday[0] not in "*?" and weekday[0] not in "*?",
    )  # fmt: skip
    return Cron(minutes, hours, months, days)


def misfit(text: str) -> str | None:
    """Return what cannot stand in a cron of five fields; None if all of it can."""
    try:
        cron = parse(text)
    except ValueError as error:
        return str(error)
    never = cron.first(datetime(2001, 1, 1)) is None
    return "no month of it has such a day" if never else None


def _numbers(field: _Field, text: str) -> tuple[int, ...]:
    """Return what a field's list stands for, in order."""
    return tuple(sorted({value for part in text.split(",") for value in field.values(part)}))
