"""Looks of many tasks at the same instants."""

import asyncio
import time

import uvloop

from engine.ticks import tick


def test_whoever_looks_again_and_again_does_so_at_once():
    """
    Tasks that begin at different times look together from then on, once a period each.
    """
    seen: list[tuple[int, float]] = []

    async def looks(task: int) -> None:
        await asyncio.sleep(0.03 * task)
        for _ in range(4):
            await tick(0.2)
            seen.append((task, asyncio.get_running_loop().time()))

    async def check() -> None:
        await asyncio.gather(*(looks(each) for each in range(5)))

    began = time.monotonic()
    uvloop.run(check())

    assert time.monotonic() - began > 0.6
    assert 20 == len(seen)
    by_tick = {round(at / 0.2) for _, at in seen}
    assert len(by_tick) <= 5  # of a machine that is not held up: 4
    assert len(seen) == len({(task, round(at / 0.2)) for task, at in seen})
