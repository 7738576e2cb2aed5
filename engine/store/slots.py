"""Slots of groups of steps. One counts while its run lives and has the owner that took it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from engine.store.pool import Connection

# Whoever takes a slot of a group does so alone.
_ALONE: LiteralString = """
    SELECT pg_advisory_xact_lock(7321, hashtext(%(namespace)s || '/' || %(slot_group)s))
"""
_TAKE: LiteralString = """
    INSERT INTO slots (id, namespace, slot_group, run_id, path, owner)
    SELECT %(id)s, %(namespace)s, %(slot_group)s, id, %(path)s, owner FROM runs
     WHERE id = %(run_id)s AND owner IS NOT NULL
       AND %(limit)s > (SELECT count(*) FROM slots JOIN runs AS live ON live.id = slots.run_id
                         WHERE slots.namespace = %(namespace)s
                           AND slots.slot_group = %(slot_group)s AND live.owner = slots.owner)
    RETURNING id
"""
_GIVE_BACK: LiteralString = """
    DELETE FROM slots WHERE id = ANY(%(ids)s) RETURNING namespace, slot_group
"""
_SWEEP: LiteralString = """
    DELETE FROM slots
     WHERE NOT EXISTS (SELECT FROM runs WHERE id = slots.run_id AND owner = slots.owner)
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of a group that a step asks for."""

    id: UUID
    namespace: str
    group: str
    run_id: UUID
    path: str


async def take(connection: Connection, slot: Slot, limit: int) -> bool:
    """Take a slot if fewer than `limit` of its group are taken. In the caller's transaction."""
    told = {
        "id": slot.id, "namespace": slot.namespace, "slot_group": slot.group,
        "run_id": slot.run_id, "path": slot.path, "limit": limit,
    }  # fmt: skip
    await connection.execute(_ALONE, told)
    return (await connection.execute(_TAKE, told)).rowcount == 1


async def give_back(connection: Connection, ids: Sequence[UUID]) -> set[tuple[str, str]]:
    """Give slots back, those that are there; return namespace and group of each."""
    rows = await (await connection.execute(_GIVE_BACK, {"ids": list(ids)})).fetchall()
    return {(namespace, group) for namespace, group in rows}


async def sweep(connection: Connection) -> None:
    """Forget slots that count no more."""
    await connection.execute(_SWEEP)
