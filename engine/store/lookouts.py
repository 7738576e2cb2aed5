"""What `file` triggers have seen, and what of it is still to be told of.

Whoever writes here holds the row of the trigger, and only if that is as it was when the look began:
of two looks at once, one counts.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.lookout import Change, Sighting
from engine.store.arrays import Bigs, Texts
from engine.store.pool import Connection
from engine.store.schedules import Key, columns

_ALL: LiteralString = """
    SELECT namespace, workflow, trigger, definition, due_at, begun, faults, fault FROM lookouts
"""
_BEGIN: LiteralString = """
    INSERT INTO lookouts (namespace, workflow, trigger, definition, due_at)
    VALUES (%(namespace)s, %(workflow)s, %(trigger)s, %(definition)s, %(due_at)s)
    ON CONFLICT (namespace, workflow, trigger) DO UPDATE
       SET definition = EXCLUDED.definition, due_at = EXCLUDED.due_at, begun = false, faults = 0,
           fault = ''
"""
_FORGET: LiteralString = """
    DELETE FROM sightings
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND trigger = %(trigger)s
"""
_DROP: LiteralString = """
    DELETE FROM lookouts USING unnest(%(namespaces)s, %(workflows)s, %(triggers)s)
                            AS gone (namespace, workflow, trigger)
     WHERE (lookouts.namespace, lookouts.workflow, lookouts.trigger)
           = (gone.namespace, gone.workflow, gone.trigger)
"""
_HOLD: LiteralString = """
    SELECT FROM lookouts
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND trigger = %(trigger)s
       AND definition = %(definition)s AND due_at = %(due_at)s FOR UPDATE
"""
_KNOWN: LiteralString = """
    SELECT path, size, modified, version, told FROM sightings
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND trigger = %(trigger)s
"""
_PUT: LiteralString = """
    INSERT INTO sightings (namespace, workflow, trigger, digest, path, size, modified, version,
                           told, change, delivery)
    SELECT %(namespace)s, %(workflow)s, %(trigger)s, new.*
      FROM unnest(%(digests)s, %(paths)s, %(sizes)s, %(modified)s, %(versions)s, %(told)s,
                  %(changes)s, %(deliveries)s) AS new
    ON CONFLICT (namespace, workflow, trigger, digest) DO UPDATE
       SET size = EXCLUDED.size, modified = EXCLUDED.modified, version = EXCLUDED.version,
           told = EXCLUDED.told, change = EXCLUDED.change, delivery = EXCLUDED.delivery
"""
_LOSE: LiteralString = """
    DELETE FROM sightings
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND trigger = %(trigger)s
       AND digest = ANY(%(digests)s)
"""
_LOOKED: LiteralString = """
    UPDATE lookouts SET due_at = %(due_at)s, begun = %(begun)s, faults = %(faults)s,
                        fault = %(fault)s
     WHERE namespace = %(namespace)s AND workflow = %(workflow)s AND trigger = %(trigger)s
"""
_UNTOLD: LiteralString = """
    SELECT namespace, workflow, trigger, path, size, modified, version, told, change, delivery
      FROM sightings WHERE delivery IS NOT NULL
     ORDER BY modified, path LIMIT %(limit)s
"""
_TOLD: LiteralString = """
    WITH done AS (SELECT * FROM unnest(%(namespaces)s, %(deliveries)s) AS done (namespace, delivery)
    ), gone AS (
        DELETE FROM sightings USING done
         WHERE sightings.namespace = done.namespace AND sightings.delivery = done.delivery
           AND change = 'deleted'
    )
    UPDATE sightings SET change = NULL, delivery = NULL FROM done
     WHERE sightings.namespace = done.namespace AND sightings.delivery = done.delivery
       AND change <> 'deleted'
"""


@frozen
class Lookout:
    """How far a trigger is: when it is looked at next, whether it has begun, and what is wrong.

    `definition` is the digest of what says which files are meant. `faults` are the looks in a row
    that failed, `fault` is the type of their first error.
    """

    key: Key
    definition: str
    due_at: datetime
    begun: bool = False
    faults: int = 0
    fault: str = ""


@frozen
class Untold:
    """What has become of a file, to be delivered under a name that it keeps."""

    key: Key
    change: Change
    delivery: str


@frozen
class _Row:
    namespace: str
    workflow: str
    trigger: str
    path: str
    size: int
    modified: str
    version: str
    told: str
    change: str
    delivery: str


async def all_of(connection: Connection) -> dict[Key, Lookout]:
    """Return how far every trigger is."""
    rows = await (await connection.execute(_ALL)).fetchall()
    return {Key(*row[:3]): Lookout(Key(*row[:3]), *row[3:]) for row in rows}


async def begin(connection: Connection, told: Lookout) -> None:
    """Let a trigger begin, or begin anew: what it has seen is forgotten."""
    values = {**_named(told.key), "definition": told.definition, "due_at": told.due_at}
    await connection.execute(_BEGIN, values)
    await connection.execute(_FORGET, _named(told.key))


async def drop(connection: Connection, keys: Collection[Key]) -> None:
    """Forget triggers that there are no more, with all that they have seen."""
    if keys:
        await connection.execute(_DROP, columns(keys))


async def hold(connection: Connection, told: Lookout) -> bool:
    """Keep others from a trigger until the transaction ends; False if it is not as told."""
    values = {**_named(told.key), "definition": told.definition, "due_at": told.due_at}
    return await (await connection.execute(_HOLD, values)).fetchone() is not None


async def known(connection: Connection, key: Key) -> dict[str, Sighting]:
    """Return the files of a trigger as they were seen last, by path."""
    async with connection.cursor(row_factory=class_row(Sighting)) as cursor:
        await cursor.execute(_KNOWN, _named(key))
        return {each.path: each for each in await cursor.fetchall()}


async def looked(connection: Connection, told: Lookout) -> None:
    """Write when a trigger is looked at next, and how the last look went."""
    values = {
        **_named(told.key), "due_at": told.due_at, "begun": told.begun, "faults": told.faults,
        "fault": told.fault,
    }  # fmt: skip
    await connection.execute(_LOOKED, values)


async def put(connection: Connection, key: Key, told: Mapping[Sighting, Untold | None]) -> None:
    """Remember files as they were seen, some of them with what is to be told."""
    if not told:
        return
    values = {
        **_named(key),
        "digests": Texts([_digest(each.path) for each in told]),
        "paths": Texts([each.path for each in told]),
        "sizes": Bigs([each.size for each in told]),
        "modified": Texts([each.modified for each in told]),
        "versions": Texts([each.version for each in told]),
        "told": Texts([each.told for each in told]),
        "changes": Texts([each and each.change.kind for each in told.values()]),
        "deliveries": Texts([each and each.delivery for each in told.values()]),
    }
    await connection.execute(_PUT, values)


async def lose(connection: Connection, key: Key, paths: Collection[str]) -> None:
    """Forget files of a trigger."""
    if paths:
        values = {**_named(key), "digests": Texts([_digest(each) for each in paths])}
        await connection.execute(_LOSE, values)


async def untold(connection: Connection, limit: int) -> Sequence[Untold]:
    """Return what is still to be told of, the oldest changes first."""
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(_UNTOLD, {"limit": limit})
        rows = await cursor.fetchall()
    return [_untold(each) for each in rows]


async def told(connection: Connection, done: Sequence[Untold]) -> None:
    """Note what was told of; files that are gone are then forgotten."""
    if done:
        values = {
            "namespaces": Texts([each.key.namespace for each in done]),
            "deliveries": Texts([each.delivery for each in done]),
        }
        await connection.execute(_TOLD, values)


def _untold(row: _Row) -> Untold:
    key = Key(row.namespace, row.workflow, row.trigger)
    sighting = Sighting(row.path, row.size, row.modified, row.version, row.told)
    return Untold(key, Change(row.change, sighting), row.delivery)


def _named(key: Key) -> dict[str, str]:
    return {"namespace": key.namespace, "workflow": key.workflow, "trigger": key.trigger}


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
