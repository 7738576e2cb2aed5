"""A statement that is prepared once on one connection, and asked without the driver's bookkeeping.

psycopg's own `execute` takes a tenth of a millisecond of Python for each round trip, a third of an
owner's turn. Here parameters go as their wire form and the wait is one callback on the socket, by
the rules of libpq (PostgreSQL's manual, "Asynchronous Command Processing").
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from engine.store.arrays import Array
from engine.store.pool import Connection

_NAME = re.compile(r"%\((\w+)\)s")
_GOOD = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class Statement:
    """One statement of one connection; `kinds` are the types of its parameters that are arrays."""

    def __init__(
        self, connection: Connection, name: str, text: LiteralString,
        kinds: Mapping[str, type[Array]],
    ) -> None:  # fmt: skip
        self._link = connection.pgconn
        self._connection = connection
        self._name = name.encode()
        self._names = tuple(dict.fromkeys(_NAME.findall(text)))
        numbers = {each: f"${number}" for number, each in enumerate(self._names, 1)}
        self._text = _NAME.sub(lambda found: numbers[found[1]], text).encode()
        self._types = [kinds[each].oid if each in kinds else 0 for each in self._names]
        self._formats = [Format.BINARY if each else Format.TEXT for each in self._types]
        self._rows = Transformer(connection)
        self._is_prepared = False

    async def ask(
        self, values: Mapping[str, Any], meanwhile: Callable[[], None] | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the rows of the answer; call `meanwhile` while PostgreSQL works.

        Nobody else may use the connection until then; one whose answer was not awaited is closed.
        Raise psycopg.Error for what PostgreSQL refuses, and if the connection is lost.
        """
        if not self._is_prepared:
            self._link.send_prepare(self._name, self._text, self._types)
            await self._answer()
            self._is_prepared = True
        told = [_encoded(values[each]) for each in self._names]
        self._link.send_query_prepared(self._name, told, self._formats, Format.BINARY)
        is_sent = self._link.flush() == 0
        if meanwhile is not None:
            meanwhile()
        result = await self._answer(is_sent)
        self._rows.set_pgresult(result)
        return self._rows.load_rows(0, result.ntuples, tuple)

    async def _answer(self, is_sent: bool = False) -> PGresult:
        """Return the answer once PostgreSQL is ready again: an error at its commit comes last."""
        answer = _Answer(self._link)
        try:
            await answer.come(is_sent)
        except BaseException:
            self._link.finish()  # what was asked may come to pass, but nobody hears of it here
            raise
        for each in answer.results:
            if each.status not in _GOOD:
                raise _error(each)
        return answer.results[0]


class _Answer:
    """What PostgreSQL answers to one question, gathered as it comes."""

    def __init__(self, link: PGconn) -> None:
        self.results: list[PGresult] = []
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._whole: asyncio.Future[None] = self._loop.create_future()
        self._socket = -1

    async def come(self, is_sent: bool) -> None:
        """Wait until the question is sent whole and the answer has come whole."""
        self._socket = self._link.socket
        self._loop.add_reader(self._socket, self._guard, self._read)
        if not is_sent:
            self._loop.add_writer(self._socket, self._guard, self._write)
        try:
            await self._whole
        finally:
            self._leave()

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except psycopg.Error as error:
            if not self._whole.done():
                self._whole.set_exception(error)
        if self._whole.done():
            self._leave()

    def _leave(self) -> None:
        """Watch the socket no more.

        At once when all has come: libpq closes a lost connection by itself, and what is opened
        next has the number that its socket had.
        """
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = -1

    def _read(self) -> None:
        self._link.consume_input()
        while not self._link.is_busy():
            result = self._link.get_result()
            if result is None:
                if not self._whole.done():
                    self._whole.set_result(None)
                return
            self.results.append(result)

    def _write(self) -> None:
        if self._link.flush() == 0:
            self._loop.remove_writer(self._socket)


def _encoded(value: object) -> bytes:
    """Return the wire form of an array, or of anything else the text that PostgreSQL reads."""
    return value.encode() if isinstance(value, Array) else str(value).encode()


def _error(result: PGresult) -> psycopg.Error:
    """Return the exception that psycopg has for what an answer says."""
    state = (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        kind: type[psycopg.Error] = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.OperationalError
    return kind(result.get_error_message(), info=result)
