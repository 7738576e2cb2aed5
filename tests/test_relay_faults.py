"""The relay where something cannot be followed."""

import asyncio
from typing import LiteralString
from uuid import uuid4

from engine.core.values import Json
from engine.store import outbox
from engine.store.outbox import Sending
from tests.heart import house, owning
from tests.test_relay import relaying
from tests.test_waits import activate, paid, started_by, until_followed

TOO_MUCH: LiteralString = """
    CREATE FUNCTION too_much() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'more than a page can hold' USING ERRCODE = '54000'; END
    $$;
    CREATE TRIGGER too_much BEFORE INSERT ON runs FOR EACH ROW
        WHEN (NEW.inputs->>'n' = '54') EXECUTE FUNCTION too_much();
"""


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


def test_a_start_that_postgresql_cannot_hold_is_set_aside(database_url: str) -> None:
    """
    An event that would start a run which is too much for PostgreSQL is told to whoever waits for
    it, and set aside with the reason; the event behind it starts what it should.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url), relaying(database_url):
            await here.connection.execute(TOO_MUCH)
            await activate(here, started_by("paid"))
            await outbox.send(here.connection, [paid(54), paid(7)])
            await until_followed(here)
            runs = await here.connection.execute("SELECT inputs->>'n' FROM runs")
            kept = await here.connection.execute("SELECT count(*) FROM events")
            left = await here.connection.execute("SELECT data->'data'->>'n', refused FROM outbox")

            assert [("7",)] == await runs.fetchall()
            assert [(2,)] == await kept.fetchall()
            ((said, reason),) = await left.fetchall()
            assert ("54", True) == (said, reason.startswith("more than a page can hold"))

    asyncio.run(check())
