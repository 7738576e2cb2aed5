"""Times that are a span apart on the clock on the wall, counted from midnight."""

from datetime import datetime, timedelta

from engine.core.frozen import frozen

_HOUR = timedelta(hours=1)
# A Monday, so that weeks begin as ISO 8601 has them. A wall has no zone.
_ORIGIN = datetime(2001, 1, 1)


@frozen
class Every:
    """A time each `span`, whole seconds, from the midnight in which Monday 2001-01-01 began."""

    span: timedelta

    @property
    def is_hourly(self) -> bool:
        """True if every hour has a time: it follows the time that passes."""
        return self.span <= _HOUR

    def first(self, wall: datetime) -> datetime:
        """Return the first time of it from `wall` on, both without a zone."""
        return wall + (_ORIGIN - wall) % self.span
