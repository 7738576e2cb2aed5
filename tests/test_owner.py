"""What an owner promises of the runs that it has."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import orjson
import psycopg
import pytest

from adapters.contract import Call, Json
from engine.core import machine
from engine.core.event import Event
from engine.core.plan import Plan, Retry
from engine.core.run import Run
from engine.core.state import IllegalMove
from engine.core.turn import Decision
from engine.store import runs
from engine.telemetry import METRICS
from tests.core.runs import assign, edge, scope, step
from tests.heart import Asks, Flaky, Gate, calls, house, one, owning, plan, sealed, statuses

HOUR = timedelta(hours=1)
# Lets a commit hang until somebody lets go of the lock.
_SLOW = """
    CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER hang BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION hang();
"""
LONG = Retry(max_attempts=2, initial=HOUR, max=HOUR, jitter=False)


def diamond() -> Plan:
    return plan(
        step("a"), step("b", edge(0)), step("c", edge(0)), step("d", edge(1), edge(2))
    )  # fmt: skip


def test_a_run_ends_with_each_outcome_once(database_url: str):
    """
    Every step's outcome is one row, in the order in which it happened; the run's row says the end.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url):
            (run,) = await here.start(diamond())

            assert await here.until(run, "succeeded") == "succeeded"
            history = await here.history(run)
            assert history[:1] == [("succeeded", "a", 1)]
            assert history[-1:] == [("succeeded", "d", 1)]
            assert sorted("abcd") == sorted(path for _, path, _ in history)
            assert (await here.row(run))["owner"] is None

    asyncio.run(check())


def test_nothing_begins_before_what_it_depends_on_is_durable(database_url: str):
    """
    When a step begins, another connection already reads the outcome of the step before it.
    """

    def rows(call: Call) -> int:
        with psycopg.connect(database_url) as other:
            statement = "SELECT count(*) FROM journal WHERE run_id = %s"
            found = other.execute(statement, (call.run,)).fetchone()
            assert found is not None
            return int(found[0])

    async def check() -> None:
        ask = calls("test.ask@1")
        steps = [step(f"s{i}", *([edge(i - 1)] if i else []), verb=ask) for i in range(5)]
        async with house(database_url) as here, owning(database_url, Asks(rows)):
            (run,) = await here.start(plan(*steps))
            await here.until(run, "succeeded")
            found = await here.connection.execute(
                "SELECT data->>'answer' FROM journal WHERE run_id = %s ORDER BY seq", (run,)
            )

            assert [row[0] for row in await found.fetchall()] == ["0", "1", "2", "3", "4"]

    asyncio.run(check())


def test_many_runs_that_end_at_once_all_end(database_url: str):
    """
    Runs of pure values alone end as they begin, however many are claimed beside them.
    """

    async def check() -> None:
        quick = plan(step("a", verb=assign(x=1)), name="quick")
        async with house(database_url) as here:
            ids = await here.start(quick, 700)
            ids += await here.start(diamond(), 100)
            async with owning(database_url, capacity=300):
                for run in ids:
                    assert await here.until(run, "succeeded") == "succeeded"

    asyncio.run(check())


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
                await asyncio.wait_for(gate.arrived.wait(), 5)
                await here.declare_dead(late.id)
                gate.open.set()
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(late.task, 5)
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
                await asyncio.wait_for(here.declare_dead(serving.id), 5)
                with pytest.raises(psycopg.OperationalError):
                    await asyncio.wait_for(serving.task, 5)
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
                await asyncio.wait_for(gate.arrived.wait(), 5)
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
                await asyncio.wait_for(gate.arrived.wait(), 5)
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
                    await asyncio.wait_for(gate.arrived.wait(), 5)
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
        pause = timedelta(seconds=1)
        retry = Retry(max_attempts=2, initial=pause, jitter=False)
        async with house(database_url) as here:
            (run,) = await here.start(one("test.flaky@1", retry=retry))
            before, after = Flaky(), Flaky()
            async with owning(database_url, before) as first:
                while not await here.history(run):
                    await asyncio.sleep(0.01)
                await first.stop()
                await here.declare_dead(first.id)
            async with owning(database_url, after):
                await here.until(run, "succeeded")

            waited = after.made[0] - before.made[0]
            assert pause <= waited < pause + timedelta(seconds=0.5)
            assert statuses(await here.history(run)) == ["failed", "lost", "alarm", "succeeded"]

    asyncio.run(check())


def test_a_run_that_waits_for_long_has_no_owner(database_url: str):
    """
    It costs no worker while it waits, and is claimed when its time has come.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url, Flaky()) as serving:
            (run,) = await here.start(one("test.flaky@1", retry=LONG))
            await here.until(run, "waiting")
            row = await here.row(run)
            assert row["owner"] is None
            assert row["wake_at"] == row["due_at"] > datetime.now(UTC) + timedelta(minutes=59)
            assert not row["lost"]
            serving.owner.attend()
            await asyncio.sleep(0.1)
            assert (await here.row(run))["status"] == "waiting"

    asyncio.run(check())


def test_a_waiting_run_is_cancelled_at_once(database_url: str):
    """
    Cancelling a run that nobody owns makes it claimable, and it ends without its pause.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url, Flaky()) as serving:
            (run,) = await here.start(one("test.flaky@1", retry=LONG))
            await here.until(run, "waiting")
            asked = await runs.cancel(here.connection, run, {"by": "Ann", "reason": "no"})
            assert asked == (None, "default")
            serving.owner.attend()

            assert await here.until(run, "cancelled") == "cancelled"
            assert statuses(await here.history(run)) == ["failed", "cancel"]

    asyncio.run(check())


def test_a_cancelled_run_ends_its_attempts(database_url: str):
    """
    The attempts under way are cancelled, and `finally` still runs to its end.
    """

    async def check() -> None:
        gate = Gate()
        body = scope(step("a", verb=calls("test.gate@1")))
        made = sealed(Plan("demo", "demo.yaml", {"type": "object"}, body, scope(step("f"))))
        async with house(database_url) as here, owning(database_url, gate) as serving:
            (run,) = await here.start(made)
            await asyncio.wait_for(gate.arrived.wait(), 5)
            asked = await runs.cancel(here.connection, run, {"by": "Ann", "reason": "no"})
            assert (serving.id, "default") == asked
            assert None is await runs.cancel(here.connection, run, {"by": "Bo", "reason": "me"})
            serving.owner.look()

            assert await here.until(run, "cancelled") == "cancelled"
            assert gate.cancelled == ["a"]
            assert await here.history(run) == [("cancel", "", 0), ("succeeded", "finally.f", 1)]

    asyncio.run(check())


def test_a_run_that_is_cancelled_before_it_begins_makes_no_attempt(database_url: str):
    """
    A queued run that somebody cancels ends without a step.
    """

    async def check() -> None:
        gate = Gate()
        async with house(database_url) as here:
            (run,) = await here.start(one("test.gate@1"))
            await runs.cancel(here.connection, run, {"by": "Ann", "reason": "no"})
            async with owning(database_url, gate):
                await here.until(run, "cancelled")

            assert gate.came == []

    asyncio.run(check())


def test_a_cancellation_while_a_run_is_parked_is_not_lost(database_url: str):
    """
    Somebody cancels just before the owner lets a run go to wait: it ends at once, not in an hour.
    """

    async def check() -> None:
        gate = Gate()
        made = plan(
            step("a", verb=calls("test.gate@1")),
            step("b", edge(0), verb=calls("test.flaky@1"), retry=LONG),
        )
        async with house(database_url) as here, owning(database_url, gate, Flaky()):
            (run,) = await here.start(made)
            await asyncio.wait_for(gate.arrived.wait(), 5)
            await runs.cancel(here.connection, run, {"by": "Ann", "reason": "no"})
            gate.open.set()
            await here.until(run, "cancelled")

            assert statuses(await here.history(run)) == ["succeeded", "failed", "cancel"]

    asyncio.run(check())


def test_a_plan_of_another_version_is_left_to_other_workers(database_url: str):
    """
    It is set aside for a while and not failed; the runs beside it go on.
    """

    async def check() -> None:
        async with house(database_url) as here:
            await here.connection.execute(
                "INSERT INTO plans (digest, format, body) VALUES ('new', 99, '{\"format\": 99}')"
            )
            strange = await here.start_digest("new") + await here.start_digest("gone")
            (good,) = await here.start(diamond())
            async with owning(database_url):
                await here.until(good, "succeeded")
                for run in strange:
                    await here.until(run, "running")
                    while (row := await here.row(run))["owner"] is not None:
                        await asyncio.sleep(0.01)
                    assert row["due_at"] > datetime.now(UTC) + timedelta(seconds=20)
                    assert row["ended_at"] is None

    asyncio.run(check())


def test_a_commit_that_postgresql_puts_off_is_made_again(database_url: str):
    """
    A serialization failure costs a pause: the owner keeps its runs and makes no attempt twice.
    """

    async def check() -> None:
        refused = METRICS.refused._value.get()
        async with house(database_url) as here:
            await here.connection.execute("CREATE SEQUENCE tries")
            await here.connection.execute("""
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('tries') <= 3 THEN RAISE SQLSTATE '40001'; END IF; RETURN NEW;
                END $$""")
            await here.connection.execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON journal"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
            async with owning(database_url) as serving:
                (run,) = await here.start(one("echo.say@1"))
                serving.owner.attend()
                await here.until(run, "succeeded")

            assert await here.history(run) == [("succeeded", "a", 1)]
            assert METRICS.refused._value.get() - refused == 3

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
            await asyncio.wait_for(gate.arrived.wait(), 5)
            while not await here.history(waiting):
                await asyncio.sleep(0.01)
            serving.owner.drain()
            (queued,) = await here.start(diamond())
            serving.owner.attend()
            await here.until(waiting, "waiting")
            gate.open.set()
            await asyncio.wait_for(serving.task, 5)

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
                await asyncio.wait_for(gate.arrived.wait(), 5)
                serving.owner.abandon()
                await asyncio.wait_for(serving.task, 5)
            assert gate.cancelled == ["a"]
            async with owning(database_url, other):
                await here.until(run, "succeeded")

    asyncio.run(check())


def test_higher_priority_first_but_nobody_starves(database_url: str):
    """
    A run of a higher priority is taken first, unless one of a lower has waited a minute longer.
    """

    async def check() -> None:
        gate = Gate()
        gate.open.set()
        made = one("test.gate@1")
        async with house(database_url) as here:
            (low,) = await here.start(made, priority=0)
            (high,) = await here.start(made, priority=3)
            (old,) = await here.start(made, priority=0)
            await here.age(old, timedelta(minutes=4))
            async with owning(database_url, gate, capacity=1):
                for run in (low, high, old):
                    await here.until(run, "succeeded")
            found = await here.connection.execute("SELECT id FROM runs ORDER BY ended_at")

            assert [old, high, low] == [row[0] for row in await found.fetchall()]

    asyncio.run(check())


def test_a_run_that_cannot_be_advanced_harms_no_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    A defect in the machine sets one run aside, to be tried again; the runs beside it go on.
    """
    sane = machine.advance

    async def check() -> None:
        async with house(database_url) as here:
            (bad, good) = await here.start(diamond(), 2)

            def mad(run: Run, event: Event, now: datetime) -> Decision:
                if run.header.id == str(bad):
                    raise IllegalMove("a step that is done cannot launch")
                return sane(run, event, now)

            monkeypatch.setattr(machine, "advance", mad)
            async with owning(database_url):
                await here.until(good, "succeeded")
                while (row := await here.row(bad))["owner"] is not None:
                    await asyncio.sleep(0.01)
            assert row["lost"]
            assert row["due_at"] > datetime.now(UTC) + timedelta(seconds=20)
            monkeypatch.setattr(machine, "advance", sane)
            await here.age(bad, HOUR)
            async with owning(database_url):
                await here.until(bad, "succeeded")

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
                await asyncio.wait_for(gate.arrived.wait(), 5)
                await first.stop()
                await here.declare_dead(first.id)
            async with owning(database_url, other, Asks(told)):
                await here.until(run, "succeeded")

    asyncio.run(check())
    assert said == [b'""', b'{"z":1,"a":2}', b'{"z":1,"a":2}']
