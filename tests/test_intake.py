"""The committer, with a real PostgreSQL that is cut, frozen and refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
import pytest

from engine.errors import Invalid, NotFound, Unavailable
from engine.intake import Intake, Start, Started
from engine.intake import intake as committer
from engine.store.pool import pool
from tests.proxy import Proxy
from tests.webhooks.served import POLICY, activate
from tests.webhooks.test_api import SPECS


class Bell:
    """Counts its rings."""

    def __init__(self) -> None:
        self.pools: list[str] = []

    def ring_pool(self, pool: str) -> None:
        self.pools.append(pool)

    def ring_worker(self, worker: int) -> None:
        raise AssertionError

    def ring_controller(self, source: str) -> None:
        raise AssertionError

    def ring_serving(self, pool: str) -> None:
        raise AssertionError(pool)

    def ring_relay(self) -> None:
        raise AssertionError


def start(**inputs: str) -> Start:
    return Start("shop", "hello", inputs, "token:test")


@asynccontextmanager
async def opened(url: str, bell: Bell | None = None) -> AsyncIterator[Intake]:
    async with pool(url, "test") as connections, Intake(url, connections, bell, POLICY) as intake:
        yield intake


def count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM runs").fetchone()
    assert row is not None
    return int(row[0])


def test_a_burst_is_few_commits(database_url: str):
    """
    A thousand starts that come at once are few transactions, and one ring or few.
    """
    bell = Bell()

    async def burst() -> list[Started]:
        await activate(database_url, SPECS, "shop", "shop")
        async with opened(database_url, bell) as intake:
            started = await asyncio.gather(*(intake.start(start()) for _ in range(1000)))
            await asyncio.sleep(0.1)
        return started

    started = asyncio.run(burst())

    assert 1000 == len({each.run for each in started}) == count(database_url)
    assert 1 <= len(bell.pools) <= 5


def test_one_bad_request_harms_no_other(database_url: str):
    """
    Of a group in which some do not fit, the others start, and each hears its own answer.
    """

    async def mixed() -> list[Started | BaseException]:
        await activate(database_url, SPECS, "shop", "shop")
        async with opened(database_url) as intake:
            wanted = [
                start(),
                start(unknown="x"),
                Start("shop", "nothing", {}, "token:test"),
                start(name="a\0b"),
                start(),
            ]
            return await asyncio.gather(
                *(intake.start(each) for each in wanted), return_exceptions=True
            )

    told = asyncio.run(mixed())

    kinds = [Started, Invalid, NotFound, Started, Started]
    assert kinds == [type(each) for each in told]
    assert 3 == count(database_url)


def test_what_postgresql_refuses_harms_no_other(database_url: str):
    """
    A request that PostgreSQL itself refuses fails alone; the rest of its group is committed.
    """

    async def mixed() -> list[Started | BaseException]:
        await activate(database_url, SPECS, "shop", "shop")
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "ALTER TABLE runs ADD CHECK (inputs->>'name' IS DISTINCT FROM 'poison')"
            )
        async with opened(database_url) as intake:
            wanted = [start(), start(name="poison"), start()]
            return await asyncio.gather(
                *(intake.start(each) for each in wanted), return_exceptions=True
            )

    told = asyncio.run(mixed())

    assert [Started, psycopg.errors.CheckViolation, Started] == [type(each) for each in told]
    assert 2 == count(database_url)


def test_a_cut_connection_is_made_anew(database_url: str):
    """
    A backend that is killed between two starts costs nobody an error.
    """

    async def cut() -> None:
        await activate(database_url, SPECS, "shop", "shop")
        async with opened(database_url) as intake:
            await intake.start(start())
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'sark-intake' AND datname = current_database()"
                )
            await intake.start(start())

    asyncio.run(cut())

    assert 2 == count(database_url)


@pytest.mark.parametrize("key", [None, "k-1"])
def test_a_commit_whose_reply_is_lost_counts_once(database_url: str, key: str | None):
    """
    Where the reply to COMMIT is lost with its connection, the run is there once and its starter
    hears of it.
    """

    async def lost() -> list[Started]:
        await activate(database_url, SPECS, "shop", "shop")
        async with (
            Proxy(database_url) as proxy,
            pool(database_url, "test") as connections,
            Intake(proxy.url, connections, None, POLICY) as intake,
        ):
            await intake.start(start())
            proxy.cut_reply_to(b"starts")
            told = Start("shop", "hello", {}, "token:test", key, "digest")
            answers = [await intake.start(told), await intake.start(start())]
            assert 1 == proxy.cuts
            return answers

    first, _ = asyncio.run(lost())

    assert not first.repeated
    assert 3 == count(database_url)
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT id FROM runs").fetchall()
    assert (UUID(str(first.run)),) in found


def test_a_frozen_database_is_said_to_be_frozen(database_url: str, monkeypatch: pytest.MonkeyPatch):
    """
    A database that answers nothing makes nobody wait for ever, and when it answers again so do we.
    """
    monkeypatch.setattr(committer, "_PATIENCE", 0.3)
    monkeypatch.setattr(committer, "_ABANDON", 0.6)

    async def frozen() -> tuple[float, str]:
        await activate(database_url, SPECS, "shop", "shop")
        async with (
            Proxy(database_url) as proxy,
            pool(database_url, "test") as connections,
            Intake(proxy.url, connections, None, POLICY) as intake,
        ):
            await intake.start(start())
            proxy.freeze()
            began = time.monotonic()
            with pytest.raises(Unavailable, match="unknown"):
                await intake.start(start())
            took = time.monotonic() - began
            with pytest.raises(Unavailable):
                await intake.start(start())
            stuck = intake.stuck()
            proxy.thaw()
            await asyncio.sleep(0.7)
            await intake.start(start())
            assert "" == intake.stuck()
            return took, stuck

    took, stuck = asyncio.run(frozen())

    assert took < 20
    assert "longer than" in stuck


def test_nobody_waits_in_an_endless_line(database_url: str, monkeypatch: pytest.MonkeyPatch):
    """
    When more waits than can be held, the next one is told to come back.
    """
    monkeypatch.setattr(committer, "_ROOM", 10)

    async def crowd() -> list[Started | BaseException]:
        await activate(database_url, SPECS, "shop", "shop")
        async with opened(database_url) as intake:
            return await asyncio.gather(
                *(intake.start(start()) for _ in range(50)), return_exceptions=True
            )

    told = asyncio.run(crowd())

    assert {Started, Unavailable} == {type(each) for each in told}
    assert count(database_url) == sum(isinstance(each, Started) for each in told)


def test_a_look_is_never_too_old(database_url: str):
    """
    A look that is asked for after an activation shows it, however many look at once.
    """

    async def looks() -> list[bool]:
        seen = []
        async with opened(database_url) as intake:
            for number in range(5):
                waiting = [asyncio.create_task(intake.look()) for _ in range(10)]
                spec = {"h.yaml": SPECS["hello.yaml"].replace("hello", f"hello{number}")}
                await activate(database_url, spec, "shop", "shop")
                found = await asyncio.gather(*(intake.look() for _ in range(10)))
                seen += [("shop", f"hello{number}") in each.workflows for each in found]
                await asyncio.gather(*waiting)
        return seen

    assert {True} == set(asyncio.run(looks()))
