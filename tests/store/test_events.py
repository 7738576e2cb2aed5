"""Events and the runs that wait for them: who hears, and what it costs to find out."""

import asyncio

from uuid_utils.compat import uuid4

from engine.store import events
from engine.store.events import Event
from engine.store.pool import Connection
from tests.heart import house

_MANY = """
    INSERT INTO watches (run_id, path, namespace, event, at, key)
    SELECT gen_random_uuid(), 'w', 'local', 'paid', 'data.n', to_jsonb(n)
      FROM generate_series(1, 20000) AS n
"""
_ONE = """
    INSERT INTO watches (run_id, path, namespace, event, at, key)
    VALUES (gen_random_uuid(), %s, %s, %s, %s, %s::jsonb)
"""
_READ = """
    SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'watches')
         + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'watches')
"""


def paid(**data: object) -> Event:
    return Event(uuid4(), "local", "paid", "a", "/shop", data)  # type: ignore[arg-type]


def test_an_event_is_heard_at_every_place(database_url: str):
    """
    Whoever waits for a type hears of it, be it of any event, or of what stands at its place;
    nobody else does.
    """

    async def check() -> None:
        async with house(database_url) as here:
            for told in (
                ("any", "local", "paid", "", None),
                ("n", "local", "paid", "data.n", "7"),
                ("long", "local", "paid", "", None),
                ("subject", "local", "paid", "subject", '"a"'),
                ("other-n", "local", "paid", "data.n", "8"),
                ("text", "local", "paid", "data.n", '"7"'),
                ("no-such-place", "local", "paid", "data.m.o", "7"),
                ("other-type", "local", "sent", "data.n", "7"),
                ("elsewhere", "other", "paid", "data.n", "7"),
            ):
                await here.connection.execute(_ONE, told)

            heard = await events.watchers(here.connection, paid(n=7))

            assert ["any", "long", "n", "subject"] == sorted(each.path for each in heard)

    asyncio.run(check())


def test_an_event_reads_no_more_than_it_wakes(database_url: str):
    """
    However many runs wait for a type, an event of it reads a few rows for each that it wakes.
    """

    async def check() -> None:
        async with house(database_url) as here:
            await here.connection.execute(_MANY)
            await here.connection.execute("ANALYZE watches")
            before = await read(here.connection)
            for number in range(10):
                assert 1 == len(await events.watchers(here.connection, paid(n=number + 1)))

            assert await read(here.connection) - before < 10 * 10

    asyncio.run(check())


async def read(connection: Connection) -> int:
    """Return how many rows of watches, or of their indexes, this session has read."""
    await connection.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    row = await (await connection.execute(_READ)).fetchone()
    assert row is not None
    return int(row[0])
