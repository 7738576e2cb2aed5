"""What is promised when the database has become another one, with attempts under way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from engine import epoch
from engine.backup import tools
from engine.core.plan import Plan
from engine.store import workers
from engine.store.epochs import Epoch
from engine.store.pool import Connection, connect
from tests.core.runs import edge, step
from tests.heart import Gate, House, Say, calls, house, one, owning, performing, plan, pooled
from tests.pools import arrived, handed, opened

_CLAIM = """
    UPDATE runs SET owner = %s, status = 'running', started_at = now() WHERE id = %s
"""


async def copied(here: str, there: str, folder: Path) -> None:
    """Bring one database to another with PostgreSQL's own programs, as anybody might."""
    async with await connect(here, "test") as connection:
        fit = tools.fitting(connection.info.server_version // 10_000)
    dump = str(folder / "dump")
    await asyncio.to_thread(fit.run, "pg_dump", here, "--format=custom", f"--file={dump}")
    await asyncio.to_thread(fit.run, "pg_restore", there, "--no-owner", dump)


async def entered(url: str) -> Epoch | None:
    async with await connect(url, "test") as connection:
        return await epoch.enter(connection)


@asynccontextmanager
async def claimed(here: House, run: UUID) -> AsyncIterator[None]:
    """Let a worker have a run of which it has not said yet that a step begins."""
    async with await connect(here.url, "owner") as connection:
        worker = await workers.register(connection, "default", "test", 1)
        await here.connection.execute(_CLAIM, (worker, run))
        yield


def test_the_first_worker_writes_down_which_database_it_is(database_url: str):
    """
    A database that has always been the same has one epoch, whoever comes and however many at once.
    """

    async def check() -> None:
        first, *others = await asyncio.gather(*(entered(database_url) for _ in range(4)))
        told = [each for each in (first, *others) if each is not None]

        assert [1] == [each.number for each in told]
        assert [None] * 3 == [await entered(database_url) for _ in range(3)]

    asyncio.run(check())


def test_a_server_that_does_not_say_which_database_it_is(database_url: str):
    """
    Where PostgreSQL, or what looks like it, keeps that to itself, a worker starts all the same.
    """
    name = f"weak_{uuid4().hex[:8]}"
    place = database_url.partition("@")[2]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'".encode())
        connection.execute(f"GRANT SELECT ON epochs TO {name}".encode())
        told = asyncio.run(entered(f"postgresql://{name}:secret@{place}"))
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())

    assert told is None


async def known(connection: Connection) -> list[int]:
    """Return the workers that have a row, alive or not."""
    rows = await (await connection.execute("SELECT id FROM workers ORDER BY id")).fetchall()
    return [each for (each,) in rows]


def test_a_copy_begins_an_epoch_once(database_url: str, empty_url: str, tmp_path: Path):
    """
    A database that was restored elsewhere says so to the first worker that comes; its workers of
    before are gone, and no number of theirs is given again.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url) as past:
            await entered(database_url)
            await copied(database_url, empty_url, tmp_path)
            told = await asyncio.gather(*(entered(empty_url) for _ in range(3)))
            async with house(empty_url) as there, owning(empty_url) as new:
                listed = await known(there.connection)

            assert [(2, 0)] == [(each.number, each.doubted) for each in told if each is not None]
            assert [new.id] == listed
            assert past.id + 1_000_000 < new.id
            assert [past.id] == await known(here.connection)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("made", "status", "came"),
    [
        (one("test.gate@1"), "succeeded", [("a", 2)]),
        (one("test.gate@1", repeatable=False), "failed", []),
    ],
    ids=["repeatable", "unsafe"],
)
def test_what_may_have_begun_in_a_lost_future(
    database_url: str, empty_url: str, tmp_path: Path, made: Plan, status: str, came: list[object]
):
    """
    A worker had the step, and the journal does not say that it began: after the instant from which
    the database comes it may have. What may be repeated is made again, what must not is not.
    """

    async def check() -> None:
        other = opened()
        async with house(database_url) as here:
            (run,) = await here.start(made)
            await entered(database_url)
            async with claimed(here, run):
                await copied(database_url, empty_url, tmp_path)
        told = await entered(empty_url)
        async with house(empty_url) as there, owning(empty_url, other):
            assert status == await there.until(run, "succeeded", "failed")

        assert told is not None
        assert (int(status == "failed"), came) == (told.doubted, other.came)

    asyncio.run(check())


def test_who_is_dead_in_one_database_is_not_in_doubt_there(database_url: str):
    """
    Without a restore nothing of this: a step that its dead worker never began is begun.
    """

    async def check() -> None:
        other = opened()
        async with house(database_url) as here:
            (run,) = await here.start(one("test.gate@1", repeatable=False))
            await entered(database_url)
            async with claimed(here, run):
                pass
            await entered(database_url)
            (worker,) = await known(here.connection)
            async with here.connection.transaction():
                await workers.bury(here.connection, [worker])
            async with owning(database_url, other):
                assert "succeeded" == await here.until(run, "succeeded", "failed")

    asyncio.run(check())


def test_the_old_world_writes_nothing_into_the_new_one(
    database_url: str, empty_url: str, tmp_path: Path
):
    """
    A worker that lives on in the database from which the copy was made ends its step there, and
    there alone; in the copy the step has its own end.
    """

    async def check() -> None:
        old, new = Gate(), opened()
        made = plan(step("a", verb=calls("test.gate@1")), step("b", edge(0)))
        async with AsyncExitStack() as stack:
            here = await stack.enter_async_context(house(database_url))
            there = await stack.enter_async_context(house(empty_url))
            (run,) = await here.start(made)
            await entered(database_url)
            await stack.enter_async_context(owning(database_url, old))
            await arrived(old)
            await copied(database_url, empty_url, tmp_path)
            await entered(empty_url)
            await stack.enter_async_context(owning(empty_url, new))
            await there.until(run, "succeeded")
            before = await there.history(run)
            old.open.set()
            await here.until(run, "succeeded")

            assert [("a", 1)] == old.came
            assert [("a", 2)] == new.came
            assert [("succeeded", "a", 1), ("succeeded", "b", 1)] == await here.history(run)
            assert [("lost", "", 0), ("succeeded", "a", 2), ("succeeded", "b", 1)] == before
            assert before == await there.history(run)

    asyncio.run(check())


def test_pools_go_on_elsewhere(database_url: str, empty_url: str, tmp_path: Path):
    """
    What a worker of a pool had taken is in doubt like all else; what nobody had taken still waits.
    """

    async def check() -> None:
        old, new = Gate(), opened()
        taken = plan(pooled("taken", repeatable=False), name="taken")
        waiting = plan(pooled("waiting", repeatable=False, pool="fpga"), name="waiting")
        async with house(database_url) as here, owning(database_url, Say()):
            (first,) = await here.start(taken)
            (second,) = await here.start(waiting)
            async with performing(database_url, old):
                await arrived(old)
                await handed(here, 1, "pool = 'fpga'")
                await here.connection.execute("UPDATE handouts SET marked = false")
                await copied(database_url, empty_url, tmp_path)
        async with AsyncExitStack() as stack:
            there = await stack.enter_async_context(house(empty_url))
            await there.connection.execute("INSERT INTO epochs VALUES (1, 'elsewhere')")
            told = await entered(empty_url)
            await stack.enter_async_context(owning(empty_url, hears=True))
            await stack.enter_async_context(performing(empty_url, new, pools=("fpga", "gpu")))
            ends = [await there.until(each, "succeeded", "failed") for each in (first, second)]

            assert told is not None
            assert 1 == told.doubted
            assert ["failed", "succeeded"] == ends
            assert [("waiting", 1)] == new.came

    asyncio.run(check())
