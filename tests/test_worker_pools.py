"""What pools promise with real processes that are killed, frozen and ended."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.plan import Plan
from tests.core.runs import edge, step
from tests.heart import House, calls, house, plan, pooled
from tests.test_worker import Fleet, marked


@pytest.fixture
def fleet(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, database_url, redis_url)
    yield fleet
    fleet.end()


def flow(seconds: float, *, operation: str = "test.mark@1", repeatable: bool = True) -> Plan:
    """Return a plan of a step of its owner, one of a pool, and one of the owner again."""
    far = pooled(
        "far", edge(0), operation=operation, repeatable=repeatable, arguments={"seconds": seconds}
    )
    near = calls("test.mark@1")
    return plan(step("near", verb=near), far, step("last", edge(1), verb=near))


async def workers(here: House, count: int) -> None:
    """Wait until so many workers are there."""
    async with asyncio.timeout(60):
        while True:
            found = await here.connection.execute("SELECT count(*) FROM workers")
            if await found.fetchone() == (count,):
                return
            await asyncio.sleep(0.02)


def pid_of(fleet: Fleet, name: str, attempt: int = 1) -> int:
    """Return the process that made an attempt."""
    (pid,) = {int(m[3]) for m in fleet.marks() if m[1:3] == [name, str(attempt)]}
    return pid


def test_each_step_is_made_where_it_belongs(fleet: Fleet, database_url: str):
    """
    A worker of the pool owns no run, and the owner of the run makes no step of the pool.
    """

    async def check() -> None:
        async with house(database_url) as here:
            owner, gpu = fleet.add(), fleet.add("gpu")
            ids = await here.start(flow(0), 20)
            for run in ids:
                assert "succeeded" == await here.until(run, "succeeded", "failed", patience=60)

            made = Counter((name, int(pid)) for _, name, _, pid in fleet.marks())
            assert {("near", owner.pid): 20, ("far", gpu.pid): 20, ("last", owner.pid): 20} == made

    asyncio.run(check())


def test_pools_need_no_redis(tmp_path: Path, database_url: str):
    """
    Hints are hints: without any of them the sweep finds what is handed out and what came of it.
    """
    fleet = Fleet(tmp_path, database_url, None)

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add("*")
            for run in await here.start(flow(0), 3):
                assert "succeeded" == await here.until(run, "succeeded", "failed", patience=60)

    try:
        asyncio.run(check())
    finally:
        fleet.end()


@pytest.mark.parametrize(
    ("killed", "again"),
    [(("far",), {"near": 1, "far": 2, "last": 1}), (("near",), {"near": 1, "far": 1, "last": 1}),
     (("near", "far"), {"near": 1, "far": 2, "last": 1})],
)  # fmt: skip
def test_kill_whoever_takes_part(
    fleet: Fleet, database_url: str, killed: tuple[str, ...], again: dict[str, int]
):
    """
    Kill -9 the worker of the pool, the owner, or both while the step runs: it is made again only
    where its own worker has died, and each outcome is there once.
    """

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add(), fleet.add("gpu"), fleet.add("gpu")
            await workers(here, 4)
            (run,) = await here.start(flow(3))
            await marked(fleet, 2, 60)
            for name in killed:
                fleet.of(pid_of(fleet, name)).kill()
            assert "succeeded" == await here.until(run, "succeeded", "failed", patience=60)

            history = await here.history(run)
            done = [path for kind, path, _ in history if kind == "succeeded"]
            assert ["near", "far", "last"] == done
            assert again == dict(Counter(m[1] for m in fleet.marks()))
            kinds = {kind for kind, _, _ in history}
            assert ("far" in killed, "near" in killed) == ("orphaned" in kinds, "lost" in kinds)

    asyncio.run(check())


def test_what_must_not_be_repeated_is_made_once(fleet: Fleet, database_url: str):
    """
    Kill -9 the worker of the pool in the middle of a write without a key: nobody knows, nobody
    tries again, and the run says so.
    """

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add("gpu"), fleet.add("gpu")
            await workers(here, 3)
            (run,) = await here.start(flow(60, operation="test.unsafe@1", repeatable=False))
            await marked(fleet, 2, 60)
            fleet.of(pid_of(fleet, "far")).kill()
            assert "failed" == await here.until(run, "succeeded", "failed", patience=60)

            assert "sark.lost" == (await here.row(run))["error"]["type"]
            assert {"near": 1, "far": 1} == dict(Counter(m[1] for m in fleet.marks()))

    asyncio.run(check())


def test_a_frozen_performer_tells_nothing_of_what_it_lost(fleet: Fleet, database_url: str):
    """
    Frozen beyond its lease it loses the step to another; thawed, it changes nothing, begins anew,
    and takes new work.
    """

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add("gpu")
            await workers(here, 2)
            (run,) = await here.start(flow(1))
            await marked(fleet, 2, 60)
            frozen = pid_of(fleet, "far")
            os.kill(frozen, signal.SIGSTOP)
            fleet.add("gpu")
            assert "succeeded" == await here.until(run, "succeeded", "failed", patience=60)
            before = await here.history(run)
            os.kill(frozen, signal.SIGCONT)
            await workers(here, 3)
            await asyncio.sleep(1.5)

            assert before == await here.history(run)
            assert [("orphaned", "far", 1), ("succeeded", "far", 2)] == [
                each for each in before if each[1] == "far"
            ]
            (other,) = await here.start(flow(0))
            assert "succeeded" == await here.until(other, "succeeded", "failed", patience=60)

    asyncio.run(check())


def test_sigterm_lets_a_performer_end_what_it_makes(fleet: Fleet, database_url: str):
    """
    The step under way ends within the grace and counts; what waits is left to the next worker.
    """

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add()
            leaving = fleet.add("gpu")
            (run,) = await here.start(flow(0.5))
            await marked(fleet, 2, 60)
            leaving.send_signal(signal.SIGTERM)

            assert 0 == await asyncio.to_thread(leaving.wait, 30)
            assert "succeeded" == await here.until(run, "succeeded", "failed", patience=60)
            assert {"near": 1, "far": 1, "last": 1} == dict(Counter(m[1] for m in fleet.marks()))

    asyncio.run(check())
