"""The connections of a process to databases: shared by the calls, bounded, gone when idle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.sql import Composed

from adapters.sql.place import Place

Connection = AsyncConnection[TupleRow]
Connect = Callable[[Place], Awaitable[Connection]]

# Seconds in which a connection is made ready for the next call, or else closed.
_TIDYING = 2.0
_CANCELLING = 1.0


@dataclass(slots=True)
class _Shelf:
    """What there is for one place: room for so many at a time, and idle ones, oldest first."""

    room: asyncio.Semaphore
    idle: dict[Connection, asyncio.TimerHandle] = field(default_factory=dict)
    users: int = 0


class Pool:
    """At most `most` connections at a time and `each` to one place.

    One is lent for one transaction, tidied by DISCARD ALL, and closed once it was idle for `idle`.
    """

    def __init__(self, connect: Connect, most: int, each: int, idle: timedelta) -> None:
        self._connect = connect
        self._most = most
        self._each = each
        self._idle = idle
        self._room = asyncio.Semaphore(most)
        self._open = 0
        self._closed = False
        self._shelves: dict[str, _Shelf] = {}

    @asynccontextmanager
    async def transaction(
        self, place: Place, opening: Composed, within: float
    ) -> AsyncIterator[Connection]:
        """Give a connection on which `opening` has just begun a transaction.

        What is not committed at the end is rolled back. Raise TimeoutError if it takes longer
        than `within` seconds, and what the driver raises.
        """
        shelf = self._shelves.setdefault(place.key, _Shelf(asyncio.Semaphore(self._each)))
        shelf.users += 1
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(within):
                    await stack.enter_async_context(shelf.room)
                    await stack.enter_async_context(self._room)
                    connection = await self._begin(shelf, place, opening)
                try:
                    yield connection
                finally:
                    await self._put_back(shelf, connection)
        finally:
            shelf.users -= 1
            self._forget(place.key)

    async def close(self) -> None:
        """Close every idle connection, and each that is still lent once it comes back."""
        self._closed = True
        for shelf in self._shelves.values():
            for connection in list(shelf.idle):
                await self._close(self._taken(shelf, connection))
        self._shelves.clear()

    async def _begin(self, shelf: _Shelf, place: Place, opening: Composed) -> Connection:
        """Begin on an idle connection; one that was lost meanwhile is passed over."""
        while shelf.idle:
            connection = self._taken(shelf, next(reversed(shelf.idle)))
            with suppress(psycopg.OperationalError):
                return await self._opened(connection, opening)
        if self._open >= self._most:
            await self._close_oldest()
        self._open += 1
        try:
            connection = await self._connect(place)
        except BaseException:
            self._open -= 1
            raise
        return await self._opened(connection, opening)

    async def _opened(self, connection: Connection, opening: Composed) -> Connection:
        try:
            await connection.execute(opening)
        except BaseException:
            await self._close(connection)
            raise
        return connection

    async def _put_back(self, shelf: _Shelf, connection: Connection) -> None:
        """Make a connection ready for whoever comes next; close it where that is in doubt."""
        tidy = False
        try:
            async with asyncio.timeout(_TIDYING):
                tidy = await _tidied(connection)
        except (psycopg.Error, TimeoutError):
            tidy = False
        finally:
            if tidy and not self._closed:
                loop = asyncio.get_running_loop()
                seconds = self._idle.total_seconds()
                shelf.idle[connection] = loop.call_later(seconds, self._expire, shelf, connection)
            else:
                await self._close(connection)

    def _expire(self, shelf: _Shelf, connection: Connection) -> None:
        shelf.idle.pop(connection)
        self._open -= 1
        connection.pgconn.finish()
        for key in [key for key, each in self._shelves.items() if each is shelf]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        shelf = self._shelves.get(key)
        if shelf is not None and not shelf.users and not shelf.idle:
            del self._shelves[key]

    async def _close_oldest(self) -> None:
        for key, shelf in self._shelves.items():
            if shelf.idle:
                connection = self._taken(shelf, next(iter(shelf.idle)))
                self._forget(key)
                await self._close(connection)
                return

    def _taken(self, shelf: _Shelf, connection: Connection) -> Connection:
        shelf.idle.pop(connection).cancel()
        return connection

    async def _close(self, connection: Connection) -> None:
        self._open -= 1
        await connection.close()


async def _tidied(connection: Connection) -> bool:
    """Roll back what is left and forget all that the session was told; False if it is too busy."""
    if connection.info.transaction_status is TransactionStatus.ACTIVE:
        await connection.cancel_safe(timeout=_CANCELLING)
        return False
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        await connection.execute("ROLLBACK")
    await connection.execute("DISCARD ALL")
    return True
