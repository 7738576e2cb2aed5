"""Approvals that people are asked for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import LiteralString, TypeAlias
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json, canonical
from engine.store.pool import Connection

_ASK: LiteralString = """
    INSERT INTO approvals (run_id, path, namespace, workflow, body, expires_at)
    VALUES (%(run)s, %(path)s, %(namespace)s, %(workflow)s, %(body)s, %(expires)s)
    ON CONFLICT (run_id, path) DO UPDATE
       SET body = excluded.body, expires_at = excluded.expires_at, asked_at = now(), decided = '{}'
     WHERE approvals.body::text <> excluded.body::text
"""
_WITHDRAW: LiteralString = "DELETE FROM approvals WHERE run_id = %(run)s AND path = %(path)s"
_COLUMNS: LiteralString = """
    SELECT run_id, path, approvals.namespace, approvals.workflow, body, decided, expires_at,
           asked_at
      FROM approvals JOIN runs ON runs.id = run_id AND ended_at IS NULL
"""
_LIST: LiteralString = (
    _COLUMNS
    + """
     WHERE expires_at > now()
       AND (%(run)s::uuid IS NULL OR run_id = %(run)s)
       AND (%(namespaces)s::text[] IS NULL OR approvals.namespace = ANY(%(namespaces)s))
       AND (asked_at, run_id, path) > (%(at)s, %(after)s, %(below)s)
     ORDER BY asked_at, run_id, path LIMIT %(limit)s
"""
)
_CLAIM: LiteralString = (
    _COLUMNS
    + """
     WHERE run_id = %(run)s AND path = %(path)s
       FOR NO KEY UPDATE OF approvals
"""
)
_NOTE: LiteralString = """
    UPDATE approvals SET decided = decided || jsonb_build_object(%(by)s::text, %(decision)s::text)
     WHERE run_id = %(run)s AND path = %(path)s
"""
# PostgreSQL cannot look into JSON that holds an escaped NUL anywhere, as an event may.
_INITIATOR: LiteralString = """
    WITH RECURSIVE started AS (
        SELECT replace(trigger::text, '\\u0000', '\\ufffd')::json->>'actor' AS actor, 1 AS depth
          FROM runs WHERE id = %(run)s
        UNION ALL
        SELECT replace(trigger::text, '\\u0000', '\\ufffd')::json->>'actor', depth + 1
          FROM started
          JOIN runs ON id = CASE WHEN actor LIKE 'run/%%' THEN substr(actor, 5)::uuid END
         WHERE depth < %(deepest)s
    )
    SELECT actor FROM started ORDER BY depth DESC LIMIT 1
"""
_SWEEP: LiteralString = """
    DELETE FROM approvals USING runs WHERE runs.id = run_id AND ended_at IS NOT NULL
"""


@frozen
class Approval:
    """An approval that is asked for; `body` has by, min, exclude, show, form, binds, asked.

    `decided` has who has decided what so far, by name.
    """

    run_id: UUID
    path: str
    namespace: str
    workflow: str
    body: Mapping[str, Json]
    decided: Mapping[str, str]
    expires_at: datetime
    asked_at: datetime

    @property
    def place(self) -> "Place":
        return (self.asked_at, self.run_id, self.path)


Place: TypeAlias = tuple[datetime, UUID, str]
_FIRST: Place = (datetime.min.replace(tzinfo=UTC), UUID(int=0), "")
_DEEPEST = 64


async def ask(
    connection: Connection, run: UUID, path: str, namespace: str, workflow: str,
    body: Mapping[str, Json], expires: datetime,
) -> None:  # fmt: skip
    """Ask people; to ask the same again changes nothing, something else voids what was decided."""
    values = {
        "run": run, "path": path, "namespace": namespace, "workflow": workflow,
        "body": canonical(body).decode(), "expires": expires,
    }  # fmt: skip
    await connection.execute(_ASK, values)


async def withdraw(connection: Connection, run: UUID, path: str) -> None:
    """Ask no more."""
    await connection.execute(_WITHDRAW, {"run": run, "path": path})


async def listed(
    connection: Connection, run: UUID | None, limit: int,
    namespaces: Sequence[str] | None = None, after: Place | None = None,
) -> Sequence[Approval]:  # fmt: skip
    """Return what waits for people, oldest first: of one run, or of all that have not ended.

    `after` is the place of the last one before.
    """
    at, behind, below = after or _FIRST
    values = {
        "run": run, "limit": limit, "at": at, "after": behind, "below": below,
        "namespaces": None if namespaces is None else list(namespaces),
    }  # fmt: skip
    async with connection.cursor(row_factory=class_row(Approval)) as cursor:
        await cursor.execute(_LIST, values)
        return await cursor.fetchall()


async def claim(connection: Connection, run: UUID, path: str) -> Approval | None:
    """Return what is asked for, locked until the caller's transaction ends, or None.

    It may have expired.
    """
    async with connection.cursor(row_factory=class_row(Approval)) as cursor:
        await cursor.execute(_CLAIM, {"run": run, "path": path})
        return await cursor.fetchone()


async def note(connection: Connection, run: UUID, path: str, by: str, decision: str) -> None:
    """Write down what somebody has decided."""
    await connection.execute(_NOTE, {"run": run, "path": path, "by": by, "decision": decision})


async def initiator(connection: Connection, run: UUID) -> str | None:
    """Return the actor that started a run, or the run that it was started from, and so on.

    What begins with `run/` is a run that is gone or too far away; None is no actor at all.
    """
    values = {"run": run, "deepest": _DEEPEST}
    row = await (await connection.execute(_INITIATOR, values)).fetchone()
    return None if row is None else row[0]


async def sweep(connection: Connection) -> None:
    """Forget what was asked for runs that have ended."""
    await connection.execute(_SWEEP)
