"""`sql.query@1`: one statement, its rows as they come, and not more of them than was asked for."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import abc, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch, send

from adapters.contract import Call, ErrorClass, Json, Outcome
from adapters.manifest.sql import DEFAULT_MAX_ROWS, LARGEST_MAX_ROWS
from adapters.sql import failures, values
from adapters.sql.attempt import Attempt
from adapters.sql.place import read_dsn
from adapters.sql.pool import Connection, Pool
from adapters.sql.statement import InvalidError, Statement, read

LARGEST_ANSWER = 16 * 1024 * 1024
_SHORTEST_COVERED = 4
_WRITES = frozenset({"write", "destructive"})
_COPY = frozenset({pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH})


async def query(pool: Pool, call: Call) -> Outcome:
    """Run the statement, in a transaction that may write only if the step says that it writes."""
    given = call.arguments
    try:
        place = read_dsn(given.get("dsn"))
        text = given.get("statement")
        if not isinstance(text, str) or not text.strip():
            raise InvalidError("statement must be a text that is not empty")
        statement = read(text, given.get("params"))
        most = _max_rows(given.get("max_rows", DEFAULT_MAX_ROWS))
        sent = [values.sendable(each) for each in statement.values]
    except InvalidError as error:
        return failures.invalid(error)
    writes = call.effect in _WRITES
    told = (text for each in statement.values for text in values.texts(each))
    covered = tuple({each for each in told if len(each) >= _SHORTEST_COVERED})
    begin = "BEGIN" if writes else "BEGIN READ ONLY"
    attempt = Attempt(call, place, begin, writes, ErrorClass.UNKNOWN, covered)

    async def work(connection: Connection) -> Mapping[str, Json]:
        return await connection.wait(_answer(connection, statement, sent, most))

    return await attempt.make(pool, work)


def _answer(
    connection: Connection, statement: Statement, sent: Sequence[object], most: int
) -> abc.PQGen[Mapping[str, Json]]:
    """Send the statement and read what it gives, a row at a time.

    It goes by the extended protocol, which takes one statement and no more: nothing can stand
    behind a COMMIT in it.
    """
    pgconn, transformer = connection.pgconn, Transformer.from_context(connection)
    data = transformer.dump_sequence(sent, [PyFormat.TEXT] * len(sent))
    pgconn.send_query_params(statement.text.encode(), data, param_types=transformer.types)
    pgconn.set_single_row_mode()
    yield from send(pgconn)
    answer = _Answer(most)
    while (result := (yield from fetch(pgconn))) is not None:
        if result.status in _COPY:
            raise InvalidError("COPY needs a file, and a statement has none: use sql.load@1")
        if result.status == pq.ExecStatus.EMPTY_QUERY:
            raise InvalidError("statement is nothing but comments")
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise _error(result, statement)
        answer.take(transformer, result)
    return answer.outputs()


class _Answer:
    """The rows so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: list[dict[str, Json]] = []
        self._columns: list[str] = []
        self._count = 0
        self._size = 0

    def take(self, transformer: abc.Transformer, result: pq.abc.PGresult) -> None:
        """Take in a row, or the end, with how many rows the statement has changed."""
        if not self._columns and result.nfields:
            self._columns = [_name(result, each) for each in range(result.nfields)]
            _check_unique(self._columns)
        if result.status != pq.ExecStatus.SINGLE_TUPLE:
            self._count = max(result.command_tuples or 0, len(self._rows))
            return
        if len(self._rows) == self._most:
            message = f"the statement gives more than max_rows = {self._most} rows"
            raise failures.LimitError(f"{message}; add LIMIT, aggregate, or raise max_rows")
        self._size += sum(len(result.get_value(0, each) or b"") for each in range(result.nfields))
        if self._size > LARGEST_ANSWER:
            raise failures.LimitError(f"the rows are over {LARGEST_ANSWER} bytes; select less")
        transformer.set_pgresult(result, set_loaders=not self._rows)
        row = transformer.load_row(0, tuple)
        self._rows.append(dict(zip(self._columns, row or (), strict=True)))

    def outputs(self) -> Mapping[str, Json]:
        """Return the operation's outputs."""
        return {"rows": self._rows, "row_count": self._count, "columns": self._columns}


def _error(result: pq.abc.PGresult, statement: Statement) -> psycopg.Error:
    """Return the exception of a refusal; it knows the statement, to tell the line."""
    error = psycopg.errors.error_from_result(result, encoding="utf-8")
    error.statement = statement.text  # type: ignore[attr-defined]
    return error


def _name(result: pq.abc.PGresult, column: int) -> str:
    return (result.fname(column) or b"").decode("utf-8", "replace")


def _check_unique(columns: Sequence[str]) -> None:
    twice = sorted({each for each in columns if columns.count(each) > 1})
    if twice:
        raise InvalidError(f'two columns are named "{twice[0]}"; name each of them with AS')


def _max_rows(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_MAX_ROWS:
        raise InvalidError(f"max_rows must be an integer from 1 to {LARGEST_MAX_ROWS}")
    return value
