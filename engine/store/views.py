"""What the edge reads: runs by page and by id, and the triggers of plans."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core import ids
from engine.core.frozen import frozen
from engine.core.state import ENDED, RunStatus
from engine.core.values import Json
from engine.store.arrays import Texts, Uuids
from engine.store.pool import Connection

_FREEZE: LiteralString = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_TRIGGERS: LiteralString = """
    SELECT digest, coalesce(body->'triggers', '[]') FROM plans WHERE digest = ANY(%(digests)s)
"""
# As the indexes have them, which know runs that have ended and others.
_NAMESPACES: LiteralString = """
    WITH RECURSIVE known AS (
        SELECT least((SELECT min(namespace) FROM runs WHERE ended_at IS NULL),
                     (SELECT min(namespace) FROM runs WHERE ended_at IS NOT NULL)) AS namespace
        UNION ALL
        SELECT least((SELECT min(namespace) FROM runs
                       WHERE ended_at IS NULL AND namespace > known.namespace),
                     (SELECT min(namespace) FROM runs
                       WHERE ended_at IS NOT NULL AND namespace > known.namespace))
          FROM known WHERE known.namespace IS NOT NULL
    )
    SELECT namespace FROM known WHERE namespace IS NOT NULL
    UNION SELECT namespace FROM sources
"""
_OLDEST: LiteralString = "SELECT created_at FROM runs ORDER BY id LIMIT 1"
_RUN: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, trigger, inputs, status, flags, outputs,
           error, coalesce(objectives, '[]') AS objectives, created_at, started_at, ended_at
      FROM runs WHERE id = %(id)s
"""
# Of each namespace and each status a page at most: as the indexes have it, newest first.
_EACH: LiteralString = """
    SELECT newest.id
      FROM unnest(%(namespaces)s) AS seen (namespace), unnest(%(statuses)s) AS asked (status),
           LATERAL (SELECT id FROM runs
                     WHERE runs.namespace = seen.namespace AND runs.status = asked.status
                       AND id < %(before)s AND id >= %(since)s
"""
_LIVE: LiteralString = " AND ended_at IS NULL"
_ENDED: LiteralString = " AND ended_at IS NOT NULL"
_OF_WORKFLOW: LiteralString = " AND workflow = %(workflow)s"
_PAGE: LiteralString = " ORDER BY id DESC LIMIT %(limit)s) AS newest"
_BOTH: LiteralString = " UNION ALL "
_NEWEST: LiteralString = " ORDER BY id DESC LIMIT %(limit)s"
# PostgreSQL cannot look into JSON that holds an escaped NUL anywhere.
_LINES: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, status, flags,
           replace(error::text, '\\u0000', '\\ufffd')::json->>'type' AS error_type,
           created_at, started_at, ended_at
      FROM runs WHERE id = ANY(%(ids)s) ORDER BY id DESC
"""
_PAST: LiteralString = """
    SELECT id, status, commit_sha, created_at, ended_at FROM runs
     WHERE id = ANY(%(ids)s) AND id <> %(run)s
       AND (%(within)s::interval IS NULL OR created_at >= now() - %(within)s::interval)
     ORDER BY id DESC LIMIT %(limit)s
"""
_NAMESPACE: LiteralString = "SELECT namespace FROM runs WHERE id = %(run)s"
_FIRST, _LAST = UUID(int=0), UUID(int=(1 << 128) - 1)
# What the clock that made an id and that of PostgreSQL may be apart, at most.
_CLOCKS_APART = timedelta(days=1)


@frozen
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


@frozen
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


@frozen
class Past:
    """A run as other runs are told of it."""

    id: UUID
    status: str
    commit_sha: str
    created_at: datetime
    ended_at: datetime | None


@frozen
class Wanted:
    """Which runs a page is of. `namespaces` are those that may be seen."""

    namespaces: Sequence[str]
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


async def oldest(connection: Connection) -> datetime | None:
    """Return when the oldest run was made, or None without any."""
    row = await (await connection.execute(_OLDEST)).fetchone()
    return None if row is None else row[0]


async def run(connection: Connection, identity: UUID) -> RunRow | None:
    """Return a run, or None."""
    async with connection.cursor(row_factory=class_row(RunRow)) as cursor:
        await cursor.execute(_RUN, {"id": identity})
        return await cursor.fetchone()


async def runs(
    connection: Connection, wanted: Wanted, before: UUID | None, limit: int
) -> list[RunLine]:
    """Return up to `limit` runs that began before the run `before`, newest first."""
    found = await _newest(connection, wanted, before or _LAST, _FIRST, limit)
    async with connection.cursor(row_factory=class_row(RunLine)) as cursor:
        await cursor.execute(_LINES, {"ids": Uuids(found)})
        return await cursor.fetchall()


async def past(
    connection: Connection, run: UUID, workflow: str, status: str | None,
    within: timedelta | None, limit: int,
) -> list[Past]:  # fmt: skip
    """Return up to `limit` runs of a workflow in the namespace of `run`, newest first.

    `within` is how long ago they were made at most; `run` itself is none of them.
    """
    row = await (await connection.execute(_NAMESPACE, {"run": run})).fetchone()
    if row is None:
        return []
    since = _FIRST if within is None else ids.first(datetime.now(UTC) - within - _CLOCKS_APART)
    wanted = Wanted((row[0],), workflow, status)
    found = await _newest(connection, wanted, _LAST, since, limit + 1)
    values = {"ids": Uuids(found), "run": run, "within": within, "limit": limit}
    async with connection.cursor(row_factory=class_row(Past)) as cursor:
        await cursor.execute(_PAST, values)
        return await cursor.fetchall()


async def _newest(
    connection: Connection, wanted: Wanted, before: UUID, since: UUID, limit: int
) -> list[UUID]:
    """Return the ids of the newest runs in a range of ids, newest first."""
    asked = [each.value for each in RunStatus] if wanted.status is None else [wanted.status]
    values = {
        "namespaces": Texts(wanted.namespaces), "statuses": Texts(asked),
        "workflow": wanted.workflow, "before": before, "since": since, "limit": limit,
    }  # fmt: skip
    page: LiteralString = _PAGE if wanted.workflow is None else _OF_WORKFLOW + _PAGE
    live: LiteralString = _EACH + _LIVE + page
    ended: LiteralString = _EACH + _ENDED + page
    statement: LiteralString = live + _BOTH + ended
    if wanted.status is not None:
        statement = ended if wanted.status in ENDED else live
    cursor = await connection.execute(statement + _NEWEST, values)
    return [row[0] for row in await cursor.fetchall()]
