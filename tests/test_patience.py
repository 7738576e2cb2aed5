"""Thousands of waits with one bound: what is overdue ends, and nothing else does."""

import asyncio

import pytest

from engine.patience import Patience


def test_what_takes_too_long_ends_and_the_rest_goes_on():
    """
    Of many who wait, those that have waited too long get a TimeoutError; others get their answer.
    """

    async def story() -> list[object]:
        patience = Patience(0.2)

        async def wait(seconds: float) -> float:
            async with patience.bound():
                await asyncio.sleep(seconds)
            return seconds

        waits = (wait(seconds) for seconds in (0, 60, 0.01, 60))
        return [*await asyncio.gather(*waits, return_exceptions=True)]

    told = asyncio.run(story())

    assert [0, 0.01] == [told[0], told[2]]
    assert [TimeoutError, TimeoutError] == [type(told[1]), type(told[3])]


def test_what_is_over_is_not_kept_and_not_ended():
    """
    A wait that is over is forgotten; one whose error somebody holds is not ended a second time.
    """

    async def story() -> None:
        patience = Patience(0.01)
        held: list[asyncio.Timeout] = []
        for _ in range(1_000):
            async with patience.bound():
                pass
        assert 1 >= len(patience._waits)
        async with patience.bound() as bound:
            held.append(bound)
        await asyncio.sleep(1.2)

        assert not held[0].expired()
        assert 0 == len(patience._waits)
        assert None is patience._timer

    asyncio.run(story())


def test_a_cancelled_wait_is_cancelled():
    """
    Who is cancelled while he waits is told so, and not that it took too long.
    """

    async def story() -> None:
        async def wait() -> None:
            async with Patience(60).bound():
                await asyncio.sleep(60)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
