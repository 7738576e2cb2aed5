"""The workers: who owns runs, who has died, and the fence between the two.

A worker is a session that holds its lock. PostgreSQL lets go of the lock when the session has
ended, the commit that it had under way included, so whoever gets the lock of a worker knows that
nothing of it can come any more. Only then do its runs go to others.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.store import handouts, line
from engine.store.handouts import NOTHING, Served
from engine.store.pool import OWNER, Connection, demand_session

# The first key of every worker's advisory lock; the second is its id, modulo 2^31.
_SPACE = 7318

_REGISTER: LiteralString = """
    INSERT INTO workers (pool, host, pid, backend, serves, labels)
    VALUES (%(pool)s, %(host)s, %(pid)s, pg_backend_pid(), %(pools)s, %(labels)s) RETURNING id
"""
_LOCK: LiteralString = "SELECT pg_advisory_lock(%(space)s, (%(id)s %% 2147483647)::int)"
# The statement's snapshot of `workers` is older than its look at the locks. A worker's row is
# published with its lock already held, so one that is seen without its lock has died. So has one
# that has handouts and no row: a program that knew of none has buried it.
_SUSPECTS: LiteralString = """
    SELECT id, NOT EXISTS (
               SELECT FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND classid = %(space)s::oid
                  AND objid = (workers.id %% 2147483647)::oid AND objsubid = 2
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           ) AS dead,
           beat_at < now() - %(lease)s AS silent
      FROM workers WHERE id <> %(me)s
    UNION ALL
    SELECT DISTINCT worker, true, false FROM handouts
     WHERE worker <> %(me)s AND NOT EXISTS (SELECT FROM workers WHERE id = worker)
"""
# One look at all that a worker asks about again and again.
_BEAT: LiteralString = "".join(
    (
        """
    UPDATE workers SET beat_at = now() WHERE id = %(me)s
    RETURNING
        beat_at AS at,
""",
        line.CLAIMABLE,
        """ AS claimable,
        EXISTS (SELECT FROM runs WHERE owner = workers.id AND cancel IS NOT NULL)
            OR EXISTS (SELECT FROM runs WHERE owner = workers.id AND unheard > 0) AS told,
""",
        line.COMING,
        " AS coming,",
        handouts.OFFERED,
        " AS offered,",
        handouts.IN_VAIN,
        " AS in_vain,",
        handouts.LATE,
        " AS late, EXISTS (SELECT FROM (",
        _SUSPECTS,
        ") AS each WHERE dead OR silent) AS suspicious",
    )
)
_TERMINATE: LiteralString = """
    SELECT pg_terminate_backend(activity.pid, 1000)
      FROM workers JOIN pg_stat_activity AS activity
        ON activity.pid = workers.backend AND backend_start <= workers.started_at
       AND application_name = %(name)s AND datname = current_database()
     WHERE id = ANY(%(silent)s)
"""
_FENCE: LiteralString = """
    SELECT pg_advisory_xact_lock(%(space)s, (id %% 2147483647)::int)
      FROM unnest(%(dead)s::bigint[]) AS id
"""
# PostgreSQL has ended the sessions of all that came before it started, or began anew after a crash
# of one of its processes: then its checkpointer is a new one too. Whom it lets not see that, sees
# the start alone.
_DELETE: LiteralString = """
    DELETE FROM workers WHERE id = ANY(%(dead)s)
    RETURNING id, started_at < greatest(
        pg_postmaster_start_time(),
        (SELECT max(backend_start) FROM pg_stat_activity WHERE backend_type = 'checkpointer'))
"""
_ORPHAN: LiteralString = """
    UPDATE runs SET owner = NULL, lost = true, suspect = owner <> ALL(%(severed)s), wake_at = NULL,
           due_at = created_at
     WHERE owner = ANY(%(dead)s)
"""
_LIVING: LiteralString = """
    SELECT host || ', process ' || pid FROM workers
     WHERE EXISTS (SELECT FROM pg_locks
                    WHERE locktype = 'advisory' AND granted AND classid = %(space)s::oid
                      AND objid = (workers.id %% 2147483647)::oid AND objsubid = 2
                      AND database = (SELECT oid FROM pg_database
                                       WHERE datname = current_database()))
     ORDER BY id
"""
_LISTED: LiteralString = """
    SELECT id, pool, host, workers.pid, beat_at, serves, labels FROM workers JOIN pg_locks
        ON locktype = 'advisory' AND granted AND classid = %(space)s::oid
       AND objid = (workers.id %% 2147483647)::oid AND objsubid = 2
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     WHERE beat_at >= now() - %(lease)s ORDER BY id
"""


@frozen
class Listed:
    """A worker as people see it: whose runs it owns, "" for nobody's, and which pools it serves.

    `serves` is None for every pool, `labels` for any.
    """

    id: int
    pool: str
    host: str
    pid: int
    beat_at: datetime
    serves: Sequence[str] | None
    labels: Mapping[str, str] | None


@frozen
class Beat:
    """What a worker hears when it says that it lives: whether there is something to do.

    `at` is when it said so, by the clock of PostgreSQL; `coming` are fiftieths of a second from
    then on after which runs that nobody owns are due. Of pools: what is `offered` is not taken
    yet, what is done `in_vain` nobody waits for, and what is `late` nobody has taken in time.
    It is `suspicious` where others are perhaps dead or silent: see `suspects`.
    """

    at: datetime
    claimable: bool
    told: bool
    coming: Sequence[int]
    offered: bool
    in_vain: bool
    late: bool
    suspicious: bool


async def register(
    connection: Connection, pool: str, host: str, pid: int, served: Served = NOTHING
) -> int:
    """Become a worker on this connection, and hold its lock as long as the connection lives.

    It owns runs of `pool`, and makes what is `served`. The row appears with its lock already
    held, so nobody takes a newcomer for dead. Raise Misconfigured where the connection has no
    session of its own.
    """
    await demand_session(connection)
    values = {"pool": pool, "host": host, "pid": pid, **served.values()}
    async with connection.transaction():
        row = await (await connection.execute(_REGISTER, values)).fetchone()
        assert row is not None
        await connection.execute(_LOCK, {"space": _SPACE, "id": row[0]})
    return int(row[0])


async def listed(connection: Connection, lease: timedelta) -> list[Listed]:
    """Return the workers that live, and have said so within a lease, the oldest first."""
    async with connection.cursor(row_factory=class_row(Listed)) as cursor:
        await cursor.execute(_LISTED, {"space": _SPACE, "lease": lease})
        return await cursor.fetchall()


async def living(connection: Connection) -> list[str]:
    """Return host and process of each worker that is connected just now, the oldest first."""
    found = await connection.execute(_LIVING, {"space": _SPACE})
    return [row[0] for row in await found.fetchall()]


async def beat(
    connection: Connection, worker: int, ahead: timedelta, lease: timedelta
) -> Beat | None:
    """Say that the worker lives, and hear what comes due in the span `ahead`; None if others have
    declared it dead. One statement, for it is asked all the time.
    """
    async with connection.cursor(row_factory=class_row(Beat)) as cursor:
        values = {"me": worker, "space": _SPACE, "ahead": ahead, "lease": lease}
        await cursor.execute(_BEAT, values)
        return await cursor.fetchone()


async def suspects(
    connection: Connection, me: int, lease: timedelta
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the workers that have died, and those silent beyond the lease though connected."""
    cursor = await connection.execute(_SUSPECTS, {"space": _SPACE, "me": me, "lease": lease})
    rows = await cursor.fetchall()
    dead = [worker for worker, is_dead, _ in rows if is_dead]
    return dead, [worker for worker, is_dead, is_silent in rows if is_silent and not is_dead]


async def terminate(connection: Connection, silent: Sequence[int]) -> None:
    """End the connections of workers, with which their locks go; wait a second at most for each."""
    await connection.execute(_TERMINATE, {"silent": list(silent), "name": f"sark-{OWNER}"})


async def bury(connection: Connection, dead: Sequence[int]) -> list[int]:
    """Delete dead workers and make their runs claimable, marked as lost; return whom.

    The runs of attempts that they had taken hear of that. Nothing is suspect that was lost with
    PostgreSQL itself.

    It waits for the end of their sessions, and so for the commit that one may have under way:
    what that wrote counts, and nothing of it comes later. In the caller's transaction.
    """
    told = sorted(dead)
    await connection.execute(_FENCE, {"space": _SPACE, "dead": told})
    cursor = await connection.execute(_DELETE, {"dead": told})
    found = await cursor.fetchall()
    buried, severed = [row[0] for row in found], [row[0] for row in found if row[1]]
    if buried:
        await connection.execute(_ORPHAN, {"dead": buried, "severed": severed})
    await handouts.orphan(connection, told, severed)
    return buried
