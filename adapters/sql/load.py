"""`sql.load@1`: a CSV file into a table, in one transaction that may be made again."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier, Literal

from adapters.contract import Call, ErrorClass, Json, Outcome
from adapters.sql import failures, file
from adapters.sql.attempt import Attempt
from adapters.sql.failures import FileError
from adapters.sql.file import File
from adapters.sql.place import Place, read_dsn
from adapters.sql.pool import Connection, Pool
from adapters.sql.statement import InvalidError

_LONGEST_NAME = 63
_DELIMITERS = frozenset(map(chr, range(32, 127))) - set('"0123456789.abcdefghijklmnopqrstuvwxyz')
_MODES = ("replace", "append")
_STAGE = Identifier("pg_temp", "sark_load")
_COLUMNS: LiteralString = """
    SELECT attname, attrelid::int8 FROM pg_attribute
     WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     ORDER BY attnum
"""
# Attempts that replace the same rows go one after the other: what one has inserted the next sees
# and deletes, which it would not if both had looked before either had committed.
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be loaded, as the arguments say it. `where` is None to append."""

    place: Place
    table: tuple[str, ...]
    path: str
    where: Mapping[str, str | None] | None
    renamed: Mapping[str, str]
    delimiter: str
    null: str


async def load(pool: Pool, call: Call) -> Outcome:
    """Delete what is replaced, load the file, and commit both or neither."""
    try:
        order = read(call.arguments)
    except InvalidError as error:
        return failures.invalid(error)
    try:
        opened = await asyncio.to_thread(file.open_file, order.path, order.delimiter)
    except FileError as error:
        return failures.failed(order.place, error, (), writes=True)
    if_lost = ErrorClass.UNKNOWN if order.where is None else ErrorClass.TRANSIENT
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
    covered = tuple(each for each in (order.where or {}).values() if each and len(each) > 3)
    attempt = Attempt(call, order.place, begin, True, if_lost, covered)
    with closing(opened):
        return await attempt.make(
            pool, lambda connection: _load(connection, order, opened, call.beat)
        )


def read(given: Mapping[str, Json]) -> Order:
    """Return what the arguments order; raise InvalidError where they make no sense."""
    mode, path = given.get("mode", "replace"), given.get("file")
    if mode not in _MODES:
        raise InvalidError(f"mode must be one of {', '.join(_MODES)}")
    if not isinstance(path, str):
        raise InvalidError("file must be a file")
    where = given.get("replace_where")
    if (where is None) != (mode == "append"):
        raise InvalidError("mode: replace needs replace_where, and mode: append takes none")
    renamed = given.get("columns", {})
    if not isinstance(renamed, Mapping):
        raise InvalidError("columns must be a mapping of the file's columns to the table's")
    null, delimiter = given.get("null", ""), given.get("delimiter", ",")
    if not isinstance(delimiter, str) or delimiter not in _DELIMITERS | {"\t"}:
        raise InvalidError("delimiter must be one ASCII character, as in: , ; | or a tab")
    if not isinstance(null, str) or any(each in null for each in ("\r", "\n", "\0", '"')):
        raise InvalidError("null must be a text in one line and without quotes")
    if delimiter in null:
        raise InvalidError("null may not hold the delimiter")
    names = {_text("columns", old): _text("columns", new) for old, new in renamed.items()}
    place = read_dsn(given.get("dsn"))
    return Order(place, _table(given.get("table")), path, _where(where), names, delimiter, null)


async def _load(
    connection: Connection, order: Order, opened: File, beat: Callable[[], None]
) -> Mapping[str, Json]:
    known, number = await _columns(connection, order.table)
    columns = _mapped(order, opened.header, known)
    table = Identifier(*order.table)
    if order.where is None:
        count = await _copy(connection, order, table, columns, opened, beat)
        return {"row_count": count, "deleted": 0}
    identity = json.dumps([number, order.where], sort_keys=True)
    await connection.execute(_LOCK, (identity,))
    clauses = [SQL("{} = {}").format(Identifier(name), Literal(value)) if value is not None
               else SQL("{} IS NULL").format(Identifier(name))
               for name, value in order.where.items()]  # fmt: skip
    delete = SQL("DELETE FROM {} WHERE {}").format(table, SQL(" AND ").join(clauses))
    deleted = (await connection.execute(delete)).rowcount
    await _stage(connection, table, columns)
    await _copy(connection, order, _STAGE, columns, opened, beat)
    await _check_agrees(connection, order.where, columns)
    return {"row_count": await _insert(connection, order, columns), "deleted": deleted}


async def _columns(connection: Connection, table: Sequence[str]) -> tuple[Sequence[str], int]:
    """Return the columns that may be written and the table's number; raise InvalidError if none."""
    name = Identifier(*table).as_string(connection)
    found = await (await connection.execute(_COLUMNS, (name,))).fetchall()
    if not found:
        raise InvalidError(f"there is no table {name}, or none that this user may see")
    return [str(each[0]) for each in found], int(found[0][1])


def _mapped(order: Order, header: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """Return the table's column for each of the file's; raise where there is none."""
    for old in order.renamed:
        if old not in header:
            raise FileError(f'columns renames "{old}", which line 1 of the file does not name')
    columns = [order.renamed.get(name, name) for name in header]
    for column in columns:
        if column not in known:
            shown = ", ".join(known[:50])
            message = f'line 1 names the column "{column}", which {".".join(order.table)} lacks'
            raise FileError(f"{message}; it has {shown}; `columns` can rename it")
        if columns.count(column) > 1:
            raise FileError(f'line 1 names the column "{column}" twice')
    for column in order.where or {}:
        if column not in known:
            raise InvalidError(f'replace_where names "{column}", which is no column of the table')
    return columns


async def _stage(
    connection: Connection, table: Composed | Identifier, columns: Sequence[str]
) -> None:
    """Make a table for what the file holds, where it is looked at before it is taken over."""
    names = SQL(", ").join(map(Identifier, columns))
    text = "CREATE TEMPORARY TABLE sark_load ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA"
    await connection.execute(SQL(text).format(names, table))


async def _copy(
    connection: Connection,
    order: Order,
    into: Identifier,
    columns: Sequence[str],
    opened: File,
    beat: Callable[[], None],
) -> int:
    """Send the file as it is; PostgreSQL reads the CSV, and counts its lines."""
    text = (
        "COPY {} ({}) FROM STDIN WITH "
        "(FORMAT csv, HEADER true, ENCODING 'UTF8', DELIMITER {}, NULL {})"
    )
    names = SQL(", ").join(map(Identifier, columns))
    statement = SQL(text).format(into, names, Literal(order.delimiter), Literal(order.null))
    async with connection.cursor() as cursor:
        async with cursor.copy(statement) as copy:
            while chunk := await asyncio.to_thread(opened.read):
                await copy.write(chunk)
                beat()
        return cursor.rowcount


async def _check_agrees(
    connection: Connection, where: Mapping[str, str | None], columns: Sequence[str]
) -> None:
    """Raise FileError if a loaded row is none of those that are deleted when it is loaded again."""
    for name, value in where.items():
        if name not in columns:
            continue
        text = "SELECT count(*) FROM {} WHERE {} IS DISTINCT FROM {}"
        asked = SQL(text).format(_STAGE, Identifier(name), Literal(value))
        row = await (await connection.execute(asked)).fetchone()
        if row and row[0]:
            message = f'{row[0]} rows of the file have another "{name}" than replace_where says'
            raise FileError(f"{message}: loaded again, they would be there twice")


async def _insert(connection: Connection, order: Order, columns: Sequence[str]) -> int:
    """Take over what was staged, with the values of `replace_where` that the file lacks."""
    added = {name: value for name, value in (order.where or {}).items() if name not in columns}
    text = "INSERT INTO {} ({}) SELECT {} FROM {}"
    names = SQL(", ").join(map(Identifier, (*columns, *added)))
    chosen = SQL(", ").join((*map(Identifier, columns), *map(Literal, added.values())))
    statement = SQL(text).format(Identifier(*order.table), names, chosen, _STAGE)
    return (await connection.execute(statement)).rowcount


def _table(value: Json) -> tuple[str, ...]:
    parts = tuple(_text("table", value).split("."))
    if len(parts) > 2 or not all(0 < len(each.encode()) <= _LONGEST_NAME for each in parts):
        raise InvalidError("table must be table or schema.table, each name 1 to 63 bytes long")
    return parts


def _where(given: Json) -> Mapping[str, str | None] | None:
    """Return the values that rows are replaced by, as text: the column says what type it is."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        raise InvalidError("replace_where must be a mapping of columns to values")
    return {_text("replace_where", name): _plain(value) for name, value in given.items()}


def _plain(value: Json) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float):
        return None if value is None else str(value)
    return _text("replace_where", value)


def _text(name: str, value: Json) -> str:
    if not isinstance(value, str) or (not value and name != "replace_where"):
        raise InvalidError(f"{name} must be a text that is not empty")
    if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
        raise InvalidError(f"{name} holds a NUL or half a character, which PostgreSQL refuses")
    return value
