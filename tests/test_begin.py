"""When an attempt begins that must wait for a place in the adapter of its operation."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from adapters.contract import Call, Operation, Outcome
from adapters.shell import create
from engine.core.plan import Plan
from tests.adapters.speaking import opened
from tests.core.runs import step
from tests.heart import House, calls, house, owning, performing, plan, pooled
from tests.pools import died


class Counted:
    """The operation, and how many calls have come to it."""

    def __init__(self, operation: Operation) -> None:
        self.manifest = operation.manifest
        self.came = 0
        self._operation = operation

    async def invoke(self, call: Call) -> Outcome:
        self.came += 1
        return await self._operation.invoke(call)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self.came < count:
                await asyncio.sleep(0.01)


def script(is_pooled: bool, *argv: str) -> Plan:
    """Return a plan of one program that must not be run twice."""
    told: dict[str, Any] = {"argv": list(argv)}
    if is_pooled:
        return plan(pooled("a", operation="shell.run@1", repeatable=False, arguments=told))
    return plan(step("a", verb=calls("shell.run@1", repeatable=False, **told)), name=argv[0])


@pytest.mark.parametrize("is_pooled", [False, True])
def test_a_program_that_waits_for_a_place_has_not_begun(database_url: str, is_pooled: bool):
    """
    When its worker dies, a program that waited for a place in `parallel` is run by another; of the
    one that ran nobody knows whether it took effect.
    """

    async def check() -> None:
        async with house(database_url) as here:
            held, waiting = await both(here)
            ended = [await here.until(each, "failed", "succeeded") for each in (held, waiting)]
            assert ["failed", "succeeded"] == ended
            error = (await here.row(held))["error"]
            assert "sark.lost" == error["type"]

    async def both(here: House) -> tuple[UUID, UUID]:
        """Start a program and one that waits for it; let their worker die, and another come."""
        async with opened(create({"parallel": 1})) as operation:
            shell = Counted(operation)
            async with working(here, shell) as worker:
                (held,) = await here.start(script(is_pooled, "sleep", "600"))
                await shell.has(1)
                (waiting,) = await here.start(script(is_pooled, "true"))
                await shell.has(2)
                await asyncio.sleep(0.2)
                await died(here, worker)
        async with opened(create({})) as operation, working(here, operation):
            await here.until(waiting, "failed", "succeeded")
            return held, waiting

    def working(here: House, operation: Any) -> Any:
        return (performing if is_pooled else owning)(here.url, operation)

    async def whole() -> None:
        if not is_pooled:
            return await check()
        async with owning(database_url, hears=True):
            await check()

    asyncio.run(whole())
