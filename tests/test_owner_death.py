"""What an owner promises of the runs of one that has died, and of its own when it ends."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import orjson
import psycopg
import pytest

from adapters.contract import Call, Json
from engine.core.plan import Emit, Retry
from tests.core.runs import edge, step
from tests.heart import (
    Asks,
    Flaky,
    Gate,
    Serving,
    calls,
    diamond,
    house,
    one,
    owning,
    plan,
    statuses,
)
from tests.holding import Rung

HOUR = timedelta(hours=1)
# Lets a commit hang until somebody lets go of the lock.
_SLOW = """
    CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER hang BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION hang();
"""


def test_a_dead_owner_writes_nothing_more(database_url: str):
    """
    An owner that was declared dead cannot commit an outcome, and ends; the next one makes the
    attempt again, and each outcome is there once.
    """

    async def check() -> None:
        gate, other = Gate(), Gate()
        other.open.set()
        async with house(database_url) as here:
            (run,) = await here.start(one("test.gate@1"))
            # With no room for more it claims nothing, so the outcome is the first that it writes.
            async with owning(database_url, gate, capacity=1) as late:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                await here.declare_dead(late.id)
                gate.open.set()
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(late.task, 60)
            assert await here.history(run) == []
            async with owning(database_url, other):
                await here.until(run, "succeeded")

            assert other.came == [("a", 2)]
            assert await here.history(run) == [("lost", "", 0), ("succeeded", "a", 2)]

    asyncio.run(check())


def test_a_commit_of_a_dead_owner_comes_before_its_end_or_never(database_url: str):
    """
    What hung when an owner was declared dead is undone: it cannot come after another has begun.
    """

    async def check() -> None:
        async with AsyncExitStack() as stack, house(database_url) as here:
            other = await stack.enter_async_context(house(database_url))
            (run,) = await here.start(one("echo.say@1"))
            await here.connection.execute(_SLOW)
            async with other.connection.transaction(force_rollback=True):
                await other.connection.execute("SELECT pg_advisory_xact_lock(1)")
                serving = await stack.enter_async_context(owning(database_url))
                await here.until(run, "running")
                await asyncio.sleep(0.1)
                await asyncio.wait_for(here.declare_dead(serving.id), 60)
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(serving.task, 60)
            await stack.enter_async_context(owning(database_url))
            await here.until(run, "succeeded")

            assert await here.history(run) == [("lost", "", 0), ("succeeded", "a", 2)]

    asyncio.run(check())


def test_an_owner_with_a_clock_far_behind_goes_on_with_a_run(database_url: str):
    """
    Whether a run has begun is read from the database, whatever the clocks of two hosts say.
    """

    async def check() -> None:
        def behind() -> datetime:
            return datetime.now(UTC) - 2 * HOUR

        steps = plan(step("a"), step("b", edge(0), verb=calls("test.gate@1")))
        async with house(database_url) as here:
            (run,) = await here.start(steps)
            gate, other = Gate(), Gate()
            other.open.set()
            async with owning(database_url, gate) as first:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                await first.stop()
                await here.declare_dead(first.id)
            async with owning(database_url, other, clock=behind):
                await here.until(run, "succeeded")

            assert statuses(await here.history(run)) == ["succeeded", "lost", "succeeded"]

    asyncio.run(check())


def test_an_attempt_that_must_not_repeat_is_written_down_before_it_is_made(database_url: str):
    """
    Its start is durable when it is called; when its owner dies the step fails as lost, for nobody
    knows whether it took effect, and it is not called again.
    """

    async def check() -> None:
        async with house(database_url) as here:
            (run,) = await here.start(one("test.gate@1", repeatable=False))
            gate, other = Gate(), Gate()
            async with owning(database_url, gate) as first:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                assert await here.history(run) == [("started", "a", 1)]
                await first.stop()
                await here.declare_dead(first.id)
            async with owning(database_url, other):
                assert await here.until(run, "failed") == "failed"

            assert other.came == []
            assert (await here.row(run))["error"]["type"] == "sark.lost"

    asyncio.run(check())


def test_a_step_that_kills_its_workers_is_stopped(database_url: str):
    """
    Each death is counted before any code runs again; after the fourth the run fails as poison.
    """

    async def check() -> None:
        async with house(database_url) as here:
            (run,) = await here.start(one("test.gate@1"))
            attempts = 0
            for _ in range(4):
                gate = Gate()
                async with owning(database_url, gate) as mortal:
                    await asyncio.wait_for(gate.arrived.wait(), 60)
                    attempts += len(gate.came)
                    await mortal.stop()
                    await here.declare_dead(mortal.id)
            gate = Gate()
            async with owning(database_url, gate):
                await here.until(run, "failed")

            assert attempts == 4
            assert gate.came == []
            assert (await here.row(run))["error"]["type"] == "sark.poison"

    asyncio.run(check())


def test_a_retry_waits_its_time_across_a_death(database_url: str):
    """
    The pause before a retry is kept by the next owner, from the instant at which it began.
    """

    async def check() -> None:
        pause, gone = timedelta(seconds=5), timedelta(seconds=3)
        retry = Retry(max_attempts=2, initial=pause, jitter=False)
        async with house(database_url) as here:
            (run,) = await here.start(one("test.flaky@1", retry=retry))
            before, after = Flaky(), Flaky()
            async with owning(database_url, before) as first:
                while not await here.history(run):
                    await asyncio.sleep(0.01)
                await first.stop()
                await here.declare_dead(first.id)
            await asyncio.sleep(gone.total_seconds())
            async with owning(database_url, after):
                await here.until(run, "succeeded")

            waited = after.made[0] - before.made[0]
            assert pause <= waited < pause + gone
            assert statuses(await here.history(run)) == ["failed", "lost", "alarm", "succeeded"]

    asyncio.run(check())


def test_draining_ends_what_runs_and_hands_back_what_waits(database_url: str):
    """
    A draining owner claims nothing, finishes its attempts, and lets go of a run that only waits;
    that costs neither an attempt nor a loss.
    """

    async def check() -> None:
        gate = Gate()
        retry = Retry(max_attempts=2, initial=timedelta(seconds=20), jitter=False)
        async with house(database_url) as here, owning(database_url, gate, Flaky()) as serving:
            (running,) = await here.start(one("test.gate@1"))
            (waiting,) = await here.start(one("test.flaky@1", retry=retry))
            serving.owner.attend()
            await asyncio.wait_for(gate.arrived.wait(), 60)
            while not await here.history(waiting):
                await asyncio.sleep(0.01)
            serving.owner.drain()
            (queued,) = await here.start(diamond())
            serving.owner.attend()
            await here.until(waiting, "waiting")
            gate.open.set()
            await asyncio.wait_for(serving.task, 60)

            assert (await here.row(running))["status"] == "succeeded"
            assert (await here.row(queued))["status"] == "queued"
            row = await here.row(waiting)
            assert (row["owner"], row["lost"]) == (None, False)

    asyncio.run(check())


def test_what_outlasts_the_grace_goes_to_the_next_owner(database_url: str):
    """
    An abandoned attempt is cancelled, and its run is claimable at once.
    """

    async def check() -> None:
        gate, other = Gate(), Gate()
        other.open.set()
        async with house(database_url) as here:
            (run,) = await here.start(one("test.gate@1"))
            async with owning(database_url, gate) as serving:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                serving.owner.abandon()
                await asyncio.wait_for(serving.task, 60)
            assert gate.cancelled == ["a"]
            async with owning(database_url, other):
                await here.until(run, "succeeded")

    asyncio.run(check())


def test_what_was_never_begun_when_the_grace_was_over_is_made_by_the_next(database_url: str):
    """
    An attempt that must not be repeated, and whose start was not yet written down when its owner
    had to go, is no doubt: the next owner makes it.
    """

    serving: Serving

    class Ends(Rung):
        """Ends the grace of the owner after the commit that lets the attempt begin."""

        def ring_relay(self) -> None:
            serving.owner.abandon()

    steps = plan(
        step("a", verb=calls("test.gate@1")),
        step("told", edge(0), verb=Emit("paid", None, {})),
        step("b", edge(0), verb=calls("test.gate@1", repeatable=False)),
    )

    async def check() -> None:
        nonlocal serving
        gate, other = Gate(), Gate()
        other.open.set()
        async with house(database_url) as here:
            (run,) = await here.start(steps)
            async with owning(database_url, gate, bell=Ends()) as serving:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                gate.open.set()
                await asyncio.wait_for(serving.task, 60)
            assert [("a", 1)] == gate.came
            async with owning(database_url, other):
                assert "succeeded" == await here.until(run, "succeeded", "failed")
            assert [("b", 2)] == other.came

    asyncio.run(check())


def test_a_rebuilt_run_reads_what_the_first_one_read(database_url: str):
    """
    Outputs keep their order and their types through the journal, so a body that is made of them
    has the same bytes.
    """
    said: list[bytes] = []

    def told(call: Call) -> Json:
        said.append(orjson.dumps(call.arguments["names"]))
        return {"z": 1, "a": 2}

    names = calls("test.ask@1", names="{{ steps.a.outputs.answer }}")
    made = plan(
        step("a", verb=calls("test.ask@1", names="")),
        step("b", edge(0), verb=names),
        step("c", edge(1), verb=calls("test.gate@1")),
        step("d", edge(2), verb=names),
    )

    async def check() -> None:
        gate, other = Gate(), Gate()
        other.open.set()
        async with house(database_url) as here:
            (run,) = await here.start(made)
            async with owning(database_url, gate, Asks(told)) as first:
                await asyncio.wait_for(gate.arrived.wait(), 60)
                await first.stop()
                await here.declare_dead(first.id)
            async with owning(database_url, other, Asks(told)):
                await here.until(run, "succeeded")

    asyncio.run(check())
    assert said == [b'""', b'{"z":1,"a":2}', b'{"z":1,"a":2}']
