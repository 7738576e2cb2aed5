"""What the clock sets off: how far each trigger is decided, and what was not started."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import LiteralString, TypeAlias
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.store.arrays import Texts
from engine.store.pool import Connection


@frozen
class Moment:
    """What time it is, by the one clock of all controllers, after `number` activations."""

    at: datetime
    number: int


# Tells it, whichever way it is asked for.
Clock: TypeAlias = Callable[[Connection], Awaitable[datetime]]
Moments: TypeAlias = Callable[[Connection], Awaitable[Moment]]

_ALL: LiteralString = """
    SELECT namespace, workflow, trigger, definition, since, upto, waiting, run_id FROM schedules
"""
_PUT: LiteralString = """
    INSERT INTO schedules
           (namespace, workflow, trigger, definition, since, upto, waiting, run_id)
    VALUES (%(namespace)s, %(workflow)s, %(trigger)s, %(definition)s, %(since)s, %(upto)s,
            %(waiting)s::timestamptz[], %(run_id)s)
    ON CONFLICT (namespace, workflow, trigger) DO UPDATE
       SET definition = EXCLUDED.definition, since = EXCLUDED.since, upto = EXCLUDED.upto,
           waiting = EXCLUDED.waiting, run_id = EXCLUDED.run_id
"""
_DROP: LiteralString = """
    DELETE FROM schedules USING unnest(%(namespaces)s, %(workflows)s, %(triggers)s)
                             AS gone (namespace, workflow, trigger)
     WHERE (schedules.namespace, schedules.workflow, schedules.trigger)
           = (gone.namespace, gone.workflow, gone.trigger)
"""
_WAITING: LiteralString = """
    SELECT trigger, cardinality(waiting) FROM schedules
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s
"""
_LIVE: LiteralString = "SELECT id FROM runs WHERE id = ANY(%(ids)s) AND ended_at IS NULL"
_NOW: LiteralString = "SELECT clock_timestamp()"
_MOMENT: LiteralString = "SELECT clock_timestamp() AS at, number FROM activation"
_SKIP: LiteralString = """
    WITH new AS (
        SELECT * FROM unnest(%(routes)s, %(ids)s, %(events)s, %(namespaces)s, %(workflows)s,
                             %(triggers)s, %(said)s, %(reasons)s)
            AS new (route, delivery, event, namespace, workflow, trigger, said, reason)
    ), recorded AS (
        INSERT INTO deliveries (route, delivery, event, body)
        SELECT route, delivery, event, '{}' FROM new ON CONFLICT DO NOTHING
        RETURNING route, delivery
    )
    INSERT INTO decisions (route, delivery, namespace, workflow, trigger, said, reason)
    SELECT route, delivery, namespace, workflow, trigger, said, reason
      FROM new JOIN recorded USING (route, delivery)
"""


@frozen(order=True)
class Key:
    """What a trigger is known by, whatever its workflow's plan is just now."""

    namespace: str
    workflow: str
    trigger: str


@frozen
class Scheduled:
    """How far a trigger is: `definition` is the digest of what says when it is due.

    `since` is when it became active, or when the event that may be absent came last. `upto` is
    the last instant that was decided on; `waiting` were, and are not yet started. `run` is the
    last run that was.
    """

    key: Key
    definition: str
    since: datetime
    upto: datetime
    waiting: tuple[datetime, ...] = ()
    run: UUID | None = None


@frozen
class Skipped:
    """A decision that starts nothing, under a `route` and an `id` of its own."""

    key: Key
    route: str
    id: str
    event: str
    said: str
    reason: str


@frozen
class _Row:
    namespace: str
    workflow: str
    trigger: str
    definition: str
    since: datetime
    upto: datetime
    waiting: Sequence[datetime]
    run_id: UUID | None


def columns(keys: Collection[Key]) -> dict[str, Texts]:
    """Return the names of triggers as a statement takes them, side by side."""
    return {
        "namespaces": Texts([each.namespace for each in keys]),
        "workflows": Texts([each.workflow for each in keys]),
        "triggers": Texts([each.trigger for each in keys]),
    }


async def now(connection: Connection) -> datetime:
    """Return the time by PostgreSQL, the one clock of all controllers."""
    row = await (await connection.execute(_NOW)).fetchone()
    assert row is not None
    told: datetime = row[0]
    return told


async def moment(connection: Connection) -> Moment:
    """Return what time it is and how many activations there were: one statement, asked often."""
    async with connection.cursor(row_factory=class_row(Moment)) as cursor:
        found = await (await cursor.execute(_MOMENT)).fetchone()
    assert found is not None
    return found


async def all_of(connection: Connection) -> dict[Key, Scheduled]:
    """Return how far every trigger is."""
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(_ALL)
        rows = await cursor.fetchall()
    return {each.key: each for each in map(_scheduled, rows)}


async def waiting(connection: Connection, namespace: str, workflow: str) -> dict[str, int]:
    """Return how many starts of each trigger of a workflow wait for the run before."""
    told = {"namespace": namespace, "workflow": workflow}
    return dict(await (await connection.execute(_WAITING, told)).fetchall())


async def put(connection: Connection, told: Iterable[Scheduled]) -> None:
    """Write how far triggers are; only the scheduler's leader does."""
    rows = [
        {
            "namespace": each.key.namespace, "workflow": each.key.workflow,
            "trigger": each.key.trigger, "definition": each.definition, "since": each.since,
            "upto": each.upto, "waiting": list(each.waiting), "run_id": each.run,
        }
        for each in told
    ]  # fmt: skip
    async with connection.cursor() as cursor:
        await cursor.executemany(_PUT, rows)


async def drop(connection: Connection, keys: Collection[Key]) -> None:
    """Forget triggers that there are no more."""
    if keys:
        await connection.execute(_DROP, columns(keys))


async def live(connection: Connection, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return which of these runs have not ended."""
    if not ids:
        return frozenset()
    cursor = await connection.execute(_LIVE, {"ids": list(ids)})
    return frozenset(row[0] for row in await cursor.fetchall())


async def skip(connection: Connection, told: Sequence[Skipped]) -> None:
    """Write decisions that start nothing, each once; what has one already keeps it."""
    if told:
        values = {
            "routes": Texts([each.route for each in told]),
            "ids": Texts([each.id for each in told]),
            "events": Texts([each.event for each in told]),
            **columns([each.key for each in told]),
            "said": Texts([each.said for each in told]),
            "reasons": Texts([each.reason for each in told]),
        }
        await connection.execute(_SKIP, values)


def _scheduled(row: _Row) -> Scheduled:
    key = Key(row.namespace, row.workflow, row.trigger)
    return Scheduled(key, row.definition, row.since, row.upto, tuple(row.waiting), row.run_id)
