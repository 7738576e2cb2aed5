"""What the edge reads: runs by page and by id, and the triggers of plans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.values import Json
from engine.store.arrays import Texts
from engine.store.pool import Connection

_FREEZE: LiteralString = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_TRIGGERS: LiteralString = """
    SELECT digest, coalesce(body->'triggers', '[]') FROM plans WHERE digest = ANY(%(digests)s)
"""
_NAMESPACES: LiteralString = """
    WITH RECURSIVE known AS (
        SELECT min(namespace) AS namespace FROM runs
        UNION ALL
        SELECT (SELECT min(namespace) FROM runs WHERE namespace > known.namespace)
          FROM known WHERE known.namespace IS NOT NULL
    )
    SELECT namespace FROM known WHERE namespace IS NOT NULL
    UNION SELECT namespace FROM sources
"""
_RUN: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, trigger, inputs, status, flags, outputs,
           error, coalesce(objectives, '[]') AS objectives, created_at, started_at, ended_at
      FROM runs WHERE id = %(id)s
"""
# PostgreSQL cannot look into JSON that holds an escaped NUL anywhere.
_PAGE: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, status, flags,
           replace(error::text, '\\u0000', '\\ufffd')::json->>'type' AS error_type,
           created_at, started_at, ended_at
      FROM runs
     WHERE id < %(before)s
"""
_OF_STATUS: LiteralString = " AND status = %(status)s"
_OF_NAMESPACES: LiteralString = " AND namespace = ANY(%(namespaces)s)"
_OF_WORKFLOW: LiteralString = " AND namespace = %(namespace)s AND workflow = %(workflow)s"
_NEWEST: LiteralString = " ORDER BY id DESC LIMIT %(limit)s"
_PAST: LiteralString = """
    SELECT id, status, commit_sha, created_at, ended_at
      FROM runs
     WHERE namespace = (SELECT namespace FROM runs WHERE id = %(run)s)
       AND workflow = %(workflow)s AND id <> %(run)s
       AND (%(status)s::text IS NULL OR status = %(status)s)
       AND (%(within)s::interval IS NULL OR created_at >= now() - %(within)s::interval)
     ORDER BY id DESC LIMIT %(limit)s
"""
_LAST = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run whole, as its row has it; its steps are told by its journal."""

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    status: str
    flags: Sequence[str]
    outputs: Json
    error: Json
    objectives: Sequence[Mapping[str, Json]]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as a list shows it, without what may be large."""

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    status: str
    flags: Sequence[str]
    error_type: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """A run as other runs are told of it."""

    id: UUID
    status: str
    commit_sha: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs a page is of. `namespaces` are those that may be seen; None is every one."""

    namespaces: Sequence[str] | None = None
    workflow: str | None = None
    status: str | None = None


async def freeze(connection: Connection) -> None:
    """Let the caller's transaction, which has just begun, read the state of one instant."""
    await connection.execute(_FREEZE)


async def triggers(connection: Connection, digests: Iterable[str]) -> dict[str, Json]:
    """Return the triggers of plans as their JSON has them, by digest."""
    cursor = await connection.execute(_TRIGGERS, {"digests": Texts(list(digests))})
    return dict(await cursor.fetchall())


async def namespaces(connection: Connection) -> list[str]:
    """Return every namespace that a source or a run is in."""
    cursor = await connection.execute(_NAMESPACES)
    return sorted(row[0] for row in await cursor.fetchall())


async def run(connection: Connection, identity: UUID) -> RunRow | None:
    """Return a run, or None."""
    async with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(_RUN, {"id": identity})
        return await cursor.fetchone()


async def runs(
    connection: Connection, wanted: Wanted, before: UUID | None, limit: int
) -> list[RunLine]:
    """Return up to `limit` runs that began before the run `before`, newest first.

    With a workflow, one look per namespace: its index is by namespace, workflow and id.
    """
    told: dict[str, object] = {"before": before or _LAST, "status": wanted.status, "limit": limit}
    status: LiteralString = _OF_STATUS if wanted.status is not None else ""
    if wanted.workflow is None:
        where: LiteralString = _OF_NAMESPACES if wanted.namespaces is not None else ""
        told["namespaces"] = list(wanted.namespaces or ())
        return await _lines(connection, _PAGE + where + status + _NEWEST, told)
    found: list[RunLine] = []
    for namespace in wanted.namespaces if wanted.namespaces is not None else ():
        one = {**told, "namespace": namespace, "workflow": wanted.workflow}
        found += await _lines(connection, _PAGE + _OF_WORKFLOW + status + _NEWEST, one)
    return sorted(found, key=lambda line: line.id, reverse=True)[:limit]


async def past(
    connection: Connection, run: UUID, workflow: str, status: str | None,
    within: timedelta | None, limit: int,
) -> list[Past]:  # fmt: skip
    """Return up to `limit` runs of a workflow in the namespace of `run`, newest first.

    `within` is how long ago they were made at most; `run` itself is none of them.
    """
    values = {"run": run, "workflow": workflow, "status": status, "within": within, "limit": limit}
    async with connection.cursor(row_factory=class_row(Past)) as cursor:
        await cursor.execute(_PAST, values)
        return await cursor.fetchall()


async def _lines(
    connection: Connection, statement: LiteralString, told: Mapping[str, object]
) -> list[RunLine]:
    async with connection.cursor(row_factory=class_row(RunLine)) as cursor:
        await cursor.execute(statement, told)
        return await cursor.fetchall()
