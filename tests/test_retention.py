"""History is cut by time, and what is over goes: by whole partitions, and nothing besides."""

import asyncio
from uuid import uuid4, uuid5

from uuid_utils.compat import uuid7

from engine.core import ids
from engine.core.machine import IDS
from engine.core.retention import Span
from engine.store import journal, keys, partitions, runs
from engine.store.keys import Key
from engine.store.pool import connect
from engine.store.starts import NewRun
from tests.heart import house
from tests.past import DAY, NOW, aged, at, leading, names, orphans, put, there, whole


def test_a_run_goes_when_its_end_is_long_past_and_no_sooner(database_url: str):
    """
    With its journal, key and all that hangs on it; one that still waits, or ended later than
    `history.keep` ago, stays whole however long ago it began. The audit log stays.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            await aged(session, 200)
            await link.execute("INSERT INTO audit (actor, action, resource, allowed) "
                               "VALUES ('token:a', 'run.cancel', 'run:x', true)")  # fmt: skip
            over = [await put(link, -day, -day + 0.1) for day in (199, 150, 120, 119)]
            stay = [
                await put(link, -150, None),
                await put(link, -150, -89),
                await put(link, -120, -1),
                await put(link, -80, -79),
                await put(link, -0.1, None),
            ]
            unheard = await put(link, -130, -129)
            await link.execute("UPDATE outbox SET refused = NULL WHERE run_id = %s", (unheard,))
            before = await names(link)

            assert await at(0, session=session).look()
            assert {*stay, unheard} == await there(link)
            assert all([await whole(link, each) for each in (*stay, unheard)])
            assert [] == await orphans(link)
            kept = await (await link.execute("SELECT run FROM idempotency_keys")).fetchall()
            assert {*stay, unheard} == {row[0] for row in kept}
            assert not {*over} & {row[0] for row in kept}
            assert len(await names(link)) < len(before) - 10
            assert [(1,)] == await (await link.execute("SELECT count(*) FROM audit")).fetchall()

    asyncio.run(play())


def test_what_was_handed_on_goes_in_its_time(database_url: str):
    """
    A run that waited goes long after its end, and one whose end was not told once it is.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            await aged(session, 150)
            long, unheard = await put(link, -150, None), await put(link, -130, -129)
            await link.execute("UPDATE outbox SET refused = NULL WHERE run_id = %s", (unheard,))
            assert await at(0, session=session).look()
            assert {long, unheard} == await there(link)

            await link.execute("DELETE FROM outbox WHERE run_id = %s", (unheard,))
            assert await at(0, session=session).look()
            assert {long} == await there(link)

            await link.execute("UPDATE runs SET status = 'failed', ended_at = now()")
            assert await at(89, session=session).look()
            assert {long} == await there(link)
            assert await at(91, session=session).look()
            assert set() == await there(link)
            assert [] == await orphans(link)

    asyncio.run(play())


def test_a_key_is_free_again_once_its_run_is_gone(database_url: str):
    """
    As long as the run is there the same key gives the same run.
    """

    async def play() -> None:
        key = Key("local", "demo", "k")
        about = {"id": "api"}
        async with leading(database_url) as session, house(database_url) as here:
            old = ids.timed(NOW - 150 * DAY, uuid4())
            for identity in (old, uuid7()):
                new = NewRun(identity, "local", "demo", "", "", "", about, {}, key=key)
                written = await here.starts.write(1, [new])
                assert written is not None
                (claim,) = (await keys.taken(here.connection, [key])).values()
                assert old == claim.run
            await here.connection.execute(
                "UPDATE runs SET status = 'failed', ended_at = %s", (NOW - 149 * DAY,)
            )
            await at(0, session=session).look()

            assert {} == await keys.taken(here.connection, [key])

    asyncio.run(play())


def test_what_is_kept_for_ever_is(database_url: str):
    """
    With `keep = "forever"` nothing goes, and history is cut all the same.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            old = await put(link, -3000, -2999)
            assert await at(0, session=session, keep=None).look()

            assert {old} == await there(link)
            assert await whole(link, old)
            assert 3 == len(await names(link))

    asyncio.run(play())


def test_a_partition_with_too_much_under_way_stays_whole(database_url: str):
    """
    What is handed on is little; a partition of which much is of runs that go on waits for them.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            await aged(session, 150)
            over, long = await put(link, -150, -149), await put(link, -150, None)
            await link.execute("INSERT INTO journal SELECT %s, seq, now(), 'succeeded', 'a', 1, "
                               "'{}' FROM generate_series(11, 20100) AS seq", (long,))  # fmt: skip
            before = await names(link)
            assert await at(0, session=session).look()
            assert {over, long} == await there(link)
            assert before[0] in await names(link)

            await link.execute("UPDATE runs SET status = 'failed', ended_at = %s WHERE id = %s",
                               (NOW - 100 * DAY, long))  # fmt: skip
            assert await at(0, session=session).look()
            assert set() == await there(link)
            assert [] == await orphans(link)

    asyncio.run(play())


def test_a_day_that_has_rows_in_the_default_partition_is_left_there(database_url: str):
    """
    One that was begun without a partition ends without one; the days after it have theirs.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            run = await put(link, 0, None)
            async with session.turn() as connection:
                newest = await partitions.newest_loose(connection, Span(NOW - DAY, NOW + DAY))
            assert run == newest
            for _ in range(2):
                assert await at(0, session=session).look()
                first, *_ = (await partitions.listed(link))[0]
                assert NOW < first.span.begin <= NOW + DAY
                assert await whole(link, run)

    asyncio.run(play())


def test_ids_of_no_time_are_looked_after_too(database_url: str):
    """
    A run that another one has started before ids told the time goes when its end is long past.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            over = await put(link, -200, -199, uuid5(IDS, "one"))
            stay = await put(link, -200, -1, uuid5(IDS, "two"))
            assert await at(0, session=session).look()

            assert {stay} == await there(link)
            assert not await journal.read(link, over)
            assert await whole(link, stay)
            found = await runs.ended(link, [stay, over])
            assert [stay] == list(found)

    asyncio.run(play())
