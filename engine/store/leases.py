"""Who leads a duty: a session's advisory lock, which PostgreSQL releases when its holder dies."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import LiteralString

from engine.store.pool import Connection

_SPACE = 7319
_UNBOUNDED: LiteralString = "SET lock_timeout = 0"
# So that a leader whose machine is gone is missed in 25 s, and not in two hours.
_KEPT_ALIVE: LiteralString = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
_BOUNDED: LiteralString = "SET lock_timeout = '10s'"
_LEAD: LiteralString = "SELECT pg_advisory_lock(%(space)s, %(duty)s)"


class Session:
    """The one connection of a duty's leader, taken in turns by its tasks.

    The lock and the writes live in the same session: whoever has lost the lock has lost the
    connection with it, and cannot commit. That is the fence.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Connection]:
        """Give the connection in a transaction of one's own; keep it short, others wait."""
        async with self._turn, self._connection.transaction():
            yield self._connection


async def lead(connection: Connection, duty: str) -> Session:
    """Wait until this connection leads a duty; it does as long as the connection lives."""
    number = zlib.crc32(duty.encode()) & 0x7FFFFFFF
    await connection.execute(_KEPT_ALIVE)
    await connection.execute(_UNBOUNDED)
    await connection.execute(_LEAD, {"space": _SPACE, "duty": number})
    await connection.execute(_BOUNDED)
    return Session(connection)
