"""The relay where something cannot be followed."""

import asyncio
from uuid import uuid4

from engine.core.values import Json
from engine.store import outbox
from engine.store.outbox import Sending
from tests.heart import house
from tests.test_relay import relaying


def test_what_cannot_be_followed_is_set_aside(database_url: str) -> None:
    """
    A row that nobody can follow holds up none of those before and behind it, and is not lost.
    """

    async def check() -> None:
        good: Json = {"id": str(uuid4()), "type": "good", "source": "test", "data": {}}
        bad: Json = {"id": "none", "type": "bad", "source": "test", "data": {}}
        async with house(database_url) as here, relaying(database_url):
            sent = [Sending(None, "local", "emitted", "", each) for each in (bad, good)]
            await outbox.send(here.connection, sent)
            async with asyncio.timeout(60):
                while await outbox.take(here.connection, 1):
                    await asyncio.sleep(0.01)
            kept = await here.connection.execute("SELECT type FROM events")
            left = await here.connection.execute("SELECT data, refused FROM outbox")

            assert [("good",)] == await kept.fetchall()
            assert [(bad, "badly formed hexadecimal UUID string")] == await left.fetchall()

    asyncio.run(check())
