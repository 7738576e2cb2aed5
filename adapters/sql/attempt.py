"""One attempt: a transaction that is committed, or not, or of which nobody can tell."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Composed, Literal

from adapters.contract import Call, ErrorClass, Failed, Json, Outcome, Succeeded
from adapters.sql import failures
from adapters.sql.place import Place
from adapters.sql.pool import Connection, Pool
from adapters.sql.statement import InvalidError
from adapters.sql.values import SESSION

Work = Callable[[Connection], Awaitable[Mapping[str, Json]]]
Result = TypeVar("Result")

# The server ends a statement when its time is over; seconds after which we no longer wait for it.
_BACKSTOP = 1.0
# Seconds for the driver to cancel what runs on the server, and then to let go.
_PATIENCE = 2.0
_LONGEST_STATEMENT = 2**31 - 1


@dataclass(slots=True)
class Attempt:
    """What is being done where, and how far it is."""

    call: Call
    place: Place
    begin: str
    writes: bool
    if_lost: ErrorClass
    covered: tuple[str, ...] = ()
    working: bool = False
    committing: bool = False

    async def make(self, pool: Pool, work: Work) -> Outcome:
        """Do `work` in a transaction and commit it, within the call's time."""
        seconds = self.call.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds + _BACKSTOP):
                return Succeeded(await _impatient(self._transaction(pool, work, seconds)))
        except TimeoutError:
            if self.committing:
                return failures.lost_commit(self.place, self.if_lost)
            words = "the statement has not ended" if self.working else "no connection"
            return failures.timed_out(self.place, self.call.timeout, words)
        except Exception as error:
            return self._failed(error)

    async def _transaction(self, pool: Pool, work: Work, seconds: float) -> Mapping[str, Json]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        opening = self._opening(seconds)
        async with pool.transaction(self.place, opening, seconds) as connection:
            self.working = True
            left = min(max(seconds - (loop.time() - began), 0.001) * 1000, _LONGEST_STATEMENT)
            await connection.execute(f"SET LOCAL statement_timeout = {math.ceil(left)}".encode())
            outputs = await work(connection)
            if connection.info.transaction_status is not TransactionStatus.INTRANS:
                raise InvalidError("the statement ends the transaction that it runs in")
            if self.writes:
                self.committing = True
                await self._commit(connection)
                self.committing = False
            return outputs

    async def _commit(self, connection: Connection) -> None:
        """Commit; an error after which the connection goes on means that nothing was changed."""
        try:
            await connection.execute("COMMIT")
        except psycopg.Error:
            self.committing = connection.closed or connection.broken
            raise

    def _opening(self, seconds: float) -> Composed:
        """Return what begins the transaction, in one message, and tells it the call's key."""
        idle = min(math.ceil(seconds + _BACKSTOP) * 1000, _LONGEST_STATEMENT)
        text = (
            f"{self.begin}; {SESSION} "
            f"SET LOCAL idle_in_transaction_session_timeout = {idle}; "
            "SELECT set_config('sark.key', {}, true), set_config('sark.attempt', {}, true)"
        )
        key = self.call.key.replace("\0", "").encode("utf-8", "replace").decode()
        return SQL(text).format(Literal(key), Literal(str(self.call.attempt)))

    def _failed(self, error: Exception) -> Failed:
        if self.committing:
            return failures.lost_commit(self.place, self.if_lost)
        values = (self.call.key, *self.covered)
        return failures.failed(self.place, error, values, writes=self.writes)


async def _impatient(work: Coroutine[None, None, Result]) -> Result:
    """Return what `work` gives. Cancelled, it has some seconds to end, and is then cut short.

    The driver would take its time over a server that no longer answers.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task})
        return task.result()
    finally:
        for _ in range(2):
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=_PATIENCE)
        if task.done() and not task.cancelled():
            task.exception()  # taken note of: nobody else asks for it once this was cancelled
