"""One schedule, from the instant that is due to the run that is started for it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson

from engine.active import Hook
from engine.core import schedule
from engine.core.frozen import frozen
from engine.core.schedule import Due, Overlap, Rules, Schedule, Turnout
from engine.core.trigger import Said
from engine.core.values import digest
from engine.intake import Delivered, Delivery, Kind
from engine.store.schedules import Key, Scheduled, Skipped

TYPE = "schedule"
# What says when it is due: with another of these it begins anew.
_DEFINING = ("cron", "every", "timezone", "dst", "calendar")


def definition(hook: Hook) -> str:
    """Return the digest of what says when a schedule is due."""
    return digest({key: hook.settings.get(key) for key in _DEFINING})


def delivery(of: Key, told: Schedule, at: datetime, **besides: str) -> Delivery:
    """Return what the intake is told of an instant, under the one name that it has.

    The run reads `besides` in `trigger`, too.
    """
    event = {**told.about(at), **besides}
    return Delivery(
        _route(of), _id(of, at), Kind.SCHEDULE, of.namespace, orjson.dumps(event), event,
        source=of.workflow, hooks=frozenset([(of.workflow, of.trigger)]),
    )  # fmt: skip


@frozen
class Judged:
    """What one look came to: `skips` are decided, `cancels` is a run that is to end."""

    starts: tuple[datetime, ...] = ()
    skips: tuple[Skipped, ...] = ()
    cancels: UUID | None = None


class Ticking:
    """A schedule and how far it is. `row` is what its leader has to write after each change."""

    def __init__(self, hook: Hook, row: Scheduled) -> None:
        self.row = row
        self._schedule: Schedule = schedule.of(hook.settings)
        key = row.key
        name = (key.namespace, key.workflow, key.trigger)
        self._rules: Rules = schedule.rules(hook.settings, name)
        self._overlap = Overlap(hook.settings["overlap"])
        self._next = self._schedule.after(row.upto)

    @property
    def key(self) -> Key:
        return self.row.key

    @property
    def at(self) -> datetime | None:
        """When it is due next, its part of the jitter included."""
        return None if self._next is None else self._next + self._rules.delay

    def is_ready(self, now: datetime) -> bool:
        """True if something is due, or waits for the run before."""
        return bool(self.row.waiting) or (self.at is not None and self.at <= now)

    def judge(self, now: datetime, live: Collection[UUID]) -> Judged:
        """Decide what is due, and note it as waiting until it is started."""
        due = Due(self.row.upto)
        if self.at is not None and self.at <= now:
            due = schedule.due(self._schedule, self._rules, self.row.upto, now)
            self._next = self._schedule.after(due.upto)
        is_live = self.row.run in live
        told = schedule.turnout(self._overlap, (*self.row.waiting, *due.starts), is_live=is_live)
        self.row = replace(self.row, upto=due.upto, waiting=(*told.starts, *told.waits))
        skips = (*self._missed(due), *self._dropped(told))
        return Judged(told.starts, skips, self.row.run if told.cancels else None)

    def delivery(self, at: datetime) -> Delivery:
        """Return what the intake is told of an instant, under the one name that it has."""
        return delivery(self.key, self._schedule, at)

    def started(self, at: datetime, told: Delivered) -> None:
        """Note that an instant was delivered, whatever it came to."""
        waiting = tuple(each for each in self.row.waiting if each != at)
        run = max(told.runs, default=self.row.run)
        self.row = replace(self.row, waiting=waiting, run=run)

    def refused(self, at: datetime, error: BaseException) -> Skipped:
        """Note that an instant cannot be started, and return the decision on it."""
        self.started(at, Delivered((), False))
        return self._skip(at, Said.ERROR, f"it could not be started: {error}")

    def lag(self, at: datetime, now: datetime) -> float:
        """Return how many seconds an instant is late."""
        return max(0.0, (now - at - self._rules.delay).total_seconds())

    def _missed(self, due: Due) -> Sequence[Skipped]:
        if due.passed is None:
            return ()
        first, last = due.passed
        others = "" if first == last else f", as were all from {self._schedule.told(first)} on"
        reason = f"it was missed{others} (misfire: {self._rules.misfire})"
        return (self._skip(last, Said.SKIPPED, reason),)

    def _dropped(self, told: Turnout) -> Sequence[Skipped]:
        return [self._skip(at, Said.SKIPPED, told.reason) for at in told.dropped]

    def _skip(self, at: datetime, said: Said, reason: str) -> Skipped:
        """Return a decision beside the one on a start, which can be made up for later."""
        return Skipped(
            self.key, _route(self.key), f"{_id(self.key, at)}/{said}", TYPE, said, reason
        )


def _route(of: Key) -> str:
    """Return a route that no path of a webhook can be."""
    return f"{of.namespace}:{TYPE}"


def _id(of: Key, at: datetime) -> str:
    return f"{of.workflow}/{of.trigger}/{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
