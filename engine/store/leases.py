"""Who leads a duty: a session's advisory lock, which PostgreSQL releases when its holder dies."""

import asyncio
import logging
import random
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.errors import Unavailable
from engine.store.pool import Connection, demand_session, is_passing, ping

T = TypeVar("T")
_LOG = logging.getLogger("sark.leases")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
# What somebody must lead, or commits, events and the clock are heard by nobody.
DUTIES = ("reconcile", "relay", "scheduler")
_SPACE = 7319
_UNBOUNDED: LiteralString = "SET lock_timeout = 0"
# So that a leader whose machine is gone is missed in 25 s, and not in two hours.
_KEPT_ALIVE: LiteralString = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
_BOUNDED: LiteralString = "SET lock_timeout = '10s'"
_LEAD: LiteralString = "SELECT pg_advisory_lock(%(space)s, %(duty)s)"
_HELD: LiteralString = """
    SELECT objid::int8 AS duty, pg_locks.pid, coalesce(host(client_addr), 'localhost') AS host,
           state <> 'active' AND state_change < now() - %(lease)s AS silent, now() AS at
      FROM pg_locks JOIN pg_stat_activity AS activity ON activity.pid = pg_locks.pid
     WHERE locktype = 'advisory' AND granted AND classid = %(space)s::oid AND objsubid = 2
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_DEPOSE: LiteralString = """
    SELECT pg_terminate_backend(activity.pid, 1000)
      FROM pg_stat_activity AS activity JOIN pg_locks ON pg_locks.pid = activity.pid
     WHERE activity.pid = ANY(%(pids)s) AND locktype = 'advisory' AND granted
       AND classid = %(space)s::oid AND objsubid = 2 AND datname = current_database()
       AND state <> 'active' AND state_change < now() - %(lease)s
"""


@frozen
class Held:
    """A duty's lock as PostgreSQL sees it; `silent` if its holder asked for nothing in a lease.

    `duty` is the number that stands for its name, `at` the clock of PostgreSQL.
    """

    duty: int
    pid: int
    host: str
    silent: bool
    at: datetime


class Session:
    """The one connection of a duty's leader, taken in turns by its tasks.

    The lock and the writes live in the same session: whoever has lost the lock has lost the
    connection with it, and cannot commit. That is the fence.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._asked = time.monotonic()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Connection]:
        """Give the connection in a transaction of one's own; keep it short, others wait."""
        async with self.glance() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Connection]:
        """Give the connection for a look: each statement is a transaction, and one round trip."""
        async with self._turn:
            yield self._connection
            self._asked = time.monotonic()

    async def beat(self, silence: float = 0.0) -> None:
        """Show PostgreSQL that the leader lives, if it has asked nothing for `silence` seconds."""
        if time.monotonic() - self._asked < silence:
            return
        async with self.glance() as connection:
            await ping(connection)


async def lead(connection: Connection, duty: str) -> Session:
    """Wait until this connection leads a duty; it does as long as the connection lives.

    Raise Misconfigured where the connection has no session of its own.
    """
    await demand_session(connection)
    await connection.execute(_KEPT_ALIVE)
    await connection.execute(_UNBOUNDED)
    await connection.execute(_LEAD, {"space": _SPACE, "duty": _number(duty)})
    await connection.execute(_BOUNDED)
    return Session(connection)


async def patiently(duty: str, step: Callable[[], Awaitable[T]]) -> T:
    """Return what a step of a duty comes to, taken again for as long as it is refused for now.

    Raise what else goes wrong, a lost session before all.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return await step()
        except (psycopg.Error, Unavailable) as error:
            if not is_passing(error):
                raise
            _LOG.warning("%s was refused for now and tries again: %s", duty, error)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # nosec B311 - a pause, no secret
        pause = min(pause * 2, _LONGEST_PAUSE)


async def held(connection: Connection, lease: timedelta) -> list[Held]:
    """Return the locks of all duties that somebody leads."""
    async with connection.cursor(row_factory=class_row(Held)) as cursor:
        await cursor.execute(_HELD, {"space": _SPACE, "lease": lease})
        return await cursor.fetchall()


async def depose(connection: Connection, pids: Sequence[int], lease: timedelta) -> None:
    """End sessions of leaders that are silent still; wait a second at most for each."""
    await connection.execute(_DEPOSE, {"space": _SPACE, "pids": list(pids), "lease": lease})


def unled(told: Sequence[Held]) -> list[str]:
    """Return the duties of which nobody has the lock, or only somebody who is silent."""
    led = {each.duty for each in told if not each.silent}
    return [duty for duty in DUTIES if _number(duty) not in led]


def _number(duty: str) -> int:
    return zlib.crc32(duty.encode()) & 0x7FFFFFFF
