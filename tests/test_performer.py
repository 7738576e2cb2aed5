"""What pools promise: who makes a step's call, once, and who ends it."""

import asyncio
from datetime import timedelta

from engine import runs
from engine.core.plan import ForEach, Pool, Retry, Timeout
from engine.core.values import Json
from engine.store import handouts
from tests.core.runs import HOUR, edge, scope, step
from tests.heart import (
    Gate,
    calls,
    house,
    owning,
    performing,
    plan,
    pooled,
)
from tests.pools import arrived, handed, opened, rows
from tests.test_guard_turn import Works

SECOND = timedelta(seconds=1)


def test_a_step_is_made_by_a_worker_of_its_pool(database_url: str):
    """
    The owner of the run makes what names no pool; what names one goes to its workers, with what
    earlier steps gave, and what it gives comes back.
    """

    async def check() -> None:
        mine, theirs = Gate(), opened()
        arguments = {"given": "{{ steps.a.outputs.message }}-{{ inputs.n }}"}
        made = plan(
            step("a"),
            pooled("b", edge(0), operation="echo.say@1", arguments=arguments),
            pooled("c", edge(1)),
            step("d", edge(2), verb=calls("echo.say@1", said="{{ steps.b.outputs.given }}")),
        )
        async with (
            house(database_url) as here, owning(database_url, mine, hears=True),
            performing(database_url, theirs),
        ):  # fmt: skip
            (run,) = await here.start(made, inputs={"n": 7})
            assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert ([], [("c", 1)]) == (mine.came, theirs.came)
            assert [
                ("succeeded", "a", 1), ("succeeded", "b", 1), ("succeeded", "c", 1),
                ("succeeded", "d", 1),
            ] == await here.history(run)  # fmt: skip
            found = await here.connection.execute("SELECT data FROM journal WHERE path = 'd'")
            assert await found.fetchone() == ({"said": "hi-7"},)
            assert [] == await rows(here)

    asyncio.run(check())


def test_a_cancelled_run_takes_back_what_waits(database_url: str):
    """
    What no worker has taken yet is never made.
    """

    async def check() -> None:
        gate = Gate()
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(plan(pooled("a")))
            await handed(here, 1)
            assert await runs.cancel(here.connection, None, run, "Ann", "no")
            assert "cancelled" == await here.until(run, "cancelled")
            async with performing(database_url, gate):
                await asyncio.sleep(0.2)
            await handouts.expire(here.connection)

            assert ([], []) == (gate.came, await rows(here))

    asyncio.run(check())


def test_a_cancelled_run_stops_what_is_made(database_url: str):
    """
    The worker that makes it hears of it, stops it, and its slot of the pool is free then.
    """

    async def check() -> None:
        gate = Gate()
        made = plan(pooled("a", terms=Pool(parallelism=1)))
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, gate),
        ):  # fmt: skip
            (run,) = await here.start(made)
            await arrived(gate)
            assert await runs.cancel(here.connection, None, run, "Ann", "no")
            assert "cancelled" == await here.until(run, "cancelled")
            await handed(here, 0)
            gate.open.set()
            (other,) = await here.start(made)
            assert "succeeded" == await here.until(other, "succeeded")

            assert ["a"] == gate.cancelled
            assert [("cancel", "", 0)] == await here.history(run)

    asyncio.run(check())


def test_the_total_time_of_a_step_stops_it_in_its_pool(database_url: str):
    """
    A step's total time counts wherever it is made, and wherever it waits.
    """

    async def check() -> None:
        gate = Gate()
        made = plan(pooled("a", timeout=Timeout(total=SECOND / 4)))
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, gate),
        ):  # fmt: skip
            (run,) = await here.start(made)
            assert "failed" == await here.until(run, "failed")
            await handed(here, 0)

            assert "sark.timeout" == (await here.row(run))["error"]["type"]
            assert ["a"] == gate.cancelled

    asyncio.run(check())


def test_a_pool_that_nobody_serves_is_waited_for_as_long_as_the_step_says(database_url: str):
    """
    `timeout.queue` ends an attempt that no worker took. It was not made, so a retry is no risk.
    """

    async def check() -> None:
        queue = Timeout(queue=SECOND / 5)
        made = plan(pooled("a", timeout=queue, retry=Retry(2, SECOND / 100, jitter=False)))
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(made)
            async with asyncio.timeout(10):
                while (await here.row(run))["status"] != "failed":
                    await handouts.expire(here.connection)
                    await asyncio.sleep(0.02)
            error = (await here.row(run))["error"]

            assert ("sark.queue_timeout", "transient") == (error["type"], error["class"])
            assert "no worker of pool 'gpu' took it within 0.2 s (timeout.queue)" == error["detail"]
            assert [("failed", "a", 1)] == (await here.history(run))[:1]
            assert ("failed", "a", 2) == (await here.history(run))[-1]

    asyncio.run(check())


def test_a_thousand_items_over_two_performers(database_url: str):
    """
    Each is made once, and each outcome is there once.
    """

    async def check() -> None:
        one, two = Works(), Works()
        body = scope(
            pooled("", operation="test.work@1", terms=Pool(parallelism=64),
                   arguments={"item": "{{ x }}"}), timeout=HOUR,
        )  # fmt: skip
        each = step("all", verb=ForEach("inputs.all", "x", body, 1_000, max_parallel=200))
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, one, room=40), performing(database_url, two, room=40),
        ):  # fmt: skip
            items: list[Json] = [f"i{number}" for number in range(1_000)]
            (run,) = await here.start(plan(each), inputs={"all": items})
            assert "succeeded" == await here.until(run, "succeeded", "failed", patience=120)
            history = await here.history(run)

            assert 1_000 == len(one.began) + len(two.began)
            assert one.began
            assert two.began
            assert 1_000 == len({path for kind, path, _ in history if kind == "succeeded"})
            assert 1_000 == len(history)

    asyncio.run(check())
