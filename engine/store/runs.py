"""The rows of runs for others than their owner: who wants one to end, and who follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.values import Json, canonical
from engine.store.pool import Connection

_CANCEL: LiteralString = """
    UPDATE runs SET cancel = %(cancel)s::json, wake_at = NULL, due_at = least(due_at, now())
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


@dataclass(frozen=True, slots=True)
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

    Whoever owns it tells the machine; where nobody does, it may be claimed at once.
    """
    told = {"id": run, "cancel": canonical(reason).decode()}
    row = await (await connection.execute(_CANCEL, told)).fetchone()
    return None if row is None else (row[0], row[1])


async def cancelled(connection: Connection, owner: int) -> dict[UUID, Mapping[str, Json]]:
    """Return which of the owner's runs somebody wants to end, and who and why."""
    found = await connection.execute(_CANCELLED, {"owner": owner})
    return dict(await found.fetchall())
