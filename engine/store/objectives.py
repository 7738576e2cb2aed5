"""Objectives of runs: those that it is time to look at, and how they stand afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import orjson
from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.pool import Connection

# A run whose owner is just writing to it is looked at the next time.
_DUE: LiteralString = """
    SELECT id, namespace, workflow, objectives, ended_at, now() AS now
      FROM runs WHERE watch_at <= now()
     ORDER BY watch_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""
_JUDGED: LiteralString = """
    UPDATE runs SET objectives = %(objectives)s::json, watch_at = %(watch_at)s WHERE id = %(run)s
"""


@frozen
class Watched:
    """A run whose objectives it is time to look at; `now` is PostgreSQL's."""

    id: UUID
    namespace: str
    workflow: str
    objectives: Json
    ended_at: datetime | None
    now: datetime


async def due(connection: Connection, limit: int) -> Sequence[Watched]:
    """Return up to `limit` runs, locked until the caller's transaction ends."""
    async with connection.cursor(row_factory=class_row(Watched)) as cursor:
        await cursor.execute(_DUE, {"limit": limit})
        return await cursor.fetchall()


async def judged(
    connection: Connection, run: UUID, objectives: Json, watch_at: datetime | None
) -> None:
    """Write how the objectives of a run stand, and when to look again."""
    told = {"run": run, "objectives": orjson.dumps(objectives).decode(), "watch_at": watch_at}
    await connection.execute(_JUDGED, told)
