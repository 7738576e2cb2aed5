"""Attempts that were handed out to the workers of pools: offered, taken, ended, each exactly once.

A row is there from the commit that journals the launch until the commit that tells its run what
became of it. Its `worker` is the fence: the id of a worker is never used again, so whoever has
lost a row finds it no more under its own. The row is the slot of its pool, too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import orjson
from psycopg.rows import class_row

from engine.core.event import Failed, Orphaned, Succeeded, to_row
from engine.core.frozen import frozen
from engine.core.priority import AGEING
from engine.core.values import Json
from engine.store import inbox
from engine.store.arrays import Array, Bigs, Ints, Jsons, Smalls, Texts, Uuids
from engine.store.pool import Connection

OFFER: LiteralString = """
    INSERT INTO handouts (run_id, path, attempt, namespace, plan, pool, labels, parallelism,
                          body, expires_at, place)
    SELECT run_id, path, attempt, new.namespace, new.plan, new.pool, labels::jsonb, parallelism,
           body, now() + patience * interval '1 ms',
           now() - coalesce(level, priority) * %(ageing)s::interval
      FROM unnest(%(h_runs)s, %(h_paths)s, %(h_attempts)s, %(h_namespaces)s, %(h_plans)s,
                  %(h_pools)s, %(h_labels)s, %(h_parallelisms)s, %(h_bodies)s, %(h_patiences)s,
                  %(h_levels)s)
        AS new (run_id, path, attempt, namespace, plan, pool, labels, parallelism, body, patience,
                level)
      JOIN runs ON runs.id = run_id
    ON CONFLICT DO NOTHING
"""
REVOKE: LiteralString = """
    UPDATE handouts SET revoked = true
      FROM unnest(%(r_runs)s, %(r_paths)s, %(r_attempts)s) AS old (run_id, path, attempt)
     WHERE handouts.run_id = old.run_id AND handouts.path = old.path
       AND handouts.attempt = old.attempt
"""
KINDS: dict[str, type[Array]] = {
    "h_runs": Uuids, "h_paths": Texts, "h_attempts": Ints, "h_namespaces": Texts, "h_plans": Texts,
    "h_pools": Texts, "h_labels": Jsons, "h_parallelisms": Ints, "h_bodies": Jsons,
    "h_patiences": Bigs, "h_levels": Smalls, "r_runs": Uuids, "r_paths": Texts, "r_attempts": Ints,
}  # fmt: skip
_OUT: LiteralString = """
    SELECT run_id, path, attempt FROM handouts WHERE run_id = ANY(%(runs)s) AND NOT revoked
    UNION ALL
    SELECT run_id, path, attempt FROM inbox WHERE run_id = ANY(%(runs)s) AND attempt > 0
"""
_HOLDERS: LiteralString = """
    SELECT DISTINCT worker FROM handouts
     WHERE run_id = ANY(%(runs)s) AND revoked AND worker IS NOT NULL
"""
_MINE: LiteralString = """
    (%(pools)s::text[] IS NULL OR pool = ANY(%(pools)s))
    AND (%(labels)s::jsonb IS NULL OR labels <@ %(labels)s)
    AND worker IS NULL AND NOT revoked AND expires_at > now() AND plan <> ALL(%(unreadable)s)
"""
_POOLS: LiteralString = "SELECT DISTINCT namespace, pool FROM handouts WHERE "
_WAITING: LiteralString = _POOLS + _MINE
# True if there may be something for the worker that is the row of `workers`.
OFFERED: LiteralString = """
    EXISTS (SELECT FROM handouts
             WHERE (workers.serves IS NULL OR handouts.pool = ANY(workers.serves))
               AND (workers.labels IS NULL OR handouts.labels <@ workers.labels)
               AND worker IS NULL AND NOT revoked AND expires_at > now())
"""
# True if the worker that is the row of `workers` works on something for nobody.
IN_VAIN: LiteralString = """
    EXISTS (SELECT FROM handouts WHERE handouts.worker = workers.id AND revoked)
"""
_IS_LATE: LiteralString = "worker IS NULL AND (expires_at <= now() OR revoked)"
# True if `expire` has something to end.
LATE: LiteralString = "".join(("EXISTS (SELECT FROM handouts WHERE ", _IS_LATE, ")"))
# Whoever takes from a pool does so alone, so that the slots of the pool are counted once.
_ALONE: LiteralString = """
    SELECT pg_advisory_xact_lock(7322, hashtext(%(namespace)s || '/' || %(pool)s))
"""
# A worker that was declared dead is not there any more, and takes nothing; one that is about to be
# is waited for, and then what it has taken is there to be seen.
_FREE: LiteralString = """
    WITH me AS MATERIALIZED (
        SELECT id FROM workers WHERE id = %(worker)s FOR KEY SHARE
    ), live AS (
        SELECT count(*) AS number FROM handouts
         WHERE pool = %(pool)s AND namespace = %(namespace)s AND worker IS NOT NULL
    ), due AS MATERIALIZED (
        SELECT id, place, parallelism FROM handouts
         WHERE pool = %(pool)s AND namespace = %(namespace)s AND"""
_PLACED: LiteralString = """
         ORDER BY place, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    ), placed AS (
        SELECT id, parallelism, row_number() OVER (ORDER BY place, id) AS number FROM due
    )
    UPDATE handouts SET worker = me.id, taken_at = now() FROM placed, live, me
     WHERE handouts.id = placed.id AND live.number + placed.number <= placed.parallelism
    RETURNING handouts.id, run_id, path, attempt, namespace, plan, handouts.pool, body,
              handed_at, taken_at
"""
_TAKE: LiteralString = _FREE + _MINE + _PLACED
_MARK: LiteralString = """
    UPDATE handouts SET marked = true
     WHERE id = ANY(%(ids)s) AND worker = %(worker)s AND NOT revoked RETURNING id
"""
_RELEASE: LiteralString = """
    UPDATE handouts SET worker = NULL, taken_at = NULL, marked = false
     WHERE id = ANY(%(ids)s) AND worker = %(worker)s
"""
_REVOKED: LiteralString = """
    SELECT id FROM handouts WHERE worker = %(worker)s AND revoked
"""
# The runs are locked before the rows, as an owner's turn does that revokes some of them.
_GONE: LiteralString = """
    WITH held AS MATERIALIZED (
        SELECT id FROM runs
         WHERE id IN (SELECT run_id FROM handouts
                       WHERE id = ANY(%(ids)s) AND worker IS NOT DISTINCT FROM %(worker)s)
         ORDER BY id FOR NO KEY UPDATE
    ), gone AS (
        DELETE FROM handouts
         USING unnest(%(ids)s, %(kinds)s, %(data)s) AS new (id, kind, data)
         WHERE handouts.id = new.id AND worker IS NOT DISTINCT FROM %(worker)s
           AND (SELECT count(*) FROM held) >= 0
        RETURNING handouts.id, run_id, path, attempt, revoked, kind, data
    ), told AS (
        INSERT INTO inbox (run_id, kind, path, attempt, key, data)
        SELECT run_id, kind, gone.path, attempt, attempt::text, data
          FROM gone JOIN runs ON runs.id = run_id AND ended_at IS NULL
         WHERE NOT revoked ORDER BY run_id
        ON CONFLICT DO NOTHING RETURNING run_id
    ),"""
_HEARD: LiteralString = """
    SELECT gone.id, heard.id IS NOT NULL AS is_told, owner, pool
      FROM gone LEFT JOIN heard ON heard.id = gone.run_id
"""
_END: LiteralString = _GONE + inbox.COUNT + _HEARD
_OFFERS: LiteralString = """
    SELECT id, path, attempt, pool,
           (extract(epoch FROM expires_at - handed_at) * 1000)::bigint AS patience
      FROM handouts WHERE """
_EXPIRED: LiteralString = _OFFERS + _IS_LATE + " ORDER BY expires_at LIMIT 1000"
_OF_THE_DEAD: LiteralString = """
    SELECT worker, id, path, attempt, marked FROM handouts
     WHERE worker = ANY(%(dead)s) ORDER BY id FOR UPDATE
"""
_OF_A_RUN: LiteralString = """
    SELECT path, attempt, pool, expires_at, worker FROM handouts
     WHERE run_id = %(run)s AND NOT revoked
"""
_UNSERVED: LiteralString = """
    SELECT namespace, pool, count(*) FROM handouts
     WHERE worker IS NULL AND NOT revoked
       AND NOT EXISTS (SELECT FROM workers
                        WHERE (serves IS NULL OR handouts.pool = ANY(serves))
                          AND (workers.labels IS NULL OR handouts.labels <@ workers.labels))
     GROUP BY namespace, pool ORDER BY namespace, pool
"""


@frozen
class Offer:
    """A row to be: an attempt for the workers of a pool that have `labels`.

    `patience` is how long it may wait to be taken. `level` is that of its step's `priority`, None
    where it goes by that of its run. `body` is as `engine.core.handout` packs it.
    """

    run: UUID
    path: str
    attempt: int
    namespace: str
    plan: str
    pool: str
    labels: Mapping[str, str]
    parallelism: int
    body: bytes
    patience: timedelta
    level: int | None = None


@frozen
class Handout:
    """A row as the worker has taken it."""

    id: int
    run_id: UUID
    path: str
    attempt: int
    namespace: str
    plan: str
    pool: str
    body: Mapping[str, Json]
    handed_at: datetime
    taken_at: datetime


@frozen
class Served:
    """What a worker takes: from these pools, of those that ask for no labels but these.

    None is every pool, and any labels.
    """

    pools: Sequence[str] | None = ()
    labels: Mapping[str, str] | None = None

    def values(self) -> dict[str, object]:
        """Return it as parameters of statements."""
        labels = None if self.labels is None else orjson.dumps(self.labels).decode()
        return {"pools": None if self.pools is None else list(self.pools), "labels": labels}


NOTHING = Served((), {})


@frozen
class Standing:
    """How an attempt of a run stands that is handed out; nobody has taken it without `worker`."""

    path: str
    attempt: int
    pool: str
    expires_at: datetime
    worker: int | None


@frozen
class Ended:
    """A row that is gone. `owner` and `pool` are those of its run, if that `is_told`."""

    id: int
    is_told: bool
    owner: int | None
    pool: str | None


def columns(offers: Sequence[Offer], revoked: Sequence[tuple[UUID, str, int]]) -> dict[str, object]:
    """Return the parameters of `OFFER` and of `REVOKE`."""
    return {
        "h_runs": Uuids([each.run for each in offers]),
        "h_paths": Texts([each.path for each in offers]),
        "h_attempts": Ints([each.attempt for each in offers]),
        "h_namespaces": Texts([each.namespace for each in offers]),
        "h_plans": Texts([each.plan for each in offers]),
        "h_pools": Texts([each.pool for each in offers]),
        "h_labels": Jsons([orjson.dumps(each.labels) for each in offers]),
        "h_parallelisms": Ints([each.parallelism for each in offers]),
        "h_bodies": Jsons([each.body for each in offers]),
        "h_patiences": Bigs([each.patience // timedelta(milliseconds=1) for each in offers]),
        "h_levels": Smalls([each.level for each in offers]),
        "ageing": AGEING,
        "r_runs": Uuids([run for run, _, _ in revoked]),
        "r_paths": Texts([path for _, path, _ in revoked]),
        "r_attempts": Ints([attempt for _, _, attempt in revoked]),
    }


async def out(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, set[tuple[str, int]]]:
    """Return path and attempt of what was handed out for runs and is not over, by run.

    What is over, and not yet heard by its run, counts too: it must not be offered again.
    """
    found: dict[UUID, set[tuple[str, int]]] = defaultdict(set)
    cursor = await connection.execute(_OUT, {"runs": Uuids(runs)})
    for run, path, attempt in await cursor.fetchall():
        found[run].add((path, attempt))
    return found


async def holders(connection: Connection, revoked: Sequence[tuple[UUID, str, int]]) -> list[int]:
    """Return the workers that work on what was revoked: run, path and attempt of each."""
    if not revoked:
        return []
    cursor = await connection.execute(_HOLDERS, {"runs": Uuids([run for run, _, _ in revoked])})
    return [row[0] for row in await cursor.fetchall()]


async def waiting(
    connection: Connection, served: Served, unreadable: Sequence[str]
) -> list[tuple[str, str]]:
    """Return namespace and name of the pools in which there is something to take."""
    values = {**served.values(), "unreadable": list(unreadable)}
    cursor = await connection.execute(_WAITING, values)
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def take(
    connection: Connection, worker: int, served: Served, unreadable: Sequence[str],
    place: tuple[str, str], limit: int,
) -> list[Handout]:  # fmt: skip
    """Take up to `limit` attempts of the pool at `place`, as far as the pool has free slots.

    `unreadable` are digests of plans that are left to others. In the caller's transaction.
    """
    values = {
        **served.values(), "unreadable": list(unreadable), "worker": worker, "limit": limit,
        "namespace": place[0], "pool": place[1],
    }  # fmt: skip
    await connection.execute(_ALONE, values)
    async with connection.cursor(row_factory=class_row(Handout)) as cursor:
        await cursor.execute(_TAKE, values)
        return sorted(await cursor.fetchall(), key=lambda each: each.id)


async def mark(connection: Connection, worker: int, ids: Sequence[int]) -> set[int]:
    """Write down that attempts begin; return those that may: the worker has them still."""
    cursor = await connection.execute(_MARK, {"ids": list(ids), "worker": worker})
    return {row[0] for row in await cursor.fetchall()}


async def release(connection: Connection, worker: int, ids: Sequence[int]) -> None:
    """Put back what the worker cannot make, for others."""
    await connection.execute(_RELEASE, {"ids": list(ids), "worker": worker})


async def revoked(connection: Connection, worker: int) -> list[int]:
    """Return what the worker works on and nobody waits for any more."""
    cursor = await connection.execute(_REVOKED, {"worker": worker})
    return [row[0] for row in await cursor.fetchall()]


async def end(
    connection: Connection, worker: int | None,
    outcomes: Iterable[tuple[int, Succeeded | Failed | Orphaned]],
) -> list[Ended]:  # fmt: skip
    """Delete rows that the worker has, or nobody, and tell their runs what became of them.

    What is not among the answer was somebody else's by then, and is told by whoever that is.
    Ring the owners after the commit.
    """
    told = [(each, to_row(event, 0, _NEVER)) for each, event in outcomes]
    if not told:
        return []
    values = {
        "ids": Bigs([each for each, _ in told]),
        "kinds": Texts([row.kind for _, row in told]),
        "data": Jsons([orjson.dumps(row.data) for _, row in told]),
        "worker": worker,
    }
    async with connection.cursor(row_factory=class_row(Ended)) as cursor:
        await cursor.execute(_END, values)
        return await cursor.fetchall()


async def expire(connection: Connection) -> list[Ended]:
    """End what waits longer than its step allows, and what nobody waits for any more.

    Return those of the first kind.
    """
    cursor = await connection.execute(_EXPIRED)
    told = [
        (each, Failed(path, attempt, _late(pool, patience)))
        for each, path, attempt, pool, patience in await cursor.fetchall()
    ]
    ended = await end(connection, None, told)
    return [each for each in ended if each.is_told]


async def orphan(connection: Connection, dead: Sequence[int], severed: Sequence[int]) -> None:
    """Tell the runs of what dead workers had taken. In the transaction that buries them.

    What was under way is not to blame for the end of those that were `severed`.
    The rows are locked first: whoever is still about to mark one finds it gone.
    """
    taken: dict[int, list[tuple[int, Orphaned]]] = defaultdict(list)
    cursor = await connection.execute(_OF_THE_DEAD, {"dead": list(dead)})
    for worker, each, path, attempt, marked in await cursor.fetchall():
        taken[worker].append((each, Orphaned(path, attempt, marked, worker not in severed)))
    for worker, told in taken.items():
        await end(connection, worker, told)


async def of_run(connection: Connection, run: UUID) -> list[Standing]:
    """Return how the attempts of a run stand that are handed out."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(_OF_A_RUN, {"run": run})
        return await cursor.fetchall()


async def unserved(connection: Connection) -> list[tuple[str, str, int]]:
    """Return namespace, pool and number of attempts that no worker there is would take."""
    return [
        (row[0], row[1], row[2]) for row in await (await connection.execute(_UNSERVED)).fetchall()
    ]


def _late(pool: str, patience: int) -> dict[str, Json]:
    words = f"no worker of pool {pool!r} took it within {patience / 1000:g} s (timeout.queue)"
    return {"type": "sark.queue_timeout", "detail": words, "class": "transient"}


_NEVER = datetime.fromtimestamp(0, UTC)
