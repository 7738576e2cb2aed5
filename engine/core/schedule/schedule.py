"""When a schedule is due: instants of a clock on a wall, in a zone whose clocks change.

A change of the clocks takes times out or brings them twice, and `dst` says what becomes of those.
A schedule that has a time in every hour is none of its business: it follows the time that passes,
so nothing of it is made up for in spring and nothing left out in autumn (as cron on Debian has it).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Protocol

from engine.core.frozen import frozen
from engine.core.plan import Trigger
from engine.core.schedule import calendar, cron
from engine.core.schedule.calendar import Calendar
from engine.core.schedule.every import Every
from engine.core.values import Json, parse_duration
from engine.core.zone import zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_SECOND, _MINUTE, _DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
YEARS = 50
"""What does not come within so many years never comes."""
_HORIZON = timedelta(days=366 * YEARS)
_END = datetime(9900, 1, 1, tzinfo=UTC)


class Wall(Protocol):
    """Times on a clock on the wall."""

    @property
    def is_hourly(self) -> bool: ...

    def first(self, wall: datetime) -> datetime | None: ...


@frozen
class Schedule:
    """The instants of a trigger, whole seconds of UTC: of two times in one zone Python compares
    what the clock on the wall shows, and that stands still for an hour in autumn.

    `runs_after`: a time that does not exist is right after the gap, else it is not at all.
    `runs_twice`: a time that exists twice is both of them, else the first.
    """

    wall: Wall
    zone: "ZoneInfo"
    runs_after: bool = True
    runs_twice: bool = False
    calendar: Calendar | None = None

    def after(self, instant: datetime) -> datetime | None:
        """Return the first instant of it after `instant`; None if none comes within 50 years."""
        here = min(instant.astimezone(UTC).replace(microsecond=0), _END)
        end = here + _HORIZON
        start, offset = here + _SECOND, self._offset(here)
        while start < end:
            wall = self.wall.first(_bare(start) + offset)
            if wall is None or wall - offset >= _bare(min(end, _END)):
                return None
            found = (wall - offset).replace(tzinfo=UTC)
            turn = self._turn(here, found)
            if turn is not None:
                start, here, offset = turn, turn, self._offset(turn)
                if not (self._makes_up and wall < _bare(turn) + offset):
                    continue
                found = turn
            elif not self._counts(found):
                here, start = found, found + _SECOND
                continue
            if self.calendar is None or self.calendar.has(found):
                return found
            eve = self.calendar.eve(found)
            if eve is None:
                return None
            here = max(found, eve)
            start, offset = here + _SECOND, self._offset(here)
        return None

    def before(self, instant: datetime) -> datetime | None:
        """Return the last instant of it before `instant`; None if there is none in 50 years."""
        found = self.latest(instant - _HORIZON, instant - timedelta(microseconds=1), 1)
        return found[0] if found else None

    def latest(self, after: datetime, upto: datetime, limit: int) -> list[datetime]:
        """Return the last `limit` instants of it in (`after`, `upto`], the earliest first.

        It looks back further and further, so a long time costs no more than a short one.
        """
        after, upto = after.astimezone(UTC), upto.astimezone(UTC)
        span, found = _MINUTE, list[datetime]()
        while limit and after < upto:
            start = max(after, upto - span)
            found = list(self.between(start, upto))[-limit:]
            if len(found) == limit or start == after:
                break
            span *= 2
        return found

    def following(self, instant: datetime) -> Iterator[datetime]:
        """Yield its instants after `instant`, as many as come."""
        each = self.after(instant)
        while each is not None:
            yield each
            each = self.after(each)

    def between(self, after: datetime, upto: datetime) -> Iterator[datetime]:
        """Yield its instants in (`after`, `upto`], the earliest first."""
        return takewhile(lambda each: each <= upto, self.following(after))

    def told(self, instant: datetime) -> str:
        """Return an instant as RFC 3339 has it, with the offset that its zone has then."""
        return instant.astimezone(self.zone).isoformat()

    def about(self, instant: datetime) -> dict[str, Json]:
        """Return what a run for an instant reads in `trigger` besides.

        The interval goes from the instant before to this one, so that intervals leave no hole.
        """
        start = self.before(instant) or instant
        interval: Json = {"start": self.told(start), "end": self.told(instant)}
        return {"scheduled_at": self.told(instant), "interval": interval}

    @property
    def _makes_up(self) -> bool:
        return self.runs_after and not self.wall.is_hourly

    def _counts(self, instant: datetime) -> bool:
        """False for the second of two equal times, where only the first is meant."""
        is_second = instant.astimezone(self.zone).fold == 1
        return not is_second or self.runs_twice or self.wall.is_hourly

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self.zone).utcoffset() or timedelta(0)

    def _turn(self, start: datetime, upto: datetime) -> datetime | None:
        """Return when the clocks change first in (`start`, `upto`], None if they do not."""
        offset = self._offset(start)
        while start < upto:
            later = min(start + _DAY, upto)
            if self._offset(later) != offset:
                while later - start > _SECOND:
                    middle = start + (later - start) // _SECOND // 2 * _SECOND
                    if self._offset(middle) == offset:
                        start = middle
                    else:
                        later = middle
                return later
            start = later
        return None


def of(settings: Mapping[str, Json]) -> Schedule:
    """Return the schedule of a trigger's settings, as a plan has them."""
    told, dst = settings.get("calendar"), settings["dst"]
    assert isinstance(dst, Mapping)
    every = settings.get("every")
    wall = cron.parse(str(settings["cron"])) if every is None else Every(parse_duration(str(every)))
    return Schedule(
        wall, zone(str(settings["timezone"])), dst["gap"] == "run_after", dst["overlap"] == "both",
        calendar.of(told) if isinstance(told, Mapping) else None,
    )  # fmt: skip


def coming(triggers: Iterable[Trigger], now: datetime, count: int = 3) -> dict[str, list[str]]:
    """Return the next `count` instants of each schedule among some triggers, by its name."""
    found = {}
    for each in triggers:
        if each.type == "schedule" and isinstance(each.settings, Mapping):
            made = of(each.settings)
            found[each.id] = [made.told(at) for at in islice(made.following(now), count)]
    return found


def first(triggers: Iterable[Trigger], now: datetime) -> datetime | None:
    """Return the next instant of all schedules among some triggers, by the clock of its zone."""
    made = [of(each.settings) for each in triggers
            if each.type == "schedule" and isinstance(each.settings, Mapping)]  # fmt: skip
    found = [at.astimezone(each.zone) for each in made for at in islice(each.following(now), 1)]
    return min(found, default=None)


def _bare(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)
