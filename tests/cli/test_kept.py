"""What the doctor tells of history."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from engine.cli import kept
from engine.core import ids
from engine.core.retention import Span
from engine.retention import Retention
from engine.store import partitions
from engine.store.leases import Session
from engine.store.pool import Connection, connect

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
TODAY = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)


async def made(link: Connection, begin: int, end: int) -> str:
    async with link.transaction():
        return await partitions.make(link, Span(TODAY + begin * DAY, TODAY + end * DAY))


def test_the_doctor_tells_of_history_and_of_who_is_not_there(database_url: str) -> None:
    """
    How much there is, since when; that no controller makes partitions, and that one is overdue.
    """

    async def play() -> None:
        async with await connect(database_url, "test") as link:
            (told,), lacks = await kept.ask(database_url, 90 * DAY)
            assert told.startswith("no run yet; journals of 0 MiB in 0 partitions")
            assert ["nobody has made a partition for tomorrow: start `sark controller`"] == lacks

            await Retention(Session(link), 90 * DAY).look()
            await link.execute(
                "INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, created_at) "
                "VALUES (%s, '', '', '', '{}', '{}', '2025-02-03Z')",
                (ids.timed(NOW, uuid4()),),
            )
            (told,), lacks = await kept.ask(database_url, 90 * DAY)
            assert "the oldest run is of 2025-02-03; journals of 0 MiB in 3 partitions" in told
            assert [] == lacks

            name = await made(link, -100, -92)
            _, lacks = await kept.ask(database_url, 90 * DAY)
            assert [f"history.keep is over for {name}: the controller's log says why"] == lacks
            assert [] == (await kept.ask(database_url, None))[1]

    asyncio.run(play())


def test_a_day_is_too_short_to_be_late(database_url: str) -> None:
    """
    A partition that has just become old is no fault.
    """

    async def play() -> list[str]:
        async with await connect(database_url, "test") as link:
            await Retention(Session(link), 90 * DAY).look()
            await made(link, -100, -90)
            return (await kept.ask(database_url, 90 * DAY))[1]

    assert [] == asyncio.run(play())
