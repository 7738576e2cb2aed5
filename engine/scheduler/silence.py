"""One event that is waited for, and the run that is started when it does not come."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from engine.active import Hook
from engine.core import absence
from engine.core.expression import Compiled, EvaluationError, holds, parse_expression
from engine.core.trigger import Said
from engine.core.values import digest
from engine.intake import Delivery, Kind
from engine.store import events, outbox, schedules
from engine.store.events import Event
from engine.store.pool import Connection
from engine.store.schedules import Key, Scheduled, Skipped

TYPE = "absent"
_DEFINING = ("event", "match", "within", "repeat")
_PAGE = 200
# Long before an event is forgotten it has been looked at.
_LONGEST_LOOK = timedelta(days=1)


def definition(hook: Hook) -> str:
    """Return the digest of what says when an event is missing."""
    return digest({key: hook.settings.get(key) for key in _DEFINING})


class Silence:
    """A trigger of an event that may be absent, and how far it is."""

    def __init__(self, hook: Hook, row: Scheduled) -> None:
        settings: Mapping[str, Any] = hook.settings
        match = settings.get("match")
        self.row = row
        self._absence = absence.of(settings)
        self._event = str(settings["event"])
        self._match: Compiled | None = None if match is None else parse_expression(str(match))
        self.at = row.since

    @property
    def key(self) -> Key:
        return self.row.key

    async def look(self, connection: Connection, now: datetime) -> datetime | None:
        """Return a deadline that has passed in silence, or None; note when to look again.

        An event that was taken counts from then on, though the relay has not kept it yet: it is
        waited for. Asked in this order, no event is in neither of the two places.
        """
        if await outbox.is_coming(connection, self.key.namespace, self._event):
            return None
        heard = await self._last(connection)
        if heard is not None:
            self.row = replace(self.row, since=heard)
            await schedules.put(connection, [self.row])
        self.at = min(self._absence.upcoming(self.row.since, now), now + _LONGEST_LOOK)
        return self._absence.deadline(self.row.since, self.row.upto, now)

    def delivery(self, deadline: datetime) -> Delivery:
        """Return what the intake is told of a silence, under the one name that it has."""
        event = self._absence.about(deadline, self.row.since)
        hooks = frozenset([(self.key.workflow, self.key.trigger)])
        return Delivery(
            self._route, self._id(deadline.astimezone(UTC).isoformat()), Kind.ABSENT,
            self.key.namespace, orjson.dumps(event), event, source=self.key.workflow, hooks=hooks,
        )  # fmt: skip

    def decided(self, deadline: datetime) -> None:
        """Note that a silence was delivered, whatever it came to."""
        self.row = replace(self.row, upto=deadline)

    def refused(self, deadline: datetime, error: BaseException) -> Skipped:
        """Return the decision on a silence that cannot start a run."""
        name = deadline.astimezone(UTC).isoformat()
        return self._error(name, f"it could not be started: {error}")

    async def _last(self, connection: Connection) -> datetime | None:
        """Return when the last event came that is meant, None if none has since then."""
        before = None
        while True:
            page = await events.after(
                connection, self.key.namespace, self._event, self.row.since, before, _PAGE
            )
            for each in page:
                assert each.at is not None
                if await self._is_meant(connection, each):
                    return each.at
                before = (each.at, each.id)
            if len(page) < _PAGE:
                return None

    async def _is_meant(self, connection: Connection, event: Event) -> bool:
        """Return whether an event counts; one of which that cannot be told is a decision."""
        if self._match is None:
            return True
        try:
            return holds(self._match, {"event": event.told()}, "match")
        except (EvaluationError, ValueError) as error:
            told = self._error(f"event/{event.id}", f"match: {error}")
            await schedules.skip(connection, [told])
            return False

    @property
    def _route(self) -> str:
        return f"{self.key.namespace}:{TYPE}"

    def _id(self, what: str) -> str:
        return f"{self.key.workflow}/{self.key.trigger}/{what}"

    def _error(self, what: str, reason: str) -> Skipped:
        return Skipped(self.key, self._route, self._id(what), TYPE, Said.ERROR, reason)
