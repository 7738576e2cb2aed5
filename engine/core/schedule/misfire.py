"""Which starts of a schedule are due, and what becomes of those that nobody was there for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from engine.core.frozen import frozen
from engine.core.schedule.schedule import Schedule
from engine.core.values import Json, digest, parse_duration

GRACE = timedelta(minutes=1)
"""How late a start may be without having been missed."""


class Misfire(StrEnum):
    """Which of the starts that were missed are made up for."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


@frozen
class Rules:
    """What a trigger says of lateness: `delay` is its own, always the same part of its jitter."""

    misfire: Misfire = Misfire.LATEST
    limit: int = 100
    delay: timedelta = timedelta(0)


@frozen
class Due:
    """`starts` are to be made, the earliest first; `passed` are first and last of what is not.

    `upto` is the last instant that was decided on.
    """

    upto: datetime
    starts: tuple[datetime, ...] = ()
    passed: tuple[datetime, datetime] | None = None


def due(schedule: Schedule, rules: Rules, upto: datetime, now: datetime) -> Due:
    """Return what is due after `upto`, by the clock `now`.

    Who was late for the last and has missed others makes up for none of them with `latest`: one
    start is enough.
    """
    edge = now - rules.delay
    missed = max(upto, edge - GRACE)
    timely = schedule.latest(missed, edge, int(GRACE.total_seconds()))
    most = {Misfire.SKIP: 0, Misfire.LATEST: int(not timely), Misfire.ALL: rules.limit}
    late = schedule.latest(upto, missed, most[rules.misfire])
    passed = _passed(schedule, upto, late[0] - timedelta(seconds=1) if late else missed)
    starts = (*late, *timely)
    decided = [*starts[-1:], *(passed or ())[1:]]
    return Due(max(decided, default=upto), starts, passed)


def rules(settings: Mapping[str, Json], name: tuple[str, str, str]) -> Rules:
    """Return the rules of a trigger by namespace, workflow and its own name."""
    most = parse_duration(str(settings.get("jitter", "0s"))) // timedelta(seconds=1)
    part = int(digest(list(name))[:12], 16) % (most + 1)
    limit = int(str(settings["catchup_limit"]))
    return Rules(Misfire(str(settings["misfire"])), limit, timedelta(seconds=part))


def _passed(schedule: Schedule, upto: datetime, edge: datetime) -> tuple[datetime, datetime] | None:
    """Return first and last instant in (`upto`, `edge`], None if there is none."""
    first, last = schedule.after(upto), schedule.latest(upto, edge, 1)
    return (first, last[0]) if first is not None and last else None
