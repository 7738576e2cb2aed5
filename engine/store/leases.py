"""Who leads a duty: a session's advisory lock, which PostgreSQL releases when its holder dies."""

import asyncio
import zlib
from typing import LiteralString

from engine.store.pool import Connection

_SPACE = 7319
_BEAT_SECONDS = 2
_LEAD: LiteralString = "SELECT pg_advisory_lock(%(space)s, %(duty)s)"
_BEAT: LiteralString = "SELECT 1"


async def lead(connection: Connection, duty: str) -> None:
    """Wait until this connection leads a duty; it does as long as the connection lives."""
    await connection.execute("SET lock_timeout = 0")
    number = zlib.crc32(duty.encode()) & 0x7FFFFFFF
    await connection.execute(_LEAD, {"space": _SPACE, "duty": number})


async def hold(connection: Connection) -> None:
    """Go on as long as the connection lives; raise what it raises when it is lost."""
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        await connection.execute(_BEAT)
