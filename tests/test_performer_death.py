"""What pools promise when somebody dies, drains or comes too late."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from engine.clock import Clock
from engine.core.plan import Concurrency, Pool
from engine.guard import guarding
from engine.store import handouts, schedules
from engine.sweep import Sweep
from engine.telemetry import METRICS
from tests.core.runs import edge, step
from tests.heart import (
    Gate,
    calls,
    executor,
    house,
    owning,
    performing,
    plan,
    pooled,
    statuses,
)
from tests.pools import arrived, died, handed, opened, rows
from tests.test_guard_turn import Works

SECOND = timedelta(seconds=1)


def test_the_death_of_the_owner_is_nothing_to_a_pool(database_url: str):
    """
    What is handed out goes on while the run has another owner, and is neither lost nor made twice;
    what the dead owner made itself is made again.
    """

    async def check() -> None:
        far, near, other = Gate(), Gate(), opened()
        made = plan(
            pooled("far", repeatable=False), step("near", verb=calls("test.gate@1"))
        )  # fmt: skip
        async with house(database_url) as here, performing(database_url, far):
            (run,) = await here.start(made)
            async with owning(database_url, near) as first:
                await arrived(far)
                await arrived(near)
                await died(here, first)
            async with owning(database_url, other, hears=True):
                far.open.set()
                assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert ([("far", 1)], [("near", 2)]) == (far.came, other.came)
            assert Counter(await here.history(run)) == Counter(
                [("lost", "", 0), ("succeeded", "near", 2), ("succeeded", "far", 1)]
            )

    asyncio.run(check())


def test_an_owner_that_dies_before_it_says_anything_hands_out_once(database_url: str):
    """
    The first steps of a run are handed out once, however often its owner dies before anything has
    happened; an outcome that has come meanwhile counts.
    """

    async def check() -> None:
        far = Gate()
        async with house(database_url) as here:
            (run,) = await here.start(plan(pooled("a", repeatable=False)))
            for _ in range(2):
                async with owning(database_url) as first:
                    await handed(here, 1)
                    await died(here, first)
            async with performing(database_url, far):
                await arrived(far)
                far.open.set()
                await handed(here, 0)
            async with owning(database_url, hears=True):
                assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert [("a", 1)] == far.came
            assert ("succeeded", "a", 1) == (await here.history(run))[-1]

    asyncio.run(check())


@pytest.mark.parametrize("repeatable", [True, False])
def test_the_death_of_a_performer_is_an_unknown_outcome(database_url: str, repeatable: bool):
    """
    A step that may be repeated is handed out again; of another nobody knows, and it fails as lost.
    """

    async def check() -> None:
        dying, other = Gate(), opened()
        async with house(database_url) as here, owning(database_url, hears=True):
            async with performing(database_url, dying) as first:
                (run,) = await here.start(plan(pooled("a", repeatable=repeatable)))
                await arrived(dying)
                await died(here, first)
            async with performing(database_url, other):
                assert await here.until(run, "succeeded", "failed")
            row = await here.row(run)
            if repeatable:
                assert ("succeeded", [("a", 2)]) == (row["status"], other.came)
                history = [("orphaned", "a", 1), ("succeeded", "a", 2)]
            else:
                assert ("failed", "sark.lost", []) == (
                    row["status"], row["error"]["type"], other.came,
                )  # fmt: skip
                history = [("orphaned", "a", 1)]
            assert history == await here.history(run)

    asyncio.run(check())


def test_what_a_dead_performer_never_began_is_made(database_url: str):
    """
    An attempt that must not be repeated, and that only waited for its turn, was never made: no
    doubt is left, and another worker makes it.
    """

    async def check() -> None:
        works, other = Works(60), Works()
        verb = calls("test.work@1", repeatable=False)
        slotted = plan(
            step("a", verb=verb, pool="gpu", terms=Pool(), concurrency=Concurrency("db", 1))
        )
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            guarding(database_url) as first, guarding(database_url) as second,
        ):  # fmt: skip
            async with performing(database_url, made=executor(works, guard=first)) as dying:
                (held,) = await here.start(slotted)
                await handed(here, 1, "marked")
                (waiting,) = await here.start(slotted)
                await handed(here, 2, "worker IS NOT NULL")
                await asyncio.sleep(0.3)
                await died(here, dying)
            async with performing(database_url, made=executor(other, guard=second)):
                assert "failed" == await here.until(held, "failed", "succeeded")
                assert "succeeded" == await here.until(waiting, "failed", "succeeded")
            assert "sark.lost" == (await here.row(held))["error"]["type"]
            assert [("orphaned", "a", 1), ("succeeded", "a", 2)] == await here.history(waiting)
            assert 1 == len(other.began)

    asyncio.run(check())


def test_a_step_that_kills_its_performers_is_stopped(database_url: str):
    """
    After four deaths of its worker a step is poison, whoever owns the run.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(plan(pooled("a")))
            for _ in range(4):
                gate = Gate()
                async with performing(database_url, gate) as dying:
                    await arrived(gate)
                    await died(here, dying)
            assert "failed" == await here.until(run, "failed")
            assert "sark.poison" == (await here.row(run))["error"]["type"]
            assert 4 == statuses(await here.history(run)).count("orphaned")

    asyncio.run(check())


def test_a_late_outcome_counts_for_nothing(database_url: str):
    """
    A worker that was called dead, and works on all the same, tells nothing: another has the step.
    """

    async def check() -> None:
        late, other = Gate(), opened()
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(plan(pooled("a")))
            async with performing(database_url, late) as zombie:
                await arrived(late)
                # Only the session of its fence ends: what it writes with goes on.
                await here.declare_dead(zombie.id)
                late.open.set()
                await handed(here, 1, "attempt = 2")
                await asyncio.sleep(0.2)
                assert [("a", 2, "gpu", None)] == await rows(here)
            async with performing(database_url, other):
                assert "succeeded" == await here.until(run, "succeeded")

            assert [("orphaned", "a", 1), ("succeeded", "a", 2)] == await here.history(run)

    asyncio.run(check())


def test_a_worker_that_was_called_dead_begins_nothing_unsafe(database_url: str):
    """
    The mark is written before an attempt that must not be repeated, by its holder alone.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url, hears=True):
            await here.start(plan(pooled("a", repeatable=False)))
            await handed(here, 1)
            connection = here.connection
            found = await connection.execute("SELECT id FROM handouts")
            ids = [each for (each,) in await found.fetchall()]
            assert set() == await handouts.mark(connection, 77, ids)
            assert [] == await handouts.take(
                connection, 77, handouts.Served(None, None), [], ("local", "gpu"), 9
            )

    asyncio.run(check())


def test_a_run_that_waits_for_a_quiet_pool_has_no_owner(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    Nobody keeps a run in memory that only waits for a pool; an outcome gives it an owner again.
    """
    monkeypatch.setattr("engine.owner.owned.PARK_AFTER", SECOND / 10)

    async def check() -> None:
        gate = Gate()
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, gate),
        ):  # fmt: skip
            (run,) = await here.start(plan(pooled("a"), step("b", edge(0))))
            await arrived(gate)
            async with asyncio.timeout(10):
                while (await here.row(run))["owner"] is not None:
                    await asyncio.sleep(0.02)
            assert "running" == (await here.row(run))["status"]
            gate.open.set()
            assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert [("succeeded", "a", 1), ("succeeded", "b", 1)] == await here.history(run)
            assert [("a", 1)] == gate.came

    asyncio.run(check())


def test_an_owner_that_drains_leaves_to_others_what_pools_make(database_url: str):
    """
    It does not wait for workers of pools; the next owner hears of the outcome.
    """

    async def check() -> None:
        gate = Gate()
        async with house(database_url) as here, performing(database_url, gate):
            (run,) = await here.start(plan(pooled("a", repeatable=False)))
            async with owning(database_url) as leaving:
                await arrived(gate)
                leaving.owner.drain()
                await asyncio.wait_for(leaving.task, 10)
                row = await here.row(run)
                assert (None, False) == (row["owner"], row["lost"])
            gate.open.set()
            await handed(here, 0)
            async with owning(database_url, hears=True):
                assert "succeeded" == await here.until(run, "succeeded", "failed")
            assert [("succeeded", "a", 1)] == await here.history(run)

    asyncio.run(check())


def test_a_performer_that_drains_ends_what_it_has(database_url: str):
    """
    It takes nothing more, tells what it has made, and ends.
    """

    async def check() -> None:
        gate = Gate()
        async with house(database_url) as here, owning(database_url, hears=True):
            async with performing(database_url, gate) as leaving:
                (run,) = await here.start(plan(pooled("a")))
                await arrived(gate)
                leaving.performer.drain()
                (other,) = await here.start(plan(pooled("a")))
                gate.open.set()
                await asyncio.wait_for(leaving.task, 10)
                assert "succeeded" == await here.until(run, "succeeded")
                await handed(here, 1, "worker IS NULL")
            assert "running" == (await here.row(other))["status"]

    asyncio.run(check())


def test_a_performer_that_must_go_tells_what_has_ended(database_url: str):
    """
    An outcome that is there when the grace of a worker is over counts: of a step that must not be
    repeated nobody has to doubt then.
    """

    async def check() -> None:
        gate = Gate()
        async with house(database_url) as here, owning(database_url, hears=True):
            async with performing(database_url, gate) as leaving:
                (run,) = await here.start(plan(pooled("a", repeatable=False)))
                await arrived(gate)
                gate.open.set()
                leaving.performer.abandon()
                await asyncio.wait_for(leaving.task, 10)
                await died(here, leaving)
            assert "succeeded" == await here.until(run, "succeeded", "failed")
            assert [("succeeded", "a", 1)] == await here.history(run)

    asyncio.run(check())


def test_what_cannot_be_read_now_is_not_taken(database_url: str):
    """
    Where PostgreSQL refuses a plan for a moment, its attempts wait for a worker as before: none is
    taken by one that does not make it.
    """

    async def check() -> None:
        gate = opened()
        async with (
            house(database_url) as here, house(database_url) as other,
            owning(database_url, hears=True),
        ):  # fmt: skip
            (run,) = await here.start(plan(pooled("a")))
            await handed(here, 1)
            refused = METRICS.refused._value.get()
            async with performing(database_url, gate, wait_ms=50):
                async with other.connection.transaction():
                    await other.connection.execute("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE")
                    async with asyncio.timeout(60):
                        while METRICS.refused._value.get() == refused:
                            await asyncio.sleep(0.01)
                assert "succeeded" == await here.until(run, "succeeded", patience=20)
            assert [("a", 1)] == gate.came

    asyncio.run(check())


def test_what_a_program_of_before_has_buried_is_found(database_url: str):
    """
    A worker that another buried which knew nothing of pools yet holds its attempts no longer than
    until the next look.
    """

    async def check() -> None:
        dying, other = Gate(), opened()
        async with house(database_url) as here, owning(database_url, hears=True) as owner:
            async with performing(database_url, dying) as first:
                (run,) = await here.start(plan(pooled("a")))
                await arrived(dying)
                first.task.cancel()
                await asyncio.gather(first.task, return_exceptions=True)
            await here.connection.execute("DELETE FROM workers WHERE id = %s", (first.id,))
            clock = Clock(await schedules.now(here.connection))
            sweep = Sweep(here.connection, owner.owner, clock, SECOND, SECOND)
            await sweep.look()
            async with performing(database_url, other):
                assert "succeeded" == await here.until(run, "succeeded", patience=20)
            assert [("orphaned", "a", 1), ("succeeded", "a", 2)] == await here.history(run)

    asyncio.run(check())
