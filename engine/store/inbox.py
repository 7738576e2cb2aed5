"""What runs are told by others than their owner: events, decisions of people, far outcomes.

A row counts on the run's own row, `unheard`: an owner that lets a run go while somebody writes to
it meets that count on the row's lock, so nothing is told to nobody.
"""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

import orjson
from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.arrays import Jsons, Texts, Uuids
from engine.store.pool import Connection

# What follows `told`, the ids of runs that were told something, one row for each thing.
COUNT: LiteralString = """
    counted AS (
        SELECT run_id, count(*)::integer AS number FROM told GROUP BY run_id
    ), heard AS (
        UPDATE runs SET unheard = unheard + number,
               due_at = CASE WHEN owner IS NULL THEN least(due_at, now()) ELSE due_at END
          FROM counted WHERE runs.id = run_id
        RETURNING runs.id, owner, pool
    )
"""
_TOLD: LiteralString = """
    WITH told AS (
        INSERT INTO inbox (run_id, kind, path, key, data)
        SELECT new.* FROM unnest(%(runs)s, %(kinds)s, %(paths)s, %(keys)s, %(data)s)
                       AS new (run_id, kind, path, key, data)
          JOIN runs ON runs.id = new.run_id AND ended_at IS NULL
         ORDER BY new.run_id
        ON CONFLICT DO NOTHING RETURNING run_id
    ),"""
_HEARD: LiteralString = "SELECT owner, pool FROM heard"
_TELL: LiteralString = _TOLD + COUNT + _HEARD
_READ: LiteralString = """
    SELECT inbox.id, run_id, kind, path, attempt, data
      FROM inbox JOIN runs ON runs.id = run_id
     WHERE owner = %(owner)s AND unheard > 0 ORDER BY inbox.id LIMIT %(limit)s
"""


_SWEEP: LiteralString = """
    DELETE FROM inbox USING runs WHERE runs.id = run_id AND ended_at IS NOT NULL
"""


@frozen
class Telling:
    """A row to be; `key` tells rows of one run and path apart, so that each is told once."""

    run: UUID
    kind: str
    path: str
    key: str
    data: Json


@frozen
class Told:
    """A row as the owner takes it."""

    id: int
    run_id: UUID
    kind: str
    path: str
    attempt: int
    data: Json


async def sweep(connection: Connection) -> None:
    """Forget what was told to runs that have ended."""
    await connection.execute(_SWEEP)


async def tell(connection: Connection, told: Sequence[Telling]) -> list[tuple[int | None, str]]:
    """Write rows for runs that have not ended; return owner and pool of each run that heard news.

    In the caller's transaction; ring them after its commit.
    """
    values = {
        "runs": Uuids([each.run for each in told]),
        "kinds": Texts([each.kind for each in told]),
        "paths": Texts([each.path for each in told]),
        "keys": Texts([each.key for each in told]),
        "data": Jsons([orjson.dumps(each.data) for each in told]),
    }
    cursor = await connection.execute(_TELL, values)
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def read(connection: Connection, owner: int, limit: int) -> list[Told]:
    """Return what the runs of an owner were told and it has not taken, oldest first."""
    async with connection.cursor(row_factory=class_row(Told)) as cursor:
        await cursor.execute(_READ, {"owner": owner, "limit": limit})
        return await cursor.fetchall()
