"""Rates, a row for each group: the instants at which its last calls were allowed."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.store.pool import Connection

_MAKE: LiteralString = """
    INSERT INTO rates (namespace, name) VALUES (%(namespace)s, %(name)s) ON CONFLICT DO NOTHING
"""
_LOCK: LiteralString = """
    SELECT allowed, clock_timestamp() AS now FROM rates
     WHERE namespace = %(namespace)s AND name = %(name)s FOR UPDATE
"""
_WRITE: LiteralString = """
    UPDATE rates SET allowed = %(allowed)s, idle_at = %(idle_at)s
     WHERE namespace = %(namespace)s AND name = %(name)s
"""
_SWEEP: LiteralString = "DELETE FROM rates WHERE idle_at < now() - interval '1 minute'"


@frozen
class Log:
    """The instants at which calls were allowed, oldest first, and PostgreSQL's time now."""

    allowed: Sequence[datetime]
    now: datetime


async def lock(connection: Connection, namespace: str, name: str) -> Log:
    """Return the log of a group, made if it was not there, and keep others from it.

    In the caller's transaction.
    """
    told = {"namespace": namespace, "name": name}
    async with connection.cursor(row_factory=class_row(Log)) as cursor:
        while (log := await (await cursor.execute(_LOCK, told)).fetchone()) is None:
            await cursor.execute(_MAKE, told)
    return log


async def write(
    connection: Connection, namespace: str, name: str, allowed: Sequence[datetime], idle: datetime
) -> None:
    """Write the log of a group that is locked; from `idle` on it holds nothing back."""
    told = {"namespace": namespace, "name": name, "allowed": list(allowed), "idle_at": idle}
    await connection.execute(_WRITE, told)


async def sweep(connection: Connection) -> None:
    """Forget groups that hold nothing back."""
    await connection.execute(_SWEEP)
