"""Attempts that are handed out, for the tests of pools."""

import asyncio
from typing import Any

from tests.heart import (
    Gate,
    House,
    Performing,
    Serving,
)


async def handed(here: House, count: int, where: str = "true") -> None:
    """Wait until so many attempts are handed out of which this is so."""
    async with asyncio.timeout(10):
        while len(await rows(here, where)) != count:
            await asyncio.sleep(0.01)


async def rows(here: House, where: str = "true") -> list[tuple[Any, ...]]:
    statement = f"SELECT path, attempt, pool, worker FROM handouts WHERE {where} ORDER BY id"
    return await (await here.connection.execute(statement.encode())).fetchall()


async def arrived(gate: Gate) -> None:
    await asyncio.wait_for(gate.arrived.wait(), 10)


def opened() -> Gate:
    gate = Gate()
    gate.open.set()
    return gate


async def died(here: House, who: Performing | Serving) -> None:
    """Let a worker be gone as one that is killed: it says nothing, its session has ended."""
    who.task.cancel()
    await asyncio.gather(who.task, return_exceptions=True)
    await here.declare_dead(who.id)
