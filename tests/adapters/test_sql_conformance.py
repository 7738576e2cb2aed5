"""`sql.query@1` and `sql.load@1` keep to what an operation promises."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from adapters import conformance
from adapters.conformance import CANARY, Case
from adapters.contract import Adapter, Json, Operation, Succeeded
from adapters.sql import create

SOON = timedelta(seconds=0.3)
WHERE: Json = {"region": "fr"}


@pytest.fixture
def url(database_url: str) -> str:
    """A database with a table."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table orders (region text, id int not null, note text)")
        connection.execute("create table heard (key text)")
    return database_url


@pytest.fixture
def csv(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text("id,note\n1,a\n2,b\n")
    (tmp_path / "wrong.csv").write_text(f"id,note\nx,{CANARY}\n")
    return str(path)


@asynccontextmanager
async def opened(which: int) -> AsyncIterator[tuple[Adapter, Operation]]:
    adapter = create({})
    await adapter.open()
    try:
        yield adapter, adapter.operations()[which]
    finally:
        await adapter.close()


def secret(url: str) -> str:
    """Return a dsn whose password is a secret, and wrong."""
    return url.replace(url.partition("://")[2].partition("@")[0], f"sark:{CANARY}")


def query_cases(url: str, _: str) -> Sequence[Case]:
    dsn: dict[str, Json] = {"dsn": url}
    note = "insert into orders (id, note) values (null, %(note)s)"
    return (
        Case("a statement", {**dsn, "statement": "select %(a)s as a", "params": {"a": [1, 2]}}),
        Case("a write", {**dsn, "statement": "delete from orders"}, "sql.read_only"),
        Case("a password", {"dsn": secret(url), "statement": "select 1"}, "sql.denied"),
        Case("no host", {"dsn": f"postgresql://a:{CANARY}@/c", "statement": "x"}, "sql.invalid"),
        Case("nobody", {"dsn": f"postgresql://a:{CANARY}@127.0.0.1:1/c", "statement": "x"},
             "sql.connection", error_class="transient"),
        Case("forbidden", {"dsn": f"postgresql://a:{CANARY}@169.254.169.254/c", "statement": "x"},
             "sql.blocked"),
        Case("a value", {**dsn, "statement": "select %s::int", "params": [CANARY]},
             "sql.statement"),
        Case("a row", {**dsn, "statement": note, "params": {"note": CANARY}}, "sql.constraint",
             effect="write"),
        Case("a place", {**dsn, "statement": "select %(b)s", "params": {"a": CANARY}},
             "sql.invalid"),
        Case("too many", {**dsn, "statement": "select generate_series(1, 9)", "max_rows": 1},
             "sql.too_large"),
        Case("slow", {**dsn, "statement": "select pg_sleep(60)"}, "sql.timeout", timeout=SOON),
        Case("TLS", {"dsn": f"{url}?sslmode=require", "statement": "select 1"}, "sql.tls"),
        Case("no statement", {**dsn, "statement": 1}, "sql.invalid", valid=False),
    )  # fmt: skip


def load_cases(url: str, csv: str) -> Sequence[Case]:
    given: dict[str, Json] = {"dsn": url, "table": "orders", "file": csv, "replace_where": WHERE}
    wrong = csv.replace("orders.csv", "wrong.csv")
    return (
        Case("a file", given),
        Case("a value", {**given, "file": wrong}, "sql.statement"),
        Case("no file", {**given, "file": f"/{CANARY}"}, "sql.file"),
        Case("no table", {**given, "table": "nope"}, "sql.invalid"),
        Case("a password", {**given, "dsn": secret(url)}, "sql.denied"),
        Case("both", {**given, "mode": "append"}, "sql.invalid", valid=False),
    )


Cases = Callable[[str, str], Sequence[Case]]
each = pytest.mark.parametrize(
    ("which", "cases"), [(0, query_cases), (1, load_cases)], ids=["query", "load"]
)


@each
def test_every_case_leads_to_what_is_declared(url: str, csv: str, which: int, cases: Cases):
    """
    Outputs are of their schema, errors are declared ones, and no error shows a key or a secret.
    """

    async def story() -> None:
        async with opened(which) as (_, operation):
            conformance.check_description(operation.manifest)
            for case in cases(url, csv):
                await conformance.check_case(operation, case)

    asyncio.run(story())


def waiting(which: int, url: str, csv: str) -> Case:
    """Return a call that waits for ever: a load does for a table that others hold."""
    if which:
        return Case("waits", load_cases(url, csv)[0].arguments)
    return Case("waits", {"dsn": url, "statement": "select pg_sleep(60)"})


@each
def test_a_call_that_waits(url: str, csv: str, which: int, cases: Cases):
    """
    Cancelled or out of time, it ends, leaves no task and no connection, and says what it knows.
    """

    async def story() -> None:
        async with opened(which) as (_, operation):
            first = await conformance.check_case(operation, cases(url, csv)[0])
            assert isinstance(first, Succeeded)
            with psycopg.connect(url) as connection:
                connection.execute("lock table orders in access exclusive mode")
                await conformance.check_cancellation(operation, waiting(which, url, csv))
                await conformance.check_deadline(operation, waiting(which, url, csv))

    asyncio.run(story())


@each
def test_an_adapter_that_is_closed_holds_nothing(url: str, csv: str, which: int, cases: Cases):
    """
    Connections go within a second.
    """

    async def story() -> None:
        adapter = create({})
        operation = adapter.operations()[which]
        await conformance.check_closing(adapter, operation, cases(url, csv)[0])

    asyncio.run(story())


def test_the_database_hears_the_key(url: str):
    """
    A statement finds it in `sark.key`: one key a call, whatever the attempt.
    """

    def told() -> str:
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute("select key from heard").fetchall()
            return "".join(str(key) for (key,) in found)

    async def story() -> None:
        async with opened(0) as (_, operation):
            insert = "insert into heard values (current_setting('sark.key'))"
            case = Case("an insert", {"dsn": url, "statement": insert}, effect="write")
            await conformance.check_key(operation, case, told)

    asyncio.run(story())


def test_which_arguments_may_be_secret():
    """
    The dsn, as it holds a password; no value that goes into a table.
    """
    for operation in create({}).operations():
        assert {"/dsn"} == conformance.secret_arguments(operation.manifest)
