"""The epochs of a database: which one it is, and what is left over from the one before.

A worker is a session, and a session ends with the server or the database that it is of. What is
in the database of workers, after that has become another one, is of nobody who lives.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json, canonical
from engine.store import workers
from engine.store.pool import Connection

# A dump that is restored is another database, a recovery or a promotion another timeline, and a
# cluster that `initdb` made another system.
_HERE: LiteralString = """
    SELECT (SELECT system_identifier FROM pg_control_system())
           || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
           || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_LATEST: LiteralString = """
    SELECT number, world, doubted, began_at FROM epochs ORDER BY number DESC LIMIT 1
"""
_ALONE: LiteralString = "LOCK TABLE epochs IN SHARE ROW EXCLUSIVE MODE"
_ADD: LiteralString = """
    INSERT INTO epochs (number, world, doubted)
    SELECT coalesce(max(number), 0) + 1, %(world)s, %(doubted)s FROM epochs
    RETURNING number, world, doubted, began_at
"""
_IN_HAND: LiteralString = """
    SELECT id, namespace, workflow, commit_sha, plan, trigger, inputs, created_at, started_at
      FROM runs
     WHERE id > %(after)s AND started_at IS NOT NULL AND ended_at IS NULL
       AND (owner IS NOT NULL OR lost)
     ORDER BY id LIMIT %(limit)s
"""
_DOUBT: LiteralString = """
    UPDATE handouts SET marked = true WHERE worker IS NOT NULL AND NOT marked AND NOT revoked
"""
_PAST: LiteralString = """
    SELECT id FROM workers UNION SELECT worker FROM handouts WHERE worker IS NOT NULL
"""
# Far beyond what was given out in a future that is lost: nobody there is taken for somebody here.
_JUMP: LiteralString = """
    SELECT setval(pg_get_serial_sequence('workers', 'id'), nextval(
           pg_get_serial_sequence('workers', 'id')) + 1000000)
"""
_LOOK_ANEW: LiteralString = "UPDATE activation SET number = number + 1000000"
_CANCEL: LiteralString = """
    UPDATE runs SET cancel = %(cancel)s::json, wake_at = NULL, due_at = least(due_at, now())
     WHERE ended_at IS NULL AND cancel IS NULL
"""


# Services that look like PostgreSQL have no log of their own to tell of, or nobody may ask.
_SILENT = (
    psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported,
    psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.UndefinedFunction,
)  # fmt: skip


@frozen
class Epoch:
    """The time since the database has become the one that it is.

    `doubted` attempts were under way when it began, and nobody knows what became of them.
    """

    number: int
    world: str
    doubted: int
    began_at: datetime


@frozen
class InHand:
    """A run that somebody of the epoch before had, and that has not ended."""

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    created_at: datetime
    started_at: datetime


async def here(connection: Connection) -> str:
    """Return which database this is, or nothing where PostgreSQL does not say so to this user.

    Not to be called in a transaction.
    """
    try:
        row = await (await connection.execute(_HERE)).fetchone()
    except _SILENT:
        return ""
    assert row is not None
    return str(row[0])


async def latest(connection: Connection) -> Epoch | None:
    """Return the last epoch that was begun, or None in a database that no worker has seen."""
    async with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        await cursor.execute(_LATEST)
        return await cursor.fetchone()


async def alone(connection: Connection) -> None:
    """Let nobody else begin an epoch until the caller's transaction has ended."""
    await connection.execute(_ALONE)


async def add(connection: Connection, world: str, doubted: int = 0) -> Epoch:
    """Write down that an epoch has begun."""
    async with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        await cursor.execute(_ADD, {"world": world, "doubted": doubted})
        epoch = await cursor.fetchone()
        assert epoch is not None
        return epoch


async def in_hand(connection: Connection, after: UUID, limit: int) -> list[InHand]:
    """Return runs with ids past `after`, in their order, whose attempts may have been under way."""
    async with connection.cursor(row_factory=class_row(InHand)) as cursor:
        await cursor.execute(_IN_HAND, {"after": after, "limit": limit})
        return await cursor.fetchall()


async def doubt_handouts(connection: Connection) -> int:
    """Take it that whatever a worker of a pool had taken was begun; return how many were not."""
    return (await connection.execute(_DOUBT)).rowcount


async def bury_all(connection: Connection) -> int:
    """Bury every worker that the database knows of; return how many. None of them may live."""
    past: Sequence[int] = [row[0] for row in await (await connection.execute(_PAST)).fetchall()]
    await workers.bury(connection, past)
    return len(past)


async def jump(connection: Connection) -> None:
    """Give workers and activations numbers that a lost future has not given to others."""
    await connection.execute(_JUMP)
    await connection.execute(_LOOK_ANEW)


async def cancel_all(connection: Connection, reason: Json) -> int:
    """Ask every run that has not ended to end; return how many were not asked before."""
    told = {"cancel": canonical(reason).decode()}
    return (await connection.execute(_CANCEL, told)).rowcount
