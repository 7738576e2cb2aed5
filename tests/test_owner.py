"""What an owner promises of the runs that it has."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.contract import Call
from engine.core import machine
from engine.core.event import Event
from engine.core.machine import Decision
from engine.core.plan import Effect, Retry, Uses
from engine.core.run import Run
from engine.core.state import IllegalMove
from engine.store import runs
from engine.telemetry import METRICS
from tests.core import runs as core_runs
from tests.core.runs import assign, edge, scope, step
from tests.heart import (
    Asks,
    Flaky,
    Gate,
    calls,
    diamond,
    house,
    one,
    owning,
    plan,
    sealed,
    statuses,
)

HOUR = timedelta(hours=1)
LONG = Retry(max_attempts=2, initial=HOUR, max=HOUR, jitter=False)


@pytest.mark.parametrize(
    ("effect", "beats"), [(Effect.PURE, 0), (Effect.READ, 0), (Effect.WRITE, 1)]
)
def test_a_call_that_acts_waits_until_its_run_is_claimed_for_good(
    database_url: str, effect: Effect, beats: int
):
    """
    A crash of PostgreSQL may take back a claim that nothing followed, so that the run begins anew.
    So what acts outside is called once the owner has committed something that waits for the disk:
    its attempt is not made twice under one number. What only reads need not wait.
    """

    def seen(call: Call) -> int:
        with psycopg.connect(database_url) as other:
            found = other.execute("SELECT count(*) FROM workers WHERE beat_at > now_before")
            row = found.fetchone()
            assert row is not None
            return int(row[0])

    async def check() -> None:
        async with house(database_url) as here:
            await here.connection.execute(
                "ALTER TABLE workers ADD now_before timestamptz DEFAULT clock_timestamp()"
            )
            async with owning(database_url, Asks(seen)):
                verb = Uses("test.ask@1", {}, effect, repeatable=True)
                (run,) = await here.start(plan(step("a", verb=verb)))
                assert await here.until(run, "succeeded") == "succeeded"
            found = await here.connection.execute(
                "SELECT data->'answer' FROM journal WHERE run_id = %s", (run,)
            )
            assert await found.fetchone() == (beats,)

    asyncio.run(check())


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
        made = sealed(core_runs.plan(body, scope(step("f"))))
        async with house(database_url) as here, owning(database_url, gate) as serving:
            (run,) = await here.start(made)
            await asyncio.wait_for(gate.arrived.wait(), 60)
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
            await asyncio.wait_for(gate.arrived.wait(), 60)
            await runs.cancel(here.connection, run, {"by": "Ann", "reason": "no"})
            gate.open.set()
            await here.until(run, "cancelled")

            assert statuses(await here.history(run)) == ["succeeded", "failed", "cancel"]

    asyncio.run(check())


def test_a_plan_of_another_version_is_left_to_other_workers(database_url: str):
    """
    It is not failed, and others may have it at once; one whose plan is gone waits a while. The runs
    beside them go on.
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
                    assert row["ended_at"] is None
                    later = datetime.now(UTC) + timedelta(seconds=20)
                    assert (run == strange[1]) == (row["due_at"] > later)

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
