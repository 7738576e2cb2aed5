"""The outbox: taken in its order, and never more at once than fits into memory."""

import asyncio
from random import Random

from engine.store import outbox
from engine.store.outbox import Sending
from tests.heart import house


def test_large_rows_are_taken_a_few_at_once(database_url: str):
    """
    A thousand reports of megabytes that wait fill nobody's memory: they are taken in turns.
    """

    async def check() -> None:
        async with house(database_url) as here:
            data = Random(1).randbytes(50_000).hex()
            await outbox.send(here.connection, [_sent(data) for _ in range(5)])
            whole = await outbox.take(here.connection, 9)
            some = await outbox.take(here.connection, 9, 120_000)
            one = await outbox.take(here.connection, 9, 1)

            assert 5 == len(whole)
            assert [each.id for each in whole][: len(some)] == [each.id for each in some]
            assert 1 < len(some) < 5
            assert [whole[0].id] == [each.id for each in one]

    asyncio.run(check())


def _sent(data: str) -> Sending:
    return Sending(None, "local", "emitted", "", {"type": "large", "data": data})
