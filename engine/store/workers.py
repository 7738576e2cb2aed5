"""The workers: who owns runs, who has died, and the fence between the two."""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString

from engine.store.pool import Connection

# The first key of every worker's advisory lock; the second is its id, modulo 2^31.
_SPACE = 7318

# A turn's statement costs more to plan than to run; its plan is the same for any values.
_PLAN_ONCE: LiteralString = "SET plan_cache_mode = force_generic_plan"
_REGISTER: LiteralString = """
    INSERT INTO workers (pool, host, pid, backend)
    VALUES (%(pool)s, %(host)s, %(pid)s, pg_backend_pid()) RETURNING id
"""
_LOCK: LiteralString = "SELECT pg_advisory_lock(%(space)s, (%(id)s %% 2147483647)::int)"
_BEAT: LiteralString = "UPDATE workers SET beat_at = now() WHERE id = %(id)s"
_LEAVE: LiteralString = "DELETE FROM workers WHERE id = %(id)s"
_SILENT: LiteralString = """
    SELECT pg_terminate_backend(backend) FROM workers
     WHERE beat_at < now() - %(lease)s AND id <> %(me)s
       AND EXISTS (SELECT FROM pg_stat_activity
                    WHERE pid = backend AND application_name = 'sark-owner')
"""
_DEAD: LiteralString = """
    DELETE FROM workers
     WHERE id IN (SELECT id FROM workers
                   WHERE id <> %(me)s AND id <> ALL(%(alive)s) FOR UPDATE SKIP LOCKED)
    RETURNING id
"""
_LOCKED: LiteralString = """
    SELECT workers.id FROM workers JOIN pg_locks
        ON locktype = 'advisory' AND classid = %(space)s AND objsubid = 2 AND granted
       AND objid = (workers.id %% 2147483647)::int
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_ORPHAN: LiteralString = """
    UPDATE runs SET owner = NULL, lost = true, wake_at = NULL
     WHERE owner = ANY(%(dead)s) AND ended_at IS NULL
"""
_STRAYS: LiteralString = """
    UPDATE runs SET owner = NULL, lost = true, wake_at = NULL
     WHERE owner IS NOT NULL AND NOT EXISTS (SELECT FROM workers WHERE id = runs.owner)
"""


async def register(connection: Connection, pool: str, host: str, pid: int) -> int:
    """Become a worker on this connection, and hold its lock as long as the connection lives.

    The row appears with its lock already held, so nobody takes a newcomer for dead.
    """
    await connection.execute(_PLAN_ONCE)
    async with connection.transaction():
        row = await (
            await connection.execute(_REGISTER, {"pool": pool, "host": host, "pid": pid})
        ).fetchone()
        assert row is not None
        await connection.execute(_LOCK, {"space": _SPACE, "id": row[0]})
    return int(row[0])


async def beat(connection: Connection, worker: int) -> None:
    """Say that the worker lives."""
    await connection.execute(_BEAT, {"id": worker})


async def leave(connection: Connection, worker: int) -> None:
    """End a worker in order; what it still owns is found by the next sweep."""
    await connection.execute(_LEAVE, {"id": worker})


async def bury(connection: Connection, me: int, lease: timedelta) -> Sequence[int]:
    """Delete workers whose connection is gone, ending first those silent beyond the lease.

    Their runs become claimable, marked as lost. Return the ids. In the caller's transaction.
    """
    await connection.execute(_SILENT, {"lease": lease, "me": me})
    alive = [
        row[0] for row in await (await connection.execute(_LOCKED, {"space": _SPACE})).fetchall()
    ]
    cursor = await connection.execute(_DEAD, {"me": me, "alive": alive})
    dead = [row[0] for row in await cursor.fetchall()]
    if dead:
        await connection.execute(_ORPHAN, {"dead": dead})
    await connection.execute(_STRAYS)
    return dead
