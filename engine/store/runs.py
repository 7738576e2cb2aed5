"""The rows of runs as others than their owner write them: started in groups, cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from engine.core.values import Json, canonical
from engine.store.arrays import Jsons, Smalls, Texts, Uuids
from engine.store.pool import Connection

# How long a run of one priority waits before a new one of the next has no lead over it.
AGEING = timedelta(minutes=1)

_INSERT: LiteralString = """
    INSERT INTO runs (id, namespace, workflow, source, commit_sha, plan, trigger, inputs,
                      idempotency_key, pool, priority, due_at)
    SELECT new.*, now() - new.priority * %(ageing)s
      FROM unnest(%(ids)s, %(namespaces)s, %(workflows)s, %(sources)s, %(commits)s, %(plans)s,
                  %(triggers)s, %(inputs)s, %(keys)s, %(pools)s, %(priorities)s)
        AS new (id, namespace, workflow, source, commit_sha, plan, trigger, inputs, key, pool,
                priority)
    ON CONFLICT (namespace, workflow, idempotency_key) WHERE idempotency_key IS NOT NULL
    DO NOTHING
    RETURNING id
"""
_BY_KEY: LiteralString = """
    SELECT id, inputs FROM runs
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND idempotency_key = %(key)s
"""
_CANCEL: LiteralString = """
    UPDATE runs SET cancel = %(cancel)s::json, wake_at = NULL, due_at = least(due_at, now())
     WHERE id = %(id)s AND ended_at IS NULL AND cancel IS NULL
    RETURNING owner, pool
"""
_CANCELLED: LiteralString = """
    SELECT id, cancel FROM runs WHERE owner = %(owner)s AND cancel IS NOT NULL
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
    """Start runs, in the caller's transaction; return the ids of those whose key was not taken.

    They go in the order of their keys, so that two callers with the same keys wait for each
    other and never for ever.
    """
    told = sorted(new, key=_lock_order)
    cursor = await connection.execute(
        _INSERT,
        {
            "ageing": AGEING,
            "ids": Uuids([run.id for run in told]),
            "namespaces": Texts([run.namespace for run in told]),
            "workflows": Texts([run.workflow for run in told]),
            "sources": Texts([run.source for run in told]),
            "commits": Texts([run.commit for run in told]),
            "plans": Texts([run.plan for run in told]),
            "triggers": Jsons([canonical(run.trigger) for run in told]),
            "inputs": Jsons([canonical(run.inputs) for run in told]),
            "keys": Texts([run.idempotency_key for run in told]),
            "pools": Texts([run.pool for run in told]),
            "priorities": Smalls([run.priority for run in told]),
        },
    )
    return frozenset(row[0] for row in await cursor.fetchall())


def _lock_order(run: NewRun) -> tuple[str, str, str]:
    return (run.namespace, run.workflow, run.idempotency_key or "")


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
