"""What people have put between a commit and its being live, and until when.

Whoever writes here has asked for a look first (`sources.request`), which locks the source's row;
so does an activation, before it reads what stands. So each sees the other, or comes before it.
"""

from datetime import datetime, timedelta
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.override import Asked, Kind
from engine.store.pool import Connection

_COLUMNS: LiteralString = "SELECT source, kind, value, reason, actor, since, until FROM overrides"
_OF_SOURCE: LiteralString = " WHERE source = %(source)s ORDER BY kind"
_STANDING: LiteralString = " WHERE until IS NULL OR until > now() ORDER BY source, kind"
_PUT: LiteralString = """
    INSERT INTO overrides (source, kind, value, reason, actor, until)
    VALUES (%(source)s, %(kind)s, %(value)s, %(reason)s, %(actor)s, now() + %(span)s::interval)
    ON CONFLICT (source, kind) DO UPDATE
       SET value = EXCLUDED.value, reason = EXCLUDED.reason, actor = EXCLUDED.actor,
           since = EXCLUDED.since, until = EXCLUDED.until
    RETURNING source, kind, value, reason, actor, since, until
"""
_DROP: LiteralString = """
    DELETE FROM overrides WHERE source = %(source)s AND kind = %(kind)s
    RETURNING until IS NULL OR until > now()
"""
_PIN: LiteralString = (
    "UPDATE overrides SET kind = 'pin' WHERE source = %(source)s AND kind = 'rollback'"
)


@frozen
class Override:
    """What somebody has put; it counts until `until`, for ever where that is None."""

    source: str
    kind: str
    value: str
    reason: str
    actor: str
    since: datetime
    until: datetime | None


async def put(connection: Connection, source: str, asked: Asked, actor: str) -> Override:
    """Write what somebody asks for, in the place of what there was of its kind."""
    told: dict[str, str | timedelta | None] = {
        "source": source, "kind": asked.kind, "value": asked.commit, "reason": asked.reason,
        "actor": actor, "span": asked.span,
    }  # fmt: skip
    async with connection.cursor(row_factory=class_row(Override)) as cursor:
        row = await (await cursor.execute(_PUT, told)).fetchone()
    assert row is not None
    return row


async def drop(connection: Connection, source: str, kind: str) -> bool:
    """Take one back; False if none stood any more."""
    row = await (await connection.execute(_DROP, {"source": source, "kind": kind})).fetchone()
    return row is not None and bool(row[0])


async def pin(connection: Connection, source: str) -> None:
    """Let the rollback of a source, which has been made, be its pin in the place of any other."""
    await drop(connection, source, Kind.PIN)
    await connection.execute(_PIN, {"source": source})


async def of_source(connection: Connection, source: str) -> list[Override]:
    """Return all of a source by kind, also those whose time is over."""
    async with connection.cursor(row_factory=class_row(Override)) as cursor:
        await cursor.execute(_COLUMNS + _OF_SOURCE, {"source": source})
        return await cursor.fetchall()


async def standing(connection: Connection) -> list[Override]:
    """Return those of all sources that count now."""
    async with connection.cursor(row_factory=class_row(Override)) as cursor:
        await cursor.execute(_COLUMNS + _STANDING)
        return await cursor.fetchall()
