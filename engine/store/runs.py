"""The rows of runs as others than their owner write them: started in groups, cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from engine.core.values import Json, canonical
from engine.store.arrays import Jsons, Smalls, Texts, Uuids
from engine.store.pool import Connection

_INSERT: LiteralString = """
    INSERT INTO runs (id, namespace, workflow, source, commit_sha, plan, trigger, inputs,
                      idempotency_key, pool, priority)
    SELECT * FROM unnest(%(ids)s, %(namespaces)s, %(workflows)s,
        %(sources)s, %(commits)s, %(plans)s, %(triggers)s,
        %(inputs)s, %(keys)s, %(pools)s, %(priorities)s)
    ON CONFLICT (namespace, workflow, idempotency_key) WHERE idempotency_key IS NOT NULL
    DO NOTHING
    RETURNING id
"""
_BY_KEY: LiteralString = """
    SELECT id, inputs FROM runs
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND idempotency_key = %(key)s
"""
_CANCEL: LiteralString = """
    UPDATE runs
       SET cancel = %(cancel)s::json, wake_at = NULL,
           status = CASE WHEN status = 'queued' THEN status ELSE 'cancelling' END
     WHERE id = %(id)s AND ended_at IS NULL AND cancel IS NULL
    RETURNING owner, pool
"""
_CANCELLED: LiteralString = """
    SELECT id, cancel FROM runs
     WHERE owner = %(owner)s AND id = ANY(%(ids)s) AND cancel IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be started. `id` is a UUIDv7, so that runs sort by their start."""

    id: UUID
    namespace: str
    workflow: str
    source: str
    commit: str
    plan: str
    trigger: Json
    inputs: Json
    idempotency_key: str | None = None
    pool: str = "default"
    priority: int = 1


async def insert(connection: Connection, new: Sequence[NewRun]) -> frozenset[UUID]:
    """Start runs, in the caller's transaction; return the ids of those whose key was not taken."""
    cursor = await connection.execute(
        _INSERT,
        {
            "ids": Uuids([run.id for run in new]),
            "namespaces": Texts([run.namespace for run in new]),
            "workflows": Texts([run.workflow for run in new]),
            "sources": Texts([run.source for run in new]),
            "commits": Texts([run.commit for run in new]),
            "plans": Texts([run.plan for run in new]),
            "triggers": Jsons([canonical(run.trigger) for run in new]),
            "inputs": Jsons([canonical(run.inputs) for run in new]),
            "keys": Texts([run.idempotency_key for run in new]),
            "pools": Texts([run.pool for run in new]),
            "priorities": Smalls([run.priority for run in new]),
        },
    )
    return frozenset(row[0] for row in await cursor.fetchall())


async def by_key(
    connection: Connection, namespace: str, workflow: str, key: str
) -> tuple[UUID, Json] | None:
    """Return the run that was started under an idempotency key, and its inputs."""
    found = await connection.execute(
        _BY_KEY, {"namespace": namespace, "workflow": workflow, "key": key}
    )
    row = await found.fetchone()
    return None if row is None else (row[0], row[1])


async def cancel(connection: Connection, run: UUID, reason: Json) -> tuple[int | None, str] | None:
    """Ask a run to end; return its owner and pool, or None if it has ended or was asked before."""
    found = await connection.execute(_CANCEL, {"id": run, "cancel": canonical(reason).decode()})
    row = await found.fetchone()
    return None if row is None else (row[0], row[1])


async def cancelled(
    connection: Connection, owner: int, runs: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return which of the owner's runs somebody wants to end, and who and why."""
    found = await connection.execute(_CANCELLED, {"owner": owner, "ids": Uuids(runs)})
    return dict(await found.fetchall())
