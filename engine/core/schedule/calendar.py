"""The days on which a schedule may start runs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.core.zone import zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@frozen
class Calendar:
    """Days of the week, 0 for Monday, without some dates and with others besides."""

    zone: "ZoneInfo"
    weekdays: frozenset[int]
    without: frozenset[date] = frozenset()
    also: frozenset[date] = frozenset()

    def has(self, instant: datetime) -> bool:
        """True if an instant is on one of its days, as they are called in its zone."""
        return self._holds(instant.astimezone(self.zone).date())

    def eve(self, instant: datetime) -> datetime | None:
        """Return an instant at which its first day after that of `instant` has just not begun yet.

        None if it has no day any more. A midnight that does not exist, or exists twice, is the
        earlier of what it could be.
        """
        day = self._next(instant.astimezone(self.zone).date())
        if day is None:
            return None
        midnight = datetime.combine(day, time.min, self.zone)
        known = (midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC))
        return min(known) - timedelta(seconds=1)

    def _next(self, day: date) -> date | None:
        if not self.weekdays:
            return min((each for each in self.also if each > day), default=None)
        day += _DAY
        while not self._holds(day):
            day += _DAY
        return day

    def _holds(self, day: date) -> bool:
        return day in self.also or (day.weekday() in self.weekdays and day not in self.without)


def of(told: Mapping[str, Json]) -> Calendar:
    """Return the calendar that a plan has laid into a trigger."""
    days = frozenset(_WEEK.index(each) for each in _texts(told, "days"))
    return Calendar(zone(str(told["timezone"])), days, _dates(told, "except"), _dates(told, "also"))


def _dates(told: Mapping[str, Json], key: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(each) for each in _texts(told, key))


def _texts(told: Mapping[str, Json], key: str) -> Sequence[str]:
    listed = told[key]
    assert isinstance(listed, Sequence)
    return [str(each) for each in listed]
