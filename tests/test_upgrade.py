"""What workers of two versions promise side by side, with real processes of both."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from engine.core import codec
from engine.core.plan import Plan, Wait
from tests.core.runs import edge, step
from tests.heart import PATIENCE, House, house, owning, plan
from tests.later import LATER, later_journal, later_plans
from tests.test_worker import Fleet, chain, marked, outcomes
from tests.test_worker_pools import workers

_STEPS = Counter(f"s{number:02}" for number in range(8))


@pytest.fixture
def fleet(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, database_url, redis_url)
    yield fleet
    fleet.end()


async def start_later(here: House, made: Plan, count: int) -> list[UUID]:
    """Start runs of a plan as a later version has compiled it."""
    body = {**codec.encode(made), "format": LATER}
    digest = f"later-{made.digest}"
    await here.connection.execute(
        "INSERT INTO plans (digest, format, body) VALUES (%s, %s, %s)",
        (digest, LATER, json.dumps(body)),
    )
    return await here.start_digest(digest, count)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


def made_by(fleet: Fleet, runs: list[UUID]) -> set[int]:
    """Return the processes that have called something for these runs."""
    return {int(mark[3]) for mark in fleet.marks() if mark[0] in set(map(str, runs))}


async def stands(here: House, run: UUID) -> tuple[object, ...]:
    row = await here.row(run)
    return row["owner"], row["ended_at"], row["error"]


def test_a_plan_of_a_later_version_is_left_to_those_who_know_it(
    fleet: Fleet, database_url: str, tmp_path: Path
):
    """
    Workers of before fail no run of it and say why they leave it; they go on with their own, and as
    soon as there is a worker that knows the format it makes every step.
    """
    program = later_plans(tmp_path / "later")

    async def check() -> None:
        async with house(database_url) as here:
            fleet.add(), fleet.add()
            later = await start_later(here, chain(8, 0.02), 6)
            await until(lambda: "this program reads" in fleet.log())
            ours = await here.start(chain(8, 0.02), 6)
            for run in ours:
                await here.until(run, "succeeded", "failed")
            async with asyncio.timeout(PATIENCE):
                for run in later:  # the second worker may have yet to find out
                    while (None, None, None) != await stands(here, run):
                        await asyncio.sleep(0.02)
            new = fleet.add(program=program)
            for run in later:
                assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert {new.pid} == made_by(fleet, later)
            for run in (*ours, *later):
                assert _STEPS == await outcomes(here, run)
            assert len(fleet.marks()) == 12 * len(_STEPS)
            assert fleet.log().count("is left to other workers") <= 2

    asyncio.run(check())


def test_workers_are_replaced_one_by_one(fleet: Fleet, database_url: str, tmp_path: Path):
    """
    A rolling upgrade under load: each worker is told to go and a later one takes its place, while
    runs of both versions come. All end, each outcome is there once, and no worker ends in error.
    """
    program = later_plans(tmp_path / "later")

    async def check() -> None:
        async with house(database_url) as here:
            old = [fleet.add(), fleet.add(), fleet.add()]
            runs = await here.start(chain(8, 0.3), 6)
            await marked(fleet, 6)
            await workers(here, 3)
            for number, each in enumerate(old):
                fleet.add(program=program)
                runs += await start_later(here, chain(8 + number, 0.05), 3)
                runs += await here.start(chain(8 + number, 0.05), 3)
                each.send_signal(signal.SIGTERM)
                assert 0 == await asyncio.to_thread(each.wait, 60)
            for run in runs:
                assert "succeeded" == await here.until(run, "succeeded", "failed")

            for run in runs:
                assert {1} == set((await outcomes(here, run)).values())
            assert all(each.poll() is None for each in fleet.processes if each not in old)

    asyncio.run(check())


def test_a_worker_of_the_later_version_dies_beside_those_of_before(
    fleet: Fleet, database_url: str, tmp_path: Path
):
    """
    Kill -9 the only worker that knows a plan, in the midst of its runs: the others bury it and
    leave the runs be, and the next one that knows the plan ends them.
    """
    program = later_plans(tmp_path / "later")

    async def check() -> None:
        async with house(database_url) as here:
            first = fleet.add(program=program)
            later = await start_later(here, chain(8, 0.2), 3)
            await marked(fleet, 5)
            fleet.add(), fleet.add()
            first.kill()
            await until(lambda: "is left to other workers" in fleet.log())
            second = fleet.add(program=program)
            for run in later:
                assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert {first.pid, second.pid} == made_by(fleet, later)
            for run in later:
                assert _STEPS == await outcomes(here, run)
                assert ("lost", "", 0) in await here.history(run)

    asyncio.run(check())


def test_a_journal_of_a_later_version_is_left_to_those_who_know_it(
    fleet: Fleet, database_url: str, tmp_path: Path
):
    """
    A run whose journal holds a kind of row that a worker does not know is not rebuilt wrongly, nor
    failed: it is left alone until a worker comes that knows it, and its other runs go on.
    """
    program = later_journal(tmp_path / "later")

    async def check() -> None:
        async with house(database_url) as here:
            first = fleet.add(program=program)
            (run,) = await here.start(chain(8, 0.2))
            await marked(fleet, 3)
            old = fleet.add()
            first.kill()
            await until(lambda: "holds an unknown event 'gave'" in fleet.log())
            (other,) = await here.start(chain(8, 0))
            await here.until(other, "succeeded")
            assert (None, None, None) == await stands(here, run)
            second = fleet.add(program=program)
            assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert {first.pid, second.pid} == made_by(fleet, [run])
            assert None is old.poll()
            gave = [path for kind, path, _ in await here.history(run) if kind == "gave"]
            assert _STEPS == Counter(gave)

    asyncio.run(check())


def test_what_a_later_version_tells_a_run_waits_for_its_next_owner(database_url: str):
    """
    A row of an inbox that the owner of a run does not know ends nothing: the run leaves once it
    only waits, the row stays, and the owner makes its other runs.
    """
    waiting = plan(step("hold", verb=Wait("10s")), step("then", edge(0)))

    async def check() -> None:
        async with house(database_url) as here, owning(database_url, hears=True) as serving:
            await here.connection.execute("ALTER TABLE inbox DROP CONSTRAINT inbox_kind_check")
            (run,) = await here.start(waiting)
            await here.until(run, "running")
            await here.connection.execute(
                "WITH told AS (INSERT INTO inbox (run_id, kind, path, key, data)"
                " VALUES (%(run)s, 'paused', 'hold', 'k', '{}') RETURNING run_id)"
                " UPDATE runs SET unheard = unheard + 1 FROM told WHERE id = run_id",
                {"run": run},
            )
            async with asyncio.timeout(60):
                while (await here.row(run))["owner"] is not None:
                    await asyncio.sleep(0.02)
            (other,) = await here.start(plan(step("say")))
            await here.until(other, "succeeded")

            assert not serving.task.done()
            assert (None, None, None) == await stands(here, run)
            found = await here.connection.execute("SELECT kind FROM inbox")
            assert [("paused",)] == await found.fetchall()

    asyncio.run(check())
