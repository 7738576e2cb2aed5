"""What pages and lists read: rows of runs, newest first, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.values import Json
from engine.store.pool import Connection

_COLUMNS: LiteralString = """
    SELECT id, namespace, workflow, source, commit_sha, plan, trigger, inputs, status, flags,
           outputs, error, created_at, started_at, ended_at FROM runs
"""
_PAGE: LiteralString = (
    _COLUMNS
    + """
     WHERE (%(status)s::text IS NULL OR status = %(status)s)
       AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s)
       AND (%(workflow)s::text IS NULL OR workflow = %(workflow)s)
       AND (%(before)s::uuid IS NULL OR id < %(before)s)
     ORDER BY id DESC LIMIT %(limit)s
"""
)
_ONE: LiteralString = _COLUMNS + " WHERE id = %(id)s"


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as its row tells it."""

    id: UUID
    namespace: str
    workflow: str
    source: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    status: str
    flags: Sequence[str]
    outputs: Json
    error: Json
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs are wanted; None is any. `before` is the last id of the page before."""

    status: str | None = None
    namespace: str | None = None
    workflow: str | None = None
    before: UUID | None = None
    limit: int = 50


async def page(connection: Connection, wanted: Filter) -> list[RunRow]:
    """Return runs, newest first."""
    async with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(
            _PAGE,
            {
                "status": wanted.status,
                "namespace": wanted.namespace,
                "workflow": wanted.workflow,
                "before": wanted.before,
                "limit": wanted.limit,
            },
        )
        return await cursor.fetchall()


async def run(connection: Connection, identity: UUID) -> RunRow | None:
    """Return one run."""
    async with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(_ONE, {"id": identity})
        return await cursor.fetchone()
