"""What worker processes promise together, with real processes that are killed, frozen and ended."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import orjson
import psycopg
import pytest
from redis import Redis

from engine import runs
from engine.broker import Bell, HintBroker
from engine.core.plan import Plan
from engine.local.postgres import Postgres
from engine.store.migrate import migrate
from tests.core.runs import edge, step
from tests.heart import House, calls, house, plan
from tests.proxy import Proxy

Process = subprocess.Popen[bytes]


class Fleet:
    """Worker processes over one database, with a lease and a sweep that suit a test."""

    def __init__(self, folder: Path, database_url: str, redis_url: str | None, **more: str) -> None:
        worker = {"lease": "1s", "sweep": "100ms", "grace": "2s", **more}
        settings = {"database_url": database_url, "redis_url": redis_url, "worker": worker}
        (folder / "settings.json").write_bytes(orjson.dumps(settings))
        self.folder = folder
        self.processes: list[Process] = []

    def add(self, *pools: str, program: Path | None = None) -> Process:
        """Start a worker; `program` is the folder of another version of it."""
        words = [sys.executable, "-m", "tests.worker_process", str(self.folder), *pools]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=program)
        self.processes.append(process)
        return process

    def marks(self) -> list[list[str]]:
        """Return each call that was made: run, step, attempt, process."""
        path = self.folder / "marks"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def of(self, pid: int) -> Process:
        return next(each for each in self.processes if each.pid == pid)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def end(self) -> None:
        for each in self.processes:
            if each.poll() is None:
                each.send_signal(signal.SIGCONT)
                each.kill()
            each.wait()


@pytest.fixture
def fleet(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, database_url, redis_url)
    yield fleet
    fleet.end()


def chain(count: int, seconds: float) -> Plan:
    mark = calls("test.mark@1", seconds=seconds)
    return plan(
        *[step(f"s{i:02}", *([edge(i - 1)] if i else []), verb=mark) for i in range(count)],
        name=f"chain{count}",
    )


async def marked(fleet: Fleet, count: int, patience: float = 60) -> list[list[str]]:
    """Wait until that many calls were made."""
    async with asyncio.timeout(patience):
        while len(marks := fleet.marks()) < count:
            await asyncio.sleep(0.01)
    return marks


async def outcomes(here: House, run: UUID) -> Counter[str]:
    return Counter(path for kind, path, _ in await here.history(run) if kind == "succeeded")


def test_a_killed_worker_loses_nothing(fleet: Fleet, database_url: str):
    """
    Kill -9 in the middle of 20 steps: another worker ends the run, each outcome is there once, and
    no step but the one under way was made twice.
    """

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add()
            (run,) = await here.start(chain(20, 0.05))
            killed = int((await marked(fleet, 6))[0][3])
            fleet.of(killed).kill()
            await here.until(run, "succeeded")

            assert await outcomes(here, run) == Counter(f"s{i:02}" for i in range(20))
            again = [name for name, n in Counter(m[1] for m in fleet.marks()).items() if n > 1]
            assert len(again) <= 1
            assert len({mark[3] for mark in fleet.marks()}) == 2

    asyncio.run(check())


def test_a_frozen_worker_is_replaced_and_thaws_as_another(fleet: Fleet, database_url: str):
    """
    A worker that is stopped beyond its lease loses its runs; when it goes on it writes nothing of
    them, becomes a new worker, and takes new work.
    """

    async def check() -> None:
        async with house(database_url) as here:
            frozen = fleet.add()
            (run,) = await here.start(chain(5, 0.2))
            await marked(fleet, 2)
            frozen.send_signal(signal.SIGSTOP)
            other = fleet.add()
            await here.until(run, "succeeded")
            before = await here.history(run)
            assert ("lost", "", 0) in before
            frozen.send_signal(signal.SIGCONT)
            other.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(other.wait, 60) == 0
            (second,) = await here.start(chain(3, 0))
            await here.until(second, "succeeded")

            assert await here.history(run) == before
            assert {mark[3] for mark in fleet.marks() if mark[0] == str(second)} == {
                str(frozen.pid)
            }

    asyncio.run(check())


def test_who_was_frozen_itself_calls_nobody_silent(fleet: Fleet, database_url: str):
    """
    A whole host that freezes beyond the lease and thaws one process after the other loses
    nothing: no worker takes the runs of another that was held up as it was itself.
    """

    async def check() -> None:
        async with house(database_url) as here:
            both = fleet.add(), fleet.add()
            made = await here.start(chain(2, 3))
            await marked(fleet, 1)
            await asyncio.sleep(0.5)
            for each in both:
                each.send_signal(signal.SIGSTOP)
            await asyncio.sleep(1.5)
            owner = int(fleet.marks()[0][3])
            for each in sorted(both, key=lambda each: each.pid == owner):
                each.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.5)
            await here.until(made[0], "succeeded")

            assert [mark[1] for mark in fleet.marks()] == ["s00", "s01"]

    asyncio.run(check())


def test_a_turn_whose_reply_is_lost_counts_once(tmp_path: Path, database_url: str):
    """
    Where the reply to an owner's commit is lost with its connection, what it had written counts,
    and no outcome is recorded twice.
    """

    async def check() -> None:
        async with house(database_url) as here, Proxy(database_url) as proxy:
            fleet = Fleet(tmp_path, proxy.url, None)
            try:
                fleet.add()
                (run,) = await here.start(chain(6, 0.1))
                for cuts in range(3):
                    await marked(fleet, cuts + 2)
                    proxy.cut_reply_to(b"turn_appended")
                    async with asyncio.timeout(60):
                        while proxy.cuts == cuts:
                            await asyncio.sleep(0.01)
                await here.until(run, "succeeded", patience=60)
            finally:
                fleet.end()

            assert await outcomes(here, run) == Counter(f"s{i:02}" for i in range(6))

    asyncio.run(check())


def test_redis_may_lose_everything(fleet: Fleet, database_url: str, redis_url: str):
    """
    FLUSHALL again and again while 200 runs are started: all of them end, each outcome once.
    """

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add()
            made, bell = chain(5, 0.01), Bell(HintBroker(redis_url))
            ids: list[UUID] = []
            with Redis.from_url(redis_url) as redis:
                for _ in range(20):
                    ids += await here.start(made, 10)
                    bell.ring_pool("default")
                    redis.flushall()
            for run in ids:
                await here.until(run, "succeeded", patience=60)

            steps = Counter(f"s{i:02}" for i in range(5))
            assert all([await outcomes(here, run) == steps for run in ids])
            assert len({tuple(each[:2]) for each in fleet.marks()}) == 1000

    asyncio.run(check())


def test_an_idle_worker_is_woken_at_once(tmp_path: Path, database_url: str, redis_url: str):
    """
    A hint begins a run at once, though the sweep would take a minute.
    """
    fleet = Fleet(tmp_path, database_url, redis_url, sweep="60s")

    async def check() -> None:
        bell, made, waits = Bell(HintBroker(redis_url)), chain(1, 0), []
        async with house(database_url) as here:
            fleet.add()
            await here.start(made)
            await marked(fleet, 1)
            for count in range(2, 22):
                await asyncio.sleep(0.05)
                await here.start(made)
                began = time.perf_counter()
                bell.ring_pool("default")
                while len(fleet.marks()) < count and time.perf_counter() < began + 30:
                    await asyncio.sleep(0.0005)
                waits.append(time.perf_counter() - began)

        assert sorted(waits)[len(waits) // 2] < 1

    try:
        asyncio.run(check())
    finally:
        fleet.end()


def test_a_worker_needs_no_redis(tmp_path: Path, database_url: str):
    """
    With no Redis at all the sweep finds the work, and a cancellation too.
    """
    fleet = Fleet(tmp_path, database_url, "redis://127.0.0.1:1/0")

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add()
            (run,) = await here.start(chain(2, 30))
            await marked(fleet, 1)
            assert await runs.cancel(here.connection, None, run, "Ann", "no")
            await here.until(run, "cancelled")

    try:
        asyncio.run(check())
    finally:
        fleet.end()


def test_a_cancellation_is_heard_at_once(tmp_path: Path, database_url: str, redis_url: str):
    """
    The door rings the owner, so a run ends at once though the sweep would take a minute; a run
    that has ended, or was cancelled before, is not cancelled again.
    """
    fleet = Fleet(tmp_path, database_url, redis_url, sweep="60s")

    async def check() -> None:
        async with house(database_url) as here:
            (run,) = await here.start(chain(2, 30))
            fleet.add()
            await marked(fleet, 1)
            bell = Bell(HintBroker(redis_url))
            assert await runs.cancel(here.connection, bell, run, "Ann", "no")
            assert not await runs.cancel(here.connection, bell, run, "Bo", "no")
            await here.until(run, "cancelled", patience=30)

            assert not await runs.cancel(here.connection, bell, run, "Bo", "no")

    try:
        asyncio.run(check())
    finally:
        fleet.end()


def test_sigterm_ends_what_runs_and_starts_nothing(fleet: Fleet, database_url: str):
    """
    The run under way is ended within the grace, a queued one is left alone, the exit code is 0.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = fleet.add()
            (run,) = await here.start(chain(1, 1))
            await marked(fleet, 1)
            worker.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
            (queued,) = await here.start(chain(1, 0))

            assert await asyncio.to_thread(worker.wait, 60) == 0
            assert (await here.row(run))["status"] == "succeeded"
            assert (await here.row(queued))["status"] == "queued"
            found = await here.connection.execute("SELECT count(*) FROM workers")
            assert await found.fetchone() == (0,)

    asyncio.run(check())


def test_a_step_that_outlasts_the_grace_is_taken_over(fleet: Fleet, database_url: str):
    """
    The worker ends in time, and its run is claimable the moment it has.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = fleet.add()
            (run,) = await here.start(chain(1, 60))
            await marked(fleet, 1)
            worker.send_signal(signal.SIGTERM)

            assert await asyncio.to_thread(worker.wait, 60) == 0
            row = await here.row(run)
            assert (row["owner"], row["lost"]) == (None, True)

    asyncio.run(check())


def test_postgresql_may_crash_and_come_back(tmp_path: Path):
    """
    Kill -9 of the whole server under load: workers wait for it, go on by themselves, and every run
    that was acknowledged ends with each outcome once.
    """
    server = Postgres(tmp_path / "postgres")
    url = server.start()
    asyncio.run(migrate(url))
    fleet = Fleet(tmp_path, url, None)

    async def start() -> list[UUID]:
        async with house(url) as here:
            fleet.add(), fleet.add()
            ids = await here.start(chain(10, 0.05), 50)
            await marked(fleet, 100)
            return ids

    async def check(ids: list[UUID]) -> None:
        async with house(url) as here:
            for run in ids:
                await here.until(run, "succeeded", patience=60)
            steps = Counter(f"s{i:02}" for i in range(10))
            assert all([await outcomes(here, run) == steps for run in ids])

    try:
        ids = asyncio.run(start())
        os.kill(postmaster(url), signal.SIGKILL)
        time.sleep(0.5)
        url = server.start()
        asyncio.run(check(ids))
        assert "PostgreSQL was lost" in fleet.log()
    finally:
        fleet.end()
        server.stop()


def postmaster(url: str) -> int:
    """Return the process of the server behind a URL."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        assert found is not None
        return int(str(found[0]).splitlines()[0])
