"""`sql.query@1` against a real PostgreSQL: what it gives, refuses and leaves."""

import asyncio
from typing import Any

import psycopg
import pytest

from adapters.contract import ErrorClass
from tests.adapters.querying import answer, ask, database, refusal
from tests.adapters.speaking import failed, outputs
from tests.adapters.test_pages import example

P, T = ErrorClass.PERMANENT, ErrorClass.TRANSIENT


def test_rows_and_columns(database_url: str):
    """
    Rows come as objects, with the columns' names in their order and how many rows there are.
    """
    found = answer(database_url, "select n as b, n * 2 as a from generate_series(1, 2) n")

    expected = {"rows": [{"b": 1, "a": 2}, {"b": 2, "a": 4}], "row_count": 2, "columns": ["b", "a"]}
    assert expected == found


def test_the_example_of_the_page_runs(database_url: str):
    """
    The example that opens the reference page does what the page says.
    """
    given = example("sql.query@1")["with"]
    found = answer(database_url, given["statement"], params=given["params"])

    assert [{"n": 2, "total": 10.75}] == found["rows"]


def test_no_rows_still_have_columns(database_url: str):
    """
    An empty answer is an answer.
    """
    found = answer(database_url, "select 1 as a where false")

    assert {"rows": [], "row_count": 0, "columns": ["a"]} == found


@pytest.mark.parametrize(
    ("statement", "params", "expected"),
    [
        ("select %(a)s + %(a)s as x", {"a": 2}, 4),
        ("select %(day)s::date + 1 as x", {"day": "2026-03-28"}, "2026-03-29"),
        ("select 3 = any(%(xs)s) as x", {"xs": [1, 2, 3]}, True),
        ("select cardinality(%s::text[]) as x", [[]], 0),
        ("select %s::text || '%%' as x", ["50"], "50%"),
        ("select '50%' as x", None, "50%"),
        ("select %(a)s -> 'b' ->> 0 as x", {"a": {"b": ["c"]}}, "c"),
        ("select jsonb_array_length(%(a)s) as x", {"a": [{"b": 1}, 2]}, 2),
        ("select %(a)s::text is null as x", {"a": None}, True),
        ("select %(a)s::bool as x", {"a": False}, False),
        ("select %(a)s::text as x", {"a": "'; drop table runs; --"}, "'; drop table runs; --"),
        ("select sum(y) as x from unnest(%s::float8[]) y", [[1, 0.5]], 1.5),
    ],
)
def test_values_go_by_params(database_url: str, statement: str, params: Any, expected: Any):
    """
    A value of params reaches the statement as a value, whatever stands in it.
    """
    given = {} if params is None else {"params": params}

    assert [{"x": expected}] == answer(database_url, statement, **given)["rows"]


def test_a_step_that_says_so_writes(database_url: str):
    """
    With `effect: write` what the statement does is committed, and counted.
    """
    made = answer(database_url, "create table t as select 1 as a", effect="write")
    changed = answer(database_url, "update t set a = 2", effect="destructive")

    assert {"rows": [], "row_count": 1, "columns": []} == changed
    assert [] == made["rows"]
    assert [{"a": 2}] == answer(database_url, "select a from t")["rows"]


def test_a_procedure_is_called(database_url: str):
    """
    The nightly example's `call` works as it stands.
    """
    body = "create procedure publish_orders(d date) language sql as 'insert into done values (d)'"
    answer(database_url, "create table done (d date)", effect="write")
    answer(database_url, body, effect="write")

    given = {"params": {"day": "2026-03-28"}, "effect": "write"}
    found = answer(database_url, "call publish_orders(%(day)s)", **given)

    assert {"rows": [], "row_count": 0, "columns": []} == found
    assert [{"d": "2026-03-28"}] == answer(database_url, "select d from done")["rows"]


@pytest.mark.parametrize(
    "statement",
    [
        "create table t (a int)",
        "with x as (insert into t values (1) returning 1) select * from x",
        "select make()",
        "do $$ begin set transaction read write; perform make(); end $$",
        "select set_config('transaction_read_only', 'off', true), make()",
        "select nextval('s')",
        "truncate t",
    ],
)
def test_a_step_that_reads_cannot_write(database_url: str, statement: str):
    """
    Without `effect: write` nothing is written, by whatever way; the error says what to write.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table t (a int)")
        connection.execute("create sequence s")
        connection.execute(
            "create function make() returns int language sql as 'insert into t values (1) "
            "returning a'"
        )
        found = refusal(database_url, statement)

        assert [] == connection.execute("select * from t").fetchall()
    if "read write" in statement or "set_config" in statement:
        assert "sql.statement" == found.type
    else:
        assert ("sql.read_only", P) == (found.type, found.error_class)
        assert "a statement that writes needs `effect: write` on its step" in found.message


@pytest.mark.parametrize(
    "statement", ["select 1; select 2", "commit; create table t (a int)", "select 1;;drop table t"]
)
def test_there_is_one_statement(database_url: str, statement: str):
    """
    Nothing can stand behind a semicolon, be it a COMMIT before what must not be done.
    """
    found = refusal(database_url, statement)

    assert ("sql.statement", "42601") == (found.type, found.details["sqlstate"])


@pytest.mark.parametrize(
    ("statement", "given", "words"),
    [
        ("select %(a)s", {"params": {}}, "line 1 of the statement names %(a)s, which params lacks"),
        ("select 1", {"params": {"b": 1}}, 'params has "b", which the statement does not name'),
        ("select 1\n+ %s", {"params": []}, "the statement has 1 places for values, params 0"),
        ("select\n5 % 2, %s", {"params": [1]}, "line 2 of the statement has '% ': expected `%s`"),
        ("select 1", {"params": "x"}, "params must be a mapping or a list"),
        ("select %s", {"params": [[1, "a"]]}, "params hold a list of several types"),
        ("select %s", {"params": ["a\0b"]}, "params hold a NUL or half a character"),
        ("select %s", {"params": [{"\ud800": 1}]}, "params hold a NUL or half a character"),
        ("-- nothing", {}, "statement is nothing but comments"),
        ("  ", {}, "statement must be a text that is not empty"),
        ("select 1 as a, 2 as a", {}, 'two columns are named "a"; name each of them with AS'),
        ("copy (select 1) to stdout", {}, "use sql.load@1"),
        ("rollback", {}, "the statement ends the transaction that it runs in"),
        ("select 1", {"max_rows": 10_001}, "max_rows must be an integer from 1 to 10000"),
    ],
)
def test_arguments_that_make_no_statement(
    database_url: str, statement: str, given: dict[str, Any], words: str
):
    """
    The error says what is wrong with which part, and how it is written right.
    """
    found = refusal(database_url, statement, **given)

    assert ("sql.invalid", P) == (found.type, found.error_class)
    assert words in found.message


@pytest.mark.parametrize(
    ("statement", "kind", "details"),
    [
        ("select\nx", "sql.statement", {"sqlstate": "42703", "line": 2}),
        ("select 1 from nope", "sql.statement", {"sqlstate": "42P01", "line": 1}),
        ("select 1/0", "sql.statement", {"sqlstate": "22012"}),
        (
            "insert into t values (1)",
            "sql.constraint",
            {"sqlstate": "23505", "schema": "public", "table": "t", "constraint": "t_pkey"},
        ),
        (
            "insert into t values (null)",
            "sql.constraint",
            {"sqlstate": "23502", "schema": "public", "table": "t", "column": "a"},
        ),
        ("select pg_read_file('/etc/passwd')", "sql.denied", {"sqlstate": "42501"}),
    ],
)
def test_a_refusal_has_its_sqlstate(
    database_url: str, statement: str, kind: str, details: dict[str, Any]
):
    """
    PostgreSQL's code, the line of the statement, and what is concerned, are members of the error.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table t (a int primary key)")
        connection.execute("insert into t values (1)")
        connection.execute("drop role if exists plain")
        connection.execute("create role plain login password 'plain'")
        connection.execute("grant all on t to plain")
    who = database_url.partition("@")[2]
    url = f"postgresql://plain:plain@{who}" if kind == "sql.denied" else database_url
    found = failed(ask(url, statement, effect="write"))

    assert (kind, P, details) == (found.type, found.error_class, found.details)


@pytest.mark.parametrize(
    ("statement", "params"),
    [
        ("select %s::int", ["hidden value"]),
        ("select (%s || 'x')::date", ["hidden value"]),
        ("insert into t values (%s)", ["hidden value"]),
        ("do $$ begin raise exception 'hidden value'; end $$", None),
        ("select current_setting('sark.key')::int", None),
        ("select note::int from t", None),
        ("insert into t select note from t", None),
    ],
)
def test_an_error_shows_no_value(database_url: str, statement: str, params: Any):
    """
    Neither what was sent nor what is in a table becomes part of an error that is kept.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table t (note text unique)")
        connection.execute("insert into t values ('hidden value')")
    given = {} if params is None else {"params": params}
    found = failed(ask(database_url, statement, effect="write", **given))

    told = found.message + str(found.details)
    assert "raise" in statement or "hidden" not in told
    assert "key-1" not in told


def test_too_many_rows(database_url: str):
    """
    An answer larger than it may be fails, soon, and changes nothing; the connection is not lost.
    """
    many = "insert into t select n from generate_series(1, 1000000) n returning n"

    async def story() -> None:
        async with database(database_url, max_connections=1) as asking:
            outputs(await asking("create table t (n int)", effect="write"))
            found = failed(await asking(many, effect="write", max_rows=10))
            wide = failed(await asking("select repeat('x', 1000000) from generate_series(1, 99)"))
            left = outputs(await asking("select count(*) as n from t"))

        assert ("sql.too_large", P) == (found.type, found.error_class)
        assert "more than max_rows = 10 rows; add LIMIT" in found.message
        assert ("sql.too_large", P) == (wide.type, wide.error_class)
        assert [{"n": 0}] == left["rows"]

    asyncio.run(story())


def test_one_call_leaves_nothing_to_the_next(database_url: str):
    """
    What a statement has set, locked or prepared is gone when the connection serves another.
    """

    async def story() -> None:
        async with database(database_url, max_connections=1) as asking:
            for each in (
                "set search_path = pg_catalog",
                "create temporary table left_behind (a int)",
                "select pg_advisory_lock(7)",
                "prepare p as select 1",
                "set role none",
            ):
                outputs(await asking(each, effect="write"))
            path = outputs(await asking("show search_path"))
            locks = outputs(await asking("select 1 from pg_locks where locktype = 'advisory'"))
            table = failed(await asking("select * from left_behind"))
            first = outputs(await asking("select pg_backend_pid() as pid"))
            second = outputs(await asking("select pg_backend_pid() as pid"))

        assert [{"search_path": '"$user", public'}] == path["rows"]
        assert [] == locks["rows"]
        assert "42P01" == table.details["sqlstate"]
        assert first == second

    asyncio.run(story())


def test_the_statement_knows_the_key(database_url: str):
    """
    A statement, and every function and trigger below it, can tell a repetition by its key.
    """
    found = answer(
        database_url,
        "select current_setting('sark.key') as key, current_setting('sark.attempt') as attempt",
    )

    assert [{"key": "key-1", "attempt": "1"}] == found["rows"]
