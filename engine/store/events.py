"""CloudEvents, and the runs that wait for some."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from engine.core.values import Json, canonical
from engine.store.inbox import Telling
from engine.store.pool import Connection

_KEEP: LiteralString = """
    INSERT INTO events (id, namespace, type, subject, source, data)
    VALUES (%(id)s, %(namespace)s, %(type)s, %(subject)s, %(source)s, %(data)s)
    ON CONFLICT DO NOTHING RETURNING at
"""
# The places in the event at which somebody looks are few: each is one look into the index.
_WATCHERS: LiteralString = """
    SELECT run_id, path
      FROM (SELECT DISTINCT at FROM watches
             WHERE namespace = %(namespace)s AND event = %(type)s) AS places
      JOIN watches USING (at)
     WHERE namespace = %(namespace)s AND event = %(type)s
       AND (key IS NULL OR key = %(event)s::jsonb #> string_to_array(at, '.'))
"""
_WATCH: LiteralString = """
    INSERT INTO watches (run_id, path, namespace, event, at, key)
    VALUES (%(run)s, %(path)s, %(namespace)s, %(event)s, %(at)s, %(key)s::jsonb)
    ON CONFLICT DO NOTHING
"""
_PAST: LiteralString = """
    SELECT id, namespace, type, subject, source, data, at FROM events
     WHERE namespace = %(namespace)s AND type = %(event)s AND at >= %(since)s
       AND (%(key)s::jsonb IS NULL
            OR %(key)s::jsonb = jsonb_build_object('type', type, 'subject', subject, 'data', data)
                                #> string_to_array(%(at)s, '.'))
     ORDER BY at, id LIMIT %(limit)s
"""
_UNWATCH: LiteralString = "DELETE FROM watches WHERE run_id = %(run)s AND path = %(path)s"
_SWEEP: LiteralString = """
    WITH gone AS (DELETE FROM events WHERE at < now() - %(keep)s::interval)
    DELETE FROM watches USING runs WHERE runs.id = run_id AND ended_at IS NOT NULL
"""
# How many past events a new wait looks through: the rest is too old to be meant.
_MOST_PAST = 1_000
KEEP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent of a namespace; `source` names the run or the sender that it came from."""

    id: UUID
    namespace: str
    type: str
    subject: str | None
    source: str
    data: Json
    at: datetime | None = None

    def told(self) -> dict[str, Json]:
        """Return it as expressions read `event`."""
        return {
            "id": str(self.id),
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
    }  # fmt: skip
    return await (await connection.execute(_KEEP, values)).fetchone() is not None


async def watchers(connection: Connection, event: Event) -> list[Telling]:
    """Return what is to be told to the runs that wait for an event."""
    told = event.told()
    values = {"namespace": event.namespace, "type": event.type, "event": _text(told)}
    cursor = await connection.execute(_WATCHERS, values)
    return [
        Telling(row[0], "arrived", row[1], str(event.id), told) for row in await cursor.fetchall()
    ]


async def watch(
    connection: Connection, run: UUID, path: str, namespace: str, event: str, at: str,
    key: str | None, since: datetime,
) -> list[Telling]:  # fmt: skip
    """Let a run wait for events; return what is to be told to it of those that came before."""
    values = {"run": run, "path": path, "namespace": namespace, "event": event, "at": at}
    await connection.execute(_WATCH, {**values, "key": key})
    past = {**values, "key": key, "since": since, "limit": _MOST_PAST}
    cursor = await connection.execute(_PAST, past)
    found = [Event(*row) for row in await cursor.fetchall()]
    return [Telling(run, "arrived", path, str(each.id), each.told()) for each in found]


async def unwatch(connection: Connection, run: UUID, path: str) -> None:
    """Let a step of a run wait no more."""
    await connection.execute(_UNWATCH, {"run": run, "path": path})


async def sweep(connection: Connection) -> None:
    """Forget events older than `KEEP`, and what runs waited for that have ended."""
    await connection.execute(_SWEEP, {"keep": KEEP})


def _text(value: Json) -> str:
    return canonical(value).decode()
