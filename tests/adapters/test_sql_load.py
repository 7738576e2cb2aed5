"""`sql.load@1` against a real PostgreSQL: files of every kind, again and again."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.contract import ErrorClass, Json, Outcome
from adapters.sql import create
from tests.adapters.speaking import call, failed, outputs
from tests.adapters.test_pages import example
from tests.proxy import Proxy

P, T, U = ErrorClass.PERMANENT, ErrorClass.TRANSIENT, ErrorClass.UNKNOWN
WHERE: dict[str, Json] = {"region": "fr", "day": "2026-03-28"}
FR = 'order_id,total,note\n1,9.50,first\n2,,\n3,1.25,"two\nlines, and a ""quote"""\n'


@pytest.fixture
def url(database_url: str) -> str:
    """A database with the table of the nightly example."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "create table orders_raw (region text not null, day date not null, "
            "order_id int not null, total numeric(12, 2), note text, at timestamptz default now(), "
            "primary key (region, day, order_id))"
        )
    return database_url


def load(url: str, path: Path | str, timeout: float = 10, /, **given: Any) -> Outcome:
    """Return what loading a file leads to."""

    async def story() -> Outcome:
        adapter = create({})
        _, operation = adapter.operations()
        arguments = {"dsn": url, "table": "orders_raw", "file": str(path), **given}
        await adapter.open()
        try:
            return await operation.invoke(call(timeout, **arguments))
        finally:
            await adapter.close()

    return asyncio.run(story())


def rows(url: str, columns: str = "region, day::text, order_id, total, note") -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        text = f"select {columns} from orders_raw order by region, day, order_id"
        return connection.execute(text.encode()).fetchall()


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_loaded_with_what_it_lacks(url: str, tmp_path: Path):
    """
    Quotes, lines in values and empty ones are read; region and day come from `replace_where`.
    """
    found = outputs(load(url, written(tmp_path, FR), replace_where=WHERE))

    assert {"row_count": 3, "deleted": 0} == found
    assert [
        ("fr", "2026-03-28", 1, 9.5, "first"),
        ("fr", "2026-03-28", 2, None, None),
        ("fr", "2026-03-28", 3, 1.25, 'two\nlines, and a "quote"'),
    ] == [
        (*each[:3], each[3] if each[3] is None else float(each[3]), each[4]) for each in rows(url)
    ]


def test_each_piece_that_is_sent_is_progress(url: str, tmp_path: Path):
    """
    A load is heard for each piece of the file that PostgreSQL has been sent.
    """
    beats: list[int] = []

    async def story() -> Outcome:
        adapter = create({})
        _, operation = adapter.operations()
        await adapter.open()
        given: dict[str, Json] = {"dsn": url, "table": "orders_raw", "replace_where": WHERE}
        made = call(10, file=str(written(tmp_path, FR)), **given)
        try:
            return await operation.invoke(replace(made, beat=lambda: beats.append(1)))
        finally:
            await adapter.close()

    assert 3 == outputs(asyncio.run(story()))["row_count"]
    assert [1] == beats


def test_the_example_of_the_page_runs(url: str, tmp_path: Path):
    """
    The example that opens the reference page does what the page says.
    """
    given = example("sql.load@1")["with"]
    found = load(url, written(tmp_path, FR), table=given["table"],
                 replace_where=given["replace_where"])  # fmt: skip

    assert 3 == outputs(found)["row_count"]


def test_a_load_can_be_repeated(url: str, tmp_path: Path):
    """
    The second load leaves what the first left, and other regions and days alone.
    """
    path = written(tmp_path, FR)
    for region in ("de", "fr", "fr"):
        found = outputs(load(url, path, replace_where={**WHERE, "region": region}))

    assert {"row_count": 3, "deleted": 3} == found
    assert 6 == len(rows(url))


def test_loads_of_the_same_rows_at_a_time(url: str, tmp_path: Path):
    """
    An attempt that was thought dead and its successor leave the rows once, not twice.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table orders_raw drop constraint orders_raw_pkey")
    path = written(tmp_path, FR)

    async def story() -> list[Outcome]:
        adapter = create({})
        _, operation = adapter.operations()
        await adapter.open()
        given: dict[str, Json] = {"dsn": url, "table": "orders_raw", "file": str(path)}
        given["replace_where"] = WHERE
        found = await asyncio.gather(*(operation.invoke(call(60, **given)) for _ in range(6)))
        await adapter.close()
        return found

    deleted = sorted(int(str(outputs(each)["deleted"])) for each in asyncio.run(story()))

    assert [0, 3, 3, 3, 3, 3] == deleted
    assert 3 == len(rows(url))


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (FR.replace(",", ";").replace("lines;", "lines,"), {"delimiter": ";"}),
        (FR.replace("\n1,", "\r\n1,").replace("first\n", "first\r\n").replace("2,,\n", "2,,\r\n")
         .replace('"""\n', '"""\r\n').replace("two\nlines", "two lines"), {}),
        ("\ufeff" + FR, {}),
        ("\ufeff" + FR.replace("order_id", '"order_id"', 1), {}),
        (FR.replace("2,,", "2,-,-"), {"null": "-"}),
        (FR.replace("order_id", "Order No", 1), {"columns": {"Order No": "order_id"}}),
        (FR.removesuffix("\n"), {}),
        ("region," + FR.replace("\n1", "\nfr,1").replace("\n2", "\nfr,2").replace("\n3", "\nfr,3"),
         {}),
    ],
)  # fmt: skip
def test_files_of_every_kind(url: str, tmp_path: Path, text: str, given: Mapping[str, Any]):
    """
    Delimiters, line ends, byte order marks, names and what stands for no value may be others.
    """
    found = outputs(load(url, written(tmp_path, text), replace_where=WHERE, **given))

    assert 3 == found["row_count"]
    assert [("fr", 1), ("fr", 2), ("fr", 3)] == rows(url, "region, order_id")


def test_appending(url: str, tmp_path: Path):
    """
    `mode: append` adds what the file holds, and can say no more than that.
    """
    text = "region,day,order_id\nfr,2026-03-28,1\n"
    found = outputs(load(url, written(tmp_path, text), mode="append"))
    again = failed(load(url, written(tmp_path, text), mode="append"))

    assert {"row_count": 1, "deleted": 0} == found
    assert ("sql.constraint", P) == (again.type, again.error_class)
    assert 1 == again.details["line"] - 1  # type: ignore[operator]


def test_an_empty_file_replaces_by_nothing(url: str, tmp_path: Path):
    """
    A file with a header and no rows is a day without orders.
    """
    outputs(load(url, written(tmp_path, FR), replace_where=WHERE))

    found = outputs(load(url, written(tmp_path, "order_id\n"), replace_where=WHERE))

    assert {"row_count": 0, "deleted": 3} == found
    assert [] == rows(url)


def test_rows_without_a_value_are_replaced(url: str, tmp_path: Path):
    """
    null in `replace_where` means the rows that have no value there.
    """
    path = written(tmp_path, "region,day,order_id\nfr,2026-03-28,1\n")
    where: dict[str, Json] = {"note": None, "region": "fr"}
    outputs(load(url, path, replace_where=where))

    assert {"row_count": 1, "deleted": 1} == outputs(load(url, path, replace_where=where))


@pytest.mark.parametrize(
    ("text", "given", "kind", "words", "details"),
    [
        ("order_id,total\n1,2\n2,secret\n", {}, "sql.statement",
         'line 3 of the file, column total: invalid input syntax for type numeric: "***"',
         {"sqlstate": "22P02", "line": 3, "column": "total"}),
        ("order_id\n1\n2,3\n", {}, "sql.statement",
         "line 3 of the file: extra data after last expected column",
         {"sqlstate": "22P04", "line": 3}),
        ('order_id,note\n1,"a\n', {}, "sql.statement",
         "line 3 of the file: unterminated CSV quoted field", {"sqlstate": "22P04", "line": 3}),
        (b"order_id,note\n1,\xff\n", {}, "sql.statement",
         "line 2 of the file: invalid byte sequence for encoding",
         {"sqlstate": "22021", "line": 2}),
        ("order_id\n1\n1\n", {}, "sql.constraint",
         'duplicate key value violates unique constraint "orders_raw_pkey"',
         {"sqlstate": "23505", "schema": "public", "table": "orders_raw",
          "constraint": "orders_raw_pkey"}),
        ("order_id\n1\n", {"table": "nope"}, "sql.invalid", 'there is no table "nope"', {}),
        ("order_id\n1\n", {"table": "a.b.c"}, "sql.invalid", "table must be table or schema.table",
         {}),
        ("order_id\n1\n", {"table": 'orders_raw"; drop table orders_raw; --'}, "sql.invalid",
         "there is no table", {}),
        ("order,id\n1,2\n", {}, "sql.file",
         'line 1 names the column "order", which orders_raw lacks; it has region, day, order_id',
         {}),
        ("order_id,order_id\n1,2\n", {}, "sql.file",
         'line 1 names the column "order_id" twice', {}),
        ("order_id,\n1,2\n", {}, "sql.file", "line 1 has no name for column 2", {}),
        ("", {}, "sql.file", "the file is empty: line 1 must name the columns", {}),
        ("order_id\n1\n\\.\n2\n", {}, "sql.file", r"a line is \. alone", {}),
        ("order_id\n1\n", {"columns": {"nr": "order_id"}}, "sql.file",
         'columns renames "nr", which line 1 of the file does not name', {}),
        ("order_id,region\n1,fr\n2,de\n", {}, "sql.file",
         '1 rows of the file have another "region" than replace_where says', {}),
        ("order_id\n1\n", {"replace_where": {"nope": 1}}, "sql.invalid",
         'replace_where names "nope", which is no column of the table', {}),
        ("order_id\n1\n", {"mode": "append", "replace_where": WHERE}, "sql.invalid",
         "mode: append takes none", {}),
        ("order_id\n1\n", {"replace_where": None}, "sql.invalid", "needs replace_where", {}),
        ("order_id\n1\n", {"delimiter": "é"}, "sql.invalid", "delimiter must be one ASCII", {}),
        ("order_id\n1\n", {"null": '"'}, "sql.invalid", "null must be a text in one line", {}),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded(
    url: str, tmp_path: Path, text: str | bytes, given: Any, kind: str, words: str, details: Any
):
    """
    The error names line and column, what was expected, and no value; the table is as it was.
    """
    kept = {"region": "fr", "day": "2026-03-28", "order_id": 7}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into orders_raw values (%(region)s, %(day)s, %(order_id)s)", kept
        )
    arguments = {"replace_where": WHERE, **given}
    found = failed(load(url, written(tmp_path, text), **arguments))

    assert (kind, P, details) == (found.type, found.error_class, found.details)
    assert words in found.message
    assert "secret" not in found.message
    assert [("fr", "2026-03-28", 7)] == rows(url, "region, day::text, order_id")


def test_what_is_no_file(url: str, tmp_path: Path):
    """
    A folder, a pipe, and what is not there are refused at once.
    """
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing"):
        found = failed(load(url, path, replace_where=WHERE))

        assert ("sql.file", P) == (found.type, found.error_class)
        assert str(tmp_path) not in found.message


@pytest.mark.parametrize(
    ("word", "given", "expected", "left"),
    [
        (b"COPY", {}, ("sql.connection", T), 0),
        (b"COMMIT\0", {}, ("sql.commit", T), 3),
        (b"COMMIT\0", {"mode": "append"}, ("sql.commit", U), 3),
    ],
)
def test_a_reply_that_is_lost(
    url: str, tmp_path: Path, word: bytes, given: Any, expected: Any, left: int
):
    """
    A load that replaces may be made again whatever was lost; one that appends may not.
    """
    text = FR
    if given:
        text = "region,day,order_id\n" + "".join(f"fr,2026-03-28,{n}\n" for n in range(3))
    else:
        given = {"replace_where": WHERE}
    path = written(tmp_path, text)

    async def story() -> Outcome:
        adapter = create({})
        _, operation = adapter.operations()
        async with Proxy(url) as proxy:
            await adapter.open()
            proxy.cut_reply_to(word)
            arguments = {"dsn": proxy.url, "table": "orders_raw", "file": str(path), **given}
            found = await operation.invoke(call(60, **arguments))
            await adapter.close()
            return found

    found = failed(asyncio.run(story()))

    assert expected == (found.type, found.error_class)
    assert left == len(rows(url))


def test_a_load_that_takes_too_long(url: str, tmp_path: Path):
    """
    What waits for a lock of others ends in time, and has changed nothing.
    """
    with psycopg.connect(url) as connection:
        connection.execute("lock table orders_raw in exclusive mode")
        found = failed(load(url, written(tmp_path, FR), 0.5, replace_where=WHERE))

    assert ("sql.timeout", T) == (found.type, found.error_class)
    assert [] == rows(url)


def test_a_large_file(url: str, tmp_path: Path):
    """
    A file is sent a piece at a time, whatever its size.
    """
    path = tmp_path / "large.csv"
    with path.open("w") as handle:
        handle.write("order_id,note\n")
        for number in range(200_000):
            handle.write(f'{number},"a note, {number}"\n')

    found = outputs(load(url, path, 60, replace_where=WHERE))

    assert 200_000 == found["row_count"]
    assert [(200_000, 199_999)] == rows_of(url, "count(*), max(order_id)")


def rows_of(url: str, what: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(f"select {what} from orders_raw".encode()).fetchall()
