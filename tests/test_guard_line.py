"""Who goes first in a group of steps, over all workers, and whose place is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from adapters import contract
from adapters.contract import Call, Manifest, Outcome
from engine.core.plan import Concurrency, Plan, Retry
from engine.core.values import Json
from engine.guard import guarding
from tests.core.runs import only, step
from tests.heart import House, calls, executor, house, owning, plan

PATIENCE = 30.0


@dataclass
class Works:
    """Works until it is let go, and keeps who began, in their order."""

    began: list[str] = field(default_factory=list)
    go: dict[str, asyncio.Event] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    manifest: Manifest = field(
        default_factory=lambda: Manifest(
            "test.work@1", "work", {"type": "object"}, {"type": "object"}, "write", False, ()
        )
    )

    async def invoke(self, call: Call) -> Outcome:
        self.began.append(call.run)
        try:
            await self.go.setdefault(call.run, asyncio.Event()).wait()
        finally:
            self.ended.append(call.run)
        return contract.Succeeded({})

    async def begun(self, count: int) -> None:
        """Wait until so many have begun."""
        async with asyncio.timeout(PATIENCE):
            while len(self.began) < count:
                await asyncio.sleep(0.01)

    async def one_after_another(self, count: int) -> None:
        """Let each end as soon as it has begun."""
        for number in range(count):
            await self.begun(number + 1)
            self.go[self.began[number]].set()


@dataclass
class Floor:
    """A database, what the steps do, and two workers that do it."""

    here: House
    works: Works

    async def start(self, made: Plan, **inputs: Json) -> UUID:
        """Start a run, and wait until its step stands in the group or has begun."""
        (run,) = await self.here.start(made, inputs=inputs)
        async with asyncio.timeout(PATIENCE):
            while not await self._is_seen(run):
                await asyncio.sleep(0.01)
        return run

    async def error(self, run: UUID) -> tuple[str, str]:
        """Return type and class of the error that a run has failed with."""
        assert "failed" == await self.here.until(run, "failed", "succeeded", "compensated")
        told = (await self.here.row(run))["error"]
        return told["type"], told["class"]

    async def _is_seen(self, run: UUID) -> bool:
        if (await self.here.row(run))["status"] == "failed":
            return True
        asked = "SELECT 1 FROM slots WHERE run_id = %s"
        cursor = await self.here.connection.execute(asked, (run,))
        return await cursor.fetchone() is not None


@asynccontextmanager
async def floor(url: str) -> AsyncIterator[Floor]:
    """Give two workers of one run each at a time more than they have slots."""
    works = Works()
    async with (
        house(url) as here,
        guarding(url) as first,
        guarding(url) as second,
        owning(url, made=executor(works, guard=first), capacity=1),
        owning(url, made=executor(works, guard=second), capacity=50),
    ):
        yield Floor(here, works)


def slotted(told: Concurrency, priority: Json = None, **more: Any) -> Plan:
    verb = calls("test.work@1", repeatable=False)
    settings: Json = None if priority is None else {"priority": priority}
    return plan(step("a", verb=verb, concurrency=told, settings=settings, **more))


def test_what_is_urgent_goes_first(database_url: str) -> None:
    """
    Of steps that wait, on whatever worker, the most urgent goes first, and equals as they came.
    """

    async def check() -> None:
        made = slotted(Concurrency("db"), {"level": "{{ inputs.level }}"})
        async with floor(database_url) as there:
            levels = ("normal", "low", "normal", "critical", "low", "high")
            ids = [str(await there.start(made, level=each)) for each in levels]
            await there.works.one_after_another(6)

            assert [ids[n] for n in (0, 3, 5, 2, 1, 4)] == there.works.began

    asyncio.run(check())


def test_tenants_take_turns(database_url: str) -> None:
    """
    Of the tenants of a level one goes after the other, however many steps each has in the line.
    """

    async def check() -> None:
        made = slotted(Concurrency("db"), {"level": "normal", "fair_key": "{{ inputs.who }}"})
        async with floor(database_url) as there:
            who = ("a", "a", "a", "a", "b", "b", "c")
            ids = [str(await there.start(made, who=each)) for each in who]
            await there.works.one_after_another(7)

            assert ["a", "b", "c", "a", "b", "a", "a"] == [
                who[ids.index(each)] for each in there.works.began
            ]

    asyncio.run(check())


def test_a_line_is_bounded_over_all_workers(database_url: str) -> None:
    """
    With `max_queue: 2` two steps wait, on whatever worker; the next is refused and was not made.
    """

    async def check() -> None:
        made = slotted(Concurrency("db", 1, max_queue=2), retry=Retry(1))
        async with floor(database_url) as there:
            ids = [await there.start(made) for _ in range(4)]

            assert ("sark.concurrency", "transient") == await there.error(ids[3])
            await there.works.one_after_another(3)
            for run in ids[:3]:
                assert "succeeded" == await there.here.until(run, "succeeded", "failed")

    asyncio.run(check())


def test_the_newest_takes_the_place_of_what_waits(database_url: str) -> None:
    """
    With `replace_queued` the last that came is the one that waits: the one before gives up, for
    good, and nothing of it was made.
    """

    async def check() -> None:
        made = slotted(Concurrency("db", 1, on_conflict="replace_queued"))
        async with floor(database_url) as there:
            first, second, third = [await there.start(made) for _ in range(3)]

            assert ("sark.concurrency", "permanent") == await there.error(second)
            await there.works.one_after_another(2)
            for run in (first, third):
                assert "succeeded" == await there.here.until(run, "succeeded", "failed")
            assert str(second) not in there.works.began

    asyncio.run(check())


def test_the_newest_ends_what_works(database_url: str) -> None:
    """
    With `cancel_running` the step that works is ended, on whatever worker, and does not come back;
    whether it took effect is unknown, so it is undone.
    """

    async def check() -> None:
        told = Concurrency("db", 1, on_conflict="cancel_running")
        undone = slotted(told, retry=Retry(5), compensation=only())
        async with floor(database_url) as there:
            first = await there.start(undone)
            await there.works.begun(1)
            second = await there.start(slotted(told))
            await there.works.begun(2)

            assert "compensated" == await there.here.until(first, "compensated", "failed")
            assert "sark.superseded" == (await there.here.row(first))["error"]["type"]
            assert [str(first)] == there.works.ended
            there.works.go[str(second)].set()
            assert "succeeded" == await there.here.until(second, "succeeded", "failed")

    asyncio.run(check())


@pytest.mark.parametrize("level", ["soon", 3])
def test_a_level_that_is_none(database_url: str, level: Json) -> None:
    """
    A template that gives no level fails the step for good, and says which levels there are.
    """

    async def check() -> None:
        made = slotted(Concurrency("db"), {"level": "{{ inputs.level }}"})
        async with floor(database_url) as there:
            run = await there.start(made, level=level)

            assert ("sark.argument", "permanent") == await there.error(run)

    asyncio.run(check())
