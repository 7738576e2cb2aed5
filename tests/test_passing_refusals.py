"""What PostgreSQL refuses for now: no leader gives up its lead, and nobody is told of a defect."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import psycopg
import pytest

from engine.store import leases, reviews
from engine.store.pool import Connection, connect, is_final, is_lost, is_passing
from tests.clockwork import Story, scheduling
from tests.git.desk import GOOD, Desk, desk, source
from tests.git.repo import Repo, broken, spec

_LOCK = "SELECT FROM sources WHERE name = 'shop' FOR UPDATE"


async def _held_up(here: Desk, other: Connection) -> None:
    """Let a pass meet a lock that somebody keeps."""
    async with other.transaction():
        await other.execute(_LOCK)
        assert not await here.look()


async def _only_read(here: Desk, other: Connection) -> None:
    """Let a pass meet a server that takes no writes for now."""
    async with here.session.glance() as connection:
        await connection.execute("SET default_transaction_read_only = on")
    assert not await here.look()
    async with here.session.glance() as connection:
        await connection.execute("SET default_transaction_read_only = off")


async def _in_a_circle(here: Desk, other: Connection) -> None:
    """Let a pass and somebody else wait for each other's rows.

    PostgreSQL looks for a circle once a wait: when the pass has it look, there must be one.
    """
    async with here.session.glance() as connection:
        await connection.execute("SET lock_timeout = 0; SET deadlock_timeout = '3s'")
        await reviews.want(connection, ["shop"], "refs/pull/1/head", 1)
    await other.execute("SET deadlock_timeout = '1min'")
    async with other.transaction():
        await other.execute(_LOCK)
        passing = asyncio.create_task(here.look())
        await _waits(here.url)
        await other.execute("UPDATE reviews SET wanted = wanted + 1")
        assert not await passing


@pytest.mark.parametrize("meet", [_held_up, _only_read, _in_a_circle])
def test_a_refused_pass_is_made_again_by_the_same_leader(
    tmp_path, database_url: str, meet: Callable[[Desk, Connection], Awaitable[None]]
):
    """
    A lock that is held, a server that takes no writes for now or a deadlock: the pass may not rest,
    its leader leads on, the source is not told to have a defect, and the next pass does it.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.yaml": spec("a")})

    async def story():
        async with (
            desk(database_url, tmp_path, source(repo.url)) as here,
            await connect(database_url, "test") as other,
        ):
            assert await here.look()
            async with here.session.glance() as connection:
                await connection.execute("SET lock_timeout = '50ms'")
            wrong = repo.commit({"a.yaml": broken("a")})
            await meet(here, other)
            assert GOOD == await here.conditions()
            assert await here.look()

            assert wrong == (await here.row()).attempted
            assert (False, "Invalid") == (await here.conditions())["Compiled"]

    asyncio.run(story())


async def _waits(url: str) -> None:
    """Return once somebody waits for a lock."""
    words = "SELECT FROM pg_locks WHERE NOT granted"
    async with await connect(url, "watch") as connection, asyncio.timeout(60):
        while await (await connection.execute(words)).fetchone() is None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("statement", "meaning"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", is_lost),
        ("SET idle_in_transaction_session_timeout = 1; BEGIN", is_lost),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", is_passing),
        ("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", is_passing),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", is_passing),
        ("DO $$ BEGIN RAISE SQLSTATE '53200'; END $$", is_passing),
        ("DO $$ BEGIN RAISE SQLSTATE '58030'; END $$", is_passing),
        ("SET statement_timeout = 1; SELECT pg_sleep(9)", is_passing),
        ("SET default_transaction_read_only = on; CREATE TABLE t ()", is_passing),
        ("SELECT 1 / 0", is_final),
        ("SELECT repeat('x', 2000000000)", is_final),
        ("SELECT no_such_thing", None),
        ("BEGIN; SELECT no_such_thing; SELECT 1", None),
    ],
)
def test_an_error_has_one_meaning(
    database_url: str, statement: str, meaning: Callable[[psycopg.Error], bool] | None
):
    """
    The session is gone, PostgreSQL refuses for now, it refuses for ever, or it is our mistake: each
    error means one of them, and everybody asks in one place which.
    """

    async def story():
        async with await connect(database_url, "test") as connection:
            with pytest.raises(psycopg.Error) as caught:  # noqa: PT012
                for each in statement.split("; ") if "DO" not in statement else [statement]:
                    await connection.execute(each.encode())
                await asyncio.sleep(1 if "idle" in statement else 0)
                await connection.execute("SELECT 1")
            return caught.value

    error = asyncio.run(story())
    told = [each for each in (is_lost, is_passing, is_final) if each(error)]

    assert ([] if meaning is None else [meaning]) == told, repr(error)


def test_what_no_text_can_hold_is_refused_for_ever(database_url: str):
    """
    A NUL is refused by the driver itself, which gives no code: it is not taken for a lost session.
    """

    async def story():
        async with await connect(database_url, "test") as connection:
            with pytest.raises(psycopg.Error) as caught:
                await connection.execute("SELECT %s", ["\0"])
            return caught.value

    error = asyncio.run(story())
    assert (False, False, True) == (is_lost(error), is_passing(error), is_final(error))


def test_what_postgresql_refuses_for_now_is_started_all_the_same(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Somebody keeps the row of a schedule as its time comes: its leader leads on, and the run starts
    once the row is free, as it would have.
    """

    async def story() -> None:
        monkeypatch.setattr(leases, "_BOUNDED", "SET lock_timeout = '100ms'")
        made = Story(database_url)
        await made.activate()
        async with scheduling(database_url, made.clock) as (scheduler, _):
            await scheduler.look()
            made.clock.now = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
            async with (
                await connect(database_url, "other") as other, other.transaction(),
            ):  # fmt: skip
                await other.execute("SELECT FROM schedules FOR UPDATE")
                serving = asyncio.create_task(scheduler.serve())
                refused = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                await until(lambda: made.rows(refused))
                await until(lambda: not made.rows(refused))
            await until(made.runs)
            assert not serving.done()
            serving.cancel()

        assert ["2026-03-28T02:30:00+01:00"] == made.runs()
        assert [("load/nightly/2026-03-28T01:30:00Z", "started", "")] == made.decisions()

    asyncio.run(story())


async def until(holds: Callable[[], object]) -> None:
    """Return once something holds."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)
