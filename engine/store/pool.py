"""Connections to PostgreSQL, and what their errors mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from engine.errors import Conflict, Unavailable
from engine.store import arrays

Connection: TypeAlias = AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

_OPTIONS = "-c timezone=UTC -c idle_in_transaction_session_timeout=60s -c lock_timeout=10s"
_SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "options": _OPTIONS,
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_HEALTH: LiteralString = "SELECT 1"


async def connect(url: str, name: str) -> Connection:
    """Return one connection, in autocommit; raise Unavailable where nobody answers."""
    with told():
        connection = await AsyncConnection.connect(
            url, application_name=f"sark-{name}", **_SETTINGS
        )
    arrays.register(connection)
    return connection


@asynccontextmanager
async def pool(url: str, name: str, size: int = 8) -> AsyncIterator[Pool]:
    """Hold up to `size` connections open; a borrower waits 5 s at most."""
    settings = {**_SETTINGS, "application_name": f"sark-{name}"}
    connections: Pool = AsyncConnectionPool(
        url, kwargs=settings, min_size=1, max_size=size, timeout=5, open=False,
        reconnect_timeout=3600, configure=_configure,
    )  # fmt: skip
    await connections.open()
    try:
        yield connections
    finally:
        await connections.close(timeout=2)


async def _configure(connection: Connection) -> None:
    arrays.register(connection)


async def ping(connection: Connection) -> None:
    """Ask for nothing, to see whether anybody answers."""
    await connection.execute(_HEALTH)


class told:
    """Turn the driver's errors into ours: no password, no statement, one plain sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, psycopg.errors.UniqueViolation):
            raise Conflict("it exists already") from None
        if isinstance(error, psycopg.errors.DiskFull):
            raise Unavailable("PostgreSQL's disk is full (storage_full)") from None
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | TimeoutError):
            first = (str(error).splitlines() or ["no answer"])[0]
            raise Unavailable(f"PostgreSQL does not answer: {first}") from None
