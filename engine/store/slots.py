"""Slots of groups of steps, and who waits for one. A row counts while its worker has the step."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.store.pool import Connection

# Whoever decides on a group does so alone.
_ALONE: LiteralString = """
    SELECT pg_advisory_xact_lock(7321, hashtext(%(namespace)s || '/' || %(slot_group)s))
"""
_STAND: LiteralString = """
    WITH holder AS (
        SELECT coalesce(
            (SELECT max(worker) FROM handouts WHERE run_id = %(run_id)s AND path = %(path)s),
            (SELECT owner FROM runs WHERE id = %(run_id)s)
        ) AS id
    )
    INSERT INTO slots (id, namespace, slot_group, run_id, path, owner, level, fair_key, turn,
                       slot_limit, taken_at)
    SELECT %(id)s, %(namespace)s, %(slot_group)s, %(run_id)s, %(path)s, holder.id, %(level)s,
           %(fair_key)s, %(turn)s, %(limit)s, NULL
      FROM holder WHERE holder.id IS NOT NULL
"""
_MEMBERS: LiteralString = """
    SELECT id, level, fair_key, turn, slot_limit AS limit, asked_at, taken_at,
           clock_timestamp() AS now
      FROM slots
     WHERE namespace = %(namespace)s AND slot_group = %(slot_group)s
       AND verdict IS DISTINCT FROM 'refused'
       AND (EXISTS (SELECT FROM runs WHERE id = slots.run_id AND runs.owner = slots.owner)
            OR EXISTS (SELECT FROM handouts WHERE handouts.run_id = slots.run_id
                          AND handouts.path = slots.path AND worker = slots.owner))
     ORDER BY asked_at, id
"""
_TAKE: LiteralString = "UPDATE slots SET taken_at = clock_timestamp() WHERE id = ANY(%(ids)s)"
_JUDGE: LiteralString = """
    UPDATE slots SET verdict = CASE WHEN taken_at IS NULL THEN 'refused' ELSE 'cancelled' END
     WHERE id = ANY(%(ids)s) AND verdict IS NULL
"""
_STANDING: LiteralString = """
    SELECT id, taken_at IS NOT NULL AS is_taken, verdict IS NOT NULL AS is_over
      FROM slots WHERE id = ANY(%(ids)s)
"""
_GIVE_BACK: LiteralString = "DELETE FROM slots WHERE id = ANY(%(ids)s)"
_SWEEP: LiteralString = """
    DELETE FROM slots
     WHERE NOT EXISTS (SELECT FROM runs WHERE id = slots.run_id AND owner = slots.owner)
       AND NOT EXISTS (SELECT FROM handouts WHERE handouts.run_id = slots.run_id
                          AND handouts.path = slots.path AND worker = slots.owner)
"""


@frozen
class Slot:
    """A place of a group that a step asks for, by its priority."""

    id: UUID
    namespace: str
    group: str
    run_id: UUID
    path: str
    level: int = 1
    fair_key: str = ""


@frozen
class Member:
    """One of a group: it has a slot since `taken_at`, or waits for one; `now` is PostgreSQL's."""

    id: UUID
    level: int
    fair_key: str
    turn: int
    limit: int
    asked_at: datetime
    taken_at: datetime | None
    now: datetime


@frozen
class Standing:
    """How far one is: whether it has its slot, and whether another has taken its place."""

    id: UUID
    is_taken: bool
    is_over: bool


async def members(connection: Connection, namespace: str, group: str) -> Sequence[Member]:
    """Return those of a group, as they came; nobody else decides on it in this transaction."""
    told = {"namespace": namespace, "slot_group": group}
    await connection.execute(_ALONE, told)
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(_MEMBERS, told)
        return await cursor.fetchall()


async def stand(connection: Connection, slot: Slot, turn: int, limit: int) -> bool:
    """Let a step stand in its group; return False if nobody has it any more."""
    told = {
        "id": slot.id, "namespace": slot.namespace, "slot_group": slot.group,
        "run_id": slot.run_id, "path": slot.path, "level": slot.level, "fair_key": slot.fair_key,
        "turn": turn, "limit": limit,
    }  # fmt: skip
    return (await connection.execute(_STAND, told)).rowcount == 1


async def take(connection: Connection, ids: Collection[UUID]) -> None:
    """Let those who wait have a slot."""
    await connection.execute(_TAKE, {"ids": list(ids)})


async def judge(connection: Connection, ids: Collection[UUID]) -> None:
    """Let those who wait wait no more, and those who have a slot be told to end."""
    await connection.execute(_JUDGE, {"ids": list(ids)})


async def standing(connection: Connection, ids: Collection[UUID]) -> Sequence[Standing]:
    """Return how far some are; one that is not there any more is not among them."""
    async with connection.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(_STANDING, {"ids": list(ids)})
        return await cursor.fetchall()


async def give_back(connection: Connection, ids: Collection[UUID]) -> None:
    """Give slots back, and places in the line, those that are there."""
    await connection.execute(_GIVE_BACK, {"ids": list(ids)})


async def sweep(connection: Connection) -> None:
    """Forget slots that count no more."""
    await connection.execute(_SWEEP)
