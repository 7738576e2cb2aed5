"""Runs that share the slots of a group: who is let in, who waits, who ends because of others."""

import asyncio
from dataclasses import replace
from uuid import UUID

from engine.core.plan import Concurrency, Plan, Wait
from engine.core.values import Json
from engine.runs import cancel
from tests.core.runs import step
from tests.heart import House, house, owning, plan, sealed
from tests.test_relay import relaying


def grouped(conflict: str, limit: int = 1, queue: int = 1_000) -> Plan:
    """Return a plan of a group in which runs wait for a minute."""
    made = plan(step("w", verb=Wait(duration="60s")))
    shared = Concurrency("deploy-{{ inputs.env }}", limit, "namespace", conflict, queue)
    return sealed(replace(made, concurrency=shared))


async def begin(here: House, made: Plan, count: int) -> list[UUID]:
    rules: Json = {"limit": 1, "on_conflict": "queue", "max_queue": 1_000}
    if made.concurrency is not None:
        told = made.concurrency
        rules = {"limit": told.limit, "on_conflict": told.on_conflict, "max_queue": told.max_queue}
    return await here.start(made, count, group="local::deploy-prod", rules=rules)


def test_runs_of_a_group_go_one_by_one(database_url: str) -> None:
    """
    Of three runs of a group with one slot one goes at a time, and the end of one lets in the next.
    """

    async def check() -> None:
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            waiting = await begin(here, grouped("queue"), 3)
            for number, run in enumerate(waiting):
                await here.until(run, "waiting")
                later = [(await here.row(each))["status"] for each in waiting[number + 1 :]]
                assert ["queued"] * len(later) == later
                assert await cancel(here.connection, None, run, "ann", "")
                await here.until(run, "cancelled")

    asyncio.run(check())


def test_a_run_waits_for_its_place_no_longer_than_it_may(database_url: str) -> None:
    """
    One that its group had no place for within `timeout.queue` ends, and says so; one that was
    started without a bound of its own has an hour.
    """

    async def check() -> None:
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            first, patient = await begin(here, grouped("queue"), 2)
            await here.until(first, "waiting")
            rules: Json = {"limit": 1, "on_conflict": "queue", "max_queue": 9, "queue": 200}
            (late,) = await here.start(grouped("queue"), 1, group="local::deploy-prod", rules=rules)
            await here.until(late, "cancelled")
            row = await here.row(late)

            assert ["timed_out"] == row["flags"]
            assert {
                "type": "sark.queue_timeout",
                "detail": "its group had no place for it within 200ms (timeout.queue)",
                "class": "transient",
            } == row["error"]
            assert "queued" == (await here.row(patient))["status"]
            statement = "UPDATE runs SET created_at = created_at - interval '1 hour' WHERE id = %s"
            await here.connection.execute(statement, (patient,))
            await here.until(patient, "cancelled")
            assert "within 1h" in (await here.row(patient))["error"]["detail"]

    asyncio.run(check())


def test_a_group_refuses_or_replaces_as_it_says(database_url: str) -> None:
    """
    With `reject` the next run ends at once, with `cancel_running` the one before it does, and of
    those that wait only the last is left with `replace_queued`.
    """

    async def check() -> None:
        expected = {
            "reject": ["waiting", "cancelled", "cancelled"],
            "cancel_running": ["cancelled", "cancelled", "waiting"],
            "replace_queued": ["waiting", "cancelled", "queued"],
        }
        for conflict, states in expected.items():
            async with (
                house(database_url) as here,
                owning(database_url, hears=True),
                relaying(database_url),
            ):
                (first,) = await begin(here, grouped(conflict), 1)
                await here.until(first, "waiting")
                found = [first, *await begin(here, grouped(conflict), 2)]
                for run, state in zip(found, states, strict=True):
                    await here.until(run, state)
                for run in found:
                    await cancel(here.connection, None, run, "ann", "")
                    await here.until(run, "cancelled")

    asyncio.run(check())
