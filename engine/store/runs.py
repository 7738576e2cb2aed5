"""The rows of runs for others than their owner: who wants one to end, and who follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.priority import AGEING
from engine.core.values import Json, canonical
from engine.store.pool import Connection

_CANCEL: LiteralString = """
    UPDATE runs SET cancel = %(cancel)s::json, wake_at = NULL,
           due_at = least(due_at, created_at - priority * %(ageing)s::interval)
     WHERE id = %(id)s AND ended_at IS NULL AND cancel IS NULL
    RETURNING owner, pool
"""
_CANCELLED: LiteralString = """
    SELECT id, cancel FROM runs WHERE owner = %(owner)s AND cancel IS NOT NULL
"""
_ENDED: LiteralString = """
    SELECT id, workflow, commit_sha, status, flags, outputs, error, started_at, ended_at
      FROM runs WHERE id = ANY(%(ids)s) AND ended_at IS NOT NULL
"""
# A run is over once its end is told, too: to who follows it, and by its objectives.
OVER: LiteralString = """
    ended_at < %(before)s AND watch_at IS NULL
    AND NOT EXISTS (SELECT FROM outbox WHERE outbox.run_id = runs.id AND refused IS NULL)
"""
_LOOKED_AT: LiteralString = "WITH seen AS MATERIALIZED (SELECT id, "
_GONE: LiteralString = """ AS is_over FROM runs
         WHERE id >= %(begin)s AND id < %(end)s ORDER BY id LIMIT %(limit)s
    ), gone AS (
        DELETE FROM runs USING seen WHERE runs.id = seen.id AND is_over RETURNING runs.id
    ), keys AS (
        DELETE FROM idempotency_keys USING gone WHERE run = gone.id
    ), told AS (
        DELETE FROM inbox USING gone WHERE run_id = gone.id
    ), sent AS (
        DELETE FROM outbox USING gone WHERE run_id = gone.id
    ), watched AS (
        DELETE FROM watches USING gone WHERE run_id = gone.id
    ), asked AS (
        DELETE FROM approvals USING gone WHERE run_id = gone.id
    ), called AS (
        DELETE FROM callbacks USING gone WHERE run_id = gone.id
    ), handed AS (
        DELETE FROM handouts USING gone WHERE run_id = gone.id
    )"""
_WITH_JOURNAL: LiteralString = """, journaled AS (
        DELETE FROM journal_default USING gone WHERE run_id = gone.id
    )"""
_FORGOTTEN: LiteralString = """
    SELECT (SELECT id FROM seen ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM gone)
"""


@frozen
class Ended:
    """A run as those who follow its workflow are told of it."""

    id: UUID
    workflow: str
    commit_sha: str
    status: str
    flags: Sequence[str]
    outputs: Json
    error: Json
    started_at: datetime | None
    ended_at: datetime

    def told(self) -> dict[str, Json]:
        """Return it as expressions read `event`."""
        return {
            "workflow": self.workflow,
            "run": str(self.id),
            "commit": self.commit_sha,
            "state": self.status,
            "flags": self.flags,
            "outputs": self.outputs,
            "error": self.error,
            "started_at": None if self.started_at is None else self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
        }


async def ended(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Ended]:
    """Return those of the runs that have ended."""
    async with connection.cursor(row_factory=class_row(Ended)) as cursor:
        await cursor.execute(_ENDED, {"ids": list(ids)})
        return {each.id: each for each in await cursor.fetchall()}


async def cancel(connection: Connection, run: UUID, reason: Json) -> tuple[int | None, str] | None:
    """Ask a run to end; return its owner and pool, or None if it has ended or was asked before.

    Whoever owns it tells the machine; where nobody does, it may be claimed at once, and goes by
    when it came.
    """
    told = {"id": run, "cancel": canonical(reason).decode(), "ageing": AGEING}
    row = await (await connection.execute(_CANCEL, told)).fetchone()
    return None if row is None else (row[0], row[1])


async def cancelled(connection: Connection, owner: int) -> dict[UUID, Mapping[str, Json]]:
    """Return which of the owner's runs somebody wants to end, and who and why."""
    found = await connection.execute(_CANCELLED, {"owner": owner})
    return dict(await found.fetchall())


async def forget(
    connection: Connection, begin: UUID, end: UUID, before: datetime, limit: int, *, is_loose: bool
) -> tuple[UUID | None, int]:
    """Forget runs that ended before an instant, of the first `limit` from `begin` to before `end`.

    With them goes all that hangs on them, but for their journal: that of runs which `is_loose`, in
    the default partition, alone. Return the last run looked at, and how many were forgotten.
    """
    values = {"begin": begin, "end": end, "before": before, "limit": limit}
    journaled: LiteralString = _WITH_JOURNAL if is_loose else ""
    statement = _LOOKED_AT + OVER + _GONE + journaled + _FORGOTTEN
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return row[0], int(row[1])
