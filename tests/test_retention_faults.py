"""History is looked after whoever dies, reads long, is not there, or has a wrong clock."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from engine.retention import RetentionDuty
from engine.settings import Settings
from engine.store import leases, partitions
from engine.store.pool import Connection, connect
from tests.heart import PATIENCE, diamond, house, owning
from tests.past import DAY, NOW, aged, at, fill, leading, names, orphans, put, there, whole


def test_nothing_stops_while_nobody_looks_after_history(database_url: str):
    """
    A month without a controller: runs begin, end and are read as ever. Afterwards partitions are
    made from the next midnight on, and what is over goes from where it is.
    """

    async def play() -> None:
        async with leading(database_url) as session, house(database_url) as here:
            link = here.connection
            assert await at(-150, session=session).look()
            made = await names(link)
            lost = [await put(link, -day, -day + 0.1) for day in range(125, 95, -1)]
            stay = [await put(link, -day, -day + 0.1) for day in range(80, 0, -1)]
            async with owning(database_url):
                (run,) = await here.start(diamond())
                assert "succeeded" == await here.until(run, "succeeded", "failed")
            assert made == await names(link)

            assert await at(0, session=session).look()
            new = [each for each in (await partitions.listed(link))[0] if each.name not in made]
            tomorrow = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC) + DAY
            assert tomorrow <= min(each.span.begin for each in new) <= tomorrow + DAY
            assert {*stay, run} == await there(link)
            assert not {*lost} & await there(link)
            assert all([await whole(link, each) for each in stay])
            assert [] == await orphans(link)

    asyncio.run(play())


def test_a_clock_that_is_wrong_by_itself_forgets_nothing_too_soon(database_url: str):
    """
    Of PostgreSQL's clock and the host's the earlier says what is over, and there is room for both.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            stay = [await put(link, -10, -9), await put(link, 3000, None)]
            assert await at(0, 4000, session=session).look()
            spans = [each.span for each in (await partitions.listed(link))[0]]

            assert {*stay} == await there(link)
            for day in (1, 4001):
                assert any(each.begin <= NOW + day * DAY < each.end for each in spans)
            assert await at(0, session=session).look()
            assert {*stay} == await there(link)

    asyncio.run(play())


def test_who_reads_long_holds_nobody_up(database_url: str):
    """
    While a backup reads a partition it is not dropped, nothing that it has is lost, and the
    journal is written to. Once it has been read, it goes.
    """

    async def play() -> None:
        async with leading(database_url) as session, await connect(database_url, "test") as link:
            await aged(session, 150)
            old, new = await put(link, -150, None), await put(link, -0.1, None)
            async with await connect(database_url, "backup") as backup, backup.transaction():
                await backup.execute("LOCK TABLE journal IN ACCESS SHARE MODE")
                before = await names(link)
                assert not await at(0, session=session).look()
                assert before == await names(link)
                await link.execute("UPDATE journal SET at = now() WHERE run_id = %s", (new,))
            assert await at(0, session=session).look()

            assert len(await names(link)) < len(before)
            assert await whole(link, old)

    asyncio.run(play())


def test_runs_flow_while_thousands_go(database_url: str):
    """
    Every run that begins meanwhile succeeds, with its whole journal, and no row is left over.
    """

    async def play() -> None:
        async with leading(database_url) as session, house(database_url) as here:
            link = here.connection
            await aged(session, 150)
            for day in range(150, 100, -5):
                await fill(link, -day, 2_000)
            stay = await put(link, -120, None)
            async with owning(database_url):
                looking = asyncio.create_task(at(0, session=session).look())
                begun: list[UUID] = []
                while not looking.done():
                    begun += await here.start(diamond(), 2)
                    await asyncio.sleep(0.05)
                while not await looking:
                    looking = asyncio.create_task(at(0, session=session).look())
                for run in begun:
                    assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert {*begun, stay} == await there(link)
            assert all([4 == len(await here.history(run)) for run in begun])
            assert await whole(link, stay)
            assert [] == await orphans(link)

    asyncio.run(play())


def test_a_leader_that_dies_at_any_point_leaves_nothing_half_done(database_url: str):
    """
    Its connection is cut again and again, wherever it is; whoever leads next goes on. At no time
    has a run that is there lost any of its journal.
    """

    async def play() -> None:
        async with await connect(database_url, "test") as link:
            async with leading(database_url) as session:
                await aged(session, 150)
            for day in range(150, 110, -10):
                await fill(link, -day, 500)
            stay = [await put(link, -day, None) for day in range(150, 110, -10)]
            pause = 0.0
            while not await _cut(database_url, link, pause):
                pause += 0.02
                assert all([await whole(link, each) for each in stay])
                lost = await link.execute("SELECT id FROM runs WHERE NOT EXISTS "
                                          "(SELECT FROM journal WHERE run_id = id)")  # fmt: skip
                assert [] == await lost.fetchall()

            assert {*stay} == await there(link)
            assert [] == await orphans(link)

    asyncio.run(play())


async def _cut(url: str, link: Connection, pause: float) -> bool:
    """Let a leader look, and end its session after a pause; True if it was done by then."""
    try:
        async with leading(url) as session:
            async with session.turn() as connection:
                pid = connection.info.backend_pid
            looking = asyncio.create_task(at(0, session=session).look())
            done, _ = await asyncio.wait({looking}, timeout=pause)
            if done:
                return await looking
            await link.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            return await looking
    except psycopg.Error:
        return False


def test_a_drop_that_is_cut_off_has_not_begun(database_url: str):
    """
    A controller that dies between the drop and its commit leaves the partition as it was.
    """

    async def play() -> None:
        async with await connect(database_url, "test") as link:
            async with leading(database_url) as session:
                await aged(session, 150)
            run = await put(link, -150, None)
            (old, *_), _ = await partitions.listed(link)
            dying = await connect(database_url, "dying")
            await dying.execute("BEGIN")
            assert 10 == await partitions.drop(dying, old)
            await dying.close()
            assert old.name in await names(link)
            assert await whole(link, run)

            async with leading(database_url) as session:
                assert await at(0, session=session).look()
            assert old.name not in await names(link)
            assert await whole(link, run)

    asyncio.run(play())


def test_one_of_two_controllers_leads_and_the_other_takes_over(database_url: str):
    """
    The second waits; when the first has gone, it makes what the first has not.
    """

    async def play() -> None:
        settings = Settings(database_url=database_url)

        async def lead(connection: Connection) -> None:
            await RetentionDuty(settings).lead(await leases.lead(connection, "retention"))

        async with (
            await connect(database_url, "test") as link,
            await connect(database_url, "one") as one,
            await connect(database_url, "two") as two,
        ):
            first = asyncio.create_task(lead(one))
            await _until(link, 3)
            second = asyncio.create_task(lead(two))
            last = (await names(link))[-1]
            await link.execute(f"DROP TABLE {last}".encode())
            await asyncio.wait({second}, timeout=0.3)
            assert 2 == len(await names(link))
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await one.close()
            await _until(link, 3)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)

    asyncio.run(play())


async def _until(link: Connection, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(await names(link)) != count:
            await asyncio.sleep(0.02)
