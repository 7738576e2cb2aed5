"""Databases that are not there, refuse, freeze, or die at every point of a call."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.contract import ErrorClass
from engine.local.postgres import Postgres
from tests.adapters.querying import database, refusal
from tests.adapters.speaking import failed, outputs
from tests.proxy import Proxy

P, T, U = ErrorClass.PERMANENT, ErrorClass.TRANSIENT, ErrorClass.UNKNOWN
INSERT = "insert into t values (1) returning a"


@pytest.fixture
def url(database_url: str) -> str:
    """A database with an empty table."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table t (a int)")
    return database_url


def rows(url: str) -> int:
    """Return how many rows the table has."""
    with psycopg.connect(url, autocommit=True) as connection:
        (count,) = connection.execute("select count(*) from t").fetchone() or (0,)
        return int(count)


def running(url: str, word: str) -> int:
    """Return how many statements run on the server that hold a word."""
    text = """select count(*) from pg_stat_activity
        where state = 'active' and query like %s and pid <> pg_backend_pid()"""
    with psycopg.connect(url, autocommit=True) as connection:
        (count,) = connection.execute(text, (f"%{word}%",)).fetchone() or (0,)
        return int(count)


@pytest.mark.parametrize("effect", ["", "write"])
def test_a_statement_that_takes_too_long(url: str, effect: str):
    """
    The server itself ends it when the time is over: nothing has changed, and nothing runs on.
    """
    began = time.monotonic()
    found = refusal(url, "select pg_sleep(60)", effect=effect, timeout=0.5)

    assert ("sql.timeout", T) == (found.type, found.error_class)
    assert time.monotonic() - began < 40
    assert 0 == running(url, "pg_sleep")


@pytest.mark.parametrize("point", ["connect", "statement", "commit"])
def test_a_server_that_freezes(url: str, point: str):
    """
    The call ends soon after its time; only a frozen COMMIT leaves a doubt.
    """

    async def story() -> Any:
        async with Proxy(url) as proxy, database(proxy.url) as asking:
            if point == "connect":
                proxy.freeze()
            else:
                outputs(await asking("select 1"))
                word = b"pg_sleep" if point == "statement" else b"COMMIT"
                proxy.freeze_after(word)
            began = asyncio.get_running_loop().time()
            found = failed(await asking("insert into t select 1 from pg_sleep(0.1)", 2, "write"))
            took = asyncio.get_running_loop().time() - began
            return found, took

    found, took = asyncio.run(story())

    expected = ("sql.commit", U) if point == "commit" else ("sql.timeout", T)
    assert expected == (found.type, found.error_class)
    assert took < 40


@pytest.mark.parametrize(
    ("word", "expected", "left"),
    [(b"BEGIN", None, 1), (b"insert", ("sql.connection", T), 0), (b"COMMIT", ("sql.commit", U), 1)],
)
def test_a_reply_that_is_lost(url: str, word: bytes, expected: Any, left: int):
    """
    Before COMMIT nothing has changed, and it may be tried again; after it nobody knows.
    """

    async def story() -> Any:
        async with Proxy(url) as proxy, database(proxy.url) as asking:
            outputs(await asking("select 1"))
            proxy.cut_reply_to(word)
            outcome = await asking(INSERT, effect="write")
            again = outputs(await asking("select 1 as a"))
            return outcome, again["rows"], proxy.cuts

    outcome, again, cuts = asyncio.run(story())

    assert 1 == cuts
    assert [{"a": 1}] == again
    assert left == rows(url)
    if expected is None:
        outputs(outcome)
    else:
        assert expected == (failed(outcome).type, failed(outcome).error_class)


def test_a_read_whose_end_is_lost_has_been_read(url: str):
    """
    What was read is given, though the connection is gone.
    """

    async def story() -> Any:
        async with Proxy(url) as proxy, database(proxy.url) as asking:
            outputs(await asking("select 1"))
            proxy.cut_reply_to(b"ROLLBACK")
            return outputs(await asking("select 1 as a"))

    assert [{"a": 1}] == asyncio.run(story())["rows"]


def test_a_constraint_that_is_checked_at_commit(url: str):
    """
    A COMMIT that is refused has changed nothing, and is no doubt.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter table t add unique (a) deferrable initially deferred")
    twice = refusal(url, "insert into t values (1), (1)", effect="write")

    assert ("sql.constraint", P) == (twice.type, twice.error_class)
    assert 0 == rows(url)


def test_transactions_that_collide(url: str):
    """
    A deadlock, and what cannot be serialized, may be tried again.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into t values (1), (2)")
        body = """create function pair(x int, y int) returns void language plpgsql as $$ begin
            update t set a = a where a = x; perform pg_sleep(1);
            update t set a = a where a = y; end $$"""
        connection.execute(body.encode())

    async def story() -> Any:
        async with database(url) as asking:
            await asyncio.gather(*(asking("select pg_sleep(0.5)") for _ in range(2)))
            both = await asyncio.gather(
                asking("select pair(1, 2)", effect="write"),
                asking("select pair(2, 1)", effect="write"),
            )
            strict = database(f"{url}?options=-c%20default_transaction_isolation%3Dserializable")
            slow = "insert into t select sum(a) from t, pg_sleep(1)"
            async with strict as careful:
                await asyncio.gather(*(careful("select pg_sleep(0.5)") for _ in range(2)))
                other = await asyncio.gather(*(careful(slow, effect="write") for _ in range(2)))
            return both, other

    both, other = asyncio.run(story())

    (dead,) = [each for each in both if not hasattr(each, "outputs")]
    (late,) = [each for each in other if not hasattr(each, "outputs")]
    assert ("sql.deadlock", T) == (failed(dead).type, failed(dead).error_class)
    assert ("sql.serialization", T) == (failed(late).type, failed(late).error_class)


def test_a_cancelled_call_is_cancelled_on_the_server(url: str):
    """
    Nothing runs on after a run was cancelled, and its locks are gone.
    """

    async def story() -> None:
        async with database(url) as asking:
            task = asyncio.create_task(asking("select pg_sleep(60)", 100))
            while not await asyncio.to_thread(running, url, "pg_sleep"):
                await asyncio.sleep(0.05)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            await asyncio.sleep(0.1)

            assert 0 == await asyncio.to_thread(running, url, "pg_sleep")

    asyncio.run(story())


def test_idle_connections_are_shared_bounded_and_closed(url: str):
    """
    Calls share connections, never more than the settings say; what is idle is closed.
    """

    def count() -> int:
        text = """select count(*) from pg_stat_activity
            where application_name = 'sark' and datname = current_database()"""
        with psycopg.connect(url, autocommit=True) as connection:
            (found,) = connection.execute(text).fetchone() or (0,)
            return int(found)

    async def story() -> Any:
        async with database(url, max_per_database=3, idle_seconds=3) as asking:
            work = [asking("select pg_backend_pid() as pid, pg_sleep(0.05)") for _ in range(12)]
            found = await asyncio.gather(*work)
            pids = {outputs(each)["rows"][0]["pid"] for each in found}  # type: ignore[call-overload, index]
            idle = await asyncio.to_thread(count)
            left = idle
            for _ in range(100):
                await asyncio.sleep(0.1)
                left = await asyncio.to_thread(count)
                if not left:
                    break
            return len(pids), idle, left

    assert (3, 3, 0) == asyncio.run(story())


def test_another_database_takes_the_place_of_an_idle_connection(url: str):
    """
    The bound of a process holds over all databases, and nobody waits for what is idle.
    """

    async def story() -> Any:
        async with database(url, max_connections=1) as asking:
            other = f"{url}?application_name=other"
            found = [await asking("select 1 as a", dsn=each) for each in (url, other, url)]
            return [outputs(each)["rows"] for each in found]

    assert [[{"a": 1}]] * 3 == asyncio.run(story())


def test_no_connection_is_free(url: str):
    """
    Whoever waits in vain for a connection has done nothing.
    """

    async def story() -> Any:
        async with database(url, max_connections=1) as asking:
            slow = asyncio.create_task(asking("select pg_sleep(1)"))
            await asyncio.sleep(0.2)
            found = failed(await asking("select 1", timeout=0.3))
            outputs(await slow)
            return found

    found = asyncio.run(story())

    assert ("sql.timeout", T) == (found.type, found.error_class)
    assert "no connection within 0.3 s; nothing has changed" in found.message


def test_a_server_that_is_restarted(tmp_path: Path):
    """
    A statement that is cut off by it has changed nothing; the next finds the new server.
    """
    server = Postgres(tmp_path / "server")
    url = server.start()

    async def story() -> Any:
        async with database(url) as asking:
            outputs(await asking("create table t (a int)", effect="write"))
            slow = "insert into t select 1 from pg_sleep(30)"
            task = asyncio.create_task(asking(slow, 60, "write"))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.stop)
            cut = failed(await task)
            gone = failed(await asking("select 1"))
            await asyncio.to_thread(server.start)
            return cut, gone, outputs(await asking("select count(*) as n from t"))

    try:
        cut, gone, left = asyncio.run(story())
    finally:
        server.stop()

    assert ("sql.connection", T) == (cut.type, cut.error_class)
    assert ("sql.connection", T) == (gone.type, gone.error_class)
    assert [{"n": 0}] == left["rows"]


def test_a_server_that_is_no_postgresql():
    """
    Whatever answers, the call ends, and says that there is no connection.
    """

    @asynccontextmanager
    async def saying(data: bytes) -> AsyncIterator[int]:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                await reader.read(100)
                writer.write(data)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async def story(data: bytes) -> Any:
        async with saying(data) as port:
            url = f"postgresql://a:b@127.0.0.1:{port}/c"
            async with database(url) as asking:
                return failed(await asking("select 1", timeout=2))

    for data in (b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"N", b"NR\0\0\0\x08\0\0\0\x63", b"\xff" * 99):
        found = asyncio.run(story(data))

        assert found.type in {"sql.connection", "sql.tls"}
        assert "127.0.0.1" in found.message
