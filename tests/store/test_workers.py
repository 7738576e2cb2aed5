"""Workers: who is taken for dead, and who is not."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from engine.errors import Misconfigured, Unavailable
from engine.store import workers
from engine.store.pool import OWNER, Connection, connect
from engine.store.turns import Claim, Turns, Written
from tests.heart import house

LEASE = timedelta(seconds=10)
AHEAD = timedelta(seconds=1)
ME = 0
CLAIM = Claim("default", 1, datetime.now(UTC), "running")


def test_a_worker_is_dead_when_its_connection_is_gone(database_url: str):
    """
    It is seen at once, with no lease to wait for; a worker that is connected is left alone.
    """

    async def check() -> None:
        async with house(database_url) as here:
            lives, dies = await connect(database_url, OWNER), await connect(database_url, OWNER)
            first = await workers.register(lives, "default", "h", 1)
            second = await workers.register(dies, "default", "h", 2)
            assert await workers.suspects(here.connection, ME, LEASE) == ([], [])
            await dies.close()
            await asyncio.sleep(0.1)

            assert await workers.suspects(here.connection, ME, LEASE) == ([second], [])
            assert await workers.bury(here.connection, [second]) == [second]
            assert await workers.bury(here.connection, [second]) == []
            assert await workers.beat(here.connection, second, AHEAD, LEASE) is None
            assert await workers.beat(here.connection, first, AHEAD, LEASE) is not None
            await lives.close()

    asyncio.run(check())


def test_a_silent_worker_loses_its_connection(database_url: str):
    """
    One that does not beat within its lease is cut off, and then dead; nobody else is.
    """

    async def check() -> None:
        async with house(database_url) as here:
            frozen, lives = await connect(database_url, OWNER), await connect(database_url, OWNER)
            silent = await workers.register(frozen, "default", "h", 1)
            await workers.register(lives, "default", "h", 2)
            await here.connection.execute(
                "UPDATE workers SET beat_at = now() - interval '1 hour' WHERE id = %s", (silent,)
            )
            assert await workers.suspects(here.connection, ME, LEASE) == ([], [silent])
            await workers.terminate(here.connection, [silent])

            assert await workers.suspects(here.connection, ME, LEASE) == ([silent], [])
            with pytest.raises(psycopg.OperationalError):
                await Turns(frozen, silent).write(Written(), CLAIM)
            await lives.execute("SELECT 1")
            await lives.close()

    asyncio.run(check())


def test_a_newcomer_is_never_taken_for_dead(database_url: str):
    """
    However often one looks while workers register, none of them is a suspect.
    """

    async def check() -> None:
        async with house(database_url) as here:
            registering = asyncio.create_task(_register(database_url, 20))
            while not registering.done():
                assert await workers.suspects(here.connection, ME, LEASE) == ([], [])
                await asyncio.sleep(0)
            for connection in await registering:
                await connection.close()

    asyncio.run(check())


async def _register(url: str, count: int) -> list[Connection]:
    connections = []
    for _ in range(count):
        connections.append(await connect(url, OWNER))
        await workers.register(connections[-1], "default", "h", 1)
    return connections


def test_nobody_is_buried_while_its_session_lives(database_url: str):
    """
    Whoever takes the runs of a worker waits for the end of the session that may still write.
    """

    async def bury(worker: int) -> list[int]:
        async with house(database_url) as here, here.connection.transaction():
            return await workers.bury(here.connection, [worker])

    async def check() -> None:
        owner = await connect(database_url, OWNER)
        worker = await workers.register(owner, "default", "h", 1)
        burying = asyncio.create_task(bury(worker))
        await asyncio.sleep(0.2)
        assert not burying.done()
        await Turns(owner, worker).write(Written(), CLAIM)
        await owner.close()

        assert await asyncio.wait_for(burying, 60) == [worker]

    asyncio.run(check())


def test_a_commit_lets_the_heart_beat(database_url: str):
    """
    A worker beats while its own commit is under way.
    """

    async def check() -> None:
        async with house(database_url) as here, await connect(database_url, OWNER) as owner:
            worker = await workers.register(owner, "default", "h", 1)
            async with owner.transaction():
                await Turns(owner, worker).write(Written(), CLAIM)
                beat = await asyncio.wait_for(
                    workers.beat(here.connection, worker, AHEAD, LEASE), 60
                )

                assert beat is not None
                assert (beat.claimable, beat.told) == (False, False)

    asyncio.run(check())


def test_errors_tell_no_password():
    """
    A server that is away and a URL that is none are plain sentences without what was in the URL.
    """
    with pytest.raises(Unavailable) as away:
        asyncio.run(connect("postgresql://sark:hunter2@127.0.0.1:1/x", "test"))
    assert "hunter2" not in str(away.value)
    with pytest.raises(Misconfigured) as wrong:
        asyncio.run(connect("postgresql//sark:hunter2@host", "test"))
    assert "hunter2" not in str(wrong.value)
