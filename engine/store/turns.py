"""One turn of an owner: everything that it has to write, and its claim, in one statement.

The statement is one transaction and one round trip. Its first part is the fence: it locks the
worker's row, and every other part is joined to it, so a worker that was declared dead writes
nothing and learns it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from engine.core.event import Row
from engine.core.values import Json, canonical
from engine.store.arrays import Instants, Ints, Jsons, Texts, Uuids
from engine.store.pool import Connection

_FENCE: LiteralString = """
    WITH fence AS (SELECT id FROM workers WHERE id = %(owner)s FOR SHARE)
"""
_APPEND: LiteralString = """
    , appended AS (
        INSERT INTO journal (run_id, seq, at, kind, path, attempt, data)
        SELECT new.* FROM fence, unnest(%(runs)s, %(seqs)s, %(ats)s, %(kinds)s, %(paths)s,
                                        %(attempts)s, %(data)s) AS new
    )
"""
_CHANGE: LiteralString = """
    , changed AS (
        UPDATE runs SET status = new.status, flags = new.flags::text[], outputs = new.outputs,
               error = new.error, wake_at = new.wake_at, ended_at = new.ended_at, owner = NULL
          FROM fence, unnest(%(ids)s, %(statuses)s, %(flags)s, %(outputs)s, %(errors)s, %(wakes)s,
                             %(ends)s)
            AS new (id, status, flags, outputs, error, wake_at, ended_at)
         WHERE runs.id = new.id AND runs.owner = fence.id
    )
"""
_CLAIM: LiteralString = """
    , ready AS (
        SELECT id, lost FROM runs
         WHERE owner IS NULL AND ended_at IS NULL AND wake_at IS NULL AND pool = %(pool)s
         ORDER BY priority DESC, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), due AS (
        SELECT id, lost FROM runs
         WHERE owner IS NULL AND ended_at IS NULL AND wake_at <= now() AND pool = %(pool)s
         ORDER BY wake_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), mine AS (SELECT * FROM ready UNION ALL SELECT * FROM due),
    claimed AS (
        UPDATE runs SET owner = fence.id, wake_at = NULL, lost = false,
               status = CASE WHEN cancel IS NULL THEN 'running' ELSE 'cancelling' END,
               started_at = coalesce(started_at, %(now)s)
          FROM fence, mine
         WHERE runs.id = mine.id
        RETURNING runs.id, namespace, workflow, commit_sha, plan, trigger, inputs, cancel,
                  created_at, started_at, mine.lost, started_at < %(now)s AS resumed
    )
"""
_TAKEN: LiteralString = "SELECT claimed.* FROM fence LEFT JOIN claimed ON true"
_HELD: LiteralString = "SELECT NULL FROM fence"


class Fenced(Exception):
    """The worker was declared dead: it wrote nothing, and owns nothing any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """A run that ends or parks: its row, and nobody owns it from then on."""

    id: UUID
    status: str
    flags: tuple[str, ...]
    outputs: Json
    error: Json
    wake_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Room for up to `limit` runs of a pool."""

    pool: str
    limit: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run that this owner now has. `lost`: the owner before died; `resumed`: it has begun."""

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    cancel: Mapping[str, str] | None
    created_at: datetime
    started_at: datetime
    lost: bool
    resumed: bool


async def write(
    connection: Connection, owner: int, rows: Sequence[tuple[UUID, Row]],
    changes: Sequence[Change], claim: Claim | None,
) -> list[Claimed]:  # fmt: skip
    """Commit a turn; return the runs that it claimed. Raise Fenced if the worker is dead."""
    statement: LiteralString = _FENCE
    values: dict[str, Any] = {"owner": owner}
    if rows:
        statement += _APPEND
        values |= _appended(rows)
    if changes:
        statement += _CHANGE
        values |= _changed(changes)
    if claim is not None:
        statement += _CLAIM
        values |= {"pool": claim.pool, "limit": claim.limit, "now": claim.now}
    statement += _HELD if claim is None else _TAKEN
    cursor = await connection.execute(statement, values, prepare=True)
    answer = await cursor.fetchall()
    if not answer:
        raise Fenced(f"worker {owner} was declared dead")
    return [Claimed(*row) for row in answer if row[0] is not None]


def _appended(rows: Sequence[tuple[UUID, Row]]) -> dict[str, Any]:
    told = [row for _, row in rows]
    return {
        "runs": Uuids([run for run, _ in rows]),
        "seqs": Ints([row.seq for row in told]),
        "ats": Instants([row.at for row in told]),
        "kinds": Texts([row.kind for row in told]),
        "paths": Texts([row.path for row in told]),
        "attempts": Ints([row.attempt for row in told]),
        "data": Jsons([canonical(row.data) for row in told]),
    }


def _changed(changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "ids": Uuids([each.id for each in changes]),
        "statuses": Texts([each.status for each in changes]),
        "flags": Texts(["{" + ",".join(each.flags) + "}" for each in changes]),
        "outputs": Jsons([_optional(each.outputs) for each in changes]),
        "errors": Jsons([_optional(each.error) for each in changes]),
        "wakes": Instants([each.wake_at for each in changes]),
        "ends": Instants([each.ended_at for each in changes]),
    }


def _optional(value: Json) -> bytes | None:
    return None if value is None else canonical(value)
