"""Objectives of runs as the relay watches them, in a database, whoever owns the run."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from engine.core.objective import MISSED, Objective
from engine.core.plan import Await, Plan, Wait
from engine.core.values import Json
from engine.relay import Relay
from engine.store import outbox
from tests.core.runs import step
from tests.heart import House, house, owning, plan
from tests.test_relay import relaying

HOUR = timedelta(hours=1)
PATIENCE = 20.0


def waits() -> Plan:
    return plan(step("a", verb=Wait("1h")))


def soon() -> Objective:
    return Objective("quick", datetime.now(UTC) + timedelta(milliseconds=300))


def over() -> Objective:
    return Objective("quick", datetime.now(UTC) - timedelta(milliseconds=1))


async def objectives(here: House, run: UUID) -> tuple[list[bool], bool]:
    """Return which objectives of a run are missed, and whether it is watched any more."""
    cursor = await here.connection.execute(
        "SELECT objectives, watch_at FROM runs WHERE id = %s", (run,)
    )
    row = await cursor.fetchone()
    assert row is not None
    return [each["missed"] for each in row[0]], row[1] is not None


async def events(here: House) -> list[tuple[str, str, Json]]:
    """Return the events that are kept or on their way: subject, source, data."""
    cursor = await here.connection.execute(
        "SELECT subject, source, data FROM events WHERE type = %s ORDER BY at, id", (MISSED,)
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def missed(here: House, relay: Relay, run: UUID) -> None:
    """Look until the run has missed an objective."""
    async with asyncio.timeout(PATIENCE):
        while not any((await objectives(here, run))[0]):
            await relay.watch()
            await asyncio.sleep(0.02)


def test_an_objective_is_missed_while_the_run_goes_on(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Of a run that waits and has no owner it is told at the instant, once: in its row, by an event
    and in the log; and the run goes on.
    """

    async def check() -> None:
        async with house(database_url) as here, relaying(database_url) as relay:
            async with owning(database_url):
                (run,) = await here.start(
                    waits(), objectives=(soon(), Objective("late", datetime.now(UTC) + HOUR))
                )
                await here.until(run, "waiting")
                await missed(here, relay, run)
            await asyncio.gather(relay.watch(), relay.watch())

            assert ([True, False], True) == await objectives(here, run)
            assert "waiting" == (await here.row(run))["status"]
            async with asyncio.timeout(PATIENCE):
                while not await events(here):
                    await asyncio.sleep(0.02)
            ((subject, source, data),) = await events(here)
            assert isinstance(data, dict)
            assert ("demo", f"run/{run}") == (subject, source)
            assert (str(run), "demo", "quick") == (data["run"], data["workflow"], data["objective"])

    with caplog.at_level(logging.WARNING, "sark.relay"):
        asyncio.run(check())

    told = [each for each in caplog.messages if "has missed its objective quick" in each]
    assert 1 == len(told)


def test_a_run_that_nobody_takes_misses_its_objective(database_url: str) -> None:
    """
    What counts is when the run has ended, not that somebody works on it.
    """

    async def check() -> None:
        async with house(database_url) as here, relaying(database_url) as relay:
            (run,) = await here.start(waits(), objectives=(over(),))

            assert (await outbox.work(here.connection)).watched
            await missed(here, relay, run)
            assert ([True], False) == await objectives(here, run)
            assert "queued" == (await here.row(run))["status"]

    asyncio.run(check())


@pytest.mark.parametrize(("late", "expected"), [(False, [False]), (True, [True])])
def test_a_run_that_has_ended_is_judged_by_its_end(
    database_url: str, late: bool, expected: list[bool]
) -> None:
    """
    Whenever the relay looks, be it after a night: a run that ended in time has missed nothing, and
    one that ended too late is told of all the same.
    """

    async def check() -> None:
        due = datetime.now(UTC) + (timedelta(0) if late else HOUR)
        async with house(database_url) as here:
            async with owning(database_url):
                (run,) = await here.start(plan(step("a")), objectives=(Objective("a", due),))
                await here.until(run, "succeeded")
            await here.connection.execute("UPDATE runs SET watch_at = now() WHERE id = %s", (run,))
            async with relaying(database_url) as relay:
                assert [1, 0] == [await relay.watch(), await relay.watch()]

            assert (expected, False) == await objectives(here, run)

    asyncio.run(check())


def test_a_run_may_wait_for_what_another_misses(database_url: str) -> None:
    """
    A missed objective is an event like any other: runs wait for it, and are started by it.
    """

    async def check() -> None:
        listens = plan(step("a", verb=Await(HOUR, MISSED, "event.data.objective == 'quick'")))
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url) as relay,
        ):
            (other,) = await here.start(listens)
            await here.until(other, "waiting")
            (run,) = await here.start(waits(), objectives=(over(),))
            await missed(here, relay, run)

            assert "succeeded" == await here.until(other, "succeeded", "failed")

    asyncio.run(check())
