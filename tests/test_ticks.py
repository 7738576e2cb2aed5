"""Looks of many tasks at the same instants."""

import asyncio
from itertools import pairwise

import uvloop

from engine.ticks import tick

PERIOD = 0.2
EARLY = 0.002  # by how much the clock of an event loop may be behind its timers
TOGETHER = 0.01


def test_whoever_looks_again_and_again_does_so_at_once():
    """
    Tasks that begin at different times look together from then on, once a period each.
    """
    seen: list[tuple[int, float]] = []

    async def looks(task: int) -> None:
        await asyncio.sleep(0.03 * task)
        for _ in range(4):
            await tick(PERIOD)
            seen.append((task, asyncio.get_running_loop().time()))

    async def check() -> None:
        await asyncio.gather(*(looks(each) for each in range(5)))

    uvloop.run(check())

    assert 20 == len(seen) == len({(task, (at + EARLY) // PERIOD) for task, at in seen})
    instants = 1 + sum(
        after - before > TOGETHER for before, after in pairwise(sorted(at for _, at in seen))
    )
    assert instants <= 10  # 4 or 5 where nothing holds the machine up; 20 if each had its own
