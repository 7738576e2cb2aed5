"""The journal: what has happened in each run, read back. Owners append to it (`turns`)."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.event import Row
from engine.store.arrays import Uuids
from engine.store.pool import Connection

_READ: LiteralString = """
    SELECT seq, at, kind, path, attempt, data FROM journal
     WHERE run_id = %(run)s AND seq > %(after)s ORDER BY seq LIMIT %(limit)s
"""
_READ_MANY: LiteralString = """
    SELECT run_id, seq, at, kind, path, attempt, data FROM journal
     WHERE run_id = ANY(%(runs)s) ORDER BY run_id, seq
"""
_ALL = 2_000_000_000


async def read(connection: Connection, run: UUID, after: int = 0, limit: int = _ALL) -> list[Row]:
    """Return a run's rows past `after`, in their order."""
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(_READ, {"run": run, "after": after, "limit": limit})
        return await cursor.fetchall()


async def read_many(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Return the rows of several runs, each in their order; a run without any has an empty list."""
    told: dict[UUID, list[Row]] = {run: [] for run in runs}
    for run, *row in await (await connection.execute(_READ_MANY, {"runs": Uuids(runs)})).fetchall():
        told[run].append(Row(*row))
    return told
