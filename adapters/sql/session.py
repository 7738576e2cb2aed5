"""What the sql adapter holds while it is open: the pool, and threads that resolve names."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from adapters.egress.gate import Gate, read_gate
from adapters.egress.names import look_up
from adapters.sql import values
from adapters.sql.failures import LoginError
from adapters.sql.place import Place, parameters
from adapters.sql.pool import Connection, Pool


class Settings(Protocol):
    """The settings that count here; see `SqlSettings`."""

    @property
    def allow_hosts(self) -> tuple[str, ...]: ...

    @property
    def max_connections(self) -> int: ...

    @property
    def max_per_database(self) -> int: ...

    @property
    def idle_seconds(self) -> int: ...

    @property
    def ca_file(self) -> Path | None: ...


@dataclass(frozen=True, slots=True)
class Session:
    """A pool and its threads."""

    pool: Pool
    threads: ThreadPoolExecutor

    async def close(self) -> None:
        """Close every connection, and let go of the threads."""
        await self.pool.close()
        self.threads.shutdown(wait=False, cancel_futures=True)


def open_session(settings: Settings) -> Session:
    """Return a session on the running event loop; nothing is connected yet."""
    gate, ca_file = read_gate(settings.allow_hosts, None), settings.ca_file
    threads = ThreadPoolExecutor(8, thread_name_prefix="sark-dns")

    async def connect(place: Place) -> Connection:
        return await _connect(place, gate, ca_file, threads)

    idle = timedelta(seconds=settings.idle_seconds)
    return Session(
        Pool(connect, settings.max_connections, settings.max_per_database, idle), threads
    )


async def _connect(
    place: Place, gate: Gate, ca_file: Path | None, threads: ThreadPoolExecutor
) -> Connection:
    """Return a connection in autocommit, for one statement that is never prepared.

    Raise LoginError where there is none, BlockedError where there must be none.
    """
    loop = asyncio.get_running_loop()
    given = await loop.run_in_executor(threads, parameters, place, gate, look_up, ca_file)
    try:
        return await AsyncConnection.connect(
            make_conninfo("", **given),
            autocommit=True,
            prepare_threshold=None,
            context=values.adapters(),
        )
    except psycopg.Error as error:
        raise LoginError from error
