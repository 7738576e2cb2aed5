"""A circuit breaker that all workers of a namespace share."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from adapters import contract
from adapters.contract import Call, ErrorClass, Manifest, Outcome
from engine.core.event import Failed, Succeeded
from engine.core.plan import Assignment, Circuit, Fallback, Plan, Retry
from engine.guard import guarding
from engine.store import circuits
from engine.store.pool import connect
from tests.core.runs import step
from tests.heart import calls, executor, house, owning, plan
from tests.proxy import Proxy
from tests.test_guard_cache import attempt, two

SECOND = timedelta(seconds=1)
RULES = Circuit("cars", 10 * SECOND, 0.5, 4, 2 * SECOND, 1)
SEEN = 0.6  # half a second, and what the test itself takes


@dataclass
class Ails:
    """Fails in a class of errors while it ails, and counts the calls that reach it."""

    error_class: ErrorClass | None = ErrorClass.TRANSIENT
    made: int = 0
    seconds: float = 0.0
    manifest: Manifest = field(
        default_factory=lambda: Manifest(
            "test.ail@1", "ail", {"type": "object"}, {"type": "object"}, "read", True, ()
        )
    )

    async def invoke(self, call: Call) -> Outcome:
        self.made += 1
        await asyncio.sleep(self.seconds)
        if self.error_class is not None:
            return contract.Failed("test.ail", "ill", self.error_class)
        return contract.Succeeded({})


def guarded(rules: Circuit = RULES, **more: Any) -> Plan:
    return plan(step("a", verb=calls("test.ail@1"), circuit=rules, **more))


def told(outcome: Succeeded | Failed) -> object:
    return outcome.error["type"] if isinstance(outcome, Failed) else "ok"


def test_an_open_circuit_is_open_for_all_workers(database_url: str):
    """
    Once calls of one worker have failed, another makes none; its error says when to try again.
    """

    async def check() -> None:
        ails, made = Ails(), guarded()
        async with two(database_url, ails) as (one, other):
            assert told(await attempt(other, made)) == "test.ail"
            for _ in range(3):
                await attempt(one, made)
            await asyncio.sleep(SEEN)
            outcome = await attempt(other, made)
            assert isinstance(outcome, Failed)
            assert (outcome.error["type"], outcome.error["class"]) == (
                "sark.circuit_open", "transient",
            )  # fmt: skip
            assert 0 < float(str(outcome.error["retry_after"])) <= 2
            assert told(await attempt(one, made)) == "sark.circuit_open"
            assert told(await attempt(one, made, namespace="other")) == "test.ail"
            assert ails.made == 5

    asyncio.run(check())


def test_one_trial_closes_it_for_all_workers(database_url: str):
    """
    When its time is over one call of all workers is let through; it passes, and all go on.
    """

    async def check() -> None:
        ails, made = Ails(), guarded()
        async with two(database_url, ails) as (one, other):
            for _ in range(4):
                await attempt(one, made)
            assert told(await attempt(one, made)) == "sark.circuit_open"
            await asyncio.sleep(SEEN)
            ails.error_class, ails.made, ails.seconds = None, 0, 0.3
            await asyncio.sleep(1.5)
            both = [attempt(each, made) for each in (one, other, one, other)]
            found = sorted(str(told(each)) for each in await asyncio.gather(*both))
            assert found == ["ok", *["sark.circuit_open"] * 3]
            assert ails.made == 1
            await asyncio.sleep(SEEN)
            assert [told(await attempt(each, made)) for each in (one, other)] == ["ok", "ok"]

    asyncio.run(check())


def test_a_trial_that_fails_opens_it_again(database_url: str):
    """
    What is still ill gets one call in each `open_for`.
    """

    async def check() -> None:
        ails, made = Ails(), guarded()
        async with two(database_url, ails) as (one, other):
            for _ in range(4):
                await attempt(one, made)
            await asyncio.sleep(2.1)
            assert told(await attempt(one, made)) == "test.ail"
            await asyncio.sleep(SEEN)
            assert told(await attempt(other, made)) == "sark.circuit_open"
            assert ails.made == 5

    asyncio.run(check())


@pytest.mark.parametrize("error_class", [ErrorClass.PERMANENT, None])
def test_what_does_not_open_it(database_url: str, error_class: ErrorClass | None):
    """
    A service that answers, be it that it will not, is well.
    """

    async def check() -> None:
        ails, made = Ails(error_class), guarded()
        async with two(database_url, ails) as (one, _):
            for _ in range(20):
                await attempt(one, made)
            await asyncio.sleep(SEEN)
            assert ails.made == 20
        async with await connect(database_url, "test") as connection:
            (seen,) = (await circuits.read(connection, [("local", "cars")])).values()
            counted = [(each.calls, each.failures) for each in seen.breaker.slices]
            assert sum(calls for calls, _ in counted) == 20

    asyncio.run(check())


def test_workers_count_together(database_url: str):
    """
    Two failures here and two there are four, and none is counted twice.
    """

    async def check() -> None:
        made = guarded(Circuit("cars", 10 * SECOND, 0.5, 41, 2 * SECOND, 1))
        async with two(database_url, Ails()) as (one, other):
            for _ in range(20):
                await asyncio.gather(attempt(one, made), attempt(other, made))
                await asyncio.sleep(0.03)
            await asyncio.sleep(SEEN)
            assert told(await attempt(one, made)) == "test.ail"
            await asyncio.sleep(SEEN)
            assert told(await attempt(other, made)) == "sark.circuit_open"

    asyncio.run(check())


def test_a_circuit_stays_as_it_was_while_the_database_is_away(database_url: str):
    """
    A closed one lets calls through, and opens by what this worker alone sees.
    """

    async def check() -> None:
        ails, made = Ails(None), guarded()
        async with Proxy(database_url) as proxy, guarding(proxy.url) as guard:
            how = executor(ails, guard=guard)
            assert told(await attempt(how, made)) == "ok"
            await asyncio.sleep(SEEN)
            proxy.freeze()
            ails.error_class = ErrorClass.UNKNOWN
            async with asyncio.timeout(60):
                found = [told(await attempt(how, made)) for _ in range(5)]
            assert found == [*["test.ail"] * 3, *["sark.circuit_open"] * 2]
            proxy.thaw()

    asyncio.run(check())


def test_a_fallback_stands_in_for_an_open_circuit(database_url: str):
    """
    The run goes on with it, degraded; a retry waits for as long as the circuit is open.
    """

    async def check() -> None:
        ails = Ails()
        fallback = Fallback(outputs=(Assignment("ref", "", {}),))
        made = guarded(fallback=fallback, retry=Retry(2, timedelta(milliseconds=1)))
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO circuits (namespace, name, state, round, until)"
                " VALUES ('local', 'cars', 'open', 1, now() + interval '2 s')"
            )
        async with house(database_url) as here, guarding(database_url) as guard:
            async with owning(database_url, made=executor(ails, guard=guard)):
                (run,) = await here.start(made)
                await here.until(run, "succeeded")
            assert await here.history(run) == [
                ("failed", "a", 1), ("alarm", "a", 0), ("failed", "a", 2),
            ]  # fmt: skip
            row = await here.row(run)
            assert (row["flags"], ails.made) == (["degraded"], 1)

    asyncio.run(check())


def test_a_worker_that_knows_no_breaker_asks_for_none(database_url: str):
    """
    The database is left alone until a call has a breaker; from then on it is looked at.
    """

    async def check() -> None:
        ails = Ails()
        async with guarding(database_url) as guard:
            async with asyncio.timeout(60):
                while not await is_left_alone(database_url):
                    pass  # it may connect yet

            how = executor(ails, guard=guard)
            await attempt(how, guarded())
            before = await asked(database_url)
            async with asyncio.timeout(60):
                while await asked(database_url) <= before:
                    await asyncio.sleep(0.05)

    asyncio.run(check())


async def is_left_alone(url: str) -> bool:
    """True if a guard asks for nothing for six times as long as it would be silent."""
    before = await asked(url)
    await asyncio.sleep(1.5)
    return before == await asked(url)


async def asked(url: str) -> datetime:
    """Return when a connection of the guard was last asked for something."""
    async with await connect(url, "test") as connection:
        cursor = await connection.execute(
            "SELECT max(state_change) FROM pg_stat_activity WHERE application_name = 'sark-guard'"
            " AND datname = current_database()"
        )
        row = await cursor.fetchone()
    assert row is not None
    told: datetime = row[0]
    return told
