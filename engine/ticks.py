"""Looks that many tasks take again and again, at the same instants: one waking for all of them.

To wake a process that sleeps costs more than what most looks do; the ones that follow at once cost
a fraction of the first.
"""

import asyncio

# What the clocks of event loops do not tell apart: so near, the tick is the one that just was.
_NEAR = 0.002


def until_tick(period: float) -> float:
    """Return how many seconds it is to the next whole `period` by the loop's clock."""
    left = period - asyncio.get_running_loop().time() % period
    return left if left > _NEAR else left + period


async def tick(period: float) -> None:
    """Sleep to the next whole `period` of seconds: for one at most, but for the least moment."""
    await asyncio.sleep(until_tick(period))
