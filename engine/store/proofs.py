"""What must hold in the database whatever has happened, asked of all rows at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.pool import Connection

_MOST = 20
_JOURNALS: LiteralString = "SELECT count(DISTINCT run_id) FROM journal"
# Each gives the runs that break it, or what else does.
BROKEN: Mapping[str, LiteralString] = {
    "its journal has a gap": """
        SELECT run_id::text FROM journal GROUP BY run_id
        HAVING min(seq) <> 1 OR max(seq) <> count(*)
    """,
    "its journal has two outcomes of one attempt": """
        SELECT DISTINCT run_id::text FROM journal
         WHERE kind IN ('succeeded', 'produced', 'spilled', 'counted', 'failed')
         GROUP BY run_id, path, attempt HAVING count(*) > 1
    """,
    "it has a journal and no row": """
        SELECT DISTINCT run_id::text FROM journal
         WHERE NOT EXISTS (SELECT FROM runs WHERE id = journal.run_id)
    """,
    "its plan is not there": """
        SELECT id::text FROM runs WHERE NOT EXISTS (SELECT FROM plans WHERE digest = runs.plan)
    """,
    "it has ended and still waits for something": """
        SELECT id::text FROM runs WHERE ended_at IS NOT NULL AND wake_at IS NOT NULL
    """,
    "its owner is not among the workers": """
        SELECT id::text FROM runs
         WHERE owner IS NOT NULL AND NOT EXISTS (SELECT FROM workers WHERE id = runs.owner)
    """,
    "an active workflow has no plan": """
        SELECT namespace || '/' || name FROM workflows
         WHERE NOT EXISTS (SELECT FROM plans WHERE digest = workflows.plan)
    """,
}
_IN_FLIGHT: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, trigger, inputs, created_at, started_at,
           status
      FROM runs
     WHERE id > %(after)s AND started_at IS NOT NULL AND ended_at IS NULL
     ORDER BY id LIMIT %(limit)s
"""


@frozen
class InFlight:
    """A run that has begun and has not ended, as its row has it."""

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    created_at: datetime
    started_at: datetime
    status: str


async def journals(connection: Connection) -> int:
    """Return how many runs have a journal."""
    row = await (await connection.execute(_JOURNALS)).fetchone()
    assert row is not None
    return int(row[0])


async def broken(connection: Connection, what: str) -> Sequence[str]:
    """Return what breaks one of `BROKEN`, the first of it."""
    found = await connection.execute(BROKEN[what])
    return [row[0] for row in await found.fetchmany(_MOST)]


async def in_flight(connection: Connection, after: UUID, limit: int) -> list[InFlight]:
    """Return runs in flight with ids past `after`, in their order."""
    async with connection.cursor(row_factory=class_row(InFlight)) as cursor:
        await cursor.execute(_IN_FLIGHT, {"after": after, "limit": limit})
        return await cursor.fetchall()
