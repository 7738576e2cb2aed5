"""CloudEvents, and the runs that wait for some."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core import forge
from engine.core.frozen import frozen
from engine.core.values import Json, canonical
from engine.store.arrays import Texts
from engine.store.inbox import Telling
from engine.store.pool import Connection

_KEEP: LiteralString = """
    INSERT INTO events (id, namespace, type, subject, source, data, identity)
    VALUES (%(id)s, %(namespace)s, %(type)s, %(subject)s, %(source)s, %(data)s, %(identity)s)
    ON CONFLICT DO NOTHING RETURNING at
"""
# The places in the event at which somebody looks are few, however many wait: the index is asked
# for one after the other, and at each for what is there in the event.
_WATCHERS: LiteralString = """
    WITH RECURSIVE places AS (
        SELECT type, (SELECT min(at) FROM watches
                       WHERE namespace = %(namespace)s AND event = type) AS at
          FROM unnest(%(types)s) AS types (type)
        UNION ALL
        SELECT type, (SELECT min(watches.at) FROM watches
                       WHERE namespace = %(namespace)s AND event = type AND watches.at > places.at)
          FROM places WHERE at IS NOT NULL
    )
    SELECT told.* FROM places, LATERAL (
        SELECT run_id, path FROM watches
         WHERE namespace = %(namespace)s AND event = type AND watches.at = places.at
           AND key IS NULL
        UNION ALL
        SELECT run_id, path FROM watches
         WHERE namespace = %(namespace)s AND event = type AND watches.at = places.at
           AND key = %(event)s::jsonb #> string_to_array(places.at, '.')
    ) AS told
"""
_WATCH: LiteralString = """
    INSERT INTO watches (run_id, path, namespace, event, at, key)
    VALUES (%(run)s, %(path)s, %(namespace)s, %(event)s, %(at)s, %(key)s::jsonb)
    ON CONFLICT DO NOTHING
"""
_PAST: LiteralString = """
    SELECT id, namespace, type, subject, source, data, identity, at FROM events
     WHERE namespace = %(namespace)s AND at >= %(since)s
       AND (%(key)s::jsonb IS NULL
            OR %(key)s::jsonb
               = CASE WHEN starts_with(type, %(payload)s) THEN data::jsonb
                      ELSE jsonb_build_object('type', type, 'subject', subject, 'data', data) END
                 #> string_to_array(%(at)s, '.'))
"""
_OF_TYPE: LiteralString = " AND type = %(event)s"
_WITH_ACTIONS: LiteralString = """
       AND (type = %(event)s OR starts_with(type, %(event)s || '.'))
"""
_OLDEST: LiteralString = " ORDER BY at, id LIMIT %(limit)s"
_NEWEST: LiteralString = " ORDER BY at DESC, id DESC LIMIT %(limit)s"
_KNOWN: LiteralString = "SELECT 1 FROM events WHERE id = %(id)s"
_PAGE: LiteralString = """
    SELECT id, namespace, type, subject, source, data, identity, at FROM events
     WHERE namespace = ANY(%(namespaces)s) AND (%(type)s::text IS NULL OR type = %(type)s)
       AND (at, id) < (%(before)s, %(below)s)
     ORDER BY at DESC, id DESC LIMIT %(limit)s
"""
_SINCE: LiteralString = """
    SELECT id, namespace, type, subject, source, data, identity, at FROM events
     WHERE namespace = %(namespace)s AND at > %(since)s AND (at, id) < (%(before)s, %(below)s)
"""
_UNWATCH: LiteralString = "DELETE FROM watches WHERE run_id = %(run)s AND path = %(path)s"
_SWEEP: LiteralString = """
    WITH gone AS (DELETE FROM events WHERE at < now() - %(keep)s::interval)
    DELETE FROM watches USING runs WHERE runs.id = run_id AND ended_at IS NOT NULL
"""
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_LAST = (datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1))
# How many past events a new wait looks through: the rest is too old to be meant.
_MOST_PAST = 1_000
# What an entry of the index may have of place and value, in bytes of their JSON; it has 2,704 in
# all, and as jsonb a value may be several times as large. A run that waits for a longer one hears
# of every event of the type, and says itself which is meant.
_LONGEST_KEY = 250
KEEP = timedelta(days=7)


@frozen
class Event:
    """A CloudEvent of a namespace; `source` names the run or the sender that it came from.

    `identity` is the sender's own id for it; empty is that of an event of a run, whose is `id`.
    """

    id: UUID
    namespace: str
    type: str
    subject: str | None
    source: str
    data: Json
    identity: str = ""
    at: datetime | None = None

    def told(self) -> dict[str, Json]:
        """Return it as expressions read `event`: one of GitHub's is its payload, with `type`."""
        if self.type.startswith(forge.PREFIX) and isinstance(self.data, Mapping):
            return {**self.data, "type": self.type}
        return self.whole()

    def whole(self) -> dict[str, Json]:
        """Return it as a CloudEvent."""
        return {
            "id": self.identity or str(self.id),
            "type": self.type,
            "subject": self.subject,
            "source": self.source,
            "data": self.data,
        }


async def keep(connection: Connection, event: Event) -> bool:
    """Write an event; return False if it was known."""
    values = {
        "id": event.id, "namespace": event.namespace, "type": event.type,
        "subject": event.subject, "source": event.source, "data": _text(event.data),
        "identity": event.identity,
    }  # fmt: skip
    return await (await connection.execute(_KEEP, values)).fetchone() is not None


async def is_known(connection: Connection, identity: UUID) -> bool:
    """Return whether an event has come before."""
    return await (await connection.execute(_KNOWN, {"id": identity})).fetchone() is not None


async def listed(
    connection: Connection, namespaces: Sequence[str], type_: str | None,
    before: tuple[datetime, UUID] | None, limit: int,
) -> list[Event]:  # fmt: skip
    """Return events, newest first; `before` is time and id of the last one on the page before."""
    at, below = before or _LAST
    values = {
        "namespaces": list(namespaces), "type": type_, "before": at, "below": below, "limit": limit,
    }  # fmt: skip
    async with connection.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(_PAGE, values)
        return await cursor.fetchall()


async def after(
    connection: Connection, namespace: str, type_: str, since: datetime,
    before: tuple[datetime, UUID] | None, limit: int,
) -> list[Event]:  # fmt: skip
    """Return events of a type that came after `since`, newest first, in pages as `listed` has."""
    at, below = before or _LAST
    values = {
        "namespace": namespace, "event": type_, "since": since, "before": at, "below": below,
        "limit": limit,
    }  # fmt: skip
    async with connection.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(_SINCE + _which(type_) + _NEWEST, values)
        return await cursor.fetchall()


async def watchers(connection: Connection, event: Event) -> list[Telling]:
    """Return what is to be told to the runs that wait for an event."""
    told = event.told()
    types = Texts(forge.names(event.type))
    values = {"namespace": event.namespace, "types": types, "event": _text(told)}
    cursor = await connection.execute(_WATCHERS, values)
    return [
        Telling(row[0], "arrived", row[1], str(event.id), told) for row in await cursor.fetchall()
    ]


async def watch(
    connection: Connection, run: UUID, path: str, namespace: str, event: str, at: str,
    key: str | None, since: datetime,
) -> list[Telling]:  # fmt: skip
    """Let a run wait for events; return what is to be told to it of those that came before."""
    values = {
        "run": run, "path": path, "namespace": namespace, "event": event, "at": at,
        "key": None if key is None else _holdable(key),
    }  # fmt: skip
    is_long = len(f"{at}{key}".encode()) > _LONGEST_KEY
    await connection.execute(_WATCH, {**values, "at": "", "key": None} if is_long else values)
    past = {**values, "payload": forge.PREFIX, "since": since, "limit": _MOST_PAST}
    cursor = await connection.execute(_PAST + _which(event) + _OLDEST, past)
    found = [Event(*row) for row in await cursor.fetchall()]
    return [Telling(run, "arrived", path, str(each.id), each.told()) for each in found]


async def unwatch(connection: Connection, run: UUID, path: str) -> None:
    """Let a step of a run wait no more."""
    await connection.execute(_UNWATCH, {"run": run, "path": path})


async def sweep(connection: Connection) -> None:
    """Forget events older than `KEEP`, and what runs waited for that have ended."""
    await connection.execute(_SWEEP, {"keep": KEEP})


def _text(value: Json) -> str:
    return _holdable(canonical(value).decode())


def _holdable(text: str) -> str:
    """Return JSON as PostgreSQL can look into it: it holds no NUL, not even escaped."""
    return _ESCAPED_NUL.sub(r"\1\\ufffd", text)


def _which(event: str) -> LiteralString:
    """Return which types of events are meant by one: of GitHub's, each action of it."""
    return _WITH_ACTIONS if forge.has_actions(event) else _OF_TYPE
