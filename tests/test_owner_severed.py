"""Who is to blame when a session ends: the step that kills its worker, and nobody else."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from adapters.contract import Call, Outcome, Succeeded
from engine.local.postgres import Postgres
from engine.owner.probation import LARGEST, Probation
from engine.store.migrate import migrate
from engine.store.pool import Connection
from tests.heart import Gate, House, house, manifest, one, owning, statuses


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL of this test's own, which it may kill."""
    found = Postgres(tmp_path / "postgres")
    yield found
    found.stop()


End = Callable[[Postgres, str, Connection], str]


def _restart(server: Postgres, url: str, _: Connection) -> str:
    server.stop()
    return server.start()


def _crash(_: Postgres, url: str, connection: Connection) -> str:
    """Kill one process of PostgreSQL, so that it ends all others and recovers.

    What is committed is on the disk by then, the claims of owners too.
    """
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("CHECKPOINT")
    os.kill(connection.info.backend_pid, signal.SIGKILL)
    return url


@pytest.mark.parametrize("end", [_restart, _crash])
def test_a_restart_of_postgresql_blames_no_step(server: Postgres, end: End):
    """
    PostgreSQL is restarted, or recovers from a crash, five times while a step is under way: the
    step is made again each time, and gives its outcome once.
    """

    async def check() -> None:
        url = server.start()
        await migrate(url)
        async with house(url) as here:
            (run,) = await here.start(one("test.gate@1"))
        for _ in range(5):
            gate = Gate()
            async with owning(url, gate) as severed:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                url = await asyncio.to_thread(end, server, url, severed.connection)
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(severed.task, 60)
            async with house(await up(url)) as here:
                await here.declare_dead(severed.id)
                row = await here.row(run)
                assert (None, True) == (row["owner"], row["lost"])
        gate.open.set()
        async with house(url) as here, owning(url, gate):
            assert "succeeded" == await here.until(run, "succeeded", "failed")

            kinds = [each for each in statuses(await here.history(run)) if each != "alarm"]
            assert ["severed"] * 5 + ["succeeded"] == kinds

    asyncio.run(check())


def test_a_claim_that_a_crash_has_taken_is_made_anew(server: Postgres):
    """
    PostgreSQL crashes as soon as a step is under way, when the claim of its run may not be on the
    disk yet: the run is nobody's, begins anew or goes on, and gives its outcome once.
    """

    async def check() -> None:
        url = server.start()
        await migrate(url)
        async with house(url) as here:
            (run,) = await here.start(one("test.gate@1"))
        lost, gate = 0, Gate()
        for _ in range(3):
            async with owning(url, gate := Gate()) as severed:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                os.kill(severed.connection.info.backend_pid, signal.SIGKILL)
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(severed.task, 60)
            async with house(await up(url)) as here:
                await here.declare_dead(severed.id)
                row = await here.row(run)
                assert row["owner"] is None
                lost += row["lost"]
        gate.open.set()
        async with house(url) as here, owning(url, gate):
            assert "succeeded" == await here.until(run, "succeeded", "failed")

            kinds = [each for each in statuses(await here.history(run)) if each != "alarm"]
            assert ["severed"] * lost + ["succeeded"] == kinds

    asyncio.run(check())


async def up(url: str) -> str:
    """Wait until PostgreSQL takes connections again."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url):
                    return url
            except psycopg.OperationalError:
                await asyncio.sleep(0.1)


class Poison:
    """Kills its worker: so the test takes it that sees it `come`; all others wait to go on."""

    manifest = manifest("test.gate@1")

    def __init__(self, poison: str) -> None:
        self.come = asyncio.Event()
        self.open = asyncio.Event()
        self._poison = poison

    async def invoke(self, call: Call) -> Outcome:
        if call.run == self._poison:
            self.come.set()
            await asyncio.Event().wait()
        await self.open.wait()
        return Succeeded({})


def test_a_poison_run_takes_few_others_with_it(database_url: str):
    """
    Runs that were under way beside one that kills its worker are taken over one by one at first,
    so that they do not share its deaths: it fails as poison, and all of them succeed.
    """

    async def check() -> None:
        async with house(database_url) as here:
            (bad,) = await here.start(one("test.gate@1"))
            good = await here.start(one("test.gate@1"), 40)
            for _ in range(4):
                work = Poison(str(bad))
                async with owning(database_url, work) as mortal:
                    await asyncio.wait_for(work.come.wait(), 60)
                    if not await blamed(here):  # all have begun before the first death
                        await all_owned(here, mortal.id, 41)
                    await mortal.stop()
                    await here.declare_dead(mortal.id)
            work = Poison(str(bad))
            work.open.set()
            async with owning(database_url, work):
                for run in good:
                    assert "succeeded" == await here.until(run, "succeeded", "failed")
                assert "failed" == await here.until(bad, "failed")

            assert "sark.poison" == (await here.row(bad))["error"]["type"]
            assert not work.come.is_set()

    asyncio.run(check())


async def blamed(here: House) -> bool:
    cursor = await here.connection.execute("SELECT FROM runs WHERE lost OR suspect")
    kinds = await here.connection.execute("SELECT FROM journal WHERE kind = 'lost'")
    return bool(await cursor.fetchall() or await kinds.fetchall())


async def all_owned(here: House, worker: int, count: int) -> None:
    """Wait until a worker owns as many runs."""
    async with asyncio.timeout(60):
        while True:
            cursor = await here.connection.execute("SELECT FROM runs WHERE owner = %s", (worker,))
            if len(await cursor.fetchall()) == count:
                return
            await asyncio.sleep(0.02)


def test_what_comes_through_makes_room_for_more() -> None:
    """
    One at first, twice as many in each round, and never more than a whole claim.
    """

    async def check() -> None:
        rung: list[int] = []
        probation = Probation(lambda: rung.append(1))
        rooms = []
        while (room := probation.room) < LARGEST:
            rooms.append(room)
            taken = [uuid4() for _ in range(room)]
            for each in taken:
                probation.begin(each)
            assert 0 == probation.room
            for each in taken:
                probation.end(each)
                probation.end(each)
        probation.end(uuid4())

        assert [1, 2, 4, 8, 16, 32, 64, 128] == rooms
        assert LARGEST == probation.room
        assert sum(rooms) == len(rung)

    asyncio.run(check())
