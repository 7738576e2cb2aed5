"""Steps that wait for a signed request, each taken once."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json, canonical
from engine.store.pool import Connection

_WAIT: LiteralString = """
    INSERT INTO callbacks (run_id, path, schema) VALUES (%(run)s, %(path)s, %(schema)s)
    ON CONFLICT DO NOTHING
"""
_WITHDRAW: LiteralString = "DELETE FROM callbacks WHERE run_id = %(run)s AND path = %(path)s"
_LIST: LiteralString = """
    SELECT id, run_id, path, schema, asked_at, used_at FROM callbacks
     WHERE run_id = %(run)s AND path > %(after)s ORDER BY path LIMIT %(limit)s
"""
_CLAIM: LiteralString = """
    SELECT id, run_id, path, schema, asked_at, used_at FROM callbacks
     WHERE run_id = %(run)s AND path = %(path)s AND id = %(id)s
       FOR NO KEY UPDATE
"""
_USE: LiteralString = "UPDATE callbacks SET used_at = now() WHERE id = %(id)s AND run_id = %(run)s"
_SWEEP: LiteralString = """
    DELETE FROM callbacks USING runs WHERE runs.id = run_id AND ended_at IS NOT NULL
"""


@frozen
class Callback:
    """A wait for a request whose body fits `schema`, a JSON Schema."""

    id: UUID
    run_id: UUID
    path: str
    schema: Json
    asked_at: datetime
    used_at: datetime | None


async def wait(connection: Connection, run: UUID, path: str, schema: Json) -> None:
    """Let a step wait; to say so again changes nothing."""
    values = {"run": run, "path": path, "schema": canonical(schema).decode()}
    await connection.execute(_WAIT, values)


async def withdraw(connection: Connection, run: UUID, path: str) -> None:
    """Let a step wait no more."""
    await connection.execute(_WITHDRAW, {"run": run, "path": path})


async def listed(connection: Connection, run: UUID, after: str, limit: int) -> Sequence[Callback]:
    """Return what a run waits for, by path, behind the path `after`."""
    async with connection.cursor(row_factory=class_row(Callback)) as cursor:
        await cursor.execute(_LIST, {"run": run, "after": after, "limit": limit})
        return await cursor.fetchall()


async def claim(connection: Connection, run: UUID, path: str, identity: UUID) -> Callback | None:
    """Return a wait, locked until the caller's transaction ends, or None if it is over."""
    async with connection.cursor(row_factory=class_row(Callback)) as cursor:
        await cursor.execute(_CLAIM, {"run": run, "path": path, "id": identity})
        return await cursor.fetchone()


async def use(connection: Connection, told: Callback) -> None:
    """Write down that the request has come."""
    await connection.execute(_USE, {"id": told.id, "run": told.run_id})


async def sweep(connection: Connection) -> None:
    """Forget what runs waited for that have ended."""
    await connection.execute(_SWEEP)
