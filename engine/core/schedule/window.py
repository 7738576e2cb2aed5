"""Windows of time in which nothing is to change: from one time on a wall's clock to another.

Both are told alike: `22:00` is every day, `fri 18:00` every week, `2026-12-20 18:00` once. Of a
time that does not exist it is right after the gap, of one that exists twice the first.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from engine.core.frozen import frozen
from engine.core.schedule import cron
from engine.core.schedule.schedule import Schedule
from engine.core.zone import names, zone

_FORMS = re.compile(
    r"(?:(?P<day>mon|tue|wed|thu|fri|sat|sun) |(?P<date>\d{4}-\d\d-\d\d) )?"
    r"(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)",
    re.ASCII,
)
# Windows that follow on each other are told as one, up to so many.
_MOST_CHAINED = 100


class _Moments(Protocol):
    def after(self, instant: datetime) -> datetime | None: ...


@frozen
class _Once:
    """One instant."""

    at: datetime

    def after(self, instant: datetime) -> datetime | None:
        return self.at if self.at > instant else None


@frozen
class Window:
    """A window, and why it is there. It holds from its start on, its end is out of it."""

    start: _Moments
    end: _Moments
    reason: str

    def until(self, now: datetime) -> datetime | None:
        """Return when it ends if it holds at `now`, else None."""
        start, end = self.start.after(now), self.end.after(now)
        holds = end is not None and (start is None or end < start)
        return end if holds else None


@frozen
class Frozen:
    """That windows hold: until when all of them are over, and why."""

    until: datetime
    reason: str


def parse(start: str, end: str, name: str, reason: str) -> Window:
    """Return the window from `start` to `end` in the zone `name`; raise ValueError."""
    first, last = _FORMS.fullmatch(start), _FORMS.fullmatch(end)
    for text, told in ((start, first), (end, last)):
        if told is None:
            raise ValueError(
                f"expected a time as `22:00`, `fri 18:00` or `2026-12-20 18:00`, found {text!r}"
            )
    assert first is not None
    assert last is not None
    if name not in names():
        raise ValueError(f"there is no time zone {name!r}; write one as `Europe/Oslo`")
    if [bool(first[each]) for each in ("day", "date")] != [bool(last["day"]), bool(last["date"])]:
        raise ValueError(f"tell both ends alike, with a day, a date or neither: {start!r}, {end!r}")
    if start == end or (first["date"] and end < start):
        raise ValueError(f"expected an end after the start, found {start!r} to {end!r}")
    return Window(_moments(first, name), _moments(last, name), reason)


def frozen_at(windows: Sequence[Window], now: datetime) -> Frozen | None:
    """Return that some of the windows hold at `now`: one is enough, whatever the others say."""
    held = [(each.reason, until) for each in windows if (until := each.until(now))]
    if not held:
        return None
    end = max(until for _, until in held)
    for _ in range(_MOST_CHAINED):
        later = [until for each in windows if (until := each.until(end))]
        if not later:
            break
        end = max(later)
    return Frozen(end, "; ".join(dict.fromkeys(reason for reason, _ in held)))


def _moments(told: re.Match[str], name: str) -> _Moments:
    if told["date"] is None:
        line = f"{told['minute']} {told['hour']} * * {told['day'] or '*'}"
        return Schedule(cron.parse(line), zone(name))
    try:
        wall = datetime.fromisoformat(told[0]).replace(tzinfo=zone(name))
        return _Once(wall.astimezone(UTC))
    except OverflowError:
        raise ValueError(f"there is no such time: {told[0]!r}") from None
