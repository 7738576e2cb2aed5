"""Approvals that people are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.values import Json, canonical
from engine.store.pool import Connection

_ASK: LiteralString = """
    INSERT INTO approvals (run_id, path, namespace, workflow, body, expires_at)
    VALUES (%(run)s, %(path)s, %(namespace)s, %(workflow)s, %(body)s, %(expires)s)
    ON CONFLICT DO NOTHING
"""
_WITHDRAW: LiteralString = "DELETE FROM approvals WHERE run_id = %(run)s AND path = %(path)s"
_LIST: LiteralString = """
    SELECT run_id, path, approvals.namespace, approvals.workflow, body, expires_at, asked_at
      FROM approvals JOIN runs ON runs.id = run_id AND ended_at IS NULL
     WHERE (%(run)s::uuid IS NULL OR run_id = %(run)s)
     ORDER BY approvals.asked_at, run_id, path LIMIT %(limit)s
"""
_SWEEP: LiteralString = """
    DELETE FROM approvals USING runs WHERE runs.id = run_id AND ended_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that is asked for; `body` has by, min, exclude, show, form, binds, asked."""

    run_id: UUID
    path: str
    namespace: str
    workflow: str
    body: Mapping[str, Json]
    expires_at: datetime
    asked_at: datetime


async def ask(
    connection: Connection, run: UUID, path: str, namespace: str, workflow: str,
    body: Mapping[str, Json], expires: datetime,
) -> None:  # fmt: skip
    """Ask people; to ask again changes nothing."""
    values = {
        "run": run, "path": path, "namespace": namespace, "workflow": workflow,
        "body": canonical(body).decode(), "expires": expires,
    }  # fmt: skip
    await connection.execute(_ASK, values)


async def withdraw(connection: Connection, run: UUID, path: str) -> None:
    """Ask no more."""
    await connection.execute(_WITHDRAW, {"run": run, "path": path})


async def listed(connection: Connection, run: UUID | None, limit: int) -> Sequence[Approval]:
    """Return what is asked for, oldest first: of one run, or of all that have not ended."""
    async with connection.cursor(row_factory=class_row(Approval)) as cursor:
        await cursor.execute(_LIST, {"run": run, "limit": limit})
        return await cursor.fetchall()


async def sweep(connection: Connection) -> None:
    """Forget what was asked for runs that have ended."""
    await connection.execute(_SWEEP)
