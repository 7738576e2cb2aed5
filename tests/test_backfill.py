"""A backfill beside the schedule itself, on real PostgreSQL."""

import asyncio

from engine.scheduler.backfill import Backfill
from tests.clockwork import HOUR, START, Story, scheduling


def test_a_backfill_makes_up_for_what_was_left_out(database_url: str) -> None:
    """
    A backfill starts what was missed, though there is a decision that it was; what the schedule
    has started it knows, and the schedule knows what a backfill has started.
    """

    async def story() -> None:
        made = Story(database_url)
        await made.activate('cron: "0 * * * *", overlap: allow')
        await made.look()
        await made.look(START + 3 * HOUR)
        async with scheduling(database_url, made.clock) as (scheduler, intake):
            (hook,) = (await intake.look()).clocks["shop", "load"]
            span = Backfill(hook, "2026-03-27T13:00:00Z", "2026-03-27T17:00:00Z")
            filled = await span.fill(intake, span.instants(START + 5 * HOUR))
            made.clock.now = START + 4 * HOUR
            await scheduler.look()

        assert [False, False, True, False] == [each.known for each in filled]
        assert [
            f"2026-03-27T{hour}:00:00+00:00" for hour in (13, 14, 15, 16)
        ] == sorted(made.runs())  # fmt: skip

    asyncio.run(story())
