"""Runs that have ended, as a review plays them again: which there are, and what they take."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.state import ENDED
from engine.core.values import Json
from engine.store.arrays import Texts, Uuids
from engine.store.pool import Connection

# A page at most of each workflow and status, as the index has them, newest first.
_NEWEST: LiteralString = """
    SELECT workflow, id, plan FROM (
        SELECT newest.*, row_number() OVER (PARTITION BY workflow ORDER BY id DESC) AS place
          FROM unnest(%(workflows)s) AS asked (name), unnest(%(statuses)s) AS ended (status),
               LATERAL (SELECT workflow, id, plan FROM runs
                         WHERE namespace = %(namespace)s AND workflow = asked.name
                           AND runs.status = ended.status
                           AND ended_at IS NOT NULL AND started_at IS NOT NULL
                         ORDER BY id DESC LIMIT %(last)s) AS newest
    ) AS found
     WHERE place <= %(last)s ORDER BY workflow, id DESC
"""
_EXTENTS: LiteralString = """
    SELECT runs.id, coalesce(rows, 0),
           coalesce(bytes, 0) + octet_length(trigger::text) + octet_length(inputs::text)
      FROM runs
      LEFT JOIN (SELECT run_id, count(*) AS rows, sum(octet_length(data::text))::bigint AS bytes
                   FROM journal WHERE run_id = ANY(%(runs)s) GROUP BY run_id) AS told
             ON run_id = runs.id
     WHERE runs.id = ANY(%(runs)s)
"""
_WEIGHTS: LiteralString = """
    SELECT digest, octet_length(body::text) FROM plans WHERE digest = ANY(%(digests)s)
"""
_HEADERS: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, trigger, inputs, created_at, started_at
      FROM runs WHERE id = ANY(%(runs)s) ORDER BY id DESC
"""


@frozen
class Found:
    """A run that has ended."""

    workflow: str
    id: UUID
    plan: str


@frozen
class HeaderRow:
    """What was known of a run when it began."""

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: dict[str, Json]
    created_at: datetime
    started_at: datetime


async def newest(
    connection: Connection, namespace: str, workflows: Sequence[str], last: int
) -> list[Found]:
    """Return up to `last` runs of each workflow that have begun and ended, newest first."""
    values = {
        "namespace": namespace, "workflows": Texts(workflows), "last": last,
        "statuses": Texts(sorted(ENDED)),
    }  # fmt: skip
    async with connection.cursor(row_factory=class_row(Found)) as cursor:
        await cursor.execute(_NEWEST, values)
        return await cursor.fetchall()


async def extents(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return how many rows the journals of runs have, and their bytes with those of the header."""
    found = await connection.execute(_EXTENTS, {"runs": Uuids(runs)})
    return {run: (rows, size) for run, rows, size in await found.fetchall()}


async def weights(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    """Return how many bytes plans have."""
    found = await connection.execute(_WEIGHTS, {"digests": Texts(digests)})
    return dict(await found.fetchall())


async def headers(connection: Connection, runs: Sequence[UUID]) -> list[HeaderRow]:
    """Return the headers of runs, newest first."""
    async with connection.cursor(row_factory=class_row(HeaderRow)) as cursor:
        await cursor.execute(_HEADERS, {"runs": Uuids(runs)})
        return await cursor.fetchall()
