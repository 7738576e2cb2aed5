"""What stands between events and runs: keys of `dedupe`, uses of `rate`, and events that wait.

Whoever reads here to decide holds the lock of the triggers that it decides on, and writes in the
same transaction. So what was read stays true, on however many servers.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.trigger.ledger import Bunch, First
from engine.core.trigger.quota import Use
from engine.core.values import Json
from engine.store.arrays import Bigs, Texts, Uuids
from engine.store.deliveries import Name
from engine.store.pool import Connection

# A server that is frozen in a turn of its own keeps others from its triggers no longer than this.
_BRIEF: LiteralString = "SET LOCAL idle_in_transaction_session_timeout = '3s'"
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(key) FROM unnest(%(keys)s) AS key"
_NOW: LiteralString = "SELECT clock_timestamp()"
_KNOWN: LiteralString = """
    SELECT route, delivery FROM deliveries
      JOIN unnest(%(routes)s, %(ids)s) AS asked (route, delivery) USING (route, delivery)
"""
_FIRSTS: LiteralString = """
    SELECT namespace, workflow, trigger, key, delivery, expires_at
      FROM dedupe_keys
      JOIN unnest(%(namespaces)s, %(workflows)s, %(triggers)s, %(keys)s)
        AS asked (namespace, workflow, trigger, key) USING (namespace, workflow, trigger, key)
"""
_USES: LiteralString = """
    SELECT namespace, workflow, trigger, name, uses
      FROM trigger_rates
      JOIN unnest(%(namespaces)s, %(workflows)s, %(triggers)s, %(keys)s)
        AS asked (namespace, workflow, trigger, name) USING (namespace, workflow, trigger, name)
"""
_BUNCHES: LiteralString = """
    SELECT asked.*, newest.*
      FROM unnest(%(namespaces)s, %(workflows)s, %(triggers)s, %(keys)s)
        AS asked (namespace, workflow, trigger, key)
     CROSS JOIN LATERAL (
           SELECT bunch, min(since), min(due_at), count(*), sum(size),
                  (array_agg(id ORDER BY seq DESC))[1]
             FROM held
            WHERE held.namespace = asked.namespace AND held.workflow = asked.workflow
              AND held.trigger = asked.trigger AND held.key = asked.key
            GROUP BY bunch ORDER BY max(seq) DESC LIMIT 1) AS newest
"""
_HELD: LiteralString = """
    SELECT namespace, workflow, trigger, count(*), sum(size)
      FROM held JOIN unnest(%(namespaces)s, %(workflows)s, %(triggers)s)
        AS asked (namespace, workflow, trigger) USING (namespace, workflow, trigger)
     GROUP BY namespace, workflow, trigger
"""
_OF_BUNCHES: LiteralString = """
    SELECT id, bunch, namespace, workflow, trigger, key, route, delivery, item, actor,
           chain, names, size, since, due_at
      FROM held WHERE bunch = ANY(%(bunches)s) ORDER BY bunch, seq
"""
_DUE: LiteralString = """
    SELECT bunch, namespace, workflow, trigger FROM held WHERE due_at <= clock_timestamp()
     GROUP BY bunch, namespace, workflow, trigger ORDER BY min(due_at), bunch LIMIT %(limit)s
"""
_NEXT: LiteralString = "SELECT min(due_at) - clock_timestamp() FROM held"
_POSTPONE: LiteralString = """
    UPDATE held SET due_at = clock_timestamp() + %(pause)s::interval
     WHERE bunch = %(bunch)s AND due_at <= clock_timestamp()
"""
_SWEEP: LiteralString = """
    WITH keys AS (
        SELECT namespace, workflow, trigger, key FROM dedupe_keys
         WHERE expires_at < now() - interval '1 minute' FOR UPDATE SKIP LOCKED
    ), groups AS (
        SELECT namespace, workflow, trigger, name FROM trigger_rates
         WHERE idle_at < now() - interval '1 minute' FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        DELETE FROM dedupe_keys
         WHERE (namespace, workflow, trigger, key) IN (SELECT * FROM keys)
    )
    DELETE FROM trigger_rates
     WHERE (namespace, workflow, trigger, name) IN (SELECT * FROM groups)
"""


class Spot(NamedTuple):
    """A trigger of a workflow, whatever its plan."""

    namespace: str
    workflow: str
    trigger: str


@frozen
class Held:
    """An event, or item, that waits: its bunch, its decision, and the names that it keeps."""

    id: UUID
    bunch: UUID
    namespace: str
    workflow: str
    trigger: str
    key: str
    route: str
    delivery: str
    item: int
    actor: str
    chain: int
    names: Json
    size: int
    since: datetime
    due_at: datetime


@frozen
class Due:
    """A bunch that is to leave."""

    bunch: UUID
    namespace: str
    workflow: str
    trigger: str


async def lock(connection: Connection, spots: Iterable[Spot]) -> datetime:
    """Keep others from these triggers until the transaction ends; return PostgreSQL's time then.

    Locks are taken in one order everywhere, so that two servers never wait in a circle.
    """
    keys = sorted({_number(each) for each in spots})
    await connection.execute(_BRIEF)
    await connection.execute(_LOCK, {"keys": Bigs(keys)})
    row = await (await connection.execute(_NOW)).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


async def known(connection: Connection, names: Sequence[Name]) -> frozenset[Name]:
    """Return those of the deliveries that have come before."""
    values = {"routes": Texts([n.route for n in names]), "ids": Texts([n.id for n in names])}
    cursor = await connection.execute(_KNOWN, values)
    return frozenset(Name(*row) for row in await cursor.fetchall())


async def firsts(
    connection: Connection, asked: Iterable[tuple[Spot, str]]
) -> dict[tuple[Spot, str], First]:
    """Return the events that count for keys, by trigger and key."""
    cursor = await connection.execute(_FIRSTS, _columns(asked))
    return {(Spot(*row[:3]), row[3]): First(*row[4:]) for row in await cursor.fetchall()}


async def uses(
    connection: Connection, asked: Iterable[tuple[Spot, str]]
) -> dict[tuple[Spot, str], tuple[Use, ...]]:
    """Return what was let through, by trigger and group."""
    cursor = await connection.execute(_USES, _columns(asked))
    return {
        (Spot(*row[:3]), row[3]): tuple(Use(datetime.fromisoformat(at), n) for at, n in row[4])
        for row in await cursor.fetchall()
    }


async def bunches(
    connection: Connection, asked: Iterable[tuple[Spot, str]]
) -> dict[tuple[Spot, str], Bunch]:
    """Return the newest bunch of each key, by trigger and key."""
    cursor = await connection.execute(_BUNCHES, _columns(asked))
    return {(Spot(*row[:3]), row[3]): Bunch(*row[4:]) for row in await cursor.fetchall()}


async def held(connection: Connection, spots: Iterable[Spot]) -> dict[Spot, tuple[int, int]]:
    """Return how many events of triggers wait, and how many bytes they have."""
    told = list(spots)
    values = {
        "namespaces": Texts([each.namespace for each in told]),
        "workflows": Texts([each.workflow for each in told]),
        "triggers": Texts([each.trigger for each in told]),
    }
    cursor = await connection.execute(_HELD, values)
    return {Spot(*row[:3]): (row[3], row[4]) for row in await cursor.fetchall()}


async def of_bunches(connection: Connection, asked: Sequence[UUID]) -> dict[UUID, list[Held]]:
    """Return the events of bunches, in the order in which they came."""
    found: dict[UUID, list[Held]] = {}
    async with connection.cursor(row_factory=class_row(Held)) as cursor:
        await cursor.execute(_OF_BUNCHES, {"bunches": Uuids(list(asked))})
        for each in await cursor.fetchall():
            found.setdefault(each.bunch, []).append(each)
    return found


async def due(connection: Connection, limit: int) -> list[Due]:
    """Return the bunches that are to leave, the longest due first."""
    async with connection.cursor(row_factory=class_row(Due)) as cursor:
        await cursor.execute(_DUE, {"limit": limit})
        return await cursor.fetchall()


async def next_due(connection: Connection) -> timedelta | None:
    """Return how long it is until the next bunch is to leave, if any waits."""
    row = await (await connection.execute(_NEXT)).fetchone()
    return None if row is None else row[0]


async def postpone(connection: Connection, bunch: UUID, pause: timedelta) -> None:
    """Let a bunch that is due wait once more."""
    await connection.execute(_POSTPONE, {"bunch": bunch, "pause": pause})


async def sweep(connection: Connection) -> None:
    """Forget keys and uses that hold nothing back."""
    await connection.execute(_SWEEP)


def _number(spot: Spot) -> int:
    told = hashlib.sha256("\n".join(spot).encode()).digest()
    return int.from_bytes(told[:8], "big", signed=True)


def _columns(asked: Iterable[tuple[Spot, str]]) -> Mapping[str, Texts]:
    told = list(asked)
    return {
        "namespaces": Texts([spot.namespace for spot, _ in told]),
        "workflows": Texts([spot.workflow for spot, _ in told]),
        "triggers": Texts([spot.trigger for spot, _ in told]),
        "keys": Texts([key for _, key in told]),
    }
